//! Certificates for their owners (RFC 8555 §7.4.2).

use http::StatusCode;

use super::answer::{Answer, Body};
use super::core::AcmeServer;
use super::id::Id;
use super::problem::Refusal;
use crate::authority::RevokedCertificate;

impl AcmeServer {
    /// A chain, with links to the other ones for the same leaf.
    pub(super) fn certificate(&self, id: Id, chain: usize, sender: Id) -> Result<Answer, Refusal> {
        let certificate = match self.state.certificates().get(&id) {
            Some(certificate) if certificate.account == sender => certificate,
            Some(_) => return Err(Refusal::forbidden("this certificate is another account's")),
            None => return Err(Refusal::not_found("certificate")),
        };
        let pem = certificate.chain(chain).ok_or_else(|| Refusal::not_found("certificate"))?;
        let answer = Answer::new(StatusCode::OK, Body::Chain(pem));
        let others = (0..certificate.chains.len()).filter(|other| *other != chain);
        Ok(others.fold(answer, |answer, other| {
            answer.with_link(&self.urls.certificate(id, other), "alternate")
        }))
    }

    /// The revoked certificates that have not been forgotten yet, for a CRL.
    pub fn revoked(&self) -> impl Iterator<Item = RevokedCertificate> {
        self.state.certificates().values().filter_map(|certificate| {
            let (at, reason) = certificate.revoked?;
            Some(RevokedCertificate::new(certificate.serial.as_slice(), at.into(), reason))
        })
    }
}
