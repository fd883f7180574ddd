//! RFC 8555 §6: what a request must be, and how it is refused when it is not.

use acme_crypto::{KeyType, PrivateKey};
use acme_proto::{ProblemType, Signer as _};
use lacme_ca::Limits;
use serde_json::{Value, json};

use crate::harness::{Client, World, csr_of, order, post, url};

#[test]
fn only_jose_json_is_taken() {
    let mut world = World::new();
    let client = world.client();
    for kind in ["application/json", "application/jose+json; charset=utf-8", "text/plain"] {
        let nonce = world.nonce();
        let target = url("new-order");
        let mut request = post(&target, client.sign(&target, Some(&nonce), &order(&["a.example"])));
        request.headers_mut().insert("content-type", kind.parse().unwrap());
        let answer = world.send(&request);
        answer.refused(415, ProblemType::Malformed);
        assert!(answer.has("replay-nonce"), "a refusal carries a nonce too");
    }
}

#[test]
fn a_nonce_is_good_once_and_only_if_it_is_ours() {
    let mut world = World::new();
    let client = world.client();
    let account = client.account.clone().unwrap();
    let nonce = world.nonce();
    let request = post(&account, client.sign(&account, Some(&nonce), &Value::Null));
    assert_eq!(world.send(&request).status(), 200);
    let answer = world.send(&request);
    answer.refused(400, ProblemType::BadNonce);

    let fresh = answer.header("replay-nonce");
    let request = post(&account, client.sign(&account, Some(&fresh), &Value::Null));
    assert_eq!(world.send(&request).status(), 200, "the nonce of a refusal is good");

    let foreign = post(&account, client.sign(&account, Some("Zm9yZWlnbg"), &Value::Null));
    world.send(&foreign).refused(400, ProblemType::BadNonce);
    let odd = post(&account, client.sign(&account, Some("not base64url!"), &Value::Null));
    world.send(&odd).refused(400, ProblemType::Malformed);
    let none = post(&account, client.sign(&account, None, &Value::Null));
    world.send(&none).refused(400, ProblemType::Malformed);

    let old = world.nonce();
    world.pass(3601);
    let late = post(&account, client.sign(&account, Some(&old), &Value::Null));
    world.send(&late).refused(400, ProblemType::BadNonce);
}

#[test]
fn a_request_is_good_at_the_url_it_was_signed_for() {
    let mut world = World::new();
    let client = world.client();
    let account = client.account.clone().unwrap();
    for other in [
        url("new-order"),
        account.replace("https", "http"),
        account.replace("ca.example", "evil.example"),
        format!("{account}/"),
    ] {
        let nonce = world.nonce();
        let request = post(&account, client.sign(&other, Some(&nonce), &Value::Null));
        world.send(&request).refused(401, ProblemType::Unauthorized);
    }
}

#[test]
fn a_wrong_signature_is_refused() {
    let mut world = World::new();
    let client = world.client();
    let account = client.account.clone().unwrap();

    let impostor = Client { account: client.account.clone(), ..Client::new() };
    world.read(&impostor, &account).refused(400, ProblemType::Malformed);

    let nonce = world.nonce();
    let mut jws = client.sign(&account, Some(&nonce), &Value::Null);
    jws["payload"] = json!("e30");
    world.send(&post(&account, jws)).refused(400, ProblemType::Malformed);

    let nonce = world.nonce();
    let mut jws = client.sign(&account, Some(&nonce), &Value::Null);
    jws["signature"] = json!("");
    world.send(&post(&account, jws)).refused(400, ProblemType::Malformed);
}

#[test]
fn unprotected_headers_and_other_serializations_are_refused() {
    let mut world = World::new();
    let client = world.client();
    let account = client.account.clone().unwrap();
    for (member, value) in [("header", json!({"kid": "x"})), ("signatures", json!([]))] {
        let nonce = world.nonce();
        let mut jws = client.sign(&account, Some(&nonce), &Value::Null);
        jws[member] = value;
        world.send(&post(&account, jws)).refused(400, ProblemType::Malformed);
    }
    let nonce = world.nonce();
    let jws = client.sign(&account, Some(&nonce), &Value::Null);
    let compact = ["protected", "payload", "signature"].map(|part| jws[part].as_str().unwrap());
    world.send(&post(&account, compact.join(".").into())).refused(400, ProblemType::Malformed);
}

