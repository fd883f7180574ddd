use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A type of key: algorithm and size.
///
/// Written as in the variants' documentation, in text and in serde alike.
///
/// ```
/// use acme_crypto::KeyType;
///
/// assert_eq!("rsa-3072".parse(), Ok(KeyType::Rsa3072));
/// assert_eq!(KeyType::default().to_string(), "ecdsa-p256");
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum KeyType {
    /// `ecdsa-p256`, the default: small, fast, and taken by every CA.
    #[default]
    #[serde(rename = "ecdsa-p256")]
    EcdsaP256,
    /// `ecdsa-p384`.
    #[serde(rename = "ecdsa-p384")]
    EcdsaP384,
    /// `ecdsa-p521`; public CAs take it for accounts at most, not for certificates.
    #[serde(rename = "ecdsa-p521")]
    EcdsaP521,
    /// `rsa-2048`, for clients that know no ECDSA.
    #[serde(rename = "rsa-2048")]
    Rsa2048,
    /// `rsa-3072`.
    #[serde(rename = "rsa-3072")]
    Rsa3072,
    /// `rsa-4096`; takes seconds to generate.
    #[serde(rename = "rsa-4096")]
    Rsa4096,
    /// `ed25519`; no public CA takes it, private ones do.
    #[serde(rename = "ed25519")]
    Ed25519,
}

impl KeyType {
    /// Every type, in the order of their declaration.
    pub const ALL: [Self; 7] = [
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::EcdsaP521,
        Self::Rsa2048,
        Self::Rsa3072,
        Self::Rsa4096,
        Self::Ed25519,
    ];

    /// The type's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EcdsaP256 => "ecdsa-p256",
            Self::EcdsaP384 => "ecdsa-p384",
            Self::EcdsaP521 => "ecdsa-p521",
            Self::Rsa2048 => "rsa-2048",
            Self::Rsa3072 => "rsa-3072",
            Self::Rsa4096 => "rsa-4096",
            Self::Ed25519 => "ed25519",
        }
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for KeyType {
    type Err = UnknownKeyType;

    /// Reads a type's name, in any case.
    fn from_str(text: &str) -> Result<Self, UnknownKeyType> {
        Self::ALL
            .into_iter()
            .find(|key_type| key_type.as_str().eq_ignore_ascii_case(text))
            .ok_or(UnknownKeyType)
    }
}

/// The text names no [`KeyType`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown key type: \
     use ecdsa-p256, ecdsa-p384, ecdsa-p521, rsa-2048, rsa-3072, rsa-4096 or ed25519"
)]
pub struct UnknownKeyType;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_read_back_from_its_name() {
        for key_type in KeyType::ALL {
            assert_eq!(key_type.to_string().parse(), Ok(key_type));
            let json = serde_json::to_string(&key_type).unwrap();
            assert_eq!(json, format!("\"{key_type}\""));
            assert_eq!(serde_json::from_str::<KeyType>(&json).unwrap(), key_type);
        }
        assert_eq!("RSA-2048".parse(), Ok(KeyType::Rsa2048));
    }

    #[test]
    fn an_unknown_name_is_answered_with_all_the_known_ones() {
        let error = "rsa".parse::<KeyType>().unwrap_err().to_string();
        for key_type in KeyType::ALL {
            assert!(error.contains(key_type.as_str()), "{error}");
        }
    }
}
