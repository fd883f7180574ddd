//! RFC 8555 §7.4, RFC 8738, RFC 9773 §5 and profiles: orders.

use std::time::Duration;

use acme_proto::{Problem, ProblemType};
use lacme_ca::{Limits, Profile};
use serde_json::{Value, json};

use crate::harness::{World, csr, csr_of, order, texts, url};

#[test]
fn an_order_starts_pending_with_an_authorization_for_each_identifier() {
    let mut world = World::new();
    let client = world.client();
    let names = ["a.example", "*.a.example", "192.0.2.1", "2001:db8::1"];
    let answer = world.post(&client, &url("new-order"), order(&names));
    assert_eq!(answer.status(), 201);
    let object = answer.json();
    assert_eq!(object["status"], "pending");
    assert_eq!(object["identifiers"], order(&names)["identifiers"]);
    assert_eq!(texts(&object["authorizations"]).len(), 4);
    assert!(object["finalize"].as_str().unwrap().starts_with(&url("finalize/")));
    assert!(object.get("certificate").is_none());
    assert_eq!(world.read(&client, &answer.header("location")).json(), object);
}

#[test]
fn identifiers_that_stand_twice_are_ordered_once() {
    let mut world = World::new();
    let client = world.client();
    let payload = json!({"identifiers": [
        {"type": "dns", "value": "A.example"}, {"type": "dns", "value": "a.example"},
        {"type": "dns", "value": "b.example"},
    ]});
    let object = world.post(&client, &url("new-order"), payload).json();
    assert_eq!(object["identifiers"], order(&["a.example", "b.example"])["identifiers"]);
}

