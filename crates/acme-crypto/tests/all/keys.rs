//! Private keys: reading, writing, signing, and their public halves.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use acme_crypto::{AwsLc, KeyError, KeyType, PrivateKey};
use acme_proto::{Algorithm, Jwk, Signer};
use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use base64ct::{Base64UrlUnpadded, Encoding as _};

use crate::support::{fixture, rsa_2048};

/// One key of each type; the large RSA ones from files, since making them takes seconds.
fn one_of_each() -> Vec<PrivateKey> {
    let made = |key_type| PrivateKey::generate(key_type).unwrap();
    let read = |pem| PrivateKey::from_pem(pem).unwrap();
    vec![
        made(KeyType::EcdsaP256),
        made(KeyType::EcdsaP384),
        made(KeyType::EcdsaP521),
        made(KeyType::Rsa2048),
        read(fixture!("rsa-3072.pem")),
        read(fixture!("rsa-4096.pem")),
        made(KeyType::Ed25519),
    ]
}

fn verifier(key_type: KeyType) -> &'static dyn VerificationAlgorithm {
    match key_type {
        KeyType::EcdsaP256 => &signature::ECDSA_P256_SHA256_FIXED,
        KeyType::EcdsaP384 => &signature::ECDSA_P384_SHA384_FIXED,
        KeyType::EcdsaP521 => &signature::ECDSA_P521_SHA512_FIXED,
        KeyType::Ed25519 => &signature::ED25519,
        _ => &signature::RSA_PKCS1_2048_8192_SHA256,
    }
}

fn decoded(base64url: &str) -> Vec<u8> {
    Base64UrlUnpadded::decode_vec(base64url).unwrap()
}

#[test]
fn each_type_survives_pem_and_der() {
    let keys = one_of_each();
    assert_eq!(keys.iter().map(PrivateKey::key_type).collect::<Vec<_>>(), KeyType::ALL);
    for key in keys {
        let pem = key.to_pkcs8_pem();
        assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
        for again in [
            PrivateKey::from_pem(&pem).unwrap(),
            PrivateKey::from_pkcs8_der(&key.to_pkcs8_der()).unwrap(),
        ] {
            assert_eq!(again.key_type(), key.key_type());
            assert_eq!(again.public_key_der(), key.public_key_der());
            assert_eq!(again.jwk(), key.jwk());
        }
    }
}

#[test]
fn each_type_signs_what_its_public_key_verifies() {
    for key in one_of_each() {
        let message = b"eyJhbGciOiJub25lIn0.e30";
        let signature = key.sign_now(message).unwrap();
        let public = UnparsedPublicKey::new(verifier(key.key_type()), key.public_key_der());
        assert_eq!(public.verify(message, &signature), Ok(()), "{}", key.key_type());
        assert!(public.verify(b"another message", &signature).is_err());
    }
}

#[test]
fn a_signer_names_the_algorithm_and_is_ready_at_once() {
    let key = PrivateKey::generate(KeyType::EcdsaP521).unwrap();
    let signer: &dyn Signer = &key;
    assert_eq!(signer.algorithm(), Algorithm::Es512);
    let signing = pin!(signer.sign(b"message"));
    let Poll::Ready(signature) = signing.poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("a key in memory need not wait");
    };
    assert_eq!(signature.unwrap().len(), 132);
}

#[test]
fn openssl_keys_are_read_in_every_format() {
    for (pem, key_type) in [
        (fixture!("ec-p256-sec1.pem"), KeyType::EcdsaP256),
        (fixture!("ec-p384-sec1.pem"), KeyType::EcdsaP384),
        (fixture!("ec-p521-sec1.pem"), KeyType::EcdsaP521),
        (fixture!("rsa-2048-pkcs1.pem"), KeyType::Rsa2048),
        (fixture!("rsa-3072.pem"), KeyType::Rsa3072),
        (fixture!("rsa-4096.pem"), KeyType::Rsa4096),
        (fixture!("ed25519.pem"), KeyType::Ed25519),
    ] {
        let key = PrivateKey::from_pem(pem).unwrap();
        assert_eq!(key.key_type(), key_type);
        let crlf = PrivateKey::from_pem(&pem.replace('\n', "\r\n")).unwrap();
        assert_eq!(crlf.public_key_der(), key.public_key_der());
    }
}

#[test]
fn a_compressed_point_in_the_file_leaves_no_trace() {
    let plain = PrivateKey::from_pem(fixture!("ec-p256-sec1.pem")).unwrap();
    let compressed = PrivateKey::from_pem(fixture!("ec-p256-compressed.pem")).unwrap();
    assert_eq!(compressed.public_key_der(), plain.public_key_der());
    assert_eq!(compressed.jwk(), plain.jwk());
}

#[test]
fn certificates_beside_the_key_are_ignored() {
    let key = fixture!("ed25519.pem");
    let both = format!("friendly name: web\n{}{key}", fixture!("rfc9773.pem"));
    assert_eq!(PrivateKey::from_pem(&both).unwrap().key_type(), KeyType::Ed25519);
}

