//! Certificates by ACME (RFC 8555) inside your program: issue, keep, renew, revoke.
//!
//! ```no_run
//! use std::sync::Arc;
//! use lacme::{Client, Store, http01};
//!
//! # async fn run() -> Result<(), lacme::Error> {
//! let client = Client::builder()
//!     .store(Store::open("/var/lib/lacme")?)
//!     .contact(["admin@example.com"])
//!     .agree_to_terms(true)
//!     .solver(Arc::new(http01::Standalone::new())) // answers on port 80 while it is asked
//!     .build()?;
//! let issued = client.issue([lacme::parse_name("example.com")?]).await?;
//! println!("valid until {:?}", issued.certificate.meta.not_after);
//! # Ok(())
//! # }
//! ```
//!
//! Asking again is free: a stored certificate for the same names that is not due is reported
//! rather than issued anew. A run that died is taken up where it stopped, with the same order and
//! the same key.
//!
//! The layers below can be used by themselves: [`proto`] (the protocol without I/O), [`crypto`],
//! [`transport`], [`challenges`], [`store`].

mod accounts;
mod authority;
mod builder;
mod cancel;
mod certificates;
mod client;
mod drive;
mod error;
mod events;
mod issue;
mod names;
mod order;
mod registration;
mod renewal_info;
mod revoke;
mod sealing;
mod solvers;
mod work;

pub use accounts::{AccountInfo, Accounts};
pub use authority::{Authority, resolve_directory};
pub use builder::{ClientBuilder, ExternalAccount};
pub use cancel::Cancel;
pub use certificates::{CertificateInfo, Due};
pub use client::Client;
pub use error::{Error, ErrorKind};
pub use events::{Event, EventStream};
pub use issue::{Issuance, IssueRequest};
pub use names::{display_name, parse_name};
pub use renewal_info::RenewalAdvice;
pub use revoke::Revoked;
pub use sealing::Sealing;

pub use acme_challenges as challenges;
pub use acme_crypto as crypto;
#[cfg(feature = "josekit")]
pub use acme_josekit as josekit;
pub use acme_proto as proto;
pub use acme_store as store;
pub use acme_transport as transport;

pub use acme_challenges::{Solver, SolverError, SolverErrorKind, http01};
pub use acme_crypto::{
    Certificate, CertificateChain, Csr, HmacKey, KeyType, MasterKey, PrivateKey,
};
pub use acme_proto::{
    ChallengeType, Identifier, Phase, Problem, ProblemType, RenewalInfo, RevocationReason, Signer,
    Url, Window, printable,
};
pub use acme_store::{
    CertificateMeta, CertificatePaths, SealScope, Store, StoreError, StoredCertificate,
};
pub use acme_transport::{Proxy, Transport, TransportConfig, Trust};
