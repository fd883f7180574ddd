//! RFC 8555 §6.3: GET and POST-as-GET.

use lacme::ProblemType;
use serde_json::{Value, json};

use crate::ours::{Ours, name};
use crate::world::{World, texts, url};

/// §6.3: GET is for the directory and newNonce alone; 405 malformed for the rest.
#[test]
fn a_plain_get_is_refused_wherever_a_signature_is_due() {
    let mut world = World::new();
    let client = world.client();
    let (order_url, order) = world.order(&client, &["a.example"]);
    let authorization = texts(&order["authorizations"]).remove(0);
    let challenge = world.challenge(&client, &authorization);
    let (certificate, ..) = world.issue(&client, &["b.example"]);
    let orders = world.read(&client, &client.url()).json()["orders"].as_str().unwrap().to_owned();
    let finalize = order["finalize"].as_str().unwrap().to_owned();
    let mut targets =
        vec![client.url(), order_url, authorization, challenge, certificate, orders, finalize];
    targets.extend(["new-account", "new-order", "new-authz", "revoke-cert", "key-change"].map(url));
    for target in targets {
        for method in ["GET", "PUT", "DELETE", "PATCH"] {
            let answer = world.plain(method, &target);
            answer.refused(405, ProblemType::Malformed);
            assert_eq!(answer.header("allow"), "POST");
        }
        assert_eq!(world.plain("HEAD", &target).status(), 405);
    }
}

/// §6.3: the directory and newNonce are read by GET, and by POST-as-GET as well.
#[test]
fn directory_and_new_nonce_are_read_by_get_and_by_signed_post() {
    let mut world = World::new();
    let client = world.client();
    let directory = world.get(&url("directory")).accepted(200);
    assert_eq!(world.read(&client, &url("directory")).accepted(200), directory);
    world.get(&url("new-nonce")).accepted(204);
    assert!(world.read(&client, &url("new-nonce")).has("replay-nonce"));
}

/// §6.3: a POST-as-GET has an empty payload; one with content is something else.
#[test]
fn a_payload_where_there_is_only_something_to_read_is_refused() {
    let mut world = World::new();
    let client = world.client();
    let (order_url, _) = world.order(&client, &["a.example"]);
    let (certificate, ..) = world.issue(&client, &["b.example"]);
    let orders = world.read(&client, &client.url()).json()["orders"].as_str().unwrap().to_owned();
    for target in [order_url, certificate, orders, url("directory")] {
        for payload in [json!({}), json!({"status": "deactivated"})] {
            world.post(&client, &target, payload).refused(400, ProblemType::Malformed);
        }
        assert_eq!(world.read(&client, &target).status(), 200);
    }
}

/// §6.3: what changes something needs a payload.
#[test]
fn an_empty_payload_where_something_is_to_be_done_is_refused() {
    let mut world = World::new();
    let client = world.client();
    let (_, order) = world.order(&client, &["a.example"]);
    let finalize = order["finalize"].as_str().unwrap().to_owned();
    for target in [url("new-order"), url("new-authz"), url("revoke-cert"), finalize] {
        world.read(&client, &target).refused(400, ProblemType::Malformed);
    }
    let answer = world.post(&client.by_key(), &url("new-account"), Value::Null);
    answer.refused(400, ProblemType::Malformed);
}

/// §6.3, our side: reads have the payload "", a challenge's response is {}, and GET is for the
/// directory, HEAD for nonces.
#[tokio::test]
async fn our_client_reads_with_empty_payloads() {
    let ours = Ours::new().await;
    ours.client().issue(name("a.example")).await.unwrap();
    for start in ["order/", "authorization/", "certificate/"] {
        let sent = ours.sent_to(start);
        assert!(!sent.is_empty(), "{start}");
        assert!(sent.iter().all(|sent| sent.payload.is_empty() && sent.jws["payload"] == ""));
    }
    let answers = ours.sent_to("challenge/");
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].payload, "{}");
    for sent in ours.sent() {
        let expected = match sent.url().rsplit('/').next().unwrap() {
            "directory" => "GET",
            "new-nonce" => "HEAD",
            _ => "POST",
        };
        assert_eq!(sent.request.method(), expected, "{}", sent.url());
    }
}
