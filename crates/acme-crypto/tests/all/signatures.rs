//! JWS signatures as a server checks them.

use acme_crypto::{KeyType, PrivateKey, VerifyError, verify};
use acme_proto::{Algorithm, Jwk, Signer as _};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PSS_SHA256, RsaKeyPair};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde_json::{Value, json};

use crate::support::rsa_2048;

const MESSAGE: &[u8] = b"eyJhbGciOiJub25lIn0.e30";

const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::Rs256,
    Algorithm::Ps256,
    Algorithm::EdDsa,
];

fn keys() -> Vec<PrivateKey> {
    let made = [KeyType::EcdsaP256, KeyType::EcdsaP384, KeyType::EcdsaP521, KeyType::Ed25519];
    let made = made.into_iter().map(|key| PrivateKey::generate(key).unwrap());
    made.chain([rsa_2048()]).collect()
}

/// `key` with one member of its JSON changed.
fn changed(key: &PrivateKey, member: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Jwk {
    let mut json = serde_json::to_value(key.jwk()).unwrap();
    let bytes = Base64UrlUnpadded::decode_vec(json[member].as_str().unwrap()).unwrap();
    json[member] = Base64UrlUnpadded::encode_string(&change(bytes)).into();
    serde_json::from_value(json).unwrap()
}

fn is_bad_key(jwk: &Jwk, key: &PrivateKey) -> bool {
    let signature = key.sign_now(MESSAGE).unwrap();
    let verdict = verify(jwk, key.algorithm(), MESSAGE, &signature);
    matches!(verdict, Err(VerifyError::BadKey { .. }))
}

#[test]
fn what_each_type_of_key_signs_verifies_and_nothing_else() {
    for key in keys() {
        let signature = key.sign_now(MESSAGE).unwrap();
        let check = |message: &[u8], signature: &[u8]| {
            verify(key.jwk(), key.algorithm(), message, signature)
        };
        assert_eq!(check(MESSAGE, &signature), Ok(()), "{}", key.key_type());
        assert_eq!(check(b"x", &signature), Err(VerifyError::WrongSignature));
        assert_eq!(check(MESSAGE, b""), Err(VerifyError::WrongSignature));
        let longer = [&signature[..], &[0]].concat();
        assert_eq!(check(MESSAGE, &longer), Err(VerifyError::WrongSignature));
        for at in [0, signature.len() / 2, signature.len() - 1] {
            let mut flipped = signature.clone();
            flipped[at] ^= 1;
            assert_eq!(check(MESSAGE, &flipped), Err(VerifyError::WrongSignature));
        }
    }
}

#[test]
fn an_ecdsa_signature_in_der_is_none() {
    let key = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    let signature = key.sign_now(MESSAGE).unwrap();
    let mut der = vec![0x30, 0x44];
    for half in signature.chunks(32) {
        der.extend([2, 32]);
        der.extend(half);
    }
    let verdict = verify(key.jwk(), Algorithm::Es256, MESSAGE, &der);
    assert_eq!(verdict, Err(VerifyError::WrongSignature));
}

#[test]
fn the_algorithm_has_to_be_one_of_the_key() {
    for key in keys() {
        let signature = key.sign_now(MESSAGE).unwrap();
        for algorithm in ALGORITHMS {
            let verdict = verify(key.jwk(), algorithm, MESSAGE, &signature);
            let expected = match (key.key_type(), algorithm) {
                _ if algorithm == key.algorithm() => Ok(()),
                (KeyType::Rsa2048, Algorithm::Ps256) => Err(VerifyError::WrongSignature),
                _ => Err(VerifyError::WrongAlgorithm { algorithm }),
            };
            assert_eq!(verdict, expected, "{} {algorithm}", key.key_type());
        }
    }
}

#[test]
fn rsa_pss_verifies_under_its_own_name_only() {
    let key = rsa_2048();
    let pair = RsaKeyPair::from_pkcs8(&key.to_pkcs8_der()).unwrap();
    let mut signature = vec![0; pair.public_modulus_len()];
    let random = SystemRandom::new();
    pair.sign(&RSA_PSS_SHA256, &random, MESSAGE, &mut signature).unwrap();
    let check = |algorithm| verify(key.jwk(), algorithm, MESSAGE, &signature);
    assert_eq!(check(Algorithm::Ps256), Ok(()));
    assert_eq!(check(Algorithm::Rs256), Err(VerifyError::WrongSignature));
}

#[test]
fn a_key_that_is_not_in_its_one_form_is_refused() {
    let padded = |bytes: Vec<u8>| [vec![0], bytes].concat();
    let shortened = |mut bytes: Vec<u8>| {
        bytes.pop();
        bytes
    };
    let flipped = |mut bytes: Vec<u8>| {
        bytes[1] ^= 1;
        bytes
    };
    let ec = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    for member in ["x", "y"] {
        assert!(is_bad_key(&changed(&ec, member, padded), &ec));
        assert!(is_bad_key(&changed(&ec, member, shortened), &ec));
    }
    assert!(is_bad_key(&changed(&ec, "x", flipped), &ec), "off the curve");
    let rsa = rsa_2048();
    for member in ["n", "e"] {
        assert!(is_bad_key(&changed(&rsa, member, padded), &rsa));
    }
    let ed = PrivateKey::generate(KeyType::Ed25519).unwrap();
    assert!(is_bad_key(&changed(&ed, "x", shortened), &ed));
}

#[test]
fn a_key_of_an_odd_kind_is_refused() {
    let text = |length: usize| "A".repeat(length);
    let rsa = |bits: usize| {
        let n = Base64UrlUnpadded::encode_string(&vec![0xff; bits / 8]);
        json!({"kty": "RSA", "n": n, "e": "AQAB"})
    };
    let odd: [Value; 8] = [
        json!({"kty": "EC", "crv": "secp256k1", "x": text(43), "y": text(43)}),
        json!({"kty": "OKP", "crv": "X25519", "x": text(43)}),
        // Stray bits at the end of the text.
        json!({"kty": "OKP", "crv": "Ed25519", "x": format!("{}B", text(42))}),
        rsa(1024),
        rsa(8200),
        json!({"kty": "RSA", "n": rsa(2048)["n"], "e": "Ag"}),
        json!({"kty": "RSA", "n": rsa(2048)["n"], "e": "AQ"}),
        json!({"kty": "RSA", "n": rsa(2048)["n"], "e": "AQAAAAE"}),
    ];
    for json in odd {
        let jwk: Jwk = serde_json::from_value(json.clone()).unwrap();
        let verdict = verify(&jwk, jwk.algorithm(), MESSAGE, &[0; 64]);
        assert!(matches!(verdict, Err(VerifyError::BadKey { .. })), "{json} {verdict:?}");
    }
}
