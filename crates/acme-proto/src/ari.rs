//! ACME Renewal Information (RFC 9773).

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize};

use crate::jose::{base64url, is_base64url};
use crate::retry::RetryAfter;

/// Names a certificate to its CA (RFC 9773 §4.1): the base64url of its authority key identifier
/// and of its serial number, with a dot between.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct CertificateId(String);

impl CertificateId {
    /// From the `keyIdentifier` of the authority key identifier extension, and the content octets
    /// of the DER serial number, a leading zero octet included.
    ///
    /// ```
    /// let id = acme_proto::CertificateId::new(
    ///     &[0x69, 0x88, 0x5b, 0x6b, 0x87, 0x46, 0x40, 0x41, 0xe1, 0xb3,
    ///       0x7b, 0x84, 0x7b, 0xa0, 0xae, 0x2c, 0xde, 0x01, 0xc8, 0xd4],
    ///     &[0x00, 0x87, 0x65, 0x43, 0x21],
    /// );
    /// assert_eq!(id.as_str(), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
    /// ```
    pub fn new(authority_key_identifier: &[u8], serial: &[u8]) -> Self {
        Self(format!("{}.{}", base64url(authority_key_identifier), base64url(serial)))
    }

    /// The text that stands in URLs and in `replaces`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CertificateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for CertificateId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.split_once('.') {
            Some((aki, serial))
                if text.len() < 256 && is_base64url(aki) && is_base64url(serial) =>
            {
                Ok(Self(text))
            }
            _ => Err(serde::de::Error::custom("not a certificate identifier of RFC 9773")),
        }
    }
}

/// When to ask for renewal information again after an answer at `now`: as the server says, but not
/// sooner than a minute and not later than a day (RFC 9773 §4.3.2); 6 hours where it says nothing.
pub fn next_poll(retry_after: Option<RetryAfter>, now: SystemTime) -> SystemTime {
    const MINUTE: Duration = Duration::from_secs(60);
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let delay = retry_after.map_or(FAILED_POLL, |retry| retry.delay(now).clamp(MINUTE, DAY));
    now + delay
}

/// How long to leave the server alone after a failed request (RFC 9773 §4.3.3).
pub const FAILED_POLL: Duration = Duration::from_secs(6 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_are_clamped_between_a_minute_and_a_day() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let after = |s| {
            let retry = RetryAfter::In(Duration::from_secs(s));
            next_poll(Some(retry), now).duration_since(now).unwrap().as_secs()
        };
        assert_eq!(after(0), 60);
        assert_eq!(after(21_600), 21_600);
        assert_eq!(after(u64::MAX / 4), 86_400);
        assert_eq!(next_poll(None, now), now + FAILED_POLL);
    }
}
