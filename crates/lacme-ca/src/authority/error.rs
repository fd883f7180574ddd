use std::time::SystemTime;

use acme_crypto::{CertificateError, ChainError, KeyError};
use acme_proto::Identifier;
use acme_store::StoreError;

/// Why an authority cannot be made or opened, or does not issue.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// There is no authority in the store.
    #[error("there is no certificate authority in this store: make one with `lacme ca init`")]
    Absent,
    /// There is an authority in the store already.
    #[error(
        "there is a certificate authority in this store already: \
         use it, or choose another store"
    )]
    Exists,
    /// What is stored does not make an authority.
    #[error("the stored certificate authority is damaged: {reason}; restore it from a backup")]
    Damaged {
        /// What is wrong with it.
        reason: String,
    },
    /// An option cannot be had.
    #[error("no such certificate authority can be made: {reason}")]
    Options {
        /// What is wrong with the option.
        reason: &'static str,
    },
    /// The request names nothing.
    #[error("a certificate needs a name: give a DNS name, an IP address or a common name")]
    NoNames,
    /// A name of a type that no certificate of ours holds.
    #[error("{0} is neither a DNS name nor an IP address")]
    UnsupportedName(Identifier),
    /// The common name is empty, too long or not printable.
    #[error("the common name is not 1 to 64 printable characters")]
    CommonName,
    /// The authority's own constraints forbid the name.
    #[error("this certificate authority is not permitted to certify {0}")]
    NotPermitted(Identifier),
    /// The public key is not one that certificates are issued for.
    #[error("no certificate is issued for this key: {reason}")]
    PublicKey {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The times of a certificate or CRL cannot be had.
    #[error("the validity cannot be had: {reason}")]
    Validity {
        /// What is wrong with the times.
        reason: &'static str,
    },
    /// The issuing certificate is not valid at the time of the request.
    #[error("the certificate authority's own certificate is not valid at the present time")]
    Expired {
        /// When its validity ended, or will end.
        not_after: SystemTime,
    },
    /// A key could not be made or read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
    /// A certificate or CRL could not be written.
    #[error("the certificate cannot be written: {reason}")]
    Build {
        /// What the writer says.
        reason: String,
    },
}

impl AuthorityError {
    pub(super) fn damaged(reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self::Damaged { reason }
    }
}

impl From<rcgen::Error> for AuthorityError {
    fn from(error: rcgen::Error) -> Self {
        let reason = error.to_string();
        Self::Build { reason }
    }
}

/// Certificates are read where they were just written, or come from the store.
impl From<CertificateError> for AuthorityError {
    fn from(error: CertificateError) -> Self {
        Self::damaged(error.to_string())
    }
}

impl From<ChainError> for AuthorityError {
    fn from(error: ChainError) -> Self {
        Self::damaged(error.to_string())
    }
}

impl From<StoreError> for AuthorityError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
