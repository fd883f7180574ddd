//! [josekit]'s signers and keys in ACME.
//!
//! - [`JosekitSigner`] makes any josekit [`JwsSigner`](josekit::jws::JwsSigner) an account key: one
//!   of josekit's own, or one of yours that asks an HSM.
//! - [`to_acme_jwk`] and [`from_acme_jwk`] carry public keys over, [`to_private_key`] and
//!   [`from_private_key`] private ones.
//!
//! josekit links OpenSSL, which has to be installed with its headers. Nothing else of lacme needs
//! it, so this crate stands apart; the facade offers it as `lacme::josekit` behind the feature
//! `josekit`. josekit turns on serde_json's `preserve_order` for the whole program.
//!
//! ```
//! use acme_josekit::josekit::jwk::{Jwk, alg::ec::EcCurve};
//! use acme_josekit::josekit::jws::ES256;
//! use acme_josekit::JosekitSigner;
//! use acme_proto::{Algorithm, Signer as _};
//!
//! let jwk = Jwk::generate_ec_key(EcCurve::P256)?;
//! let account_key = JosekitSigner::new(Box::new(ES256.signer_from_jwk(&jwk)?), &jwk)?;
//! assert_eq!(account_key.algorithm(), Algorithm::Es256);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod jwk;
mod private_key;
mod signer;

pub use jwk::{JwkError, from_acme_jwk, to_acme_jwk};
pub use private_key::{PrivateJwkError, from_private_key, to_private_key};
pub use signer::{JosekitSigner, SignerError};

/// The library itself, in the version whose types this crate takes.
pub use josekit;
