//! Keys on their way between the two libraries.

use acme_crypto::{AwsLc, KeyError, KeyType, PrivateKey};
use acme_josekit::josekit::jwk::Jwk;
use acme_josekit::josekit::jwk::alg::{ec::EcCurve, ecx::EcxCurve, ed::EdCurve};
use acme_josekit::{
    JwkError, PrivateJwkError, from_acme_jwk, from_private_key, to_acme_jwk, to_private_key,
};
use acme_proto::Signer as _;
use base64ct::{Base64UrlUnpadded, Encoding as _};
use proptest::collection::hash_map;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::support::{ALGORITHMS, key, keys};

fn octets(jwk: &Jwk, member: &str) -> Vec<u8> {
    let text = jwk.parameter(member).unwrap().as_str().unwrap();
    Base64UrlUnpadded::decode_vec(text).unwrap()
}

fn set(jwk: &Jwk, member: &str, octets: &[u8]) -> Jwk {
    with(jwk, member, json!(Base64UrlUnpadded::encode_string(octets)))
}

/// By serde, which lets pass what josekit's own constructors refuse.
fn unchecked(members: Value) -> Jwk {
    serde_json::from_value(members).unwrap()
}

fn with(jwk: &Jwk, member: &str, value: Value) -> Jwk {
    let mut members = jwk.as_ref().clone();
    members.insert(member.to_owned(), value);
    unchecked(members.into())
}

#[test]
fn every_key_comes_back_as_it_went() {
    for algorithm in ALGORITHMS {
        for key in keys(algorithm) {
            let jwk = from_private_key(&key).unwrap();
            let back = to_private_key(&jwk).unwrap();
            assert_eq!(back.to_pkcs8_der(), key.to_pkcs8_der());

            let public = to_acme_jwk(&jwk).unwrap();
            assert_eq!(&public, key.jwk());
            let there = from_acme_jwk(&public);
            assert_eq!(there.parameter("d"), None);
            assert_eq!(to_acme_jwk(&there).unwrap(), public);
        }
    }
}

#[test]
fn keys_that_josekit_made_are_taken() {
    let ec = [EcCurve::P256, EcCurve::P384, EcCurve::P521];
    let generated = ec.into_iter().map(|curve| Jwk::generate_ec_key(curve).unwrap()).chain([
        Jwk::generate_ed_key(EdCurve::Ed25519).unwrap(),
        Jwk::generate_rsa_key(2048).unwrap(),
    ]);
    for jwk in generated {
        let key = to_private_key(&jwk).unwrap();
        assert_eq!(key.jwk(), &to_acme_jwk(&jwk).unwrap());
    }
}

#[test]
fn leading_zeros_of_coordinates_and_secrets_survive() {
    for (key_type, tries) in
        [(KeyType::EcdsaP256, 50_000), (KeyType::EcdsaP521, 1_000), (KeyType::Ed25519, 50_000)]
    {
        let members: &[&str] = match key_type {
            KeyType::Ed25519 => &["x", "d"],
            _ => &["x", "y", "d"],
        };
        for member in members {
            let found = (0..tries).find_map(|_| {
                let key = PrivateKey::generate(key_type).unwrap();
                let jwk = from_private_key(&key).unwrap();
                (octets(&jwk, member)[0] == 0).then_some((key, jwk))
            });
            let (key, jwk) = found.expect("one key in 256 has it");
            assert_eq!(&to_acme_jwk(&jwk).unwrap(), key.jwk(), "{key_type} {member}");
            let back = to_private_key(&jwk).unwrap();
            assert_eq!(back.to_pkcs8_der(), key.to_pkcs8_der(), "{key_type} {member}");
        }
    }
}

#[test]
fn zeros_that_others_drop_or_add_do_not_change_the_thumbprint() {
    let (ec, key) = loop {
        let key = PrivateKey::generate(KeyType::EcdsaP521).unwrap();
        let jwk = from_private_key(&key).unwrap();
        if octets(&jwk, "x")[0] == 0 {
            break (jwk, key);
        }
    };
    let x = octets(&ec, "x");
    let padded = [&[0, 0][..], &x].concat();
    let rsa_key = crate::support::key(acme_proto::Algorithm::Rs256);
    let rsa = from_private_key(&rsa_key).unwrap();
    let n = [&[0][..], &octets(&rsa, "n")].concat();
    for (odd, key) in [
        (set(&ec, "x", &x[1..]), &key),
        (set(&ec, "x", &padded), &key),
        (set(&rsa, "n", &n), &rsa_key),
    ] {
        let ours = to_acme_jwk(&odd).unwrap();
        assert_eq!(ours.thumbprint(&AwsLc), key.jwk().thumbprint(&AwsLc));
    }
}

