//! Signatures of many keys, each way: numbers with leading zeros come by themselves.

use acme_crypto::{HmacKey, verify};
use acme_josekit::josekit::jws::{HS256, HS384, HS512, JwsSigner, JwsVerifier};
use acme_josekit::{from_acme_jwk, from_private_key, to_acme_jwk};
use acme_proto::{Algorithm, Mac as _, MacAlgorithm, Signer as _};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde_json::json;

use crate::support::{
    ALGORITHMS, MACS, NONCE, josekit_jws, josekit_signer, josekit_verifier, keys, taken_apart,
};

/// One in 128 ECDSA signatures has a number with a leading zero octet.
const SIGNATURES: usize = 16;

#[test]
fn josekit_verifies_what_we_sign() {
    for algorithm in ALGORITHMS {
        if algorithm == Algorithm::Ps256 {
            continue; // our own keys sign RS256
        }
        for key in keys(algorithm) {
            let verifier = josekit_verifier(algorithm.as_str(), &from_acme_jwk(key.jwk()));
            for length in 0..SIGNATURES {
                let message = vec![b'm'; length];
                let signature = key.sign_now(&message).unwrap();
                verifier.verify(&message, &signature).unwrap();
                assert!(verifier.verify(b"another", &signature).is_err());
            }
        }
    }
}

#[test]
fn we_verify_what_josekit_lays_out_and_signs() {
    for algorithm in ALGORITHMS {
        for key in keys(algorithm) {
            let jwk = from_private_key(&key).unwrap();
            let signer = josekit_signer(algorithm, &jwk);
            let public = to_acme_jwk(&jwk).unwrap();
            for length in 0..SIGNATURES {
                let header = json!({
                    "alg": algorithm,
                    "jwk": public,
                    "nonce": NONCE,
                    "url": "https://ca.example/account",
                });
                let jws = josekit_jws(&header, &vec![b'm'; length], &*signer);
                let (input, mut signature) = taken_apart(&jws);
                verify(&public, algorithm, input.as_bytes(), &signature).unwrap();
                let other = verify(&public, algorithm, b"another", &signature);
                assert!(other.is_err(), "{algorithm}");
                signature[0] ^= 0x40;
                let changed = verify(&public, algorithm, input.as_bytes(), &signature);
                assert!(changed.is_err(), "{algorithm}");
            }
        }
    }
}

#[test]
fn macs_agree_each_way() {
    for algorithm in MACS {
        for secret in [vec![0; 64], vec![0xff; 64], (0..100).collect()] {
            let (theirs, their_verifier) = josekit_mac(algorithm, &secret);
            let ours = HmacKey::from_base64url(&Base64UrlUnpadded::encode_string(&secret));
            let ours = ours.unwrap().with_algorithm(algorithm);

            their_verifier.verify(b"m", &ours.mac(b"m")).unwrap();
            assert!(their_verifier.verify(b"n", &ours.mac(b"m")).is_err());

            let header = json!({ "kid": "customer 1", "url": "https://ca.example/account" });
            let jws = josekit_jws(&header, b"{}", &*theirs);
            let (input, tag) = taken_apart(&jws);
            assert!(ours.verify(input.as_bytes(), &tag));
            assert!(!ours.verify(b"another", &tag));
        }
    }
}

fn josekit_mac(
    algorithm: MacAlgorithm,
    secret: &[u8],
) -> (Box<dyn JwsSigner>, Box<dyn JwsVerifier>) {
    let theirs = match algorithm {
        MacAlgorithm::Hs384 => HS384,
        MacAlgorithm::Hs512 => HS512,
        _ => HS256,
    };
    (
        Box::new(theirs.signer_from_bytes(secret).unwrap()),
        Box::new(theirs.verifier_from_bytes(secret).unwrap()),
    )
}
