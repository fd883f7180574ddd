//! RFC 8555 §7.3.5: an account moves to another key.

use acme_proto::{KeyId, ProblemType, Signer as _, Unsigned, Url};
use serde_json::{Value, json};

use crate::harness::{Client, World, url};

fn inner(account: &str, old: &Client, new: &Client, target: &str, nonce: Option<&str>) -> Value {
    let payload = json!({ "account": account, "oldKey": old.key.jwk() }).to_string();
    let (url, key) = (Url::parse(target).unwrap(), KeyId::Jwk(new.key.jwk()));
    let jws = Unsigned::new("ES256", key, nonce, &url, payload.as_bytes());
    let signature = new.key.sign_now(jws.signing_input()).unwrap();
    jws.with_signature(&signature)
}

#[test]
fn the_new_key_takes_over_and_the_old_one_is_done() {
    let mut world = World::new();
    let old = world.client();
    let account = old.account.clone().unwrap();
    let new = Client { account: old.account.clone(), ..Client::new() };
    let target = url("key-change");
    let change = inner(&account, &old, &new, &target, None);
    assert_eq!(world.post(&old, &target, change).status(), 200);
    assert_eq!(world.read(&new, &account).status(), 200);
    world.read(&old, &account).refused(400, ProblemType::Malformed);

    let keyed = Client { account: None, ..new };
    let found = world.post(&keyed, &url("new-account"), json!({"onlyReturnExisting": true}));
    assert_eq!(found.header("location"), account);
    let keyed = Client { account: None, ..old };
    let gone = world.post(&keyed, &url("new-account"), json!({"onlyReturnExisting": true}));
    gone.refused(400, ProblemType::AccountDoesNotExist);
}

#[test]
fn a_key_that_has_an_account_is_refused_with_that_account() {
    let mut world = World::new();
    let (old, other) = (world.client(), world.client());
    let target = url("key-change");
    let change = inner(old.account.as_ref().unwrap(), &old, &other, &target, None);
    let answer = world.post(&old, &target, change);
    answer.refused(409, ProblemType::Malformed);
    assert_eq!(answer.header("location"), other.account.unwrap());
}

#[test]
fn every_other_flaw_of_a_key_change_is_refused() {
    let mut world = World::new();
    let (old, other) = (world.client(), world.client());
    let account = old.account.clone().unwrap();
    let new = Client::new();
    let target = url("key-change");
    let good = inner(&account, &old, &new, &target, None);
    let mut forged = good.clone();
    forged["signature"] = inner(&account, &old, &new, &url("new-order"), None)["signature"].clone();
    let kid = Client { account: Some(account.clone()), ..new.clone() };
    let foreign_account = other.account.as_ref().unwrap();
    for bad in [
        inner(&account, &old, &new, &target, Some("abc")),
        inner(&account, &old, &new, &url("new-order"), None),
        inner(foreign_account, &old, &new, &target, None),
        inner(&account, &other, &new, &target, None),
        kid.sign(&target, None, &json!({"account": account, "oldKey": old.key.jwk()})),
        new.sign(&target, None, &json!({})),
        new.sign(&target, None, &Value::Null),
        forged,
        json!({}),
    ] {
        let answer = world.post(&old, &target, bad);
        answer.refused(400, ProblemType::Malformed);
    }
    assert_eq!(world.read(&old, &account).status(), 200, "nothing has changed");
    assert_eq!(world.post(&old, &target, good).status(), 200);
}