#[test]
fn halves_of_different_keys_are_refused() {
    for algorithm in ALGORITHMS {
        let [one, other] = match algorithm.as_str() {
            "RS256" | "PS256" => [2048, 2048].map(|bits| Jwk::generate_rsa_key(bits).unwrap()),
            _ => [(); 2].map(|()| from_private_key(&key(algorithm)).unwrap()),
        };
        let public = to_acme_jwk(&other).unwrap();
        let mixed = match serde_json::to_value(&public).unwrap() {
            Value::Object(members) => {
                members.into_iter().fold(one, |jwk, (member, value)| with(&jwk, &member, value))
            }
            _ => unreachable!("a JWK is an object"),
        };
        let refused = to_private_key(&mixed);
        assert!(refused.is_err(), "{algorithm}: {refused:?}");
    }
}

#[test]
fn what_acme_has_no_use_for_is_refused_by_name() {
    let refused = |jwk: Jwk| to_acme_jwk(&jwk).unwrap_err().to_string();
    let oct = refused(Jwk::generate_oct_key(32).unwrap());
    assert!(oct.starts_with("a JWK of type \"oct\""), "{oct}");
    for (jwk, curve) in [
        (Jwk::generate_ec_key(EcCurve::Secp256k1), "secp256k1"),
        (Jwk::generate_ed_key(EdCurve::Ed448), "Ed448"),
        (Jwk::generate_ecx_key(EcxCurve::X25519), "X25519"),
    ] {
        let error = refused(jwk.unwrap());
        assert!(error.contains(curve), "{error}");
    }
    let small = Jwk::generate_rsa_key(1024).unwrap();
    assert_eq!(to_private_key(&small).unwrap_err(), PrivateJwkError::Key(KeyError::RsaSize));
}

#[test]
fn damaged_members_are_refused_by_name() {
    let jwk = Jwk::generate_ec_key(EcCurve::P256).unwrap();
    let refused = |member: &str, value: Value| to_acme_jwk(&with(&jwk, member, value)).unwrap_err();
    let malformed = JwkError::Malformed { member: "x" };
    for text in ["", "=", "+/", "A", &"A".repeat(2732), &"_".repeat(64)] {
        assert_eq!(refused("x", json!(text)), malformed, "{text}");
    }
    assert_eq!(refused("x", json!(1)), JwkError::Missing { member: "x" });
    assert_eq!(
        to_private_key(&jwk.to_public_key().unwrap()).unwrap_err(),
        PrivateJwkError::Private
    );
}

#[test]
fn members_of_the_wrong_type_do_not_make_josekit_panic() {
    for algorithm in ALGORITHMS {
        let jwk = from_private_key(&key(algorithm)).unwrap();
        for member in ["alg", "kid", "use", "d"] {
            let odd = with(&jwk, member, json!(null));
            assert_eq!(to_private_key(&odd).unwrap_err(), PrivateJwkError::Private, "{member}");
        }
    }
}

proptest! {
    #[test]
    fn no_jwk_makes_it_panic_and_no_error_repeats_a_secret(
        mut members in hash_map(
            "kty|x|y|n|e|d|p|q|dp|dq|qi|use|key_ops|alg|kid",
            prop_oneof![Just(json!(null)), "[A-Za-z0-9_-]{0,90}|\\PC{0,40}".prop_map(Value::from)],
            0..12,
        ),
        kind in select(vec![("EC", "P-256"), ("EC", "P-521"), ("OKP", "Ed25519"), ("RSA", ""), ("", "")]),
    ) {
        let (kty, crv) = kind;
        if !kty.is_empty() {
            members.insert("kty".to_owned(), kty.into());
            members.insert("crv".to_owned(), crv.into());
        }
        if let Err(error) = to_private_key(&unchecked(json!(members))) {
            let told = format!("{error:?} {error}");
            for secret in ["d", "p", "q", "dp", "dq", "qi"] {
                let secret = members.get(secret).and_then(Value::as_str).unwrap_or("");
                prop_assert!(secret.len() < 8 || !told.contains(secret), "{told}");
            }
        }
    }
}