#[test]
fn the_protected_header_is_read_strictly() {
    let mut world = World::new();
    let client = world.client();
    let account = client.account.clone().unwrap();
    let mut with = |change: &dyn Fn(&mut Value)| {
        let mut header =
            json!({"alg": "ES256", "kid": account, "url": account, "nonce": world.nonce()});
        change(&mut header);
        world.send(&post(&account, client.sign_header(&header, "")))
    };
    assert_eq!(with(&|_| ()).status(), 200);
    assert_eq!(with(&|header| header["odd"] = json!("ignored")).status(), 200);
    let jwk = json!(client.key.jwk());
    with(&|header| header["jwk"] = jwk.clone()).refused(400, ProblemType::Malformed);
    with(&|header| header["crit"] = json!(["odd"])).refused(400, ProblemType::Malformed);
    with(&|header| header["kid"] = json!(url("account/00000000000000000000")))
        .refused(400, ProblemType::AccountDoesNotExist);
    with(&|header| header["kid"] = json!("1")).refused(400, ProblemType::AccountDoesNotExist);
    let answer = with(&|header| header["alg"] = json!("none"));
    answer.refused(400, ProblemType::BadSignatureAlgorithm);
    assert!(answer.json()["algorithms"].as_array().unwrap().contains(&json!("ES256")));
    with(&|header| header["alg"] = json!("HS256")).refused(400, ProblemType::BadSignatureAlgorithm);
    with(&|header| header["alg"] = json!("RS256")).refused(400, ProblemType::BadPublicKey);
}

#[test]
fn each_resource_wants_its_form_of_key() {
    let mut world = World::new();
    let client = world.client();
    world.post(&client, &url("new-account"), json!({})).refused(400, ProblemType::Malformed);
    let keyed = Client { account: None, ..client };
    for resource in ["new-order", "key-change", "new-authz"] {
        world.post(&keyed, &url(resource), json!({})).refused(400, ProblemType::Malformed);
    }
}

#[test]
fn weak_keys_are_refused() {
    let mut world = World::new();
    let client = Client::new();
    let target = url("new-account");
    let n = "s".repeat(171);
    for jwk in [
        json!({"kty": "RSA", "n": n, "e": "AQAB"}),
        json!({"kty": "EC", "crv": "secp256k1", "x": "AAAA", "y": "AAAA"}),
        json!({"kty": "oct", "k": "AAAA"}),
        json!({}),
    ] {
        let nonce = world.nonce();
        let header = json!({"alg": "ES256", "jwk": jwk, "url": target, "nonce": nonce});
        let answer = world.send(&post(&target, client.sign_header(&header, "{}")));
        answer.refused(400, ProblemType::BadPublicKey);
    }
}

#[test]
fn every_algorithm_is_accepted() {
    let mut world = World::new();
    for key_type in [
        KeyType::EcdsaP256,
        KeyType::EcdsaP384,
        KeyType::EcdsaP521,
        KeyType::Rsa2048,
        KeyType::Ed25519,
    ] {
        let client = Client { key: PrivateKey::generate(key_type).unwrap(), account: None };
        let answer = world.post(&client, &url("new-account"), json!({}));
        assert_eq!(answer.status(), 201, "{key_type}: {answer:?}");
    }
}

#[test]
fn a_server_takes_only_the_algorithms_it_is_told_to() {
    let mut world = World::with(|config| config.algorithms([acme_proto::Algorithm::Es384]));
    let answer = world.post(&Client::new(), &url("new-account"), json!({}));
    answer.refused(400, ProblemType::BadSignatureAlgorithm);
    assert_eq!(answer.json()["algorithms"], json!(["ES384"]));
}

#[test]
fn bodies_are_bounded_in_size_and_depth() {
    let mut world = World::with(|config| config.limits(Limits::default().body(4096).depth(8)));
    let client = world.client();
    let long = json!({"identifiers": [], "filler": "x".repeat(4096)});
    world.post(&client, &url("new-order"), long).refused(413, ProblemType::Malformed);
    let mut deep = json!(1);
    for _ in 0..9 {
        deep = json!([deep]);
    }
    let deep = json!({ "identifiers": deep });
    world.post(&client, &url("new-order"), deep).refused(400, ProblemType::Malformed);
    for body in ["", "{", "[]", "null", "\u{0}", &"[".repeat(4000)] {
        let mut request = post(&url("new-order"), Value::Null);
        *request.body_mut() = body.as_bytes().to_vec();
        world.send(&request).refused(400, ProblemType::Malformed);
    }
}

