//! The fault script, as a client meets it. An example for tests of other programs.

use std::time::{Duration, Instant};

use acme_crypto::{Certificate, CertificateChain};
use acme_proto::{HttpResponse, ProblemType, Resource};
use lacme_ca::testing::{BodyFault, CertificateFault, Fault, FaultScript, Interruption};
use lacme_ca::{AcmeServer, LoopbackOptions, Running};

use crate::client::Client;

async fn server(script: FaultScript) -> Running {
    AcmeServer::spawn_on_loopback(LoopbackOptions::new().faults(script)).await.unwrap()
}

#[tokio::test]
async fn our_client_gets_its_certificate_through_a_storm() {
    let script = FaultScript::new(42)
        .first(1, Resource::NewAccount, Fault::status(503).retry_after(0))
        .nth(2, Resource::NewNonce, Fault::DropBefore)
        .first(2, Resource::Challenge, Fault::DropAfter)
        .sometimes(0.3, None, Fault::BadNonce)
        .every(Resource::Authorization, Fault::Delay(Duration::from_millis(20)));
    let server = server(script).await;
    let mut client = Client::with_account(&server).await;
    let began = Instant::now();
    let (issued, key) = client.issue(&["a.example", "b.example"]).await.unwrap();
    let chain = CertificateChain::parse(issued.pem.as_bytes()).unwrap();
    assert_eq!(chain.leaf().public_key_der(), key.public_key_der());
    assert!(client.cut >= 2, "connections were cut {} times", client.cut);
    assert!(began.elapsed() > Duration::from_millis(40));
}

#[tokio::test]
async fn a_request_that_is_dropped_before_has_no_effect_and_one_dropped_after_has() {
    for (fault, created) in [(Fault::DropBefore, true), (Fault::DropAfter, false)] {
        let server = server(FaultScript::new(1).first(1, Resource::NewAccount, fault)).await;
        let mut client = Client::new(&server).await;
        let request = acme_proto::NewAccount::default();
        let call = acme_proto::Request::call(&request, &client.directory).unwrap();
        // The exchange asks a second time by itself.
        let response = client.call(&call).await.unwrap();
        assert_eq!(response.status() == 201, created);
        assert_eq!(client.cut, 1);
    }
}

#[tokio::test]
async fn a_wrong_certificate_is_wrong_in_one_way() {
    let get = |fault: CertificateFault| async move {
        let script = FaultScript::new(1).every(Resource::Certificate, Fault::Certificate(fault));
        let server = server(script).await;
        let mut client = Client::with_account(&server).await;
        let (issued, key) = client.issue(&["a.example"]).await.unwrap();
        (issued.pem, key)
    };
    let leaf = |pem: &str| Certificate::from_pem(pem.as_bytes()).unwrap();
    let right_name = |leaf: &Certificate| leaf.identifiers()[0].to_string() == "a.example";
    let now = std::time::SystemTime::now();

    let (pem, key) = get(CertificateFault::OtherKey).await;
    assert_ne!(leaf(&pem).public_key_der(), key.public_key_der());
    assert!(right_name(&leaf(&pem)) && leaf(&pem).not_after() > now);
    let (pem, key) = get(CertificateFault::OtherNames).await;
    assert_eq!(leaf(&pem).public_key_der(), key.public_key_der());
    assert!(!right_name(&leaf(&pem)));
    let (pem, key) = get(CertificateFault::Expired).await;
    assert_eq!(leaf(&pem).public_key_der(), key.public_key_der());
    assert!(right_name(&leaf(&pem)) && leaf(&pem).not_after() < now);
    let (pem, key) = get(CertificateFault::ForeignBlock).await;
    assert!(pem.contains("TRUSTED CERTIFICATE"));
    assert_eq!(leaf(&pem).public_key_der(), key.public_key_der());
    let (pem, key) = get(CertificateFault::Reversed).await;
    assert_ne!(leaf(&pem).public_key_der(), key.public_key_der());
    let (pem, _) = get(CertificateFault::WithoutLeaf).await;
    assert!(leaf(&pem).identifiers().is_empty());
}

