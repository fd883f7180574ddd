//! Texts into values, with an explanation where that cannot be.

use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use lacme::{ChallengeType, Identifier, KeyType, Url};

use super::Listen;

pub(super) fn directory(text: &str) -> Result<Url, lacme::Error> {
    lacme::resolve_directory(text)
}

pub(super) fn name(text: &str) -> Result<Identifier, lacme::Error> {
    lacme::parse_name(text)
}

pub(super) fn challenge(text: &str) -> Result<ChallengeType, String> {
    match ChallengeType::from(text) {
        ChallengeType::Http01 => Ok(ChallengeType::Http01),
        _ => Err("this version can prove http-01 only".to_owned()),
    }
}

/// `127.0.0.1:80`, `[::1]:80`, or `:80` for all addresses.
pub(super) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let whole = if text.starts_with(':') { format!("[::]{text}") } else { text.to_owned() };
    whole.parse().map_err(|_| "expected ADDRESS:PORT, such as 127.0.0.1:5002 or [::]:80".to_owned())
}

/// The same, or a DNS name and a port.
pub(super) fn listen_name(text: &str) -> Result<Listen, String> {
    if let Ok(address) = listen_address(text) {
        return Ok(Listen::Address(address));
    }
    let parts = text.rsplit_once(':').and_then(|(name, port)| {
        let name = lacme::parse_name(name).ok().filter(|name| !name.is_wildcard())?;
        matches!(name, Identifier::Dns(_)).then_some(Listen::Name(name.value(), port.parse().ok()?))
    });
    let expected = "expected NAME:PORT or ADDRESS:PORT, such as ca.example:8443 or 127.0.0.1:14000";
    parts.ok_or_else(|| expected.to_owned())
}

/// An address with a port or without, which then is DNS's 53.
pub(super) fn resolver(text: &str) -> Result<SocketAddr, String> {
    let address = text.parse::<IpAddr>().map(|address| SocketAddr::new(address, 53));
    let expected = "expected ADDRESS or ADDRESS:PORT, such as 127.0.0.1 or [::1]:8053";
    address.or_else(|_| text.parse()).map_err(|_| expected.to_owned())
}

pub(super) fn account_key_type(text: &str) -> Result<KeyType, String> {
    text.parse::<KeyType>().map_err(|error| error.to_string())
}

/// Certificates are signed for fewer types of key than accounts have.
pub(super) fn certificate_key_type(text: &str) -> Result<KeyType, String> {
    match text.parse() {
        Ok(KeyType::EcdsaP521 | KeyType::Ed25519) | Err(_) => {
            Err("use ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072 or rsa-4096".to_owned())
        }
        Ok(key_type) => Ok(key_type),
    }
}

pub(super) fn future_time(text: &str) -> Result<SystemTime, String> {
    let time: jiff::Timestamp =
        text.parse().map_err(|_| "expected RFC 3339, such as 2030-01-31T12:00:00Z".to_owned())?;
    let time = SystemTime::from(time);
    if time <= SystemTime::now() {
        return Err("this time is over".to_owned());
    }
    Ok(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_means_all_addresses() {
        assert_eq!(listen_address(":8080"), Ok("[::]:8080".parse().unwrap()));
        assert_eq!(listen_address("127.0.0.1:1"), Ok("127.0.0.1:1".parse().unwrap()));
        for bad in ["80", "localhost:80", "127.0.0.1", ":", ":66000"] {
            assert!(listen_address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_server_listens_on_an_address_or_on_a_name_of_its_machine() {
        let name = Listen::Name("ca.example".to_owned(), 8443);
        assert_eq!(listen_name("CA.example:8443"), Ok(name));
        assert_eq!(listen_name(":1"), Ok(Listen::Address("[::]:1".parse().unwrap())));
        for bad in ["ca.example", "*.example:1", "a b:1", "ca.example:66000", "::1:x", ""] {
            assert!(listen_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_resolver_has_port_53_unless_told_otherwise() {
        assert_eq!(resolver("::1"), Ok("[::1]:53".parse().unwrap()));
        assert_eq!(resolver("127.0.0.1:8053"), Ok("127.0.0.1:8053".parse().unwrap()));
        assert!(resolver("dns.example").is_err());
    }

    #[test]
    fn an_end_in_the_past_is_refused() {
        assert!(future_time("2999-01-01T00:00:00Z").is_ok());
        for bad in ["2001-01-01T00:00:00Z", "tomorrow", "2999-01-01"] {
            assert!(future_time(bad).is_err(), "{bad}");
        }
    }
}
