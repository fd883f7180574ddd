//! RFC 8737: tls-alpn-01.

use lacme::Identifier;
use lacme::crypto::{Certificate, challenge_certificate};
use serde_json::Value;

use crate::world::{World, texts};

/// §3: the challenge is offered for DNS names, with a token, and not for wildcards.
#[test]
fn it_is_offered_for_hosts_with_a_token() {
    let mut world = World::new();
    let client = world.client();
    for (name, offered) in [("a.example", true), ("*.a.example", false)] {
        let (_, order) = world.order(&client, &[name]);
        let target = texts(&order["authorizations"]).remove(0);
        let authorization = world.read(&client, &target).json();
        let challenges = authorization["challenges"].as_array().unwrap();
        let found: Option<&Value> = challenges.iter().find(|c| c["type"] == "tls-alpn-01");
        assert_eq!(found.is_some(), offered, "{name}");
        assert!(found.is_none_or(|challenge| challenge["token"].is_string()));
    }
}

/// §3, our side: the certificate is self-signed, has the name alone, and the digest in a critical
/// acmeIdentifier extension.
#[test]
fn our_proof_is_a_self_signed_certificate_with_a_critical_digest() {
    let name = Identifier::parse("a.example").unwrap();
    let digest = [7; 32];
    let made = challenge_certificate(&name, &digest).unwrap();
    let der = made.certificate_der.as_slice();
    let certificate = Certificate::from_der(der).unwrap();
    assert!(certificate.is_self_signed());
    assert_eq!(certificate.identifiers(), [name]);
    // 1.3.6.1.5.5.7.1.31, TRUE, an OCTET STRING around an OCTET STRING of 32 octets.
    let extension =
        [&[6, 8, 0x2b, 6, 1, 5, 5, 7, 1, 31, 1, 1, 0xff, 4, 34, 4, 32][..], &digest].concat();
    assert!(der.windows(extension.len()).any(|part| part == extension));
}
