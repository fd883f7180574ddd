//! RFC 8555 §6.2: request authentication.

use lacme::proto::Algorithm;
use lacme::{KeyType, PrivateKey, ProblemType, Signer as _};
use serde_json::{Value, json};

use crate::ours::{Ours, name};
use crate::world::{Client, World, decode, encode, order, post, url};

/// §6.2: the media type is application/jose+json; the server answers 415 to others.
#[test]
fn other_media_types_are_refused() {
    let mut world = World::new();
    let client = world.client();
    let target = url("new-order");
    for kind in ["", "application/json", "application/jose+json; charset=utf-8", "text/plain"] {
        let header = client.header(&target, &world.nonce());
        let mut request = post(&target, &client.sign(&header, &order(&["a.example"]).to_string()));
        request.headers_mut().insert("content-type", kind.parse().unwrap());
        world.send(&request).refused(415, ProblemType::Malformed);
        request.headers_mut().remove("content-type");
        world.send(&request).refused(415, ProblemType::Malformed);
    }
}

/// §6.2: the JWS has one signature, in the flattened JSON serialization.
#[test]
fn compact_and_general_serializations_are_refused() {
    let mut world = World::new();
    let client = world.client();
    let target = client.url();
    let part = |jws: &Value, name: &str| jws[name].as_str().unwrap().to_owned();
    let compact = |jws: &mut Value| {
        let all = ["protected", "payload", "signature"].map(|name| part(jws, name));
        *jws = json!(all.join("."));
    };
    let general = |jws: &mut Value| {
        let signature = json!({"protected": jws["protected"], "signature": jws["signature"]});
        *jws = json!({"payload": jws["payload"], "signatures": [signature]});
    };
    let both = |jws: &mut Value| {
        let signature = json!({"protected": jws["protected"], "signature": jws["signature"]});
        jws["signatures"] = json!([signature]);
    };
    let refused = [
        world.post_tampered(&client, &target, Value::Null, compact),
        world.post_tampered(&client, &target, Value::Null, general),
        world.post_tampered(&client, &target, Value::Null, both),
        world.post_tampered(&client, &target, Value::Null, |jws| *jws = json!([jws.clone()])),
    ];
    for answer in refused {
        answer.refused(400, ProblemType::Malformed);
    }
}

/// §6.2: there is no unprotected header.
#[test]
fn an_unprotected_header_is_refused() {
    let mut world = World::new();
    let client = world.client();
    for header in [json!({}), json!({"kid": client.url()}), Value::Null] {
        let answer = world.post_tampered(&client, &client.url(), Value::Null, |jws| {
            jws["header"] = header;
        });
        answer.refused(400, ProblemType::Malformed);
    }
}

/// §6.2: the payload is not detached, nor left unencoded (RFC 7797).
#[test]
fn detached_and_unencoded_payloads_are_refused() {
    let mut world = World::new();
    let client = world.client();
    let target = client.url();
    let detached = world.post_tampered(&client, &target, json!({}), |jws| {
        jws.as_object_mut().unwrap().remove("payload");
    });
    detached.refused(400, ProblemType::Malformed);
    let unencoded = world.post_with(&client, &target, json!({}), |header| {
        header.insert("b64".to_owned(), json!(false));
        header.insert("crit".to_owned(), json!(["b64"]));
    });
    unencoded.refused(400, ProblemType::Malformed);
}

/// RFC 7515 §4.1.11, by way of §6.2: an extension that is critical and not understood ends it.
#[test]
fn critical_extensions_are_refused() {
    let mut world = World::new();
    let client = world.client();
    for crit in [json!(["exp"]), json!([]), json!("exp"), json!(["b64"]), Value::Null] {
        let answer = world.post_with(&client, &client.url(), Value::Null, |header| {
            header.insert("exp".to_owned(), json!(1));
            header.insert("crit".to_owned(), crit);
        });
        answer.refused(400, ProblemType::Malformed);
    }
}

