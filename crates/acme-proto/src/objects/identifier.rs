use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// What a certificate is asked for (RFC 8555 §9.7.7).
///
/// On the wire `{"type": "dns", "value": "example.com"}`. Values that come from a server are
/// checked like those of a caller, so an identifier never carries control characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Identifier {
    /// A DNS name, a leading `*.` included (RFC 8555 §7.1.3).
    Dns(DnsName),
    /// An IPv4 or IPv6 address, written as RFC 5952 does (RFC 8738 §3).
    Ip(IpAddr),
    /// A type that this version does not know, kept as it came.
    Other {
        /// The identifier's type.
        kind: String,
        /// Its value.
        value: String,
    },
}

/// A lower-case DNS name in its wire form (A-labels), optionally below a `*.`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DnsName(String);

/// The text is neither a DNS name that a certificate can carry nor an IP address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{:?} is no valid name: {reason}", shorten(.name))]
pub struct InvalidName {
    /// What was given.
    pub name: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

impl Identifier {
    /// Reads a DNS name, a wildcard or an IP address as a person writes it.
    ///
    /// DNS names must already be in A-label form; a trailing dot and upper case are forgiven.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        match bare.parse::<IpAddr>() {
            Ok(ip) => Ok(Self::Ip(ip)),
            Err(_) => DnsName::parse(text).map(Self::Dns),
        }
    }

    /// The identifier's type as it stands on the wire.
    pub fn kind(&self) -> &str {
        match self {
            Self::Dns(_) => "dns",
            Self::Ip(_) => "ip",
            Self::Other { kind, .. } => kind,
        }
    }

    /// The identifier's value as it stands on the wire.
    pub fn value(&self) -> String {
        match self {
            Self::Dns(name) => name.0.clone(),
            Self::Ip(ip) => ip.to_string(),
            Self::Other { value, .. } => value.clone(),
        }
    }

    /// Whether this is a DNS name that begins with `*.`.
    pub fn is_wildcard(&self) -> bool {
        matches!(self, Self::Dns(name) if name.is_wildcard())
    }

    /// The identifier that the authorization of this one names: a wildcard's base domain
    /// (RFC 8555 §7.1.4), else itself.
    pub fn without_wildcard(&self) -> Self {
        match self {
            Self::Dns(name) => Self::Dns(DnsName(name.base().to_owned())),
            other => other.clone(),
        }
    }
}

impl DnsName {
    /// Checks `text` against what a certificate's dNSName may hold: labels of letters, digits,
    /// `-` and `_`, at most 63 octets each and 253 in all, with `*` only as the whole first label.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let invalid = |reason| InvalidName { name: text.to_owned(), reason };
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        if name.is_empty() {
            return Err(invalid("it is empty"));
        }
        if name.len() > 253 {
            return Err(invalid("it is longer than 253 octets"));
        }
        let base = name.strip_prefix("*.").unwrap_or(&name);
        for label in base.split('.') {
            let inner_ok =
                label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
            if label.is_empty() {
                return Err(invalid("it has an empty label"));
            } else if label.len() > 63 {
                return Err(invalid("it has a label longer than 63 octets"));
            } else if label.contains('*') {
                return Err(invalid(
                    "a wildcard stands only as the whole first label, as in *.example.com",
                ));
            } else if !inner_ok {
                return Err(invalid("only letters, digits, '-' and '_' may stand in a label"));
            } else if label.starts_with('-') || label.ends_with('-') {
                return Err(invalid("a label begins or ends with '-'"));
            }
        }
        let last = base.rsplit('.').next().unwrap_or_default();
        if last.bytes().all(|b| b.is_ascii_digit()) {
            return Err(invalid("its last label is a number, as in no DNS name"));
        }
        Ok(Self(name))
    }

    /// The name, without a trailing dot.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the first label is `*`.
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// The name without a leading `*.`.
    pub fn base(&self) -> &str {
        self.0.strip_prefix("*.").unwrap_or(&self.0)
    }
}

/// Foreign text in a message stays short.
fn shorten(text: &str) -> String {
    if text.chars().count() <= 80 {
        text.to_owned()
    } else {
        text.chars().take(80).chain("...".chars()).collect()
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => f.write_str(&name.0),
            Self::Ip(ip) => ip.fmt(f),
            Self::Other { kind, value } => {
                write!(f, "{}:{}", kind.escape_debug(), value.escape_debug())
            }
        }
    }
}

impl fmt::Display for DnsName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for Identifier {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::parse(text)
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    #[serde(rename = "type")]
    kind: String,
    value: String,
}

impl Serialize for Identifier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Wire { kind: self.kind().to_owned(), value: self.value() }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Identifier {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Wire { kind, value } = Wire::deserialize(deserializer)?;
        match kind.as_str() {
            "dns" => DnsName::parse(&value).map(Self::Dns).map_err(D::Error::custom),
            "ip" => value
                .parse()
                .map(Self::Ip)
                .map_err(|_| D::Error::custom("an identifier of type ip holds no IP address")),
            _ => Ok(Self::Other { kind, value }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_without_a_trailing_dot() {
        assert_eq!(Identifier::parse("WWW.Example.COM.").unwrap().value(), "www.example.com");
        assert_eq!(Identifier::parse("localhost").unwrap().value(), "localhost");
    }

    #[test]
    fn a_wildcard_is_proven_by_its_base_domain() {
        let id = Identifier::parse("*.example.com").unwrap();
        assert!(id.is_wildcard());
        assert_eq!(id.without_wildcard().value(), "example.com");
    }

    #[test]
    fn addresses_are_written_as_rfc_5952_does() {
        assert_eq!(Identifier::parse("2001:DB8:0:0::1").unwrap().value(), "2001:db8::1");
        assert_eq!(Identifier::parse("[::1]").unwrap().value(), "::1");
        assert_eq!(Identifier::parse("127.0.0.1").unwrap().kind(), "ip");
    }

    #[test]
    fn what_no_certificate_can_carry_is_refused_with_its_reason() {
        let long = format!("{}.example", "a".repeat(64));
        for bad in [
            "",
            ".",
            "a..b",
            "-a.b",
            "a-.b",
            "a b",
            "*.*.b",
            "a.*.b",
            "*",
            "*a.b",
            "1.2.3",
            "1.2.3.4.5",
            "a\u{1b}[2J.b",
            "exämple.com",
            "user@example.com",
            "https://example.com",
            long.as_str(),
        ] {
            assert!(Identifier::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn unknown_types_are_kept_and_written_back() {
        let json = r#"{"type":"email","value":"a@b.example"}"#;
        let id: Identifier = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), json);
    }

    #[test]
    fn a_servers_name_with_control_characters_is_refused() {
        let json = r#"{"type":"dns","value":"a\u001b[2J.example"}"#;
        assert!(serde_json::from_str::<Identifier>(json).is_err());
    }
}
