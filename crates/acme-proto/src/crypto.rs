//! What the protocol needs of cryptography, as small traits: the core links no crypto library.

use async_trait::async_trait;

use crate::jose::{Algorithm, Jwk, MacAlgorithm};

/// SHA-256, which thumbprints and key authorizations are made of.
pub trait Digest {
    /// The SHA-256 of `data` (FIPS 180-4).
    fn sha256(&self, data: &[u8]) -> [u8; 32];
}

/// A keyed MAC, with which an external account is bound (RFC 8555 §7.3.4).
pub trait Mac {
    /// The algorithm named in the protected header.
    fn algorithm(&self) -> MacAlgorithm;
    /// The MAC of `message`.
    fn mac(&self, message: &[u8]) -> Vec<u8>;
}

/// A private key that signs requests. It may live elsewhere: in an HSM, behind a KMS.
///
/// Implementations MUST return the JWS form of a signature (RFC 7518 §3): for ECDSA the
/// fixed-width concatenation of r and s, never DER. They MUST NOT put key material into their
/// `Debug` output or errors.
#[async_trait]
pub trait Signer: Send + Sync {
    /// The public key.
    fn jwk(&self) -> &Jwk;

    /// The signature algorithm; by default the usual one of the key's type.
    fn algorithm(&self) -> Algorithm {
        self.jwk().algorithm()
    }

    /// Signs `message`, which is the JWS signing input.
    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError>;
}

/// The key could not sign: an HSM is away, a token is locked.
#[derive(Debug, thiserror::Error)]
#[error("the key cannot sign: {reason}")]
pub struct SignError {
    reason: String,
    #[source]
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl SignError {
    /// With a sentence for a person.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), source: None }
    }

    /// With the error that caused it.
    pub fn with_source(
        reason: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self { reason: reason.into(), source: Some(source.into()) }
    }
}
