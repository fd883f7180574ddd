//! Profiles, renewal information (RFC 9773), and `replaces`.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use harness::{Capability, Pebble};
use lacme::proto::Resource;
use lacme::{Error, ErrorKind, Store};
use lacme_tests::{Sent, Wire, client_for, leaf, names, stored};

const DAY: u64 = 24 * 3600;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// The `replaces` of each newOrder on this wire that the CA took or refused for itself.
fn replaced(wire: &Wire) -> Vec<Option<String>> {
    let orders = wire.sent_about(Resource::NewOrder);
    let replaces = |sent: &Sent| sent.payload["replaces"].as_str().map(str::to_owned);
    orders.iter().map(replaces).collect()
}

#[tokio::test]
async fn a_profile_decides_how_long_a_certificate_lives() {
    let pebble = Pebble::builder()
        .profile("classic", "as ever", Duration::from_secs(90 * DAY))
        .profile("brief", "six days", Duration::from_secs(6 * DAY))
        .start();
    if !pebble.offers(Capability::Profiles) {
        return;
    }
    let client = client_for(&pebble, Store::memory()).build().unwrap();
    for (profile, days) in [("brief", 6), ("classic", 90)] {
        let request = client.issue(names(["a.example"])).profile(profile);
        let meta = request.name(profile).await.unwrap().certificate.meta;
        let lifetime = meta.not_after.unwrap().duration_since(meta.not_before.unwrap());
        // The last second of a validity counts (RFC 5280 §4.1.2.5).
        assert_eq!(lifetime.unwrap().as_secs() + 1, days * DAY, "{profile}");
    }
}

#[tokio::test]
async fn an_unknown_profile_is_refused_with_those_that_there_are() {
    let pebble = Pebble::builder()
        .profile("classic", "as ever", Duration::from_secs(90 * DAY))
        .profile("brief", "six days", Duration::from_secs(6 * DAY))
        .start();
    if !pebble.offers(Capability::Profiles) {
        return;
    }
    let wire = Arc::new(Wire::to(&pebble));
    let client = client_for(&pebble, Store::memory()).transport(wire.clone()).build().unwrap();
    let refused = client.issue(names(["a.example"])).profile("eternal").await;
    let refused = refused.unwrap_err();
    let Error::UnknownProfile { profile, offered } = &refused else { panic!("{refused}") };
    assert_eq!((profile.as_str(), offered.len()), ("eternal", 2));
    assert_eq!(refused.kind(), ErrorKind::Usage);
    assert_eq!(wire.count(Resource::NewOrder), 0);
}

#[tokio::test]
async fn the_window_that_the_ca_suggests_is_what_the_client_reports() {
    let pebble = Pebble::start();
    if !pebble.offers(Capability::RenewalInfo) {
        return;
    }
    let client = client_for(&pebble, Store::memory()).build().unwrap();
    client.issue(names(["a.example"])).await.unwrap();
    let stored = stored(client.store(), "a.example").await;
    let certificate = leaf(&stored);
    let set = |start, end| {
        pebble.set_renewal_window(&stored.cert_pem, start, end).unwrap();
    };

    set("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z");
    let advice = client.renewal_info(&certificate).await.unwrap();
    let window = advice.info.suggested_window;
    assert_eq!(window.start, at(1_767_225_600));
    assert_eq!(window.end, at(1_767_225_600 + DAY));
    assert!((window.start..window.end).contains(&advice.selected));
    assert!(advice.next_poll > SystemTime::now());
    let info = client.certificate("a.example").await.unwrap().unwrap();
    let due = info.due_by_window(SystemTime::now(), window, advice.selected);
    assert!(due.due, "{}", due.why);

    set("2126-01-01T00:00:00Z", "2126-01-02T00:00:00Z");
    let advice = client.renewal_info(&certificate).await.unwrap();
    let window = advice.info.suggested_window;
    let due = info.due_by_window(SystemTime::now(), window, advice.selected);
    assert!(!due.due, "{}", due.why);
}

#[tokio::test]
async fn a_window_that_ends_before_it_begins_is_no_answer() {
    let pebble = Pebble::start();
    if !pebble.offers(Capability::RenewalInfo) {
        return;
    }
    let client = client_for(&pebble, Store::memory()).build().unwrap();
    client.issue(names(["a.example"])).await.unwrap();
    let stored = stored(client.store(), "a.example").await;
    let answers = [
        r#"{"suggestedWindow":{"start":"2026-01-02T00:00:00Z","end":"2026-01-01T00:00:00Z"}}"#,
        r#"{"suggestedWindow":{"start":"soon","end":"later"}}"#,
        "[]",
        "<html>",
    ];
    for answer in answers {
        pebble.set_renewal_info(&stored.cert_pem, answer).unwrap();
        let error = client.renewal_info(&leaf(&stored)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{answer}: {error}");
    }
}

#[tokio::test]
async fn a_renewal_tells_which_certificate_it_replaces() {
    let pebble = Pebble::start();
    if !pebble.offers(Capability::RenewalInfo) {
        return;
    }
    let wire = Arc::new(Wire::to(&pebble));
    let client = client_for(&pebble, Store::memory()).transport(wire.clone()).build().unwrap();
    client.issue(names(["a.example"])).await.unwrap();
    let first = leaf(&stored(client.store(), "a.example").await);
    assert!(replaced(&wire).iter().all(Option::is_none));

    let renewal = client.issue(names(["a.example"])).force(true);
    renewal.await.unwrap();
    let id = first.id().unwrap().to_string();
    assert_eq!(replaced(&wire).last(), Some(&Some(id)));

    let silent = client.issue(names(["a.example"])).force(true);
    silent.replaces(false).await.unwrap();
    assert_eq!(replaced(&wire).last(), Some(&None));
}

#[tokio::test]
async fn a_certificate_that_was_replaced_already_is_renewed_all_the_same() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    if !pebble.offers(Capability::RenewalInfo) {
        return;
    }
    let wire = Arc::new(Wire::to(&pebble));
    let client = client_for(&pebble, Store::memory()).transport(wire.clone()).build().unwrap();
    client.issue(names(["a.example"])).await.unwrap();
    let first = stored(client.store(), "a.example").await;
    let renew = || client.issue(names(["a.example"])).force(true);
    renew().await.unwrap();
    // A backup was restored: the first certificate is the stored one again.
    client.store().save_certificate(&first).await.unwrap();

    let renewed = renew().await.unwrap();
    assert!(renewed.reissued);
    assert_ne!(renewed.certificate.meta.serial, first.meta.serial);
    let id = Some(leaf(&first).id().unwrap().to_string());
    assert_eq!(replaced(&wire), [None, id.clone(), id, None]);
}
