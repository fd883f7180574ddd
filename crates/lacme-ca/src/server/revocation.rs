//! revokeCert (RFC 8555 §7.6).

use acme_crypto::AwsLc;
use acme_proto::{Digest as _, ProblemType, RevocationReason};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::answer::{Answer, Body};
use super::authenticate::Sender;
use super::core::AcmeServer;
use super::id::Id;
use super::jws::base64url;
use super::problem::Refusal;
use super::records::Certificate;

impl AcmeServer {
    pub(super) fn revoke_certificate(
        &mut self,
        sender: Sender,
        payload: Map<String, Value>,
        now: Timestamp,
    ) -> Result<Answer, Refusal> {
        let Some(Value::String(certificate)) = payload.get("certificate") else {
            return Err(Refusal::malformed("the payload has no certificate"));
        };
        let der = base64url(certificate, "certificate")?;
        let reason = reason(payload.get("reason"))?;
        let found = self.state.certificate_by_digest(&AwsLc.sha256(&der));
        let found = found.and_then(|id| Some((id, self.state.certificates().get(&id)?)));
        let Some((id, certificate)) = found else {
            return Err(Refusal::not_found("certificate: this server did not issue it"));
        };
        let allowed = match sender {
            Sender::Key(key) => key.thumbprint(&AwsLc) == certificate.key,
            Sender::Account(account) => self.may_revoke(account, certificate, now),
        };
        if !allowed {
            let detail = "revocation is for the account that ordered the certificate, for one \
                          that is authorized for all its identifiers, and for its own key";
            return Err(Refusal::forbidden(detail));
        }
        if certificate.revoked.is_some() {
            let detail = "the certificate is revoked already";
            return Err(Refusal::bad_request(ProblemType::AlreadyRevoked, detail));
        }
        self.state.change_certificate(id, |certificate| certificate.revoked = Some((now, reason)));
        Ok(Answer::new(StatusCode::OK, Body::Empty))
    }

    fn may_revoke(&self, account: Id, certificate: &Certificate, now: Timestamp) -> bool {
        certificate.account == account
            || certificate.identifiers.iter().all(|identifier| {
                let (base, wildcard) = (identifier.without_wildcard(), identifier.is_wildcard());
                self.state.proven(account, &base, wildcard, now).is_some()
            })
    }
}

/// The reasons that a subscriber can have; the others are the CA's own.
fn reason(value: Option<&Value>) -> Result<RevocationReason, Refusal> {
    use RevocationReason as R;
    let code = match value {
        None | Some(Value::Null) => return Ok(R::Unspecified),
        Some(value) => value.as_u64(),
    };
    let reason = code.and_then(|code| R::try_from(u8::try_from(code).ok()?).ok());
    match reason {
        Some(
            reason @ (R::Unspecified
            | R::KeyCompromise
            | R::AffiliationChanged
            | R::Superseded
            | R::CessationOfOperation
            | R::PrivilegeWithdrawn),
        ) => Ok(reason),
        _ => {
            let detail = "the reason is one of the codes 0, 1, 3, 4, 5 and 9 (RFC 5280 §5.3.1)";
            Err(Refusal::bad_request(ProblemType::BadRevocationReason, detail))
        }
    }
}
