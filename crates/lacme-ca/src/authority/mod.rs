//! The certificate authority: a root, its intermediates, and what they issue.

mod constraints;
mod crl;
mod error;
mod generate;
mod issue;
mod issuer;
mod keep;
mod leaf;
mod options;
mod times;
#[cfg(feature = "rustls")]
mod tls;

use std::fmt;
use std::time::SystemTime;

use acme_crypto::Certificate;
use acme_proto::Url;
use acme_store::{Store, StoreError};

use issuer::Issuer;

pub use crl::{Crl, RevokedCertificate};
pub use error::AuthorityError;
pub use leaf::{IssuedLeaf, LeafRequest, Usage};
pub use options::AuthorityOptions;
#[cfg(feature = "rustls")]
pub use tls::{TlsConfigError, client_config, server_config};

/// A certificate authority with its keys in this process's memory.
///
/// Nothing here looks at a clock: `now` is an argument. Signing takes microseconds with ECDSA keys
/// and up to milliseconds with RSA keys.
///
/// `Debug` does not show the keys.
pub struct Authority {
    options: AuthorityOptions,
    root: Issuer,
    /// From the root down; the last one issues. Without any, the root does.
    intermediates: Vec<Issuer>,
    alternate: Option<Alternate>,
}

/// The second way to a root.
struct Alternate {
    root: Certificate,
    /// The certificate of the first intermediate, or of the root where there is none, issued by
    /// the other root.
    cross: Certificate,
}

impl Authority {
    /// Makes a new authority, kept nowhere yet. RSA keys take seconds to make.
    ///
    /// # Errors
    /// [`AuthorityError::Options`] if the options cannot be had.
    pub fn generate(options: AuthorityOptions, now: SystemTime) -> Result<Self, AuthorityError> {
        generate::generate(options, now)
    }

    /// Makes a new authority and stores it, all at once or not at all.
    ///
    /// The keys are stored as they are, readable for the store's owner alone, or sealed where the
    /// store has a seal ([`Store::sealed`]).
    ///
    /// # Errors
    /// [`AuthorityError::Exists`] if there is one in the store; it is never replaced.
    pub async fn init(
        store: &Store,
        options: AuthorityOptions,
        now: SystemTime,
    ) -> Result<Self, AuthorityError> {
        if store.authority().await?.is_some() {
            return Err(AuthorityError::Exists);
        }
        let making = tokio::task::spawn_blocking(move || Self::generate(options, now));
        let authority = match making.await {
            Ok(made) => made?,
            Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
            Err(stopped) => {
                let reason = stopped.to_string();
                return Err(AuthorityError::Build { reason });
            }
        };
        match store.create_authority(keep::write(&authority)?).await {
            Ok(()) => Ok(authority),
            Err(StoreError::Conflict { .. }) => Err(AuthorityError::Exists),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens the authority of a store.
    ///
    /// # Errors
    /// [`AuthorityError::Absent`] if there is none, [`AuthorityError::Damaged`] if its keys and
    /// certificates do not belong together.
    pub async fn open(store: &Store) -> Result<Self, AuthorityError> {
        let parts = store.authority().await?.ok_or(AuthorityError::Absent)?;
        keep::read(&parts)
    }

    /// The root's certificate as PEM: what those who trust this authority install.
    pub fn root_pem(&self) -> String {
        self.root.certificate.pem()
    }

    /// The intermediates' certificates as PEM, the issuing one first; empty without any.
    pub fn intermediate_pem(&self) -> String {
        let from_issuing = self.intermediates.iter().rev();
        from_issuing.map(|issuer| issuer.certificate.pem()).collect()
    }

    /// The other root's certificate as PEM, where there is one.
    pub fn alternate_root_pem(&self) -> Option<String> {
        self.alternate.as_ref().map(|other| other.root.pem())
    }

    /// The certificate that issues, in DER: what the URL in
    /// [`issuer_url`](AuthorityOptions::issuer_url) has to serve.
    pub fn issuer_der(&self) -> &[u8] {
        self.issuer().certificate.der()
    }

    /// Where certificates issued from now on say that the CRL is to be had, instead of what the
    /// options said; for servers that learn their own address late. Not stored.
    #[must_use]
    pub fn with_crl_url(mut self, url: Option<Url>) -> Self {
        self.options.crl_url = url.filter(|url| url.as_str().is_ascii());
        self
    }

    fn issuer(&self) -> &Issuer {
        self.intermediates.last().unwrap_or(&self.root)
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("options", &self.options).finish_non_exhaustive()
    }
}
