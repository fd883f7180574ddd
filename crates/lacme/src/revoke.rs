use std::sync::Arc;
use std::time::SystemTime;

use acme_crypto::{Certificate, PrivateKey};
use acme_proto::{ProblemType, RevocationReason, RevokeCertificate};
use acme_store::Revocation;

use crate::registration::unregistered;
use crate::work::{Signature, Work};
use crate::{Client, Error};

/// What became of a revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revoked {
    /// The certificate's serial number, in lower-case hex.
    pub serial: String,
    /// The reason that was given.
    pub reason: RevocationReason,
    /// Whether it was revoked before; the reason then is not changed.
    pub already: bool,
    /// How many requests it took.
    pub requests: u64,
}

impl Client {
    /// Revokes a certificate by the client's account, which must have issued it or control all its
    /// names (RFC 8555 §7.6). A stored copy is marked, so that it is renewed.
    ///
    /// # Errors
    /// The CA's refusal; [`Error::Usage`] where the store has no account. `alreadyRevoked` is none.
    pub async fn revoke(
        &self,
        certificate: &Certificate,
        reason: RevocationReason,
    ) -> Result<Revoked, Error> {
        self.require_account().await?;
        let work = Work::new(&self.0);
        let signature = self.0.identity(&work).await?.signature();
        let request = RevokeCertificate::by_account(certificate.der().to_vec(), given(reason));
        self.send_revocation(work, certificate, request, signature, reason).await
    }

    /// Revokes a certificate by its own key; no account is needed.
    ///
    /// # Errors
    /// As [`revoke`](Self::revoke).
    pub async fn revoke_with_key(
        &self,
        certificate: &Certificate,
        key: &PrivateKey,
        reason: RevocationReason,
    ) -> Result<Revoked, Error> {
        if key.public_key_der() != certificate.public_key_der() {
            return Err(Error::Usage("the key is not the certificate's".to_owned()));
        }
        let work = Work::new(&self.0);
        let directory = self.0.directory(&work).await?;
        let signature = unregistered(&directory, Arc::new(key.clone()));
        let request =
            RevokeCertificate::by_certificate_key(certificate.der().to_vec(), given(reason));
        self.send_revocation(work, certificate, request, signature, reason).await
    }

    /// Revokes a stored certificate by the client's account, and marks it.
    ///
    /// # Errors
    /// [`Error::NotStored`]; else as [`revoke`](Self::revoke).
    pub async fn revoke_stored(
        &self,
        name: &str,
        reason: RevocationReason,
    ) -> Result<Revoked, Error> {
        let stored = self.stored(name).await?;
        let certificate = Certificate::from_pem(stored.cert_pem.as_bytes()).map_err(|error| {
            acme_store::StoreError::Corrupt {
                what: format!("certs/{name}"),
                reason: error.to_string(),
            }
        })?;
        self.revoke(&certificate, reason).await
    }

    /// A new account could not revoke anything: none is made for it.
    async fn require_account(&self) -> Result<(), Error> {
        let inner = &self.0;
        let known = inner.account.signer.is_some()
            || inner.stored_account().await?.is_some()
            || inner.legacy_key().await?.is_some();
        if known {
            return Ok(());
        }
        let reason = "the store has no account at this CA that could revoke it: give the certificate's \
                      own key (--key), or the store of the account that ordered it";
        Err(Error::Usage(reason.to_owned()))
    }

    async fn send_revocation(
        &self,
        work: Work<'_>,
        certificate: &Certificate,
        request: RevokeCertificate,
        signature: Signature,
        reason: RevocationReason,
    ) -> Result<Revoked, Error> {
        let directory = self.0.directory(&work).await?;
        let already = match work.request(&request, Some(&signature), &directory).await {
            Ok(()) => false,
            Err(error) if error.is_problem(&ProblemType::AlreadyRevoked) => true,
            Err(error) => return Err(error),
        };
        let serial = certificate.serial_hex();
        self.mark_revoked(&serial, reason).await?;
        Ok(Revoked { serial, reason, already, requests: work.requests() })
    }

    async fn mark_revoked(&self, serial: &str, reason: RevocationReason) -> Result<(), Error> {
        for (name, info) in self.certificates().await? {
            if info.is_ok_and(|info| info.meta.serial.as_deref() == Some(serial)) {
                let mark =
                    || Revocation { at: SystemTime::now(), reason: reason.name().to_owned() };
                let mark = |meta: &mut acme_store::CertificateMeta| {
                    meta.revoked.get_or_insert_with(mark);
                };
                self.0.store.update_certificate_meta(&name, mark).await?;
            }
        }
        Ok(())
    }
}

/// RFC 5280 §5.3.1: "unspecified" is best not written at all.
fn given(reason: RevocationReason) -> Option<RevocationReason> {
    (reason != RevocationReason::Unspecified).then_some(reason)
}
