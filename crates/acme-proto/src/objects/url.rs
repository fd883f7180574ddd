use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// An absolute `http` or `https` URL, kept byte for byte as the server wrote it.
///
/// The `url` of a signed request must equal the server's own string (RFC 8555 §6.4), so nothing
/// here normalises. Which of the two schemes is acceptable is the transport's decision.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Url(String);

/// The text is no absolute `http` or `https` URL, or is longer than [`Url::MAX_LENGTH`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an absolute http or https URL")]
pub struct InvalidUrl;

impl Url {
    /// The longest URL that is taken from a server or a caller, in bytes.
    pub const MAX_LENGTH: usize = 2048;

    /// Checks and keeps `text`.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidUrl> {
        let text = text.into();
        // RFC 3986 §2: ASCII. `Uri` lets other characters pass, those that steer terminals included.
        let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        if text.len() > Self::MAX_LENGTH || !is_plain {
            return Err(InvalidUrl);
        }
        let uri: http::Uri = text.parse().map_err(|_| InvalidUrl)?;
        let known_scheme = matches!(uri.scheme_str(), Some("http" | "https"));
        match uri.authority() {
            // Credentials in a URL would end up in logs and in the signed `url`.
            Some(a) if known_scheme && !a.host().is_empty() && !a.as_str().contains('@') => {
                Ok(Self(text))
            }
            _ => Err(InvalidUrl),
        }
    }

    /// The server's own string.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the scheme is `https`.
    pub fn is_https(&self) -> bool {
        self.0.get(..6).is_some_and(|s| s.eq_ignore_ascii_case("https:"))
    }

    /// Host and, where given, port.
    pub fn authority(&self) -> &str {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        &rest[..end]
    }

    /// This URL with a reference resolved against it (RFC 3986 §5.2): absolute URLs, `//host/path`,
    /// `/path` and `path` are understood, which is what servers put into `Location` and `Link`.
    pub fn join(&self, reference: &str) -> Result<Self, InvalidUrl> {
        if has_scheme(reference) {
            return Self::parse(reference);
        }
        let (scheme, rest) = self.0.split_once("://").ok_or(InvalidUrl)?;
        let path_at = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(path_at);
        if let Some(network_path) = reference.strip_prefix("//") {
            return Self::parse(format!("{scheme}://{network_path}"));
        }
        if reference.starts_with('/') {
            return Self::parse(format!("{scheme}://{authority}{reference}"));
        }
        if reference.is_empty() || reference.starts_with(['?', '.']) {
            return Err(InvalidUrl);
        }
        let path = path.split('?').next().unwrap_or_default();
        let folder = path.rfind('/').map_or("/", |at| &path[..=at]);
        Self::parse(format!("{scheme}://{authority}{folder}{reference}"))
    }
}

/// Whether `reference` begins with `scheme://`; a `://` further on belongs to its query.
fn has_scheme(reference: &str) -> bool {
    let letters = |scheme: &str| scheme.bytes().all(|b| b.is_ascii_alphanumeric());
    reference.split_once("://").is_some_and(|(scheme, _)| letters(scheme))
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl std::str::FromStr for Url {
    type Err = InvalidUrl;
    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        Self::parse(text)
    }
}

impl<'de> Deserialize<'de> for Url {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_kept_byte_for_byte() {
        let text = "HTTPS://CA.example:443/a%2Fb/../c?d=%20";
        let url = Url::parse(text).unwrap();
        assert_eq!(url.as_str(), text);
        assert!(url.is_https());
        assert_eq!(url.authority(), "CA.example:443");
    }

    #[test]
    fn only_absolute_http_urls_without_credentials_and_fragments_are_taken() {
        for bad in [
            "",
            "/a",
            "ftp://a/b",
            "https://",
            "https:///x",
            "https://u:p@h/",
            "https://h/#f",
            "https://h/\u{1b}[1m",
            "https://h/a b",
            "https://h/\u{9b}31m",
            "https://h/\u{202e}",
        ] {
            assert_eq!(Url::parse(bad), Err(InvalidUrl), "{bad}");
        }
        assert!(Url::parse(format!("https://h/{}", "a".repeat(2048))).is_err());
    }

    #[test]
    fn references_are_resolved_against_the_request_url() {
        let base = Url::parse("https://ca.example:8/acme/new-order?x=1").unwrap();
        let join = |r: &str| base.join(r).map(|u| u.to_string());
        assert_eq!(join("https://o.example/1").unwrap(), "https://o.example/1");
        assert_eq!(join("/order/1").unwrap(), "https://ca.example:8/order/1");
        assert_eq!(join("order/1").unwrap(), "https://ca.example:8/acme/order/1");
        assert_eq!(join("//o.example/1").unwrap(), "https://o.example/1");
        assert_eq!(
            join("/order/1?from=https://x.example").unwrap(),
            "https://ca.example:8/order/1?from=https://x.example"
        );
        assert!(join("").is_err());
        assert!(join("ftp://x.example/1").is_err());
        let bare = Url::parse("https://ca.example").unwrap();
        assert_eq!(bare.join("a").unwrap().as_str(), "https://ca.example/a");
    }
}