/// §6.2: "alg" names no MAC and is not "none"; what is accepted stands in `algorithms`.
#[test]
fn unsigned_and_mac_algorithms_are_refused_and_the_good_ones_listed() {
    let mut world = World::new();
    let client = world.client();
    for alg in ["none", "HS256", "HS512", "RS1", "es256", "", "ES256K"] {
        let answer = world.post_with(&client, &client.url(), Value::Null, |header| {
            header.insert("alg".to_owned(), json!(alg));
        });
        let problem = answer.refused(400, ProblemType::BadSignatureAlgorithm);
        assert!(problem.algorithms.contains(&"ES256".to_owned()), "{problem:?}");
    }
    let mut world = World::with(|config| config.algorithms([Algorithm::Es384]));
    let answer = world.post(&Client::stranger(), &url("new-account"), json!({}));
    let problem = answer.refused(400, ProblemType::BadSignatureAlgorithm);
    assert_eq!(problem.algorithms, ["ES384"]);
}

/// §6.2: a server implements ES256, and ought to implement EdDSA.
#[test]
fn keys_of_every_algorithm_may_register() {
    let mut world = World::new();
    for key_type in [
        KeyType::EcdsaP256,
        KeyType::EcdsaP384,
        KeyType::EcdsaP521,
        KeyType::Rsa2048,
        KeyType::Ed25519,
    ] {
        let client = world.client_with(PrivateKey::generate(key_type).unwrap());
        world.read(&client, &client.url()).accepted(200);
    }
}

/// §6.2: the header has alg, nonce, url, and a key.
#[test]
fn a_header_that_lacks_a_field_is_refused() {
    let mut world = World::new();
    let client = world.client();
    for field in ["alg", "nonce", "url", "kid"] {
        let answer = world.post_with(&client, &client.url(), Value::Null, |header| {
            header.remove(field);
        });
        answer.refused(400, ProblemType::Malformed);
        let answer = world.post_with(&client, &client.url(), Value::Null, |header| {
            header.insert(field.to_owned(), json!(7));
        });
        answer.refused(400, ProblemType::Malformed);
    }
}

/// §6.2: jwk and kid exclude one another.
#[test]
fn a_header_with_both_jwk_and_kid_is_refused() {
    let mut world = World::new();
    let client = world.client();
    let jwk = json!(client.key.jwk());
    let answer = world.post_with(&client, &client.url(), Value::Null, |header| {
        header.insert("jwk".to_owned(), jwk);
    });
    answer.refused(400, ProblemType::Malformed);
    let (stranger, kid) = (Client::stranger(), client.url());
    let answer = world.post_with(&stranger, &url("new-account"), json!({}), |header| {
        header.insert("kid".to_owned(), json!(kid));
    });
    answer.refused(400, ProblemType::Malformed);
}

/// §6.2: newAccount is signed with jwk, everything else but revokeCert with kid.
#[test]
fn each_resource_wants_its_own_form_of_key() {
    let mut world = World::new();
    let client = world.client();
    let (order_url, order) = world.order(&client, &["a.example"]);
    world.post(&client, &url("new-account"), json!({})).refused(400, ProblemType::Malformed);
    let authorization = order["authorizations"][0].as_str().unwrap();
    let finalize = order["finalize"].as_str().unwrap();
    for target in
        [&url("new-order"), &url("key-change"), &client.url(), &order_url, authorization, finalize]
    {
        let answer = world.post(&client.by_key(), target, Value::Null);
        answer.refused(400, ProblemType::Malformed);
    }
}

/// §6.2: kid is the account's URL as the server gave it; else accountDoesNotExist.
#[test]
fn a_kid_that_is_no_account_is_refused() {
    let mut world = World::new();
    let client = world.client();
    let odd = [
        url("account/00000000000000000000"),
        format!("{}/", client.url()),
        client.url().replace("https", "http"),
        client.url().replace("ca.example", "evil.example"),
        client.url().replace("/account/", "/order/"),
        client.url().rsplit('/').next().unwrap().to_owned(),
        String::new(),
    ];
    for kid in odd {
        let answer = world.post_with(&client, &url("new-order"), json!({}), |header| {
            header.insert("kid".to_owned(), json!(kid));
        });
        answer.refused(400, ProblemType::AccountDoesNotExist);
    }
}

