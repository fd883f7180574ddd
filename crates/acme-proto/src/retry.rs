//! When to try again: what the server says (RFC 8555 §6.6, §7.5.1), else a backoff of our own.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use serde::{Deserialize, Serialize};

/// A `Retry-After` header: seconds from now, or a moment (RFC 9110 §10.2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RetryAfter {
    /// So long from the moment the response came.
    In(Duration),
    /// Not before this moment.
    At(SystemTime),
}

impl RetryAfter {
    /// A wait longer than this is taken for this.
    pub const MAX: Duration = Duration::from_secs(366 * 24 * 3600);

    /// Reads the header. Absent and unreadable are the same.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim();
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            let seconds = text.parse().unwrap_or(u64::MAX);
            return Some(Self::In(Duration::from_secs(seconds).min(Self::MAX)));
        }
        httpdate::parse_http_date(text).ok().map(Self::At)
    }

    /// How long to wait, for a response that came at `now`: never negative, never above
    /// [`Self::MAX`].
    pub fn delay(self, now: SystemTime) -> Duration {
        match self {
            Self::In(delay) => delay.min(Self::MAX),
            Self::At(time) => time.duration_since(now).unwrap_or_default().min(Self::MAX),
        }
    }
}

/// Delays that double from `first` to `longest`, each shortened by up to a quarter at random so
/// that many clients do not come back together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Backoff {
    next: Duration,
    longest: Duration,
    random: u64,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration, seed: u64) -> Self {
        Self { next: first, longest, random: seed }
    }

    /// The next delay.
    pub(crate) fn delay(&mut self) -> Duration {
        let full = self.next;
        self.next = full.saturating_mul(2).min(self.longest);
        let share = (splitmix(&mut self.random) >> 56) as u32; // 0..=255 of 1024
        full - full / 1024 * share
    }
}

/// SplitMix64: enough for jitter, and the same on every machine for a seed.
pub(crate) fn splitmix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(value: &'static str) -> HeaderMap {
        [(http::header::RETRY_AFTER, http::HeaderValue::from_static(value))].into_iter().collect()
    }

    #[test]
    fn seconds_and_dates_are_read() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 60);
        let delay = |v| RetryAfter::from_headers(&header(v)).map(|r| r.delay(now));
        assert_eq!(delay("120"), Some(Duration::from_secs(120)));
        assert_eq!(delay("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(60)));
    }

    #[test]
    fn past_absurd_and_broken_values_are_clamped_or_ignored() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(2_000_000_000);
        let delay = |v| RetryAfter::from_headers(&header(v)).map(|r| r.delay(now));
        assert_eq!(delay("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert_eq!(delay("99999999999999999999999"), Some(RetryAfter::MAX));
        assert_eq!(delay("Fri, 31 Dec 9999 23:59:59 GMT"), Some(RetryAfter::MAX));
        for broken in ["", "-1", "soon", "1.5"] {
            assert_eq!(delay(broken), None, "{broken}");
        }
    }

    #[test]
    fn delays_double_up_to_the_longest_and_jitter_stays_within_a_quarter() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5), 7);
        for full in [100, 200, 400, 800, 1600, 3200, 5000, 5000] {
            let delay = backoff.delay().as_millis();
            assert!(delay <= full && delay >= full * 3 / 4, "{delay} of {full}");
        }
    }
}
