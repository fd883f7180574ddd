use serde_json::json;

use super::{Call, KeyRef, Request, Resource};
use crate::HttpResponse;
use crate::error::{ParseError, Unsupported};
use crate::jose::base64url;
use crate::objects::{Directory, RevocationReason};

/// Revokes a certificate (RFC 8555 §7.6). The answer `alreadyRevoked` is as good as success.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RevokeCertificate {
    /// The certificate in DER.
    pub certificate: Vec<u8>,
    /// Why.
    pub reason: Option<RevocationReason>,
    /// [`KeyRef::Account`] for an account that issued it or controls its names, [`KeyRef::Key`]
    /// for the certificate's own key.
    pub key: KeyRef,
}

impl RevokeCertificate {
    /// Revocation signed by an account.
    pub fn by_account(certificate: Vec<u8>, reason: Option<RevocationReason>) -> Self {
        Self { certificate, reason, key: KeyRef::Account }
    }

    /// Revocation signed by the certificate's key; no account is needed.
    pub fn by_certificate_key(certificate: Vec<u8>, reason: Option<RevocationReason>) -> Self {
        Self { certificate, reason, key: KeyRef::Key }
    }
}

impl Request for RevokeCertificate {
    type Response = ();

    fn call(&self, directory: &Directory) -> Result<Call, Unsupported> {
        let url = directory.revoke_cert.as_ref().ok_or(Unsupported::RevokeCertificate)?;
        let mut payload = json!({ "certificate": base64url(&self.certificate) });
        if let Some(reason) = self.reason {
            payload["reason"] = reason.code().into();
        }
        let call = Call::post(Resource::RevokeCert, url, payload);
        Ok(Call { key: self.key, ..call })
    }

    fn parse(&self, _: &Call, _: &HttpResponse) -> Result<(), ParseError> {
        Ok(())
    }
}
