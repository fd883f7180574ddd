use std::time::SystemTime;

use acme_crypto::Certificate;
use acme_proto::{GetRenewalInfo, RenewalInfo, RetryAfter, ari};

use crate::work::Work;
use crate::{Client, Error};

/// When the CA would like a certificate to be renewed (RFC 9773).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RenewalAdvice {
    /// The CA's window, and why.
    pub info: RenewalInfo,
    /// A moment in the window, drawn by the certificate's fingerprint: another one for each
    /// certificate, the same one each time. Renew then.
    pub selected: SystemTime,
    /// When to ask again, between a minute and a day from now.
    pub next_poll: SystemTime,
    /// The server's own word about that.
    pub retry_after: Option<RetryAfter>,
}

impl Client {
    /// Asks the CA when to renew a certificate.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the CA offers no renewal information; [`Error::Usage`] where
    /// the certificate has no authority key identifier to name it by.
    pub async fn renewal_info(&self, certificate: &Certificate) -> Result<RenewalAdvice, Error> {
        let work = Work::new(&self.0);
        let directory = self.0.directory(&work).await?;
        let id = certificate.id().ok_or_else(|| {
            Error::Usage("the certificate has no authority key identifier".to_owned())
        })?;
        let answer = work.request(&GetRenewalInfo { id }, None, &directory).await?;
        let selected = answer.info.suggested_window.select(draw(certificate));
        let next_poll = ari::next_poll(answer.retry_after, SystemTime::now());
        Ok(RenewalAdvice {
            info: answer.info,
            selected,
            next_poll,
            retry_after: answer.retry_after,
        })
    }

    /// The stored certificate itself, for [`renewal_info`](Self::renewal_info) and
    /// [`revoke_with_key`](Self::revoke_with_key).
    ///
    /// # Errors
    /// [`Error::NotStored`], [`Error::Store`].
    pub async fn stored_certificate(&self, name: &str) -> Result<Certificate, Error> {
        let stored = self.stored(name).await?;
        Certificate::from_pem(stored.cert_pem.as_bytes()).map_err(|error| {
            let what = format!("certs/{name}");
            acme_store::StoreError::Corrupt { what, reason: error.to_string() }.into()
        })
    }
}

/// RFC 9773 §4.2 asks for one uniformly random draw. The fingerprint is as good as random, and needs
/// no memory.
fn draw(certificate: &Certificate) -> u64 {
    let fingerprint = certificate.sha256_hex();
    let digits = fingerprint.get(..16).and_then(|hex| u64::from_str_radix(hex, 16).ok());
    digits.unwrap_or_default()
}
