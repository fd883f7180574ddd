//! RFC 8555 §7.3.4: external account binding.

use lacme::proto::{Directory, MacAlgorithm, external_account_binding};
use lacme::{ErrorKind, ExternalAccount, HmacKey, ProblemType, Signer as _};
use lacme_ca::ServerConfig;
use serde_json::{Value, json};

use crate::ours::Ours;
use crate::world::{Client, World, decode, encode, url};

const KEY: &str =
    "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZg";

fn mac_key() -> HmacKey {
    HmacKey::from_base64url(KEY).unwrap()
}

fn with_customers(config: ServerConfig) -> ServerConfig {
    config.external_account("customer-7", mac_key()).require_external_account(true)
}

/// A binding whose header was changed before it was authenticated.
fn binding(
    client: &Client,
    key: &HmacKey,
    payload: &Value,
    change: impl FnOnce(&mut Value),
) -> Value {
    use lacme::proto::Mac as _;
    let mut header = json!({"alg": "HS256", "kid": "customer-7", "url": url("new-account")});
    change(&mut header);
    let payload = if payload.is_null() { json!(client.key.jwk()) } else { payload.clone() };
    let (protected, payload) = (encode(header.to_string()), encode(payload.to_string()));
    let tag = key.mac(format!("{protected}.{payload}").as_bytes());
    json!({"externalAccountBinding":
        {"protected": protected, "payload": payload, "signature": encode(tag)}})
}

/// §7.3.4: a server that requires a binding says so in the directory, and refuses accounts without.
#[test]
fn an_account_without_binding_is_refused() {
    let mut world = World::with(with_customers);
    let directory = world.get(&url("directory")).json();
    assert_eq!(directory["meta"]["externalAccountRequired"], true);
    for payload in [json!({}), json!({"externalAccountBinding": null})] {
        let answer = world.post(&Client::stranger(), &url("new-account"), payload);
        answer.refused(403, ProblemType::ExternalAccountRequired);
    }
}

/// §7.3.4: what a binding has to be, and is refused for.
#[test]
fn every_flaw_of_a_binding_is_refused() {
    use ProblemType::{BadSignatureAlgorithm, Malformed, Unauthorized};
    let mut world = World::with(with_customers);
    let (client, other) = (Client::stranger(), Client::stranger());
    let wrong = HmacKey::from_base64url(&KEY.replacen('M', "N", 1)).unwrap();
    let key = mac_key();
    let null = Value::Null;
    let jwk = json!(client.key.jwk());
    let mut tampered = binding(&client, &key, &null, |_| {});
    tampered["externalAccountBinding"]["payload"] =
        json!(encode(json!(other.key.jwk()).to_string()));
    let mut unprotected = binding(&client, &key, &null, |_| {});
    unprotected["externalAccountBinding"]["header"] = json!({"kid": "customer-7"});
    for (what, payload, status, kind) in [
        (
            "url",
            binding(&client, &key, &null, |h| h["url"] = json!(url("new-order"))),
            400,
            Malformed,
        ),
        ("nonce", binding(&client, &key, &null, |h| h["nonce"] = json!("AAAA")), 400, Malformed),
        (
            "other key inside",
            binding(&client, &key, &json!(other.key.jwk()), |_| {}),
            400,
            Malformed,
        ),
        (
            "no key inside",
            binding(&client, &key, &json!({}), |_| {}),
            400,
            ProblemType::BadPublicKey,
        ),
        (
            "unknown kid",
            binding(&client, &key, &null, |h| h["kid"] = json!("nobody")),
            403,
            Unauthorized,
        ),
        ("wrong MAC key", binding(&client, &wrong, &null, |_| {}), 403, Unauthorized),
        (
            "signature alg",
            binding(&client, &key, &null, |h| h["alg"] = json!("ES256")),
            400,
            BadSignatureAlgorithm,
        ),
        (
            "alg none",
            binding(&client, &key, &null, |h| h["alg"] = json!("none")),
            400,
            BadSignatureAlgorithm,
        ),
        (
            "other MAC",
            binding(&client, &key, &null, |h| h["alg"] = json!("HS512")),
            403,
            Unauthorized,
        ),
        (
            "jwk for kid",
            binding(&client, &key, &null, |h| {
                h.as_object_mut().unwrap().remove("kid");
                h["jwk"] = jwk.clone();
            }),
            400,
            Malformed,
        ),
        ("tampered", tampered, 403, Unauthorized),
        ("unprotected", unprotected, 400, Malformed),
        ("no JWS", json!({"externalAccountBinding": "x"}), 400, Malformed),
    ] {
        let answer = world.post(&client, &url("new-account"), payload);
        assert_eq!(answer.status(), status, "{what}: {answer:?}");
        answer.refused(status, kind);
    }
    let good = binding(&client, &key, &null, |_| {});
    world.post(&client, &url("new-account"), good).accepted(201);
}

/// §7.3.4: HS256, HS384 and HS512 all bind.
#[test]
fn every_mac_of_the_registry_binds() {
    let mut world = World::with(with_customers);
    let directory: Directory = serde_json::from_value(world.get(&url("directory")).json()).unwrap();
    for algorithm in [MacAlgorithm::Hs256, MacAlgorithm::Hs384, MacAlgorithm::Hs512] {
        let client = Client::stranger();
        let key = mac_key().with_algorithm(algorithm);
        let bound = external_account_binding(&directory, "customer-7", &key, client.key.jwk());
        let payload = json!({"externalAccountBinding": bound});
        world.post(&client, &url("new-account"), payload).accepted(201);
    }
}

/// §7.3.4: where a binding is not required one that is there is checked all the same.
#[test]
fn a_binding_that_nobody_asked_for_is_checked() {
    let mut world = World::with(|config| config.external_account("customer-7", mac_key()));
    let client = Client::stranger();
    let bad = binding(&client, &mac_key(), &Value::Null, |h| h["kid"] = json!("nobody"));
    world.post(&client, &url("new-account"), bad).refused(403, ProblemType::Unauthorized);
    world.post(&client, &url("new-account"), json!({})).accepted(201);
}

/// §7.3.4, our side: the binding has kid, alg and url, no nonce, and the account's key inside.
#[tokio::test]
async fn our_client_binds_its_account() {
    let ours = Ours::with(with_customers).await;
    let error = ours.client().account().create().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(ours.sent_to("new-account").is_empty(), "the directory says it in advance");

    let external = ExternalAccount::new("customer-7", mac_key());
    let client = ours.builder().external_account(external).build().unwrap();
    client.account().create().await.unwrap();
    let sent = ours.sent_to("new-account").pop().unwrap();
    let bound = &sent.json()["externalAccountBinding"];
    let header: Value = serde_json::from_slice(&decode(&bound["protected"])).unwrap();
    let expected = json!({"alg": "HS256", "kid": "customer-7", "url": sent.url()});
    assert_eq!(header, expected);
    let inside: Value = serde_json::from_slice(&decode(&bound["payload"])).unwrap();
    assert_eq!(inside, sent.protected["jwk"]);
}
