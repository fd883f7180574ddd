use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::{Algorithm, base64url, is_base64url};
use crate::crypto::Digest;

/// A public key as JSON Web Key (RFC 7517, RFC 7518 §6, RFC 8037 §2).
///
/// Coordinates are given as big-endian bytes; the constructors bring them to the width that the
/// RFCs ask for. The private half has no place here, and a parsed key that carries one loses it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kty")]
#[non_exhaustive]
pub enum Jwk {
    /// An elliptic curve key.
    #[serde(rename = "EC")]
    #[non_exhaustive]
    Ec {
        /// `P-256`, `P-384` or `P-521`.
        #[serde(deserialize_with = "member")]
        crv: String,
        /// base64url of the x coordinate, full width.
        #[serde(deserialize_with = "member")]
        x: String,
        /// base64url of the y coordinate, full width.
        #[serde(deserialize_with = "member")]
        y: String,
    },
    /// An RSA key.
    #[serde(rename = "RSA")]
    #[non_exhaustive]
    Rsa {
        /// base64url of the modulus, without leading zeros.
        #[serde(deserialize_with = "member")]
        n: String,
        /// base64url of the public exponent, without leading zeros.
        #[serde(deserialize_with = "member")]
        e: String,
    },
    /// An Edwards curve key.
    #[serde(rename = "OKP")]
    #[non_exhaustive]
    Okp {
        /// `Ed25519`.
        #[serde(deserialize_with = "member")]
        crv: String,
        /// base64url of the public key.
        #[serde(deserialize_with = "member")]
        x: String,
    },
}

impl Jwk {
    /// A P-256 key.
    pub fn p256(x: &[u8; 32], y: &[u8; 32]) -> Self {
        Self::Ec { crv: "P-256".into(), x: base64url(x), y: base64url(y) }
    }

    /// A P-384 key.
    pub fn p384(x: &[u8; 48], y: &[u8; 48]) -> Self {
        Self::Ec { crv: "P-384".into(), x: base64url(x), y: base64url(y) }
    }

    /// A P-521 key; each coordinate has 66 octets (RFC 7518 §6.2.1.2).
    pub fn p521(x: &[u8; 66], y: &[u8; 66]) -> Self {
        Self::Ec { crv: "P-521".into(), x: base64url(x), y: base64url(y) }
    }

    /// An RSA key; leading zero octets are dropped (RFC 7518 §6.3.1.1).
    pub fn rsa(n: &[u8], e: &[u8]) -> Self {
        let minimal = |bytes: &[u8]| {
            let start = bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len());
            base64url(&bytes[start..])
        };
        Self::Rsa { n: minimal(n), e: minimal(e) }
    }

    /// An Ed25519 key.
    pub fn ed25519(x: &[u8; 32]) -> Self {
        Self::Okp { crv: "Ed25519".into(), x: base64url(x) }
    }

    /// The signature algorithm that CAs expect of this type of key.
    pub fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ec { crv, .. } if crv == "P-384" => Algorithm::Es384,
            Self::Ec { crv, .. } if crv == "P-521" => Algorithm::Es512,
            Self::Ec { .. } => Algorithm::Es256,
            Self::Rsa { .. } => Algorithm::Rs256,
            Self::Okp { .. } => Algorithm::EdDsa,
        }
    }

    /// The key's thumbprint (RFC 7638): SHA-256 over the required members in lexical order.
    pub fn thumbprint(&self, digest: &dyn Digest) -> Thumbprint {
        let canonical = match self {
            Self::Ec { crv, x, y } => {
                format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Self::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            Self::Okp { crv, x } => format!(r#"{{"crv":"{crv}","kty":"OKP","x":"{x}"}}"#),
        };
        Thumbprint(base64url(digest.sha256(canonical.as_bytes())))
    }
}

/// A member of a foreign key: nothing that could break out of the thumbprint's canonical JSON.
fn member<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    /// An RSA modulus of 16384 bits.
    const LONGEST: usize = 2731;
    let text = String::deserialize(d)?;
    if text.len() > LONGEST || !is_base64url(&text) {
        return Err(D::Error::custom("a member of the key is not base64url"));
    }
    Ok(text)
}

/// A key's thumbprint, base64url (RFC 7638); the second half of every key authorization.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Thumbprint(String);

impl Thumbprint {
    /// The base64url text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
