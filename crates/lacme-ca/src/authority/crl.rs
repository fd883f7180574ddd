use std::fmt;
use std::time::SystemTime;

use acme_proto::RevocationReason;
use rcgen::{CertificateRevocationListParams, KeyIdMethod, RevokedCertParams, SerialNumber};

use super::times::moment;
use super::{Authority, AuthorityError};

/// A certificate that is no longer to be trusted.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RevokedCertificate {
    /// Its serial number: the content octets of the DER INTEGER.
    pub serial: Vec<u8>,
    /// When it was revoked.
    pub time: SystemTime,
    /// Why.
    pub reason: RevocationReason,
}

impl RevokedCertificate {
    /// Puts the parts together.
    pub fn new(serial: impl Into<Vec<u8>>, time: SystemTime, reason: RevocationReason) -> Self {
        Self { serial: serial.into(), time, reason }
    }
}

impl fmt::Debug for RevokedCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let serial: String = self.serial.iter().map(|b| format!("{b:02x}")).collect();
        write!(f, "RevokedCertificate({serial}, {})", self.reason.name())
    }
}

/// A certificate revocation list (RFC 5280 §5).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Crl {
    /// In DER, as it is served over HTTP (`application/pkix-crl`, RFC 2585 §4.2).
    pub der: Vec<u8>,
    /// As one PEM block `X509 CRL`.
    pub pem: String,
}

impl Authority {
    /// Lists what was revoked among the certificates of the issuing CA.
    ///
    /// `number` has to grow from list to list (RFC 5280 §5.2.3); clients look for a newer list
    /// after `next_update`.
    ///
    /// # Errors
    /// [`AuthorityError::Validity`] if `next_update` does not come after `now`, or a time is none
    /// that X.509 can name.
    pub fn crl(
        &self,
        revoked: &[RevokedCertificate],
        number: u64,
        now: SystemTime,
        next_update: SystemTime,
    ) -> Result<Crl, AuthorityError> {
        let (this_update, next_update) = (moment(now)?, moment(next_update)?);
        if next_update <= this_update {
            let reason = "the next CRL comes before this one";
            return Err(AuthorityError::Validity { reason });
        }
        let entry = |revoked: &RevokedCertificate| {
            Ok(RevokedCertParams {
                serial_number: SerialNumber::from_slice(&revoked.serial),
                revocation_time: moment(revoked.time)?.into(),
                reason_code: reason_code(revoked.reason),
                invalidity_date: None,
            })
        };
        let params = CertificateRevocationListParams {
            this_update: this_update.into(),
            next_update: next_update.into(),
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect::<Result<_, AuthorityError>>()?,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let list = params.signed_by(self.issuer().signer())?;
        Ok(Crl { der: list.der().to_vec(), pem: list.pem()? })
    }
}

/// "Unspecified" is told by leaving the reason out (RFC 5280 §5.3.1).
fn reason_code(reason: RevocationReason) -> Option<rcgen::RevocationReason> {
    use rcgen::RevocationReason as Code;
    Some(match reason {
        RevocationReason::KeyCompromise => Code::KeyCompromise,
        RevocationReason::CaCompromise => Code::CaCompromise,
        RevocationReason::AffiliationChanged => Code::AffiliationChanged,
        RevocationReason::Superseded => Code::Superseded,
        RevocationReason::CessationOfOperation => Code::CessationOfOperation,
        RevocationReason::CertificateHold => Code::CertificateHold,
        RevocationReason::RemoveFromCrl => Code::RemoveFromCrl,
        RevocationReason::PrivilegeWithdrawn => Code::PrivilegeWithdrawn,
        RevocationReason::AaCompromise => Code::AaCompromise,
        _ => return None,
    })
}
