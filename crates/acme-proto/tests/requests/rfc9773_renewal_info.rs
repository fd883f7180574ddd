use super::*;
use acme_proto::{CertificateId, GetRenewalInfo, RetryAfter};
use std::time::Duration;

#[test]
fn section_4_1_the_url_is_the_base_a_slash_and_the_identifier() {
    let id = CertificateId::new(b"aki", b"serial");
    for base in ["https://ca.example/ari", "https://ca.example/ari/"] {
        let mut directory = directory();
        directory.renewal_info = Some(url(base));
        let call = GetRenewalInfo { id: id.clone() }.call(&directory).unwrap();
        assert_eq!(call.url.as_str(), "https://ca.example/ari/YWtp.c2VyaWFs");
        assert_eq!(call.payload, Payload::Get, "unsigned");
    }
}

#[test]
fn section_4_2_the_window_and_when_to_ask_again() {
    let request = GetRenewalInfo { id: CertificateId::new(b"a", b"b") };
    let window = |start: &str, end: &str| {
        let body = json!({
            "suggestedWindow": { "start": start, "end": end },
            "explanationURL": "https://ca.example/why"
        });
        let answer = reply(200, body).with("retry-after", "21600");
        request.parse(&call(&request), &answer)
    };
    let answer = window("2027-01-15T08:00:00Z", "2027-01-15T08:01:00Z").unwrap();
    let span = answer.info.suggested_window;
    assert_eq!((span.start, span.end), (at(0), at(60)));
    assert_eq!(answer.info.explanation_url.as_deref(), Some("https://ca.example/why"));
    assert_eq!(answer.retry_after, Some(RetryAfter::In(Duration::from_secs(21_600))));
    assert!(window("2027-01-15T08:00:00Z", "2027-01-15T08:00:00Z").is_err(), "empty");
    assert!(window("0001-01-01T00:00:00Z", "2027-01-15T08:00:00Z").is_err(), "no time");
}
