//! RFC 8555 §7.3.5: account key rollover.

use lacme::proto::Resource;
use lacme::{ErrorKind, KeyType, PrivateKey, ProblemType, Signer as _, Store};
use lacme_ca::testing::{Fault, FaultScript};
use serde_json::{Value, json};

use crate::ours::{Ours, name};
use crate::world::{Client, World, decode, encode, url};

fn change(old: &Client, new: &Client) -> Value {
    let payload = json!({ "account": old.url(), "oldKey": old.key.jwk() });
    new.sign_inner(&url("key-change"), &payload)
}

/// §7.3.5: afterwards the new key is the account's, and the old one is nobody's.
#[test]
fn the_new_key_takes_over_and_the_old_one_is_done() {
    let mut world = World::new();
    let old = world.client();
    let (order_url, _) = world.order(&old, &["a.example"]);
    let new = old.impostor();
    let changed = world.post(&old, &url("key-change"), change(&old, &new));
    assert_eq!(changed.accepted(200)["status"], "valid");
    world.read(&new, &new.url()).accepted(200);
    world.read(&new, &order_url).accepted(200);
    world.read(&old, &old.url()).refused(400, ProblemType::Malformed);
    let find = || json!({"onlyReturnExisting": true});
    let found = world.post(&new.by_key(), &url("new-account"), find());
    assert_eq!(found.header("location"), old.url());
    let gone = world.post(&old.by_key(), &url("new-account"), find());
    gone.refused(400, ProblemType::AccountDoesNotExist);
}

/// §7.3.5: a key that has an account is a conflict: 409, with that account in Location.
#[test]
fn a_key_that_has_an_account_is_refused_with_that_account() {
    let mut world = World::new();
    let (old, taken) = (world.client(), world.client());
    for new in [&taken, &old] {
        let answer = world.post(&old, &url("key-change"), change(&old, new));
        answer.refused(409, ProblemType::Malformed);
        assert_eq!(answer.header("location"), new.url());
    }
    world.read(&old, &old.url()).accepted(200);
}

/// §7.3.5: each check of the section's list, failed once.
#[test]
fn every_other_flaw_of_a_key_change_is_refused() {
    let mut world = World::new();
    let (old, other) = (world.client(), world.client());
    let new = Client::stranger();
    let target = url("key-change");
    let payload = json!({ "account": old.url(), "oldKey": old.key.jwk() });
    let inner = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
        let mut header = new.header(&target, "");
        header.remove("nonce");
        change(&mut header);
        new.sign(&header, &payload.to_string())
    };
    let mut forged = change(&old, &new);
    forged["signature"] = json!(encode([1; 64]));
    let mut unprotected = change(&old, &new);
    unprotected["header"] = json!({});
    let flaws = [
        ("no JWS", json!({})),
        ("no signature of the new key", forged),
        ("unprotected header", unprotected),
        ("nonce", inner(&|h| drop(h.insert("nonce".to_owned(), json!("AAAA"))))),
        ("no jwk", inner(&|h| drop(h.remove("jwk")))),
        (
            "kid",
            inner(&|h| {
                h.remove("jwk");
                h.insert("kid".to_owned(), json!(old.url()));
            }),
        ),
        ("jwk and kid", inner(&|h| drop(h.insert("kid".to_owned(), json!(old.url()))))),
        ("other url", inner(&|h| drop(h.insert("url".to_owned(), json!(url("new-order")))))),
        ("crit", inner(&|h| drop(h.insert("crit".to_owned(), json!(["b64"]))))),
        (
            "other account",
            new.sign_inner(&target, &json!({ "account": other.url(), "oldKey": old.key.jwk() })),
        ),
        (
            "other old key",
            new.sign_inner(&target, &json!({ "account": old.url(), "oldKey": other.key.jwk() })),
        ),
        ("no account", new.sign_inner(&target, &json!({ "oldKey": old.key.jwk() }))),
        ("no old key", new.sign_inner(&target, &json!({ "account": old.url() }))),
        (
            "signed by the old key",
            old.by_key()
                .sign_inner(&target, &json!({ "account": other.url(), "oldKey": old.key.jwk() })),
        ),
    ];
    for (flaw, inner) in flaws {
        let answer = world.post(&old, &target, inner);
        assert_eq!(answer.status(), 400, "{flaw}: {answer:?}");
        answer.refused(400, ProblemType::Malformed);
    }
    let mac = inner(&|h| drop(h.insert("alg".to_owned(), json!("HS256"))));
    world.post(&old, &target, mac).refused(400, ProblemType::BadSignatureAlgorithm);
    world.post(&old.impostor(), &target, change(&old, &new)).refused(400, ProblemType::Malformed);
    let thief = world.post(&other, &target, change(&old, &new));
    thief.refused(400, ProblemType::Malformed);
    world.read(&old, &old.url()).accepted(200);
    world.post(&old, &target, change(&old, &new)).accepted(200);
}

