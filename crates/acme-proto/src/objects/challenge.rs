use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Problem, Url, odd_is_absent, rfc3339_option};
use crate::jose::is_base64url;

/// One way to prove control of an identifier (RFC 8555 §7.1.5, §8).
///
/// Challenges of unknown type and challenges without a token parse, so that the rest of their
/// authorization stays usable.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Challenge {
    /// The challenge's type (§8, "type").
    #[serde(rename = "type")]
    pub kind: ChallengeType,
    /// Where to answer it (§8, "url").
    pub url: Url,
    /// Its state (§7.1.6).
    #[serde(default)]
    pub status: ChallengeStatus,
    /// When the server validated it (§8, "validated").
    #[serde(default, with = "rfc3339_option", skip_serializing_if = "Option::is_none")]
    pub validated: Option<SystemTime>,
    /// Why the last attempt failed (§8, "error").
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
    /// The random value of http-01, dns-01, tls-alpn-01 and dns-account-01 (§8.3, §8.4). One that is
    /// not base64url counts as none.
    #[serde(default, deserialize_with = "odd_is_absent", skip_serializing_if = "Option::is_none")]
    pub token: Option<Token>,
    /// Domain names of issuers that a persistent record may name (dns-persist-01; draft -01 writes
    /// `issuer-domain-names`, draft -02 `issuerDomainNames`).
    #[serde(
        default,
        rename = "issuer-domain-names",
        alias = "issuerDomainNames",
        deserialize_with = "odd_is_absent",
        skip_serializing_if = "Vec::is_empty"
    )]
    pub issuer_domain_names: Vec<String>,
    /// The account that a persistent record must name (dns-persist-01, draft -01).
    #[serde(
        default,
        rename = "accounturi",
        alias = "accountUri",
        deserialize_with = "odd_is_absent",
        skip_serializing_if = "Option::is_none"
    )]
    pub account_uri: Option<Url>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

/// The state of a challenge (RFC 8555 §7.1.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ChallengeStatus {
    /// The client has not answered it yet.
    #[default]
    Pending,
    /// The server is validating, or will try again.
    Processing,
    /// The proof was seen.
    Valid,
    /// The proof was not seen; the authorization is lost.
    Invalid,
    /// A state that this version does not know.
    #[serde(other)]
    Unknown,
}

/// The type of a challenge.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ChallengeType {
    /// A file served over HTTP on port 80 (RFC 8555 §8.3).
    Http01,
    /// A TXT record below `_acme-challenge` (RFC 8555 §8.4).
    Dns01,
    /// A self-signed certificate on port 443 (RFC 8737).
    TlsAlpn01,
    /// A TXT record at a label of the account's own (draft-ietf-acme-dns-account-label).
    DnsAccount01,
    /// A TXT record that stays (draft-ietf-acme-dns-persist).
    DnsPersist01,
    /// A type that this version does not know, kept as it came.
    Other(String),
}

impl ChallengeType {
    /// The name on the wire.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Http01 => "http-01",
            Self::Dns01 => "dns-01",
            Self::TlsAlpn01 => "tls-alpn-01",
            Self::DnsAccount01 => "dns-account-01",
            Self::DnsPersist01 => "dns-persist-01",
            Self::Other(name) => name,
        }
    }

    /// Whether this type can prove `identifier` at all: wildcards need DNS (RFC 8555 §8.3,
    /// RFC 8737 §3), addresses cannot use it (RFC 8738 §7).
    pub fn can_prove(&self, identifier: &super::Identifier) -> bool {
        let by_dns = matches!(self, Self::Dns01 | Self::DnsAccount01 | Self::DnsPersist01);
        match identifier {
            super::Identifier::Dns(name) => {
                by_dns || !name.is_wildcard() || matches!(self, Self::Other(_))
            }
            super::Identifier::Ip(_) => !by_dns,
            super::Identifier::Other { .. } => true,
        }
    }
}

impl From<&str> for ChallengeType {
    fn from(name: &str) -> Self {
        match name {
            "http-01" => Self::Http01,
            "dns-01" => Self::Dns01,
            "tls-alpn-01" => Self::TlsAlpn01,
            "dns-account-01" => Self::DnsAccount01,
            "dns-persist-01" => Self::DnsPersist01,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for ChallengeType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(name) => write!(f, "{}", name.escape_debug()),
            known => f.write_str(known.as_str()),
        }
    }
}

impl Serialize for ChallengeType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ChallengeType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(String::deserialize(deserializer)?.as_str()))
    }
}

/// A challenge's token: base64url text without padding (RFC 8555 §8.3), so that it can stand in a
/// path and never leads out of its folder.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Token(String);

/// The text is empty, longer than [`Token::MAX_LENGTH`], or not base64url.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a token: 1 to 256 characters of base64url are expected")]
pub struct InvalidToken;

impl Token {
    /// The longest token that is taken, in bytes.
    pub const MAX_LENGTH: usize = 256;

    /// Checks and keeps `text`.
    pub fn parse(text: impl Into<String>) -> Result<Self, InvalidToken> {
        let text = text.into();
        if text.len() > Self::MAX_LENGTH || !is_base64url(&text) {
            return Err(InvalidToken);
        }
        Ok(Self(text))
    }

    /// The token's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
