//! RFC 8555 §7.4.1, §7.5 and §8: authorizations and challenges.

use acme_crypto::AwsLc;
use acme_proto::{ProblemType, Signer as _};
use lacme_ca::Job;
use serde_json::{Value, json};

use crate::harness::{World, texts, url};

fn kinds(authorization: &Value) -> Vec<String> {
    let challenges = authorization["challenges"].as_array().unwrap();
    challenges.iter().map(|c| c["type"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_identifier_is_offered_the_challenges_that_can_prove_it() {
    let mut world = World::with(|config| config.caa_identities(["ca.example".to_owned()]));
    let client = world.client();
    let (_, order) = world.order(&client, &["a.example", "*.a.example", "192.0.2.1"]);
    let all: Vec<_> = texts(&order["authorizations"]);
    let all: Vec<_> = all.iter().map(|url| world.read(&client, url).json()).collect();
    assert_eq!(
        kinds(&all[0]),
        ["http-01", "dns-01", "tls-alpn-01", "dns-account-01", "dns-persist-01"]
    );
    assert!(all[0].get("wildcard").is_none());
    assert_eq!(kinds(&all[1]), ["dns-01", "dns-account-01", "dns-persist-01"]);
    assert_eq!(all[1]["identifier"]["value"], "a.example");
    assert_eq!(all[1]["wildcard"], true);
    assert_eq!(kinds(&all[2]), ["http-01", "tls-alpn-01"]);
    let persist = &all[0]["challenges"][4];
    assert_eq!(persist["issuer-domain-names"], json!(["ca.example"]));
    assert_eq!(persist["accounturi"], json!(client.account));
    assert!(persist.get("token").is_none());
}

#[test]
fn without_an_issuers_name_there_is_no_persistent_record() {
    let mut world = World::new();
    let client = world.client();
    let (_, order) = world.order(&client, &["a.example"]);
    let authorization = world.read(&client, order["authorizations"][0].as_str().unwrap()).json();
    assert!(!kinds(&authorization).contains(&"dns-persist-01".to_owned()));
}

#[test]
fn a_validation_knows_what_to_look_for() {
    let mut world = World::new();
    let client = world.client();
    let (_, order) = world.order(&client, &["a.example"]);
    let authorization = world.read(&client, order["authorizations"][0].as_str().unwrap()).json();
    let challenge = &authorization["challenges"][0];
    world.post(&client, challenge["url"].as_str().unwrap(), json!({"ignored": 1}));
    let [Job::Validate { validation, .. }] = world.jobs.as_slice() else {
        panic!("{:?}", world.jobs);
    };
    let token = challenge["token"].as_str().unwrap();
    let thumbprint = client.key.jwk().thumbprint(&AwsLc);
    assert_eq!(validation.key_authorization, format!("{token}.{thumbprint}"));
    assert_eq!(validation.identifier.to_string(), "a.example");
    assert_eq!(Some(validation.account.to_string()), client.account);
}

#[test]
fn a_challenge_is_answered_once_however_often_it_is_said() {
    let mut world = World::new();
    let client = world.client();
    let (order_url, order) = world.order(&client, &["a.example"]);
    let authorization_url = order["authorizations"][0].as_str().unwrap();
    let authorization = world.read(&client, authorization_url).json();
    let [first, second] = [0, 1].map(|n| authorization["challenges"][n]["url"].as_str().unwrap());
    assert_eq!(world.read(&client, first).json()["status"], "pending");
    assert!(world.jobs.is_empty(), "a read is no answer");
    for _ in 0..3 {
        assert_eq!(world.post(&client, first, json!({})).json()["status"], "processing");
    }
    assert_eq!(world.jobs.len(), 1);
    world.validate(Ok(()));
    let answer = world.post(&client, first, json!({}));
    assert_eq!((answer.status(), &answer.json()["status"]), (200, &json!("valid")));
    assert!(answer.json()["validated"].is_string());
    world.post(&client, second, json!({})).refused(404, ProblemType::Malformed);
    assert!(world.jobs.is_empty());
    let authorization = world.read(&client, authorization_url).json();
    assert_eq!((&authorization["status"], kinds(&authorization).len()), (&json!("valid"), 1));
    assert_eq!(world.read(&client, &order_url).json()["status"], "ready");
}

#[test]
fn an_authorization_can_be_had_ahead_of_an_order() {
    let mut world = World::new();
    let client = world.client();
    let wanted = |value: &str| json!({"identifier": {"type": "dns", "value": value}});
    let answer = world.post(&client, &url("new-authz"), wanted("a.example"));
    assert_eq!((answer.status(), &answer.json()["status"]), (201, &json!("pending")));
    let challenge = answer.json()["challenges"][0]["url"].as_str().unwrap().to_owned();
    world.post(&client, &challenge, json!({}));
    world.validate(Ok(()));
    assert_eq!(world.order(&client, &["a.example"]).1["status"], "ready");
    let again = world.post(&client, &url("new-authz"), wanted("a.example"));
    assert_eq!((again.status(), again.header("location")), (200, answer.header("location")));
    let wildcard = world.post(&client, &url("new-authz"), wanted("*.a.example"));
    wildcard.refused(400, ProblemType::Malformed);
    world.post(&client, &url("new-authz"), json!({})).refused(400, ProblemType::Malformed);
}

#[test]
fn a_server_without_new_authz_has_no_such_resource() {
    let mut world = World::with(|config| config.new_authorizations(false));
    assert!(world.get(&url("directory")).json().get("newAuthz").is_none());
    let client = world.client();
    world.post(&client, &url("new-authz"), json!({})).refused(404, ProblemType::Malformed);
}

#[test]
fn a_deactivated_authorization_takes_its_orders_with_it() {
    let mut world = World::new();
    let client = world.client();
    let (order_url, order) = world.order(&client, &["a.example"]);
    let authorization = order["authorizations"][0].as_str().unwrap();
    world
        .post(&client, authorization, json!({"status": "valid"}))
        .refused(400, ProblemType::Malformed);
    world.post(&client, authorization, json!({})).refused(400, ProblemType::Malformed);
    world.prove(&client, &order);
    let answer = world.post(&client, authorization, json!({"status": "deactivated"}));
    assert_eq!(answer.json()["status"], "deactivated");
    assert_eq!(world.read(&client, &order_url).json()["status"], "invalid");
    assert_eq!(world.order(&client, &["a.example"]).1["status"], "pending");
}

#[test]
fn a_result_that_comes_too_late_changes_nothing() {
    let mut world = World::new();
    let client = world.client();
    let (order_url, order) = world.order(&client, &["a.example"]);
    let authorization = order["authorizations"][0].as_str().unwrap();
    let challenge = world.read(&client, authorization).json()["challenges"][0]["url"].clone();
    world.post(&client, challenge.as_str().unwrap(), json!({}));
    world.post(&client, authorization, json!({"status": "deactivated"}));
    world.validate(Ok(()));
    assert_eq!(world.read(&client, authorization).json()["status"], "deactivated");
    assert_eq!(world.read(&client, &order_url).json()["status"], "invalid");
}
