//! RFC 8555 §7.4.2, §7.6 and RFC 9773: certificates, their revocation and renewal.

use std::time::{Duration, SystemTime};

use acme_crypto::{Certificate, CertificateChain, PrivateKey};
use acme_proto::{ProblemType, RenewalInfo, Window};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde_json::{Value, json};

use crate::harness::{Client, World, url};

fn leaf(world: &mut World, client: &Client, certificate: &str) -> Certificate {
    Certificate::from_pem(world.read(client, certificate).text().as_bytes()).unwrap()
}

fn revocation(certificate: &Certificate, reason: Value) -> Value {
    json!({"certificate": Base64UrlUnpadded::encode_string(certificate.der()), "reason": reason})
}

fn by_key(key: &PrivateKey) -> Client {
    Client { key: key.clone(), account: None }
}

#[test]
fn a_certificate_comes_as_chain_with_links_to_the_others() {
    let mut world = World::new();
    let client = world.client();
    let names = ["a.example", "*.a.example", "192.0.2.1"];
    let (_, certificate, key) = world.issue(&client, &names);
    let answer = world.read(&client, &certificate);
    assert_eq!(answer.header("content-type"), "application/pem-certificate-chain");
    let chain = CertificateChain::parse(answer.text().as_bytes()).unwrap();
    assert_eq!(chain.leaf().public_key_der(), key.public_key_der());
    let mut identifiers: Vec<_> =
        chain.leaf().identifiers().iter().map(|i| i.to_string()).collect();
    identifiers.sort();
    assert_eq!(identifiers, ["*.a.example", "192.0.2.1", "a.example"]);

    let alternates = answer.links("alternate");
    assert_eq!(alternates.len(), 1);
    let other = world.read(&client, &alternates[0]);
    assert_ne!(other.text(), answer.text());
    assert_eq!(other.links("alternate"), std::slice::from_ref(&certificate));
    let other = CertificateChain::parse(other.text().as_bytes()).unwrap();
    assert_eq!(other.leaf(), chain.leaf());
    world.read(&client, &format!("{certificate}/7")).refused(404, ProblemType::Malformed);
}

#[test]
fn the_account_that_ordered_revokes_once() {
    let mut world = World::new();
    let client = world.client();
    let (_, certificate, _) = world.issue(&client, &["a.example"]);
    let leaf = leaf(&mut world, &client, &certificate);
    let target = url("revoke-cert");
    for reason in [json!(7), json!(2), json!(6), json!(8), json!(256), json!(-1), json!("x")] {
        let answer = world.post(&client, &target, revocation(&leaf, reason));
        answer.refused(400, ProblemType::BadRevocationReason);
    }
    let answer = world.post(&client, &target, revocation(&leaf, json!(4)));
    assert_eq!((answer.status(), answer.text()), (200, String::new()));
    world
        .post(&client, &target, revocation(&leaf, json!(4)))
        .refused(400, ProblemType::AlreadyRevoked);
    let revoked: Vec<_> = world.server.revoked().collect();
    assert_eq!(revoked.len(), 1);
    assert_eq!(revoked[0].serial, leaf.serial());
    assert_eq!(revoked[0].reason.code(), 4);
}

#[test]
fn the_certificates_own_key_revokes_without_an_account() {
    let mut world = World::new();
    let client = world.client();
    let (_, certificate, key) = world.issue(&client, &["a.example"]);
    let leaf = leaf(&mut world, &client, &certificate);
    let target = url("revoke-cert");
    let stranger = Client::new();
    world
        .post(&stranger, &target, revocation(&leaf, json!(1)))
        .refused(403, ProblemType::Unauthorized);
    let account_key = Client { account: None, ..client };
    world
        .post(&account_key, &target, revocation(&leaf, json!(1)))
        .refused(403, ProblemType::Unauthorized);
    assert_eq!(world.post(&by_key(&key), &target, revocation(&leaf, Value::Null)).status(), 200);
}

#[test]
fn an_account_that_controls_every_name_revokes_too() {
    let mut world = World::new();
    let (owner, other) = (world.client(), world.client());
    let (_, certificate, _) = world.issue(&owner, &["a.example", "*.b.example"]);
    let leaf = leaf(&mut world, &owner, &certificate);
    let target = url("revoke-cert");
    let (_, order) = world.order(&other, &["a.example", "b.example"]);
    world.prove(&other, &order);
    world
        .post(&other, &target, revocation(&leaf, json!(0)))
        .refused(403, ProblemType::Unauthorized);
    let (_, order) = world.order(&other, &["*.b.example"]);
    world.prove(&other, &order);
    assert_eq!(world.post(&other, &target, revocation(&leaf, json!(0))).status(), 200);
}

#[test]
fn what_this_server_did_not_issue_it_does_not_revoke() {
    let mut world = World::new();
    let client = world.client();
    for (certificate, status) in [(json!("AAAA"), 404), (json!("a="), 400), (json!(7), 400)] {
        let answer =
            world.post(&client, &url("revoke-cert"), json!({ "certificate": certificate }));
        answer.refused(status, ProblemType::Malformed);
    }
}

#[test]
fn renewal_information_is_a_plain_get() {
    let mut world = World::new();
    let client = world.client();
    let (_, certificate, _) = world.issue(&client, &["a.example"]);
    let leaf = leaf(&mut world, &client, &certificate);
    let id = leaf.id().unwrap();
    let target =
        format!("{}/{id}", world.get(&url("directory")).json()["renewalInfo"].as_str().unwrap());
    let ask = |world: &mut World| -> RenewalInfo {
        let answer = world.get(&target);
        assert_eq!((answer.status(), &*answer.header("retry-after")), (200, "21600"));
        serde_json::from_value(answer.json()).unwrap()
    };
    let lifetime = leaf.not_after().duration_since(leaf.not_before()).unwrap();
    let usual = ask(&mut world).suggested_window;
    assert_eq!(usual.start, leaf.not_after() - lifetime / 3);
    assert!(usual.end < leaf.not_after());

    let at =
        |hours: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + hours * 3600);
    let window = Window::new(at(1), at(2)).unwrap();
    let page = "https://ca.example/incident".to_owned();
    let changes = world.server.set_renewal_window(&id, Some((window, Some(page.clone()))));
    assert_eq!(changes.len(), 1);
    let set = ask(&mut world);
    assert_eq!((set.suggested_window, set.explanation_url), (window, Some(page)));

    world.post(&client, &url("revoke-cert"), revocation(&leaf, json!(1)));
    assert!(ask(&mut world).suggested_window.end <= world.now, "at once");
    for unknown in ["AAAA.AAAA", "x", ""] {
        let target = url(&format!("renewal-info/{unknown}"));
        world.get(&target).refused(404, ProblemType::Malformed);
    }
}