fn answer() -> HttpResponse {
    let mut response =
        HttpResponse::new(br#"{"status":"valid","list":["a"],"flag":true}"#.to_vec());
    for (name, value) in [
        ("content-type", "application/json"),
        ("replay-nonce", "fresh"),
        ("location", "https://ca.example/order/1"),
    ] {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}

fn distorted(fault: impl Into<Fault>) -> HttpResponse {
    let mut script = FaultScript::new(1).every(None, fault);
    let mut old = answer();
    old.headers_mut().insert("replay-nonce", "older".parse().unwrap());
    script.note(&old);
    let encounter = script.meet(Resource::Order);
    assert!(encounter.before().is_none());
    encounter.after(answer()).unwrap()
}

#[test]
fn headers_are_changed_and_lost() {
    assert_eq!(
        distorted(Fault::ContentType("text/html".into())).headers()["content-type"],
        "text/html"
    );
    let lost = distorted(Fault::WithoutHeader("Location".into()));
    assert!(!lost.headers().contains_key("location"));
    let absurd = Fault::Header("Retry-After".into(), "99999999999999".into());
    assert_eq!(distorted(absurd).headers()["retry-after"], "99999999999999");
    assert_eq!(distorted(Fault::RepeatedNonce).headers()["replay-nonce"], "older");
    let stale = distorted(Fault::StaleNonce);
    assert!(!["older", "fresh"].contains(&stale.headers()["replay-nonce"].to_str().unwrap()));
}

#[test]
fn bodies_are_broken() {
    let body = |fault| String::from_utf8(distorted(Fault::Body(fault)).into_body()).unwrap();
    let whole = String::from_utf8(answer().into_body()).unwrap();
    assert_eq!(body(BodyFault::Empty), "");
    assert_eq!(body(BodyFault::Truncated), whole[..whole.len() / 2]);
    assert_eq!(body(BodyFault::Oversized(10_000)).trim_end(), whole);
    assert_eq!(body(BodyFault::Oversized(10_000)).len(), 10_000);
    assert_eq!(body(BodyFault::Nested(3)), "[[[");
    assert!(body(BodyFault::Html).starts_with("<html>"));
    let json = |fault: Fault| -> serde_json::Value {
        serde_json::from_slice(distorted(fault).body()).unwrap()
    };
    assert_eq!(json(Fault::State("pending".into()))["status"], "pending");
    assert_eq!(json(Fault::Field("x".into(), 7.into()))["x"], 7);
    assert!(json(Fault::WithoutField("list".into())).get("list").is_none());
    let strange = json(Fault::WrongTypes);
    assert!(strange["status"].is_number() && strange["list"].is_string());
}

#[test]
fn requests_are_stopped_before_they_reach_the_server() {
    let stopped =
        |fault: Fault, resource| FaultScript::new(1).every(None, fault).meet(resource).before();
    let answered = |fault| match stopped(fault, Resource::NewOrder) {
        Some(Interruption::Answered(response)) => response,
        other => panic!("{other:?}"),
    };
    let busy = answered(Fault::status(503).retry_after(7).into());
    assert_eq!(
        (busy.status().as_u16(), &busy.headers()["retry-after"]),
        (503, &"7".parse().unwrap())
    );
    assert_eq!(busy.headers()["content-type"], "text/html");
    let limited = Fault::status(429).problem(ProblemType::RateLimited, "slowly");
    let problem: acme_proto::Problem =
        serde_json::from_slice(answered(limited.into()).body()).unwrap();
    assert_eq!(problem.kind, ProblemType::RateLimited);
    let moved = answered(Fault::Redirect(307, "https://evil.example/".into()));
    assert_eq!(
        (moved.status().as_u16(), &moved.headers()["location"]),
        (307, &"https://evil.example/".parse().unwrap())
    );
    assert_eq!(answered(Fault::BadNonce).status(), 400);
    assert!(stopped(Fault::BadNonce, Resource::Directory).is_none());
    assert!(matches!(stopped(Fault::DropBefore, Resource::Order), Some(Interruption::Dropped)));
}

#[test]
fn rules_count_and_chance_repeats_itself() {
    let hits = |script: FaultScript| -> Vec<bool> {
        let mut script = script;
        (0..6).map(|_| !script.meet(Resource::Order).is_harmless()).collect()
    };
    let script = || FaultScript::new(3);
    assert_eq!(
        hits(script().first(2, Resource::Order, Fault::DropAfter)),
        [true, true, false, false, false, false]
    );
    assert_eq!(
        hits(script().nth(3, None, Fault::DropAfter)),
        [false, false, true, false, false, false]
    );
    assert_eq!(hits(script().every(Resource::Finalize, Fault::DropAfter)), [false; 6]);
    let by_chance = |seed| {
        let mut script = FaultScript::new(seed).sometimes(0.3, None, Fault::DropAfter);
        let hits: Vec<bool> =
            (0..1000).map(|_| !script.meet(Resource::Order).is_harmless()).collect();
        assert_eq!(hits.iter().filter(|hit| **hit).count(), script.met().len());
        hits
    };
    assert_eq!(by_chance(1), by_chance(1));
    assert_ne!(by_chance(1), by_chance(2));
    let count = by_chance(1).iter().filter(|hit| **hit).count();
    assert!((250..350).contains(&count), "{count}");
}
