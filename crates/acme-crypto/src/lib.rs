//! Keys, certificate signing requests and certificate facts for ACME, on aws-lc-rs, rcgen and
//! x509-cert. None of their types shows: what goes in and comes out is DER, PEM and the types of
//! `acme-proto`.
//!
//! The way of a certificate through this crate: generate a [`PrivateKey`], ask for names with
//! [`certificate_signing_request`], read the CA's answer as a [`CertificateChain`] and
//! [`check`](CertificateChain::check) it against the key and the names.
//!
//! ```
//! use acme_crypto::{CsrOptions, KeyType, PrivateKey, certificate_signing_request};
//! use acme_proto::Identifier;
//!
//! let key = PrivateKey::generate(KeyType::EcdsaP256)?;
//! let names = [Identifier::parse("example.com")?, Identifier::parse("*.example.com")?];
//! let der = certificate_signing_request(&key, &names, &CsrOptions::default())?;
//! # assert!(!der.is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Everything that is read is bounded in size, and no input makes a function panic.

mod certificate;
mod chain;
mod challenge_certificate;
mod csr;
mod digest;
mod hmac;
mod jws;
mod key_pair;
mod key_type;
mod master_key;
mod pem;
mod private_key;
mod public_jwk;
mod rcgen_key;
mod signature;
mod x509;

pub use certificate::{Certificate, CertificateError};
pub use chain::{CertificateChain, ChainError};
pub use challenge_certificate::{
    ChallengeCertificate, ChallengeCertificateError, challenge_certificate,
};
pub use csr::{Csr, CsrError, CsrOptions, certificate_signing_request};
pub use digest::AwsLc;
pub use hmac::{HmacKey, HmacKeyError};
pub use jws::{VerifyError, verify};
pub use key_type::{KeyType, UnknownKeyType};
pub use master_key::{MasterKey, MasterKeyError, SealedError};
pub use pem::PemError;
pub use private_key::{KeyError, PrivateKey};
pub use public_jwk::public_jwk;
