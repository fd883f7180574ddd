use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Jwk, base64url};
use crate::objects::Url;

/// How a request is signed (RFC 7518 §3.1, RFC 8037 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA with P-256 and SHA-256.
    #[serde(rename = "ES256")]
    Es256,
    /// ECDSA with P-384 and SHA-384.
    #[serde(rename = "ES384")]
    Es384,
    /// ECDSA with P-521 and SHA-512.
    #[serde(rename = "ES512")]
    Es512,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[serde(rename = "RS256")]
    Rs256,
    /// RSASSA-PSS with SHA-256, for HSMs that do no other.
    #[serde(rename = "PS256")]
    Ps256,
    /// Ed25519; Pebble and Boulder refuse it.
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    /// The name in the protected header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How an external account binding is authenticated (RFC 7518 §3.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MacAlgorithm {
    /// HMAC with SHA-256; what every CA takes.
    #[default]
    Hs256,
    /// HMAC with SHA-384.
    Hs384,
    /// HMAC with SHA-512.
    Hs512,
}

impl MacAlgorithm {
    /// The name in the protected header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Hs384 => "HS384",
            Self::Hs512 => "HS512",
        }
    }
}

/// Which key signed: exactly one of `kid` and `jwk` stands in the header (RFC 8555 §6.2).
#[derive(Clone, Copy, Debug)]
pub enum KeyId<'a> {
    /// The account's URL.
    Kid(&'a str),
    /// The public key itself.
    Jwk(&'a Jwk),
}

/// A flattened JWS that lacks only its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    protected: String,
    payload: String,
    signing_input: String,
}

impl Unsigned {
    /// Lays out a JWS. `nonce` is left out of inner signatures (RFC 8555 §7.3.4, §7.3.5); an empty
    /// `payload` makes a POST-as-GET (§6.3).
    pub fn new(alg: &str, key: KeyId<'_>, nonce: Option<&str>, url: &Url, payload: &[u8]) -> Self {
        let mut header = json!({ "alg": alg, "url": url });
        match key {
            KeyId::Kid(kid) => header["kid"] = kid.into(),
            KeyId::Jwk(jwk) => header["jwk"] = json!(jwk),
        }
        if let Some(nonce) = nonce {
            header["nonce"] = nonce.into();
        }
        let protected = base64url(header.to_string());
        let payload = base64url(payload);
        let signing_input = format!("{protected}.{payload}");
        Self { protected, payload, signing_input }
    }

    /// What the key signs (RFC 7515 §5.1).
    pub fn signing_input(&self) -> &[u8] {
        self.signing_input.as_bytes()
    }

    /// The whole JWS in flattened JSON serialization (RFC 7515 §7.2.2).
    pub fn with_signature(&self, signature: &[u8]) -> Value {
        json!({
            "protected": self.protected,
            "payload": self.payload,
            "signature": base64url(signature),
        })
    }
}
