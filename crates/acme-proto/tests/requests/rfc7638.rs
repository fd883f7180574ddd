use super::*;
use acme_proto::Jwk;
use support::Sha256;

#[test]
fn section_3_1_the_example_keys_thumbprint() {
    let key: Jwk = serde_json::from_value(json!({
        "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29",
        "n": "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1\
              L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4\
              QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbO\
              pbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csF\
              Cur-kEgU8awapJzKnqDKgw",
    }))
    .unwrap();
    let thumbprint = key.thumbprint(&Sha256);
    assert_eq!(thumbprint.as_str(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
}

#[test]
fn a_foreign_key_cannot_break_out_of_the_canonical_json() {
    let crafted = json!({ "kty": "EC", "crv": "P-256", "x": "AA\",\"y\":\"AA", "y": "AA" });
    assert!(serde_json::from_value::<Jwk>(crafted).is_err());
    let long = json!({ "kty": "RSA", "n": "A".repeat(10_000), "e": "AQAB" });
    assert!(serde_json::from_value::<Jwk>(long).is_err());
}

#[test]
fn a_private_half_is_lost_on_reading() {
    let private = json!({ "kty": "OKP", "crv": "Ed25519", "x": "AA", "d": "c2VjcmV0" });
    let key: Jwk = serde_json::from_value(private).unwrap();
    assert_eq!(serde_json::to_value(key).unwrap().get("d"), None);
}

#[test]
fn rfc7518_section_6_coordinates_keep_their_width_and_the_modulus_has_no_leading_zero() {
    let mut x = [7; 32];
    x[0] = 0;
    let ec = serde_json::to_value(Jwk::p256(&x, &[1; 32])).unwrap();
    assert_eq!(ec["x"].as_str().unwrap().len(), 43);
    let rsa = serde_json::to_value(Jwk::rsa(&[0, 0, 200, 1], &[0, 1, 0, 1])).unwrap();
    assert_eq!((&rsa["n"], &rsa["e"]), (&json!("yAE"), &json!("AQAB")));
}
