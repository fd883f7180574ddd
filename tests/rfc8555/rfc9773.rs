//! RFC 9773: renewal information.

use std::time::{Duration, SystemTime};

use lacme::crypto::CertificateChain;
use lacme::proto::{CertificateId, Resource};
use lacme::{Certificate, ProblemType, Window};
use lacme_ca::testing::{Fault, FaultScript};
use serde_json::{Value, json};

use crate::ours::{Ours, name};
use crate::world::{World, encode, order, url};

fn id(chain: &str) -> CertificateId {
    CertificateChain::parse(chain.as_bytes()).unwrap().leaf().id().unwrap()
}

/// §4.1: a certificate is named by its authority key identifier and serial, in base64url.
#[test]
fn a_certificate_is_named_as_in_the_appendix() {
    let key = [
        0x69, 0x88, 0x5b, 0x6b, 0x87, 0x46, 0x40, 0x41, 0xe1, 0xb3, 0x7b, 0x84, 0x7b, 0xa0, 0xae,
        0x2c, 0xde, 0x01, 0xc8, 0xd4,
    ];
    let id = CertificateId::new(&key, &[0x00, 0x87, 0x65, 0x43, 0x21]);
    assert_eq!(id.as_str(), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
}

/// §4.2: an unsigned GET gives the window, with Retry-After.
#[test]
fn renewal_information_is_a_plain_get_with_retry_after() {
    let mut world = World::new();
    let client = world.client();
    let (_, chain, _) = world.issue(&client, &["a.example"]);
    let base = world.get(&url("directory")).json()["renewalInfo"].as_str().unwrap().to_owned();
    let answer = world.get(&format!("{base}/{}", id(&chain).as_str()));
    let info = answer.accepted(200);
    assert_eq!(answer.header("content-type"), "application/json");
    let moment = |name: &str| info["suggestedWindow"][name].as_str().unwrap().to_owned();
    assert!(moment("start") < moment("end"));
    assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 60);
}

/// §4.1: names that are none, and certificates that nobody issued here, are not found.
#[test]
fn unknown_certificates_have_no_renewal_information() {
    let mut world = World::new();
    for name in ["AAAA.AAAA", "AAAA", ".", "a+b/.AAAA", "AAAA.AAAA.AAAA"] {
        let answer = world.get(&url(&format!("renewal-info/{name}")));
        answer.refused(404, ProblemType::Malformed);
    }
}

/// §4.2: for a revoked certificate the window is over, which means at once.
#[test]
fn a_revoked_certificate_is_to_be_renewed_at_once() {
    let mut world = World::new();
    let client = world.client();
    let (_, chain, _) = world.issue(&client, &["a.example"]);
    let der = encode(CertificateChain::parse(chain.as_bytes()).unwrap().leaf().der());
    world.post(&client, &url("revoke-cert"), json!({ "certificate": der })).accepted(200);
    world.pass(60);
    let info = world.get(&url(&format!("renewal-info/{}", id(&chain).as_str()))).accepted(200);
    assert!(info["suggestedWindow"]["end"].as_str().unwrap() <= "2027-01-15T08:01:00Z");
}

/// §5: an order may replace a certificate of the same account that shares a name with it, once.
#[test]
fn a_certificate_is_replaced_by_one_order() {
    let mut world = World::new();
    let (client, other) = (world.client(), world.client());
    let (_, chain, _) = world.issue(&client, &["a.example"]);
    let replacing = |names: &[&str], id: Value| {
        let mut payload = order(names);
        payload["replaces"] = id;
        payload
    };
    let good = json!(id(&chain));
    let target = url("new-order");
    let foreign = world.post(&other, &target, replacing(&["a.example"], good.clone()));
    foreign.refused(403, ProblemType::Unauthorized);
    let unrelated = world.post(&client, &target, replacing(&["b.example"], good.clone()));
    unrelated.refused(400, ProblemType::Malformed);
    let unknown = world.post(&client, &target, replacing(&["a.example"], json!("AAAA.AAAA")));
    unknown.refused(404, ProblemType::Malformed);
    for odd in [json!(7), json!("AAAA")] {
        let answer = world.post(&client, &target, replacing(&["a.example"], odd));
        answer.refused(400, ProblemType::Malformed);
    }
    let placed = world.post(&client, &target, replacing(&["a.example", "c.example"], good.clone()));
    assert_eq!(placed.accepted(201)["replaces"], good);
    let again = world.post(&client, &target, replacing(&["a.example"], good));
    again.refused(409, ProblemType::AlreadyReplaced);
}

/// §5, our side: a renewal says what it replaces, and orders without where that is refused.
#[tokio::test]
async fn our_client_says_what_it_replaces() {
    for refused in [false, true] {
        let taken = Fault::status(409).problem(ProblemType::AlreadyReplaced, "by another order");
        let mut script = FaultScript::new(7);
        if refused {
            script = script.nth(2, Resource::NewOrder, taken);
        }
        let ours = Ours::faulty(script).await;
        let client = ours.client();
        client.issue(name("a.example")).await.unwrap();
        let stored = client.store().certificate("a.example").await.unwrap().unwrap();
        let former = Certificate::from_pem(stored.cert_pem.as_bytes()).unwrap();
        client.issue(name("a.example")).force(true).await.unwrap();
        let asked: Vec<_> =
            ours.sent_to("new-order").iter().map(|sent| sent.json()["replaces"].clone()).collect();
        let replaces = json!(former.id().unwrap());
        let expected = match refused {
            false => vec![Value::Null, replaces],
            true => vec![Value::Null, replaces, Value::Null],
        };
        assert_eq!(asked, expected);
    }
}

/// §4.2, §4.3, our side: a moment within the window, and no poll before Retry-After says so.
#[tokio::test]
async fn our_client_takes_a_moment_within_the_window() {
    let ours = Ours::with(|config| config.renewal_retry_after(7200)).await;
    let client = ours.client();
    client.issue(name("a.example")).await.unwrap();
    let stored = client.store().certificate("a.example").await.unwrap().unwrap();
    let certificate = Certificate::from_pem(stored.cert_pem.as_bytes()).unwrap();
    let begin = SystemTime::now() + Duration::from_secs(86_400);
    let window = Window::new(begin, begin + Duration::from_secs(3600)).unwrap();
    let wished = Some((window, Some("https://ca.example/why".to_owned())));
    let id = certificate.id().unwrap();
    ours.service.with_core(|core| core.set_renewal_window(&id, wished)).await.unwrap();
    let advice = client.renewal_info(&certificate).await.unwrap();
    assert!(advice.selected >= begin - Duration::from_secs(1));
    assert!(advice.selected <= begin + Duration::from_secs(3600));
    assert_eq!(advice.info.explanation_url.as_deref(), Some("https://ca.example/why"));
    let wait = advice.next_poll.duration_since(SystemTime::now()).unwrap();
    assert!(wait > Duration::from_secs(7100) && wait <= Duration::from_secs(7200));
    let sent = ours.sent_to("renewal-info/").pop().unwrap();
    assert_eq!(sent.request.method(), "GET");
    assert!(sent.jws.is_null());
}
