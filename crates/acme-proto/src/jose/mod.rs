//! The JSON Web Signature shapes that ACME uses (RFC 8555 §6.2), and no others.

mod binding;
mod jwk;
mod jws;
mod key_change;

pub use binding::external_account_binding;
pub use jwk::{Jwk, Thumbprint};
pub use jws::{Algorithm, KeyId, MacAlgorithm, Unsigned};
pub use key_change::KeyChangeDraft;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// base64url without padding (RFC 7515 §2).
pub(crate) fn base64url(data: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(data)
}

/// Whether `text` is base64url without padding, and not empty.
pub(crate) fn is_base64url(text: &str) -> bool {
    let known = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    !text.is_empty() && text.bytes().all(known)
}

/// Bytes as base64url text in JSON.
pub(crate) mod base64url_bytes {
    use base64::Engine as _;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&super::base64url(bytes))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(d)?;
        super::URL_SAFE_NO_PAD.decode(text).map_err(D::Error::custom)
    }
}