#[test]
fn unusable_keys_are_refused_each_for_its_own_reason() {
    let refused = |pem: &str| PrivateKey::from_pem(pem).unwrap_err();
    let key = fixture!("ed25519.pem");

    assert_eq!(refused(""), KeyError::NoKey);
    assert_eq!(refused(fixture!("rfc9773.pem")), KeyError::NoKey);
    assert_eq!(refused(&format!("{key}{key}")), KeyError::SeveralKeys);
    assert_eq!(refused(fixture!("encrypted-pkcs8.pem")), KeyError::Encrypted);
    assert_eq!(refused(fixture!("encrypted-sec1.pem")), KeyError::Encrypted);
    assert_eq!(refused(fixture!("openssh.pem")), KeyError::OpenSsh);
    assert_eq!(refused(fixture!("secp256k1.pem")), KeyError::UnsupportedType);
    assert_eq!(refused(&key.replace("PRIVATE", "DSA PRIVATE")), KeyError::UnsupportedType);
    assert_eq!(refused(fixture!("rsa-1024.pem")), KeyError::RsaSize);
    assert_eq!(refused(fixture!("rsa-2304.pem")), KeyError::RsaSize);
    assert_eq!(refused(&key.replace("MC4C", "MC4D")), KeyError::Malformed);
    assert_eq!(refused(&key.replace("PRIVATE", "EC PRIVATE")), KeyError::Malformed);
    assert_eq!(refused(&"\n".repeat(70_000)), KeyError::TooLarge);
    assert!(matches!(refused(&key[..60]), KeyError::Pem(_)));
}

#[test]
fn neither_debug_nor_errors_show_the_key() {
    let pem = fixture!("ed25519.pem");
    let secret = pem.lines().nth(1).unwrap();
    let key = PrivateKey::from_pem(pem).unwrap();
    let thumbprint = key.jwk().thumbprint(&AwsLc);
    let shown = format!("{key:?}");
    assert_eq!(
        shown,
        format!("PrivateKey {{ key_type: Ed25519, thumbprint: \"{thumbprint}\", .. }}")
    );

    let damaged = pem.replace(secret, &format!("{secret}!"));
    let error = PrivateKey::from_pem(&damaged).unwrap_err();
    assert!(!format!("{error:?} {error}").contains(&secret[..20]));
}

/// RFC 8037 appendix A.1 to A.4.
#[test]
fn ed25519_gives_the_key_thumbprint_and_signature_of_rfc_8037() {
    let mut pkcs8 = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    pkcs8.extend(decoded("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"));
    let key = PrivateKey::from_pkcs8_der(&pkcs8).unwrap();

    let public = decoded("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    assert_eq!(*key.jwk(), Jwk::ed25519(&public.try_into().unwrap()));
    let thumbprint = key.jwk().thumbprint(&AwsLc);
    assert_eq!(thumbprint.as_str(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    let signature = key.sign_now(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc");
    assert_eq!(
        Base64UrlUnpadded::encode_string(&signature.unwrap()),
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    );
}

/// RFC 7638 §3.1.
#[test]
fn an_rsa_thumbprint_is_that_of_rfc_7638() {
    let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    let jwk = Jwk::rsa(&decoded(n), &decoded("AQAB"));
    let thumbprint = jwk.thumbprint(&AwsLc);
    assert_eq!(thumbprint.as_str(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn an_rsa_jwk_has_no_leading_zeros() {
    let jwk = serde_json::to_value(rsa_2048().jwk()).unwrap();
    assert_eq!(jwk["e"], "AQAB");
    let n = decoded(jwk["n"].as_str().unwrap());
    assert_eq!((n.len(), n[0] >= 0x80), (256, true));
}

#[test]
fn coordinates_keep_their_width_when_they_begin_with_zeros() {
    for (key_type, width) in
        [(KeyType::EcdsaP256, 32), (KeyType::EcdsaP384, 48), (KeyType::EcdsaP521, 66)]
    {
        // One key in 256 begins with a zero octet (P-521: one in two).
        let found = (0..10_000).find_map(|_| {
            let key = PrivateKey::generate(key_type).unwrap();
            let jwk = serde_json::to_value(key.jwk()).unwrap();
            let [x, y] = ["x", "y"].map(|name| decoded(jwk[name].as_str().unwrap()));
            assert_eq!((x.len(), y.len()), (width, width));
            let point = key.public_key_der();
            assert!(point.ends_with(&[x.as_slice(), &y].concat()));
            (x[0] == 0).then_some(())
        });
        assert!(found.is_some(), "{key_type}");
    }
}

#[test]
fn signatures_keep_their_width_when_they_begin_with_zeros() {
    let key = PrivateKey::from_pem(fixture!("ec-p256-sec1.pem")).unwrap();
    let public = UnparsedPublicKey::new(verifier(key.key_type()), key.public_key_der());
    let found = (0..10_000).find(|_| {
        let signature = key.sign_now(b"message").unwrap();
        assert_eq!(signature.len(), 64);
        let begins_with_zero = signature[0] == 0 || signature[32] == 0;
        assert!(!begins_with_zero || public.verify(b"message", &signature).is_ok());
        begins_with_zero
    });
    assert!(found.is_some());
}
