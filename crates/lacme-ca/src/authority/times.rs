//! Moments as X.509 writes them: whole seconds, from 1970 to the end of the year 9999.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::CertificateParams;

use super::AuthorityError;

/// 9999-12-31T23:59:59Z, the last moment that a certificate can name (RFC 5280 §4.1.2.5).
const LAST: u64 = 253_402_300_799;

/// From when to when something is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: SystemTime,
    pub(super) not_after: SystemTime,
}

impl Validity {
    /// From `not_before` for `lifetime`, as far as the calendar of X.509 reaches.
    pub(super) fn lasting(not_before: SystemTime, lifetime: Duration) -> Self {
        let last = UNIX_EPOCH + Duration::from_secs(LAST);
        let not_after = not_before.checked_add(lifetime).unwrap_or(last);
        Self { not_before, not_after: not_after.min(last) }
    }

    pub(super) fn write(self, params: &mut CertificateParams) -> Result<(), AuthorityError> {
        if self.not_after <= self.not_before {
            let reason = "it ends before it begins";
            return Err(AuthorityError::Validity { reason });
        }
        params.not_before = moment(self.not_before)?.into();
        params.not_after = moment(self.not_after)?.into();
        Ok(())
    }
}

/// The moment in whole seconds, for rcgen's type of time to be made from.
pub(super) fn moment(time: SystemTime) -> Result<SystemTime, AuthorityError> {
    let reason = "a time lies before 1970 or after the year 9999";
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) if since.as_secs() <= LAST => {
            Ok(UNIX_EPOCH + Duration::from_secs(since.as_secs()))
        }
        _ => Err(AuthorityError::Validity { reason }),
    }
}
