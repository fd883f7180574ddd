//! RFC 8738: IP addresses.

use lacme::crypto::CertificateChain;
use lacme::proto::proof;
use lacme::{ErrorKind, ProblemType};
use serde_json::json;

use crate::ours::{Ours, name};
use crate::world::{World, identifiers, texts, url};

/// §3: addresses are written as in RFC 1123 and RFC 5952, and no other way.
#[test]
fn an_address_in_another_spelling_is_refused() {
    let mut world = World::new();
    let client = world.client();
    for (value, good) in [
        ("192.0.2.1", true),
        ("2001:db8::1", true),
        ("192.0.2.01", false),
        ("192.0.2.1/32", false),
        ("2001:0db8::1", false),
        ("2001:DB8::1", false),
        ("2001:db8:0:0:0:0:0:1", false),
        ("[2001:db8::1]", false),
        ("1", false),
        ("a.example", false),
        ("*.192.0.2.1", false),
    ] {
        let payload = json!({"identifiers": [{"type": "ip", "value": value}]});
        let answer = world.post(&client, &url("new-order"), payload);
        match good {
            true => assert_eq!(answer.accepted(201)["identifiers"][0]["value"], value),
            false => drop(answer.refused(400, ProblemType::Malformed)),
        }
    }
}

/// §7: DNS proves nothing about an address.
#[test]
fn an_address_is_offered_no_dns_challenge() {
    let mut world = World::with(|config| config.caa_identities(["ca.example".to_owned()]));
    let client = world.client();
    let (_, order) = world.order(&client, &["192.0.2.1"]);
    let authorization = world.read(&client, &texts(&order["authorizations"])[0]).json();
    let challenges = authorization["challenges"].as_array().unwrap();
    let kinds: Vec<_> = challenges.iter().map(|c| c["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["http-01", "tls-alpn-01"]);
    assert_eq!(authorization["identifier"], json!({"type": "ip", "value": "192.0.2.1"}));
}

/// §3: the certificate has the addresses as iPAddress names.
#[test]
fn an_address_stands_in_the_certificate_as_address() {
    let mut world = World::new();
    let client = world.client();
    let names = ["192.0.2.1", "2001:db8::1", "a.example"];
    let (_, pem, key) = world.issue(&client, &names);
    let chain = CertificateChain::parse(pem.as_bytes()).unwrap();
    chain.check(key.public_key_der(), &identifiers(&names), false).unwrap();
}

/// §6: the server name of tls-alpn-01 is the address's reverse name.
#[test]
fn the_server_name_of_an_address_is_its_reverse_name() {
    assert_eq!(proof::reverse_name("192.0.2.1".parse().unwrap()), "1.2.0.192.in-addr.arpa");
    let long = proof::reverse_name("2001:db8::1".parse().unwrap());
    assert_eq!(long, format!("1.{}8.b.d.0.1.0.0.2.ip6.arpa", "0.".repeat(23)));
}

/// §7, our side: a DNS challenge for an address is refused before anything is sent.
#[tokio::test]
async fn our_client_proves_addresses_by_http() {
    let ours = Ours::new().await;
    ours.client().issue(name("192.0.2.1")).await.unwrap();
    let asked = ours.sent_to("new-order")[0].json();
    assert_eq!(asked["identifiers"], json!([{"type": "ip", "value": "192.0.2.1"}]));
    let ours = Ours::new().await;
    let client = ours.builder().challenge(lacme::ChallengeType::Dns01).build().unwrap();
    let error = client.issue(name("192.0.2.1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(ours.sent().is_empty());
}