#[test]
fn a_member_that_stands_twice_is_refused_wherever_it_is() {
    let mut world = World::new();
    let client = world.client();
    let account = client.account.clone().unwrap();
    let header = json!({"alg": "ES256", "kid": account, "url": account, "nonce": world.nonce()});
    let jws = client.sign_header(&header, r#"{"contact":[],"contact":["mailto:a@b.example"]}"#);
    world.send(&post(&account, jws)).refused(400, ProblemType::Malformed);

    let nonce = world.nonce();
    let jws = client.sign(&account, Some(&nonce), &Value::Null).to_string();
    let mut request = post(&account, Value::Null);
    *request.body_mut() = jws.replacen('{', r#"{"payload":"",  "#, 1).into_bytes();
    world.send(&request).refused(400, ProblemType::Malformed);
}

#[test]
fn resources_are_read_by_signed_post_and_not_by_get() {
    let mut world = World::new();
    let client = world.client();
    let (order_url, order) = world.order(&client, &["a.example"]);
    let authorization = order["authorizations"][0].as_str().unwrap().to_owned();
    let challenge = world.read(&client, &authorization).json()["challenges"][0]["url"].clone();
    for target in [
        client.account.clone().unwrap(),
        order_url,
        authorization,
        challenge.as_str().unwrap().to_owned(),
        url("new-order"),
    ] {
        let answer = world.get(&target);
        answer.refused(405, ProblemType::Malformed);
        assert_eq!(answer.header("allow"), "POST");
    }
    assert_eq!(world.read(&client, &url("directory")).status(), 200);
    assert_eq!(world.read(&client, &url("new-nonce")).status(), 204);
}

#[test]
fn nonces_come_by_head_and_get_and_are_not_cached() {
    let mut world = World::new();
    let head = http::Request::head(url("new-nonce")).body(Vec::new()).unwrap();
    for (answer, status) in [(world.send(&head), 200), (world.get(&url("new-nonce")), 204)] {
        assert_eq!(answer.status(), status);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(answer.has("replay-nonce"));
        assert_eq!(answer.links("index"), [url("directory")]);
    }
    assert!(!world.get(&url("directory")).has("replay-nonce"));
}

#[test]
fn what_is_not_there_is_not_found() {
    let mut world = World::new();
    let client = world.client();
    let nobody = "00000000000000000000";
    for path in ["nothing".to_owned(), format!("order/{nobody}"), format!("certificate/{nobody}")] {
        world.read(&client, &url(&path)).refused(404, ProblemType::Malformed);
    }
    world.get("https://ca.example/directory").refused(404, ProblemType::Malformed);
}

#[test]
fn objects_are_their_owners() {
    let mut world = World::new();
    let (owner, thief) = (world.client(), world.client());
    let (order_url, order) = world.order(&owner, &["a.example"]);
    let (_, certificate, _) = world.issue(&owner, &["b.example"]);
    let authorization = order["authorizations"][0].as_str().unwrap().to_owned();
    let challenge = world.read(&owner, &authorization).json()["challenges"][0]["url"].clone();
    let challenge = challenge.as_str().unwrap().to_owned();
    let account = owner.account.clone().unwrap();
    let orders = account.replace("/account/", "/orders/");
    for target in [&order_url, &authorization, &challenge, &certificate, &account, &orders] {
        world.read(&thief, target).refused(403, ProblemType::Unauthorized);
    }
    let finalize = order["finalize"].as_str().unwrap();
    for (target, payload) in [
        (&*challenge, json!({})),
        (&*authorization, json!({"status": "deactivated"})),
        (&*account, json!({"status": "deactivated"})),
        (finalize, csr_of(&Client::new().key, &["a.example"])),
    ] {
        world.post(&thief, target, payload).refused(403, ProblemType::Unauthorized);
    }
    assert!(world.jobs.is_empty());
}

#[test]
fn the_same_requests_get_the_same_answers_in_every_run() {
    let key = Client::new();
    let run = || {
        let mut world = World::new();
        let mut client = key.clone();
        let answer = world.post(&client, &url("new-account"), json!({}));
        client.account = Some(answer.header("location"));
        let (order_url, _) = world.order(&client, &["a.example", "*.b.example"]);
        (order_url, world.nonce())
    };
    assert_eq!(run(), run());
}
