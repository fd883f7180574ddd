use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::rfc3339;

/// When the CA would like a certificate to be renewed (RFC 9773 §4.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RenewalInfo {
    /// The span in which to renew.
    pub suggested_window: Window,
    /// A page that says why.
    #[serde(rename = "explanationURL", default, skip_serializing_if = "Option::is_none")]
    pub explanation_url: Option<String>,
}

/// A span of time with an end after its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawWindow")]
#[non_exhaustive]
pub struct Window {
    /// Its first moment.
    #[serde(with = "rfc3339")]
    pub start: SystemTime,
    /// The moment it is over.
    #[serde(with = "rfc3339")]
    pub end: SystemTime,
}

#[derive(Deserialize)]
struct RawWindow {
    #[serde(with = "rfc3339")]
    start: SystemTime,
    #[serde(with = "rfc3339")]
    end: SystemTime,
}

/// A window whose end is not after its start is no answer (RFC 9773 §4.2).
impl TryFrom<RawWindow> for Window {
    type Error = &'static str;
    fn try_from(raw: RawWindow) -> Result<Self, Self::Error> {
        Self::new(raw.start, raw.end).ok_or("the window's end is not after its start")
    }
}

impl Window {
    /// The window from `start` to `end`, unless it would be empty.
    pub fn new(start: SystemTime, end: SystemTime) -> Option<Self> {
        (end > start).then_some(Self { start, end })
    }

    /// A moment of the window, uniformly chosen by `random` (RFC 9773 §4.2): renewals of many
    /// clients spread out. Draw once and keep it.
    pub fn select(&self, random: u64) -> SystemTime {
        let span = self.end.duration_since(self.start).unwrap_or_default();
        let millis = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        // The high half of a 128-bit product maps `random` onto the span without bias worth noting.
        let offset = (u128::from(random) * u128::from(millis)) >> 64;
        self.start + Duration::from_millis(u64::try_from(offset).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn the_chosen_moment_lies_in_the_window() {
        let window = Window::new(at(1000), at(2000)).unwrap();
        assert_eq!(window.select(0), at(1000));
        assert_eq!(window.select(1 << 63), at(1500));
        assert!(window.select(u64::MAX) < at(2000));
    }

    #[test]
    fn an_empty_or_reversed_window_is_no_answer() {
        assert!(Window::new(at(5), at(5)).is_none());
        let json =
            r#"{"suggestedWindow":{"start":"2026-01-02T00:00:00Z","end":"2026-01-01T00:00:00Z"}}"#;
        assert!(serde_json::from_str::<RenewalInfo>(json).is_err());
    }
}
