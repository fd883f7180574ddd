//! Where ACME accounts, certificates and unfinished orders are kept.
//!
//! A [`Store`] speaks of certificates, accounts and orders. Below it, a [`Backend`] keeps
//! *records*: small folders of named parts that change as one. Two backends come with the crate,
//! [`MemoryBackend`] and [`FileBackend`]; others implement the same five methods.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! use acme_store::{CertificateMeta, Store, StoredCertificate};
//!
//! let store = Store::memory();
//! let meta = CertificateMeta::new("example.com");
//! let (leaf, chain) = ("leaf".to_owned(), "leaf and issuers".to_owned());
//! store.save_certificate(&StoredCertificate::new(meta, leaf, chain, None)).await?;
//!
//! let stored = store.certificate("example.com").await?.expect("it was just saved");
//! assert_eq!(stored.fullchain_pem, "leaf and issuers");
//! # Ok::<(), acme_store::StoreError>(()) }).unwrap();
//! ```
//!
//! # Files
//! [`Store::open`] keeps what a person and a web server can read without lacme:
//!
//! ```text
//! certs/NAME/{cert.pem,fullchain.pem,key.pem,meta.json}
//! accounts/HOST-HASH/NAME/{account.key,account.json,next.key}
//! orders/NAME/{order.json,key.pem}
//! directories/HOST-HASH/directory.json
//! ca/{root.pem,intermediate.pem,root.key,...}
//! server/COLLECTION/ID/document.json
//! ```
//!
//! A key that is sealed (see [`Store::sealed`]) is text that says so.
//!
//! Each `NAME` is a link that one rename moves from the old version to the new one, so a crash
//! leaves either of them and never a mix. Versions and locks live in `.versions` and `.locks`.

mod accounts;
mod armour;
mod authority;
mod backend;
mod certificates;
#[cfg(test)]
mod conformance;
mod directories;
mod documents;
mod error;
mod file;
mod memory;
mod meta;
mod names;
mod orders;
mod record;
mod seal;
mod store;
mod time;

pub use accounts::StoredAccount;
pub use backend::{Backend, Lease};
pub use certificates::{CertificatePaths, StoredCertificate};
pub use error::StoreError;
pub use file::FileBackend;
pub use memory::MemoryBackend;
pub use meta::{CertificateMeta, Revocation};
pub use orders::StoredOrder;
pub use record::{Expected, Key, Kind, Parts, Record, SecretBytes, Select, Version};
pub use seal::{Seal, SealError, SealScope};
pub use store::Store;
