//! Thumbprints (RFC 7638), which josekit does not know: computed anew here, from its reading of
//! the key and with another SHA-256.

use std::collections::BTreeMap;

use acme_crypto::AwsLc;
use acme_josekit::josekit::jwk::Jwk;
use acme_josekit::to_acme_jwk;
use acme_proto::Signer as _;
use base64ct::{Base64UrlUnpadded, Encoding as _};
use sha2::{Digest as _, Sha256};

use crate::support::{ALGORITHMS, keys, public_jwk_of};

/// Step by step as RFC 7638 §3 has it.
fn computed_anew(jwk: &Jwk) -> String {
    let required: &[&str] = match jwk.key_type() {
        "EC" => &["crv", "kty", "x", "y"],
        "RSA" => &["e", "kty", "n"],
        _ => &["crv", "kty", "x"],
    };
    let members: BTreeMap<_, _> =
        required.iter().map(|member| (member, jwk.parameter(member).unwrap())).collect();
    let json = serde_json::to_vec(&members).unwrap();
    Base64UrlUnpadded::encode_string(&Sha256::digest(json))
}

#[test]
fn every_thumbprint_is_the_one_computed_anew() {
    for algorithm in ALGORITHMS {
        for key in keys(algorithm) {
            let public = public_jwk_of(&key);
            let ours = key.jwk().thumbprint(&AwsLc);
            assert_eq!(ours.as_str(), computed_anew(&public));
            assert_eq!(to_acme_jwk(&public).unwrap().thumbprint(&AwsLc), ours);
        }
    }
}

#[test]
fn the_rfcs_examples_have_the_rfcs_thumbprints() {
    // RFC 7638 §3.1, with members that do not count; RFC 8037 appendix A.3, with the private half.
    let rsa = r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#;
    let ed25519 = r#"{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
    for (jwk, thumbprint) in [
        (rsa, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
        (ed25519, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
    ] {
        let jwk = Jwk::from_bytes(jwk).unwrap();
        let ours = to_acme_jwk(&jwk).unwrap().thumbprint(&AwsLc);
        assert_eq!(ours.as_str(), thumbprint);
        assert_eq!(computed_anew(&jwk), thumbprint);
    }
}
