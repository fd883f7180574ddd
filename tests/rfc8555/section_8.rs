//! RFC 8555 §8: challenges.

use lacme::crypto::AwsLc;
use lacme::proto::{Digest as _, Proof, ProofKind, Token, proof};
use lacme::{ChallengeType, Identifier, KeyType, PrivateKey, ProblemType, Signer as _};
use lacme_ca::Job;
use serde_json::{Value, json};

use crate::world::{World, decode, encode, texts, url};

fn challenges(world: &mut World, client: &crate::world::Client, name: &str) -> Vec<Value> {
    let (_, order) = world.order(client, &[name]);
    let authorization = texts(&order["authorizations"]).remove(0);
    world.read(client, &authorization).json()["challenges"].as_array().unwrap().clone()
}

/// §8.3, §8.4: a token is base64url without padding, of 128 random bits at least.
#[test]
fn a_token_has_128_bits_and_is_never_given_twice() {
    let mut world = World::new();
    let client = world.client();
    let mut seen = std::collections::HashSet::new();
    for n in 0..50 {
        for challenge in challenges(&mut world, &client, &format!("n{n}.example")).iter().take(1) {
            assert!(decode(&challenge["token"]).len() >= 16);
            assert!(seen.insert(challenge["token"].to_string()));
        }
    }
}

/// §8.1: the key authorization is the token and the thumbprint of the account's key.
#[test]
fn the_server_looks_for_token_and_thumbprint() {
    let mut world = World::new();
    let client = world.client();
    let offered = challenges(&mut world, &client, "a.example");
    world.post(&client, offered[0]["url"].as_str().unwrap(), json!({})).accepted(200);
    let Some(Job::Validate { validation, .. }) = world.jobs.first() else { panic!() };
    let token = offered[0]["token"].as_str().unwrap();
    let thumbprint = client.key.jwk().thumbprint(&AwsLc);
    assert_eq!(validation.key_authorization, format!("{token}.{thumbprint}"));
    assert_eq!(validation.token, Some(Token::parse(token).unwrap()));
}

/// §8: a validated challenge says when that was.
#[test]
fn a_valid_challenge_has_the_time_of_its_validation() {
    let mut world = World::new();
    let client = world.client();
    let offered = challenges(&mut world, &client, "a.example");
    let target = offered[0]["url"].as_str().unwrap();
    assert_eq!(offered[0]["validated"], Value::Null);
    world.post(&client, target, json!({})).accepted(200);
    world.work(Ok(()));
    assert_eq!(world.read(&client, target).json()["validated"], "2027-01-15T08:00:00Z");
}

/// §8.4, §7.1.3: a wildcard is offered no challenge that proves a single host.
#[test]
fn a_wildcard_is_proven_by_dns_alone() {
    let mut world = World::new();
    let client = world.client();
    let offered = challenges(&mut world, &client, "*.a.example");
    let kinds: Vec<_> = offered.iter().map(|c| c["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["dns-01", "dns-account-01"]);
}

/// §8: a server that is to offer nothing that can prove an identifier refuses it at once.
#[test]
fn what_no_challenge_can_prove_is_refused() {
    let mut world = World::with(|config| config.challenges([ChallengeType::Http01]));
    let client = world.client();
    let refused = world.post(&client, &url("new-order"), crate::world::order(&["*.a.example"]));
    refused.refused(400, ProblemType::RejectedIdentifier);
}

/// §8.1, §8.3, §8.4, our side: what our client sets up.
#[test]
fn our_proofs_are_those_of_the_section() {
    let key = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    let thumbprint = key.jwk().thumbprint(&AwsLc);
    let mut world = World::new();
    let client = world.client_with(key);
    let (_, order) = world.order(&client, &["a.example"]);
    let target = texts(&order["authorizations"]).remove(0);
    let authorization = serde_json::from_value(world.read(&client, &target).json()).unwrap();
    let authorization: lacme::proto::Authorization = authorization;
    let account = lacme::Url::parse(client.url()).unwrap();
    let proof = |kind: ChallengeType| {
        let challenge = authorization.challenge(&kind).unwrap();
        Proof::of(challenge, &authorization, &thumbprint, &account, &AwsLc).unwrap().kind
    };
    let ProofKind::Http01 { token, key_authorization } = proof(ChallengeType::Http01) else {
        panic!()
    };
    assert_eq!(key_authorization, format!("{}.{thumbprint}", token.as_str()));
    assert_eq!(key_authorization, proof::key_authorization(&token, &thumbprint));
    let digest = AwsLc.sha256(key_authorization.as_bytes());
    let expected =
        ProofKind::Dns01 { name: "_acme-challenge.a.example".to_owned(), value: encode(digest) };
    assert_eq!(proof(ChallengeType::Dns01), expected);
    let expected = ProofKind::TlsAlpn01 { server_name: "a.example".to_owned(), digest };
    assert_eq!(proof(ChallengeType::TlsAlpn01), expected);
}

/// §8.3: a token is no path: only base64url is served.
#[test]
fn our_client_takes_no_token_that_is_not_base64url() {
    for token in ["", "../../etc/passwd", "a b", "a/b", "AA==", "\u{e4}"] {
        Token::parse(token).unwrap_err();
    }
    assert!(Identifier::parse("a.example").is_ok());
}
