//! RFC 8555 §7.6: revocation.

use lacme::crypto::CertificateChain;
use lacme::{Certificate, KeyType, PrivateKey, ProblemType, RevocationReason, Signer as _};
use serde_json::{Value, json};

use crate::ours::{Ours, name};
use crate::world::{Client, World, encode, url};

fn payload(chain: &str, reason: Value) -> Value {
    let chain = CertificateChain::parse(chain.as_bytes()).unwrap();
    json!({ "certificate": encode(chain.leaf().der()), "reason": reason })
}

fn by(key: &PrivateKey) -> Client {
    Client { key: key.clone(), account: None }
}

/// §7.6: who ordered a certificate, who has its key, and who controls all its names may revoke it.
#[test]
fn three_parties_may_revoke() {
    let mut world = World::new();
    let (owner, controller) = (world.client(), world.client());
    let target = url("revoke-cert");
    let (_, first, _) = world.issue(&owner, &["a.example"]);
    let (_, second, key) = world.issue(&owner, &["b.example"]);
    let (_, third, _) = world.issue(&owner, &["c.example", "d.example"]);
    world.ready_order(&controller, &["c.example", "d.example"]);
    for (party, chain) in [(&owner, &first), (&by(&key), &second), (&controller, &third)] {
        let answer = world.post(party, &target, payload(chain, Value::Null));
        assert_eq!(answer.status(), 200, "{answer:?}");
        assert!(answer.0.body().is_empty());
    }
    assert_eq!(world.server.revoked().count(), 3);
}

/// §7.6: others may not: 403 unauthorized.
#[test]
fn nobody_else_may_revoke() {
    let mut world = World::new();
    let (owner, thief) = (world.client(), world.client());
    let (_, chain, _) = world.issue(&owner, &["a.example", "b.example"]);
    world.ready_order(&thief, &["a.example"]);
    let foreign_key = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    for party in [&thief, &by(&foreign_key), &owner.by_key()] {
        let answer = world.post(party, &url("revoke-cert"), payload(&chain, Value::Null));
        answer.refused(403, ProblemType::Unauthorized);
    }
    assert_eq!(world.server.revoked().count(), 0);
}

/// §7.6: a signature that is not the key's in the header is no request of that key.
#[test]
fn a_revocation_with_a_wrong_signature_is_refused() {
    let mut world = World::new();
    let owner = world.client();
    let (_, chain, key) = world.issue(&owner, &["a.example"]);
    let jwk = json!(key.jwk());
    let forged = world.post_with(
        &Client::stranger(),
        &url("revoke-cert"),
        payload(&chain, Value::Null),
        |header| drop(header.insert("jwk".to_owned(), jwk)),
    );
    forged.refused(400, ProblemType::Malformed);
    let impostor = world.post(&owner.impostor(), &url("revoke-cert"), payload(&chain, json!(1)));
    impostor.refused(400, ProblemType::Malformed);
}

/// §7.6: twice is alreadyRevoked, and the first reason stands.
#[test]
fn a_certificate_is_revoked_once() {
    let mut world = World::new();
    let client = world.client();
    let (_, chain, key) = world.issue(&client, &["a.example"]);
    world.post(&client, &url("revoke-cert"), payload(&chain, json!(4))).accepted(200);
    for party in [&client, &by(&key)] {
        let again = world.post(party, &url("revoke-cert"), payload(&chain, json!(1)));
        again.refused(400, ProblemType::AlreadyRevoked);
    }
    assert_eq!(world.server.revoked().next().unwrap().reason, RevocationReason::Superseded);
}

/// §7.6: a reason code that the server does not allow is badRevocationReason.
#[test]
fn reasons_that_are_none_of_a_subscribers_are_refused() {
    let mut world = World::new();
    let client = world.client();
    let (_, chain, _) = world.issue(&client, &["a.example"]);
    for reason in
        [json!(2), json!(6), json!(7), json!(8), json!(10), json!(-1), json!(256), json!("1")]
    {
        let answer = world.post(&client, &url("revoke-cert"), payload(&chain, reason));
        answer.refused(400, ProblemType::BadRevocationReason);
    }
    for code in [0, 1, 3, 4, 5, 9] {
        let (_, chain, _) = world.issue(&client, &["a.example"]);
        world.post(&client, &url("revoke-cert"), payload(&chain, json!(code))).accepted(200);
    }
}

/// §7.6: the certificate is base64url DER, and one that this server issued.
#[test]
fn what_is_no_certificate_of_this_server_is_refused() {
    let mut world = World::new();
    let client = world.client();
    let (_, foreign, _) = {
        let mut other = World::new();
        let stranger = other.client();
        other.issue(&stranger, &["a.example"])
    };
    let mine = payload(&world.issue(&client, &["a.example"]).1, Value::Null);
    let mut padded = mine.clone();
    padded["certificate"] = json!(format!("{}==", mine["certificate"].as_str().unwrap()));
    for (body, status) in [
        (json!({}), 400),
        (json!({"certificate": 7}), 400),
        (padded, 400),
        (json!({"certificate": encode(b"junk")}), 404),
        (json!({"certificate": ""}), 404),
        (payload(&foreign, Value::Null), 404),
    ] {
        let answer = world.post(&client, &url("revoke-cert"), body);
        answer.refused(status, ProblemType::Malformed);
    }
}

/// §7.6, our side: by the account with kid, by the certificate's key with jwk; what was revoked
/// before is no failure.
#[tokio::test]
async fn our_client_revokes_by_account_and_by_key() {
    let ours = Ours::new().await;
    let client = ours.client();
    client.issue(name("a.example")).await.unwrap();
    let stored = client.store().certificate("a.example").await.unwrap().unwrap();
    let certificate = Certificate::from_pem(stored.cert_pem.as_bytes()).unwrap();
    let key = PrivateKey::from_pem(stored.key_pem.as_ref().unwrap()).unwrap();

    let reason = RevocationReason::KeyCompromise;
    let revoked = client.revoke_with_key(&certificate, &key, reason).await.unwrap();
    assert!(!revoked.already);
    let sent = ours.sent_to("revoke-cert").pop().unwrap();
    assert_eq!(sent.protected["jwk"], json!(key.jwk()));
    assert_eq!(sent.protected["kid"], Value::Null);
    assert_eq!(sent.json(), json!({"certificate": encode(certificate.der()), "reason": 1}));

    assert!(client.revoke(&certificate, reason).await.unwrap().already);
    let sent = ours.sent_to("revoke-cert").pop().unwrap();
    assert!(sent.protected["kid"].is_string());
}