/// §6.2: the signature is verified before anything else is done.
#[test]
fn a_wrong_signature_is_refused_and_has_no_effect() {
    let mut world = World::new();
    let client = world.client();
    let target = client.url();
    let deactivate = || json!({"status": "deactivated"});
    let refused = [
        world.post(&client.impostor(), &target, deactivate()),
        world.post_tampered(&client, &target, json!({}), |jws| {
            jws["payload"] = json!(encode(r#"{"status":"deactivated"}"#));
        }),
        world.post_tampered(&client, &target, deactivate(), |jws| jws["signature"] = json!("")),
        world.post_tampered(&client, &target, deactivate(), |jws| {
            let mut signature = decode(&jws["signature"]);
            signature[7] ^= 1;
            jws["signature"] = json!(encode(signature));
        }),
        world.post_tampered(&client, &target, deactivate(), |jws| {
            jws["signature"] = json!(encode([0; 64]));
        }),
    ];
    for answer in refused {
        answer.refused(400, ProblemType::Malformed);
    }
    assert_eq!(world.read(&client, &target).accepted(200)["status"], "valid");
}

/// RFC 7518 §3.4, by way of §6.2: r and s stand side by side in fixed width, not in DER.
#[test]
fn an_ecdsa_signature_in_der_is_refused() {
    let mut world = World::new();
    let client = world.client();
    let answer = world.post_tampered(&client, &client.url(), Value::Null, |jws| {
        let raw = decode(&jws["signature"]);
        let integer = |number: &[u8]| {
            let mut number = number.to_vec();
            if number[0] & 0x80 != 0 {
                number.insert(0, 0);
            }
            [&[2, u8::try_from(number.len()).unwrap()], number.as_slice()].concat()
        };
        let both = [integer(&raw[..32]), integer(&raw[32..])].concat();
        let der = [&[0x30, u8::try_from(both.len()).unwrap()], both.as_slice()].concat();
        jws["signature"] = json!(encode(der));
    });
    answer.refused(400, ProblemType::Malformed);
}

/// §6.2: the algorithm is one that the key's type signs with.
#[test]
fn an_algorithm_of_another_key_type_is_refused() {
    let mut world = World::new();
    let client = world.client();
    for alg in ["RS256", "ES384", "EdDSA"] {
        let answer = world.post_with(&client, &client.url(), Value::Null, |header| {
            header.insert("alg".to_owned(), json!(alg));
        });
        answer.refused(400, ProblemType::BadPublicKey);
    }
}

/// §6.2, §11.1: weak and unusable keys are refused with badPublicKey.
#[test]
fn keys_that_nobody_should_use_are_refused() {
    let mut world = World::new();
    let client = Client::stranger();
    let coordinate = encode([1; 32]);
    for jwk in [
        json!({"kty": "RSA", "n": encode([0xff; 128]), "e": "AQAB"}),
        json!({"kty": "RSA", "n": encode([0xff; 256]), "e": "AQ"}),
        json!({"kty": "EC", "crv": "secp256k1", "x": coordinate, "y": coordinate}),
        json!({"kty": "EC", "crv": "P-256", "x": "AQ", "y": coordinate}),
        json!({"kty": "oct", "k": "AAAA"}),
        json!({}),
    ] {
        let answer = world.post_with(&client, &url("new-account"), json!({}), |header| {
            header.insert("jwk".to_owned(), jwk);
        });
        answer.refused(400, ProblemType::BadPublicKey);
    }
    // A point that is not on the curve verifies nothing.
    let off_curve = json!({"kty": "EC", "crv": "P-256", "x": coordinate, "y": coordinate});
    let answer = world.post_with(&client, &url("new-account"), json!({}), |header| {
        header.insert("jwk".to_owned(), off_curve);
    });
    assert_eq!(answer.status(), 400, "{answer:?}");
}

/// RFC 7515 §4, by way of §6.2: the header's members are there once, and it is JSON.
#[test]
fn members_that_stand_twice_are_refused() {
    let mut world = World::new();
    let client = world.client();
    let target = client.url();
    let text = Value::from(client.header(&target, &world.nonce())).to_string();
    let twice = text.replacen('{', r#"{"kid":"https://evil.example",  "#, 1);
    for protected in [twice, format!("{text} {{}}"), "[]".to_owned(), "{".to_owned()] {
        let answer = world.post_tampered(&client, &target, Value::Null, |jws| {
            *jws = signed_text(&client, &protected, "");
        });
        answer.refused(400, ProblemType::Malformed);
    }
    let header = Value::from(client.header(&target, &world.nonce())).to_string();
    let jws = signed_text(&client, &header, r#"{"status":"valid","status":"deactivated"}"#);
    world.send(&post(&target, &jws)).refused(400, ProblemType::Malformed);
    assert_eq!(world.read(&client, &target).accepted(200)["status"], "valid");
}

/// §6.2 leaves bounds to the server: a body that is too large or nests too deeply is refused.
#[test]
fn bodies_are_bounded_in_size_and_depth() {
    let mut world = World::new();
    let client = world.client();
    let target = url("new-order");
    let long = json!({"identifiers": [], "filler": "x".repeat(64 * 1024)});
    world.post(&client, &target, long).refused(413, ProblemType::Malformed);
    let deep = (0..64).fold(json!(1), |deep, _| json!([deep]));
    world.post(&client, &target, json!({"identifiers": deep})).refused(400, ProblemType::Malformed);
    for body in ["", "{", "[]", "null", "\u{0}", &"[".repeat(60_000), "{}{}"] {
        let mut request = post(&target, &Value::Null);
        *request.body_mut() = body.as_bytes().to_vec();
        world.send(&request).refused(400, ProblemType::Malformed);
    }
}

/// §6.2, seen from our side: everything it asks of a request.
#[tokio::test]
async fn our_client_signs_as_the_section_says() {
    let ours = Ours::new().await;
    ours.client().issue(name("a.example")).await.unwrap();
    let signed = ours.signed();
    assert!(signed.len() >= 6);
    for sent in signed {
        let kinds = sent.request.headers().get_all("content-type");
        assert_eq!(kinds.iter().collect::<Vec<_>>(), ["application/jose+json"]);
        let members: Vec<_> = sent.jws.as_object().unwrap().keys().collect();
        assert_eq!(members, ["payload", "protected", "signature"], "flattened, all protected");
        let header = sent.protected.as_object().unwrap();
        let registers = sent.url().ends_with("/new-account");
        let key = if registers { "jwk" } else { "kid" };
        let mut fields = ["alg", key, "nonce", "url"];
        fields.sort_unstable();
        assert_eq!(header.keys().collect::<Vec<_>>(), fields);
        assert_eq!(header["alg"], "ES256");
        assert_eq!(decode(&sent.jws["signature"]).len(), 64);
    }
}

/// RFC 7518 §6.2.1.2, by way of §6.2: coordinates keep their leading zeros.
#[test]
fn our_keys_write_their_coordinates_in_full_width() {
    for _ in 0..300 {
        let jwk = json!(PrivateKey::generate(KeyType::EcdsaP256).unwrap().jwk());
        assert_eq!([decode(&jwk["x"]).len(), decode(&jwk["y"]).len()], [32, 32]);
    }
}

fn signed_text(client: &Client, protected: &str, payload: &str) -> Value {
    let (protected, payload) = (encode(protected), encode(payload));
    let signature = client.key.sign_now(format!("{protected}.{payload}").as_bytes()).unwrap();
    json!({ "protected": protected, "payload": payload, "signature": encode(signature) })
}