/// §7.3.5: the new key has to be as good as any account's.
#[test]
fn a_weak_new_key_is_refused() {
    let mut world = World::new();
    let old = world.client();
    let new = Client::stranger();
    let mut header = new.header(&url("key-change"), "");
    header.remove("nonce");
    header.insert("jwk".to_owned(), json!({"kty": "RSA", "n": encode([0xff; 128]), "e": "AQAB"}));
    let inner = new.sign(&header, "{}");
    world.post(&old, &url("key-change"), inner).refused(400, ProblemType::BadPublicKey);
}

/// §7.3.5, our side: the inner JWS has the new key's jwk, the same url, no nonce.
#[tokio::test]
async fn our_client_changes_its_key_as_the_section_says() {
    let ours = Ours::new().await;
    let client = ours.client();
    let before = client.account().create().await.unwrap();
    let after = client.account().rollover(KeyType::EcdsaP384).await.unwrap();
    assert_ne!(before.thumbprint, after.thumbprint);
    assert_eq!(before.url, after.url);
    let sent = ours.sent_to("key-change").pop().unwrap();
    let inner = sent.json();
    let header: Value = serde_json::from_slice(&decode(&inner["protected"])).unwrap();
    assert_eq!(header.as_object().unwrap().keys().collect::<Vec<_>>(), ["alg", "jwk", "url"]);
    assert_eq!((&header["alg"], &header["url"]), (&json!("ES384"), &sent.protected["url"]));
    let payload: Value = serde_json::from_slice(&decode(&inner["payload"])).unwrap();
    assert_eq!(payload["account"], sent.protected["kid"]);
    let registered = ours.sent_to("new-account").remove(0);
    assert_eq!(payload["oldKey"], registered.protected["jwk"]);
    client.issue(name("a.example")).await.unwrap();
}

/// §7.3.5, our side: 409 leaves the old key in use.
#[tokio::test]
async fn our_client_keeps_its_key_where_the_new_one_is_taken() {
    let ours = Ours::new().await;
    let taken = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    let other = ours.builder().signer(std::sync::Arc::new(taken.clone())).build().unwrap();
    other.issue(name("b.example")).await.unwrap();
    let client = ours.client();
    client.account().create().await.unwrap();
    let error = client.account().rollover_to(taken).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ca);
    assert_eq!(error.refusal().unwrap().status, 409);
    client.issue(name("a.example")).await.unwrap();
}

/// §7.3.5, our side: whether the request or its answer is lost, the account stays usable.
#[tokio::test]
async fn our_client_survives_a_key_change_that_is_cut_off() {
    for fault in [Fault::DropBefore, Fault::DropAfter] {
        let ours =
            Ours::faulty(FaultScript::new(7).every(Resource::KeyChange, fault.clone())).await;
        let store = Store::memory();
        let client = ours.builder().store(store.clone()).build().unwrap();
        client.account().create().await.unwrap();
        client.account().rollover(KeyType::EcdsaP256).await.unwrap_err();
        let next = ours.builder().store(store).build().unwrap();
        next.issue(name("a.example")).await.unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert_eq!(next.accounts().await.unwrap().len(), 1);
    }
}