#[test]
fn identifiers_that_cannot_be_had_are_named_one_by_one() {
    use ProblemType::{Compound, Malformed, RejectedIdentifier, UnsupportedIdentifier};
    let mut world = World::with(|config| {
        config.policy(|identifier| match identifier.value().ends_with("forbidden.example") {
            true => Err("the policy forbids it".to_owned()),
            false => Ok(()),
        })
    });
    let client = world.client();
    let mut refused = |list: &[(&str, &str)], kind| {
        let list: Vec<_> = list.iter().map(|(t, v)| json!({"type": t, "value": v})).collect();
        let answer = world.post(&client, &url("new-order"), json!({ "identifiers": list }));
        answer.refused(400, kind);
        answer.json()
    };
    refused(&[("dns", "a b")], Malformed);
    refused(&[("dns", "a..b")], Malformed);
    refused(&[("dns", "a.example.")], Malformed);
    refused(&[("dns", "a.*.example")], Malformed);
    refused(&[("dns", "192.0.2.1")], Malformed);
    refused(&[("ip", "192.0.2.256")], Malformed);
    refused(&[("ip", "2001:DB8::1")], Malformed);
    refused(&[("email", "a@b.example")], UnsupportedIdentifier);
    refused(&[("dns", "forbidden.example")], RejectedIdentifier);
    let whole =
        refused(&[("dns", "ok.example"), ("dns", "x.forbidden.example"), ("e", "x")], Compound);
    let parts = whole["subproblems"].as_array().unwrap();
    assert_eq!(parts.len(), 2);
    assert_eq!(parts[0]["identifier"], json!({"type": "dns", "value": "x.forbidden.example"}));
    assert_eq!(parts[1]["type"], "urn:ietf:params:acme:error:unsupportedIdentifier");

    for payload in [json!({}), json!({"identifiers": []}), json!({"identifiers": ["a.example"]})] {
        world.post(&client, &url("new-order"), payload).refused(400, Malformed);
    }
    let many: Vec<_> = (0..101).map(|n| format!("n{n}.example")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    world.post(&client, &url("new-order"), order(&many)).refused(400, Malformed);
}

#[test]
fn wished_times_are_kept_and_checked() {
    let mut world = World::new();
    let client = world.client();
    // The world's time is 2027-01-15T08:00:00Z.
    let mut place = |begin: &str, end: &str| {
        let mut payload = order(&["a.example"]);
        payload["notBefore"] = json!(begin);
        payload["notAfter"] = json!(end);
        world.post(&client, &url("new-order"), payload)
    };
    let object = place("2027-01-15T09:00:00+01:00", "2027-01-16T08:00:00Z").json();
    assert_eq!(object["notBefore"], "2027-01-15T08:00:00Z");
    assert_eq!(object["notAfter"], "2027-01-16T08:00:00Z");
    for (begin, end) in [
        ("2027-01-16T08:00:00Z", "2027-01-15T08:00:00Z"),
        ("2026-01-16T08:00:00Z", "2027-02-15T08:00:00Z"),
        ("2027-01-15T08:00:00Z", "2037-01-15T08:00:00Z"),
        ("yesterday", "2027-01-16T08:00:00Z"),
    ] {
        place(begin, end).refused(400, ProblemType::Malformed);
    }
}

#[test]
fn profiles_are_those_of_the_directory() {
    let short = Profile::new("six days").lifetime(Duration::from_secs(6 * 86_400));
    let mut world = World::with(|config| config.profile("short", short));
    assert_eq!(
        world.get(&url("directory")).json()["meta"]["profiles"],
        json!({"short": "six days"})
    );
    let client = world.client();
    let mut payload = order(&["a.example"]);
    payload["profile"] = json!("long");
    world
        .post(&client, &url("new-order"), payload.clone())
        .refused(400, ProblemType::InvalidProfile);
    payload["profile"] = json!("short");
    let answer = world.post(&client, &url("new-order"), payload);
    assert_eq!(answer.json()["profile"], "short");
    world.prove(&client, &answer.json());
    world.post(&client, answer.json()["finalize"].as_str().unwrap(), csr(&["a.example"]).1);
    world.validate(Ok(()));
    let certificate = world.read(&client, &answer.header("location")).json()["certificate"].clone();
    let pem = world.read(&client, certificate.as_str().unwrap()).text();
    let leaf = acme_crypto::Certificate::from_pem(pem.as_bytes()).unwrap();
    let lifetime = leaf.not_after().duration_since(leaf.not_before()).unwrap();
    assert_eq!(lifetime.as_secs(), 6 * 86_400);
}

#[test]
fn a_proven_identifier_need_not_be_proven_again() {
    let mut world = World::new();
    let client = world.client();
    let (_, first) = world.order(&client, &["a.example"]);
    world.prove(&client, &first);
    let (_, second) = world.order(&client, &["a.example"]);
    assert_eq!(second["status"], "ready");
    assert_eq!(second["authorizations"], first["authorizations"]);
    assert_eq!(world.order(&client, &["*.a.example"]).1["status"], "pending");
    let other = world.client();
    assert_eq!(world.order(&other, &["a.example"]).1["status"], "pending");
    world.pass(31 * 86_400);
    assert_eq!(world.order(&client, &["a.example"]).1["status"], "pending");
}

#[test]
fn a_failed_challenge_fails_its_order_with_the_reason() {
    let mut world = World::new();
    let client = world.client();
    let (order_url, order) = world.order(&client, &["a.example"]);
    let authorization = order["authorizations"][0].as_str().unwrap().to_owned();
    let challenge = world.read(&client, &authorization).json()["challenges"][0]["url"].clone();
    let answer = world.post(&client, challenge.as_str().unwrap(), json!({}));
    assert_eq!(answer.json()["status"], "processing");
    assert_eq!(answer.links("up"), std::slice::from_ref(&authorization));
    assert!(answer.has("retry-after") && world.read(&client, &authorization).has("retry-after"));
    let mut problem = Problem::default();
    problem.kind = ProblemType::Connection;
    problem.detail = Some("nobody listens".to_owned());
    world.validate(Err(problem));
    let object = world.read(&client, &authorization).json();
    assert_eq!(object["status"], "invalid");
    assert_eq!(object["challenges"].as_array().unwrap().len(), 1);
    assert_eq!(object["challenges"][0]["error"]["detail"], "nobody listens");
    let object = world.read(&client, &order_url).json();
    assert_eq!(object["status"], "invalid");
    assert_eq!(object["error"]["type"], "urn:ietf:params:acme:error:connection");
    assert_eq!(object["error"]["subproblems"][0]["identifier"]["value"], "a.example");
    let orders = client.account.clone().unwrap().replace("/account/", "/orders/");
    assert_eq!(world.read(&client, &orders).json(), json!({"orders": []}));
}

#[test]
fn only_a_ready_order_is_finalized() {
    let mut world = World::new();
    let client = world.client();
    let (_, order) = world.order(&client, &["a.example"]);
    let finalize = order["finalize"].as_str().unwrap();
    let (_, payload) = csr(&["a.example"]);
    let answer = world.post(&client, finalize, payload.clone());
    answer.refused(403, ProblemType::OrderNotReady);
    world.prove(&client, &order);
    assert_eq!(world.post(&client, finalize, payload.clone()).status(), 200);
    world.post(&client, finalize, payload.clone()).refused(403, ProblemType::OrderNotReady);
    world.validate(Ok(()));
    world.post(&client, finalize, payload).refused(403, ProblemType::OrderNotReady);
}

#[test]
fn a_bad_csr_leaves_the_order_ready() {
    let mut world = World::new();
    let client = world.client();
    let (order_url, order) = world.order(&client, &["a.example", "b.example"]);
    world.prove(&client, &order);
    let finalize = order["finalize"].as_str().unwrap();
    let other = world.client();
    for bad in [
        csr(&["a.example"]).1,
        csr(&["a.example", "b.example", "c.example"]).1,
        csr_of(&client.key, &["a.example", "b.example"]),
        csr_of(&other.key, &["a.example", "b.example"]),
        json!({"csr": "AAAA"}),
    ] {
        world.post(&client, finalize, bad).refused(400, ProblemType::BadCsr);
    }
    for bad in [json!({}), json!({"csr": 7}), json!({"csr": "a="})] {
        world.post(&client, finalize, bad).refused(400, ProblemType::Malformed);
    }
    assert_eq!(world.read(&client, &order_url).json()["status"], "ready");
    let good = csr(&["b.example", "a.example"]).1;
    assert_eq!(world.post(&client, finalize, good).status(), 200);
}

#[test]
fn an_order_ends_with_its_time_and_is_forgotten_later() {
    let mut world = World::new();
    let client = world.client();
    let (order_url, _) = world.order(&client, &["a.example"]);
    world.pass(86_400);
    let object = world.read(&client, &order_url).json();
    assert_eq!(object["status"], "invalid");
    world.pass(86_400);
    world.read(&client, &order_url).refused(404, ProblemType::Malformed);
}

#[test]
fn new_orders_are_limited_in_time() {
    let limits = Limits::default().new_orders(2, Duration::from_secs(3600));
    let mut world = World::with(|config| config.limits(limits));
    let client = world.client();
    world.order(&client, &["a.example"]);
    world.pass(600);
    world.order(&client, &["b.example"]);
    let answer = world.post(&client, &url("new-order"), order(&["c.example"]));
    answer.refused(429, ProblemType::RateLimited);
    assert_eq!(answer.header("retry-after"), "3000");
    let other = world.client();
    world.order(&other, &["c.example"]);
    world.pass(3000);
    world.order(&client, &["c.example"]);
}

#[test]
fn a_certificate_is_replaced_once() {
    let mut world = World::with(|config| {
        config.limits(Limits::default().new_orders(2, Duration::from_secs(3600)))
    });
    let client = world.client();
    let (_, certificate, _) = world.issue(&client, &["a.example"]);
    let pem = world.read(&client, &certificate).text();
    let id = acme_crypto::Certificate::from_pem(pem.as_bytes()).unwrap().id().unwrap();
    let replacing = |names: &[&str], id: &str| {
        let mut payload = order(names);
        payload["replaces"] = json!(id);
        payload
    };
    let mut place = |client: &_, payload: Value| world.post(client, &url("new-order"), payload);
    place(&client, replacing(&["b.example"], id.as_str())).refused(400, ProblemType::Malformed);
    place(&client, replacing(&["a.example"], "AAAA.AAAA")).refused(404, ProblemType::Malformed);
    place(&client, replacing(&["a.example"], "x")).refused(400, ProblemType::Malformed);
    let object = place(&client, replacing(&["a.example", "b.example"], id.as_str())).json();
    assert_eq!(object["replaces"], id.as_str());
    place(&client, replacing(&["a.example"], id.as_str()))
        .refused(409, ProblemType::AlreadyReplaced);
    let other = world.client();
    world
        .post(&other, &url("new-order"), replacing(&["a.example"], id.as_str()))
        .refused(403, ProblemType::Unauthorized);
    // A replacement that came to nothing does not count.
    let authorization = object["authorizations"][1].as_str().unwrap();
    world.post(&client, authorization, json!({"status": "deactivated"}));
    let again = world.post(&client, &url("new-order"), replacing(&["a.example"], id.as_str()));
    assert_eq!(again.status(), 201, "{again:?}");
}

#[test]
fn memory_is_bounded_for_orders_and_authorizations() {
    let limits = Limits::default().orders(2).authorizations(4);
    let mut world = World::with(|config| config.limits(limits));
    let client = world.client();
    world.order(&client, &["a.example"]);
    world.order(&client, &["b.example"]);
    let full = world.post(&client, &url("new-order"), order(&["c.example"]));
    full.refused(429, ProblemType::RateLimited);
    assert_eq!(full.header("retry-after"), "600");
    // Both are forgotten two days later.
    world.pass(2 * 86_400);
    world.order(&client, &["c.example", "d.example", "e.example", "f.example"]);
    let ahead = json!({"identifier": {"type": "dns", "value": "g.example"}});
    world.post(&client, &url("new-authz"), ahead).refused(429, ProblemType::RateLimited);
}
