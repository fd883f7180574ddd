//! What a challenge asks for: the bytes to serve, the record to publish, the certificate to show.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::crypto::Digest;
use crate::jose::{Thumbprint, base64url};
use crate::objects::{Authorization, Challenge, ChallengeType, Identifier, Token, Url};

/// One proof to set up before a challenge is answered, and to take down afterwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Proof {
    /// The identifier that is proven; for a wildcard its base domain.
    pub identifier: Identifier,
    /// Whether the authorization is for the wildcard below `identifier`.
    pub wildcard: bool,
    /// What to show, and where.
    pub kind: ProofKind,
}

/// The form of a proof, by challenge type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
#[non_exhaustive]
pub enum ProofKind {
    /// Serve `key_authorization` at `http://<identifier>/.well-known/acme-challenge/<token>`
    /// (RFC 8555 §8.3).
    #[serde(rename = "http-01")]
    Http01 {
        /// Last segment of the path.
        token: Token,
        /// The whole response body.
        key_authorization: String,
    },
    /// Publish a TXT record (RFC 8555 §8.4).
    #[serde(rename = "dns-01")]
    Dns01 {
        /// The record's name, without a trailing dot.
        name: String,
        /// The record's value; other values at that name stay.
        value: String,
    },
    /// Show a self-signed certificate to a TLS client that offers `acme-tls/1` (RFC 8737 §3).
    #[serde(rename = "tls-alpn-01")]
    TlsAlpn01 {
        /// The name in the client's SNI; for an address its reverse name (RFC 8738 §6).
        server_name: String,
        /// SHA-256 of the key authorization, for the acmeIdentifier extension.
        #[serde(with = "hex32")]
        digest: [u8; 32],
    },
    /// Publish a TXT record at the account's own label (draft-ietf-acme-dns-account-label-03).
    #[serde(rename = "dns-account-01")]
    DnsAccount01 {
        /// The record's name, without a trailing dot.
        name: String,
        /// The record's value.
        value: String,
    },
    /// Have one TXT record stand that names issuer and account (draft-ietf-acme-dns-persist).
    #[serde(rename = "dns-persist-01")]
    DnsPersist01 {
        /// The record's name, without a trailing dot.
        name: String,
        /// Issuer domain names, any one of which the record may name.
        issuers: Vec<String>,
        /// The account that the record names.
        account: Url,
    },
}

/// Why a challenge cannot be turned into a proof.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The type is not one that this version can prove.
    #[error("no way is known to answer a {0} challenge")]
    UnknownType(ChallengeType),
    /// The type needs a token and the server sent none (RFC 8555 §8.3, §8.4).
    #[error("the server's {0} challenge has no token")]
    MissingToken(ChallengeType),
    /// The type cannot prove this kind of identifier (RFC 8738 §7).
    #[error("{0} cannot prove {1}")]
    WrongIdentifier(ChallengeType, Identifier),
    /// A dns-persist-01 challenge names no issuer, or more than 10 (the draft's bound).
    #[error("the server's dns-persist-01 challenge names {0} issuers, 1 to 10 are allowed")]
    IssuerCount(usize),
    /// A dns-persist-01 challenge is bound to an account that is not ours.
    #[error("the server's dns-persist-01 challenge is for another account, {0}")]
    WrongAccount(Url),
}

impl Proof {
    /// A proof for an identifier, a wildcard's by its base domain.
    pub fn new(identifier: Identifier, wildcard: bool, kind: ProofKind) -> Self {
        Self { identifier, wildcard, kind }
    }

