//! renewalInfo (RFC 9773).

use std::time::SystemTime;

use acme_proto::{CertificateId, Window};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::answer::Answer;
use super::core::{AcmeServer, seconds};
use super::problem::Refusal;
use super::records::Certificate;
use super::state::Change;

impl AcmeServer {
    /// §4.2: an unsigned GET.
    pub(super) fn renewal_info(&self, id: &str, now: Timestamp) -> Result<Answer, Refusal> {
        let found = self.state.certificate_by_renewal_id(id);
        let certificate = found.and_then(|id| self.state.certificates().get(&id));
        let Some(certificate) = certificate.filter(|_| self.config.renewal_info) else {
            return Err(Refusal::not_found("certificate"));
        };
        let (start, end, explanation) = window(certificate, now);
        let mut object = json!({ "suggestedWindow": { "start": start, "end": end } });
        if let Some(page) = explanation {
            object["explanationURL"] = json!(page);
        }
        Ok(Answer::ok(object).with_retry_after(self.config.renewal_retry_after))
    }

    /// Suggests another window than the usual one for a certificate, with a page that says why;
    /// `None` goes back to the usual one, from two thirds of the lifetime to five sixths of it.
    /// Nothing happens if there is no such certificate.
    pub fn set_renewal_window(
        &mut self,
        certificate: &CertificateId,
        window: Option<(Window, Option<String>)>,
    ) -> Vec<Change> {
        let at = |time: SystemTime| seconds(time);
        let window = window.map(|(window, page)| (at(window.start), at(window.end), page));
        if let Some(id) = self.state.certificate_by_renewal_id(certificate.as_str()) {
            self.state.change_certificate(id, |certificate| certificate.renewal = window);
        }
        self.state.take_changes()
    }
}

fn window(certificate: &Certificate, now: Timestamp) -> (Timestamp, Timestamp, Option<&str>) {
    let hour = SignedDuration::from_hours(1);
    // §4.2: a window in the past means at once.
    if let Some((revoked, _)) = certificate.revoked {
        return (revoked.min(now) - hour, revoked.min(now), None);
    }
    if let Some((start, end, page)) = &certificate.renewal {
        return (*start, *end, page.as_deref());
    }
    let lifetime = certificate.not_after.duration_since(certificate.not_before);
    let start = certificate.not_after - lifetime / 3;
    let end = certificate.not_after - lifetime / 6;
    (start, end.max(start + SignedDuration::from_secs(1)), None)
}
