//! RFC 8555 §6.5: replay protection.

use std::collections::HashSet;

use lacme::proto::Resource;
use lacme::{ErrorKind, ProblemType};
use lacme_ca::testing::{Fault, FaultScript};
use serde_json::{Value, json};

use crate::ours::{Ours, name};
use crate::world::{World, post, url};

/// §6.5: a nonce is accepted once.
#[test]
fn a_replayed_request_is_refused() {
    let mut world = World::new();
    let client = world.client();
    let header = client.header(&client.url(), &world.nonce());
    let request = post(&client.url(), &client.sign(&header, ""));
    world.send(&request).accepted(200);
    for _ in 0..3 {
        world.send(&request).refused(400, ProblemType::BadNonce);
    }
}

/// §6.5: a nonce that the server never gave out, or too long ago, is badNonce.
#[test]
fn foreign_and_stale_nonces_are_refused() {
    let mut world = World::new();
    let client = world.client();
    let old = world.nonce();
    world.pass(3601);
    for nonce in [old.as_str(), "Zm9yZWlnbg", "AAAAAAAAAAAAAAAAAAAAAA"] {
        let answer = world.post_with(&client, &client.url(), Value::Null, |header| {
            header.insert("nonce".to_owned(), json!(nonce));
        });
        answer.refused(400, ProblemType::BadNonce);
    }
}

/// §6.5.2: a nonce that is not base64url is malformed.
#[test]
fn a_nonce_that_is_not_base64url_is_malformed() {
    let mut world = World::new();
    let client = world.client();
    for nonce in ["a b", "a+b/", "AA==", "\u{e4}"] {
        let answer = world.post_with(&client, &client.url(), Value::Null, |header| {
            header.insert("nonce".to_owned(), json!(nonce));
        });
        answer.refused(400, ProblemType::Malformed);
    }
}

/// §6.5: every successful answer to a POST has a fresh nonce, and every error too.
#[test]
fn every_answer_to_a_post_has_a_nonce_that_was_never_there_before() {
    let mut world = World::new();
    let client = world.client();
    let mut seen = HashSet::new();
    for target in ["new-order", "new-account", "nothing", "key-change", "directory"] {
        for payload in [Value::Null, json!({}), json!({"identifiers": 7})] {
            let answer = world.post(&client, &url(target), payload);
            assert!(seen.insert(answer.header("replay-nonce")), "{answer:?}");
        }
    }
    let junk = world.send(&http::Request::post(url("new-order")).body(b"junk".to_vec()).unwrap());
    assert!(seen.insert(junk.header("replay-nonce")));
}

/// §6.5.1: a nonce is base64url, and with 128 bits it cannot be guessed (§6.5 asks for that).
#[test]
fn nonces_are_base64url_with_128_bits() {
    let mut world = World::new();
    let nonces: HashSet<String> = (0..100).map(|_| world.nonce()).collect();
    assert_eq!(nonces.len(), 100);
    for nonce in nonces {
        assert_eq!(crate::world::decode(&json!(nonce)).len(), 16);
    }
}

/// §6.5: a badNonce error has a nonce with which the same request succeeds.
#[test]
fn the_nonce_of_a_bad_nonce_error_is_good() {
    let mut world = World::new();
    let client = world.client();
    let refused = world.post_with(&client, &client.url(), Value::Null, |header| {
        header.insert("nonce".to_owned(), json!("Zm9yZWlnbg"));
    });
    let fresh = refused.header("replay-nonce");
    let header = client.header(&client.url(), &fresh);
    world.send(&post(&client.url(), &client.sign(&header, ""))).accepted(200);
}

/// §6.5: a refused request has used its nonce up, too.
#[test]
fn a_nonce_is_used_up_even_by_a_request_that_is_refused() {
    let mut world = World::new();
    let client = world.client();
    let nonce = world.nonce();
    let header = client.header(&url("new-order"), &nonce);
    let bad = client.sign(&header, r#"{"identifiers":[]}"#);
    world.send(&post(&url("new-order"), &bad)).refused(400, ProblemType::Malformed);
    let header = client.header(&client.url(), &nonce);
    let again = client.sign(&header, "");
    world.send(&post(&client.url(), &again)).refused(400, ProblemType::BadNonce);
}

/// §6.5, our side: no nonce is used twice, and each came from the server.
#[tokio::test]
async fn our_client_uses_each_nonce_once() {
    let mut script = FaultScript::new(5);
    for resource in [Resource::NewOrder, Resource::Authorization, Resource::Challenge] {
        script = script.every(resource, Fault::RepeatedNonce);
    }
    for ours in [Ours::new().await, Ours::faulty(script).await] {
        let client = ours.client();
        for host in ["a.example", "b.example"] {
            client.issue(name(host)).await.unwrap();
        }
        let told: HashSet<_> =
            ours.sent().iter().filter_map(|sent| sent.answered_header("replay-nonce")).collect();
        let mut used = HashSet::new();
        for sent in ours.signed() {
            let nonce = sent.protected["nonce"].as_str().unwrap().to_owned();
            assert!(told.contains(&nonce));
            assert!(used.insert(nonce), "used twice");
        }
    }
}

/// §6.5, our side: a badNonce error's own nonce signs the same payload again.
#[tokio::test]
async fn our_client_tries_again_with_the_nonce_of_the_error() {
    let script = FaultScript::new(5).first(2, Resource::NewOrder, Fault::BadNonce);
    let ours = Ours::faulty(script).await;
    ours.client().issue(name("a.example")).await.unwrap();
    let tries = ours.sent_to("new-order");
    assert_eq!(tries.len(), 3);
    for pair in tries.windows(2) {
        assert_eq!(pair[0].payload, pair[1].payload);
        let given = pair[0].answered_header("replay-nonce").unwrap();
        assert_eq!(pair[1].protected["nonce"], given);
    }
}

/// §6.5, our side: a server that never stops refusing nonces is given up.
#[tokio::test]
async fn our_client_does_not_try_for_ever() {
    let script = FaultScript::new(5).every(Resource::NewOrder, Fault::BadNonce);
    let ours = Ours::faulty(script).await;
    let error = ours.client().issue(name("a.example")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ca);
    assert_eq!(error.problem().unwrap().kind, ProblemType::BadNonce);
    assert!(ours.sent_to("new-order").len() <= 20);
}

/// §6.5.1, our side: a nonce that is not base64url is ignored.
#[tokio::test]
async fn our_client_ignores_a_nonce_that_is_not_base64url() {
    let odd = Fault::Header("replay-nonce".to_owned(), "n\u{20}o".to_owned());
    let script = FaultScript::new(5).first(1, Resource::NewAccount, odd);
    let ours = Ours::faulty(script).await;
    ours.client().issue(name("a.example")).await.unwrap();
    assert!(ours.signed().iter().all(|sent| sent.protected["nonce"] != "n o"));
}