    /// Works out what `challenge` of `authorization` asks the holder of an account for.
    pub fn of(
        challenge: &Challenge,
        authorization: &Authorization,
        thumbprint: &Thumbprint,
        account: &Url,
        digest: &dyn Digest,
    ) -> Result<Self, ProofError> {
        let identifier = authorization.identifier.without_wildcard();
        let kind = match (&challenge.kind, &identifier) {
            (ChallengeType::Other(_), _) => {
                return Err(ProofError::UnknownType(challenge.kind.clone()));
            }
            (ChallengeType::Http01, Identifier::Dns(_) | Identifier::Ip(_)) => {
                let token = token(challenge)?;
                let key_authorization = key_authorization(&token, thumbprint);
                ProofKind::Http01 { token, key_authorization }
            }
            (ChallengeType::TlsAlpn01, Identifier::Dns(_) | Identifier::Ip(_)) => {
                let key_authorization = key_authorization(&token(challenge)?, thumbprint);
                let server_name = match &identifier {
                    Identifier::Ip(ip) => reverse_name(*ip),
                    name => name.value(),
                };
                ProofKind::TlsAlpn01 {
                    server_name,
                    digest: digest.sha256(key_authorization.as_bytes()),
                }
            }
            (ChallengeType::Dns01, Identifier::Dns(name)) => ProofKind::Dns01 {
                name: format!("_acme-challenge.{name}"),
                value: txt_value(&token(challenge)?, thumbprint, digest),
            },
            (ChallengeType::DnsAccount01, Identifier::Dns(name)) => ProofKind::DnsAccount01 {
                name: format!("{}._acme-challenge.{name}", account_label(account, digest)),
                value: txt_value(&token(challenge)?, thumbprint, digest),
            },
            (ChallengeType::DnsPersist01, Identifier::Dns(name)) => {
                let issuers = challenge.issuer_domain_names.clone();
                if issuers.is_empty() || issuers.len() > 10 {
                    return Err(ProofError::IssuerCount(issuers.len()));
                }
                match &challenge.account_uri {
                    Some(other) if other != account => {
                        return Err(ProofError::WrongAccount(other.clone()));
                    }
                    _ => ProofKind::DnsPersist01 {
                        name: format!("_validation-persist.{name}"),
                        issuers,
                        account: account.clone(),
                    },
                }
            }
            _ => {
                return Err(ProofError::WrongIdentifier(challenge.kind.clone(), identifier));
            }
        };
        Ok(Self { identifier, wildcard: authorization.wildcard, kind })
    }

    /// The type of the challenge that this proof is for.
    pub fn challenge_type(&self) -> ChallengeType {
        match self.kind {
            ProofKind::Http01 { .. } => ChallengeType::Http01,
            ProofKind::Dns01 { .. } => ChallengeType::Dns01,
            ProofKind::TlsAlpn01 { .. } => ChallengeType::TlsAlpn01,
            ProofKind::DnsAccount01 { .. } => ChallengeType::DnsAccount01,
            ProofKind::DnsPersist01 { .. } => ChallengeType::DnsPersist01,
        }
    }
}

/// `token || "." || thumbprint` (RFC 8555 §8.1).
pub fn key_authorization(token: &Token, thumbprint: &Thumbprint) -> String {
    format!("{token}.{thumbprint}")
}

/// The label of dns-account-01 below which an account proves: `_` and the lower-case base32 of the
/// first ten octets of SHA-256 over the account URL.
pub fn account_label(account: &Url, digest: &dyn Digest) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let hash = digest.sha256(account.as_str().as_bytes());
    let bits = hash[..10].iter().fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
    let text = (0..16).rev().map(|at| char::from(ALPHABET[(bits >> (at * 5) & 31) as usize]));
    std::iter::once('_').chain(text).collect()
}

/// The value of a dns-persist-01 record for one of its issuers (draft -01): issuer, account, and
/// `policy=wildcard` where wildcards shall be covered, `persistUntil` in seconds since 1970.
pub fn persist_value(issuer: &str, account: &Url, wildcard: bool, until: Option<u64>) -> String {
    let mut value = format!("{issuer}; accounturi={account}");
    if wildcard {
        value.push_str("; policy=wildcard");
    }
    if let Some(until) = until {
        value.push_str(&format!("; persistUntil={until}"));
    }
    value
}

/// The name that stands in the SNI for an address (RFC 8738 §6), without a trailing dot.
pub fn reverse_name(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(ip) => {
            let nibbles =
                ip.octets().into_iter().rev().map(|o| format!("{:x}.{:x}.", o & 15, o >> 4));
            nibbles.chain(["ip6.arpa".to_owned()]).collect()
        }
    }
}

fn token(challenge: &Challenge) -> Result<Token, ProofError> {
    challenge.token.clone().ok_or_else(|| ProofError::MissingToken(challenge.kind.clone()))
}

/// base64url of SHA-256 over the key authorization (RFC 8555 §8.4).
fn txt_value(token: &Token, thumbprint: &Thumbprint, digest: &dyn Digest) -> String {
    base64url(digest.sha256(key_authorization(token, thumbprint).as_bytes()))
}

/// 32 octets as hex text.
mod hex32 {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 32], s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&bytes.iter().map(|b| format!("{b:02x}")).collect::<String>())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(d)?;
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(D::Error::custom("64 hex digits are expected"));
        }
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).map_err(D::Error::custom)?;
        }
        Ok(bytes)
    }
}
