//! RFC 8555 §7.4: from an order to its certificate.

use std::time::{Duration, SystemTime};

use lacme::crypto::{CertificateChain, CsrOptions, certificate_signing_request};
use lacme::proto::Resource;
use lacme::{ErrorKind, KeyType, PrivateKey, ProblemType};
use lacme_ca::Profile;
use lacme_ca::testing::{Fault, FaultScript};
use serde_json::{Value, json};

use crate::ours::{Ours, name};
use crate::world::{World, csr, encode, identifiers, order, texts, url};

fn new_key() -> PrivateKey {
    PrivateKey::generate(KeyType::EcdsaP256).unwrap()
}

/// §7.4: a new order is answered with 201, itself, and its URL in Location.
#[test]
fn a_new_order_is_created_with_a_location() {
    let mut world = World::new();
    let client = world.client();
    let answer = world.post(&client, &url("new-order"), order(&["a.example", "b.example"]));
    let order = answer.accepted(201);
    assert_eq!(order["status"], "pending");
    assert_eq!(order["authorizations"].as_array().unwrap().len(), 2);
    let location = answer.header("location");
    assert_eq!(world.read(&client, &location).accepted(200), order);
}

/// §7.4: an order needs identifiers; unknown fields are ignored.
#[test]
fn an_order_without_identifiers_is_refused() {
    let mut world = World::new();
    let client = world.client();
    let many: Vec<_> = (0..101).map(|n| format!("n{n}.example")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    for payload in [
        json!({}),
        json!({"identifiers": []}),
        json!({"identifiers": {}}),
        json!({"identifiers": ["a.example"]}),
        json!({"identifiers": [{"type": "dns"}]}),
        json!({"identifiers": [{"type": "dns", "value": 7}]}),
        order(&many),
    ] {
        world.post(&client, &url("new-order"), payload).refused(400, ProblemType::Malformed);
    }
    let mut payload = order(&["a.example"]);
    payload["moon"] = json!({"phase": [1]});
    world.post(&client, &url("new-order"), payload).accepted(201);
}

/// §7.4: an identifier that cannot stand in a certificate is malformed, one of an unknown type
/// unsupportedIdentifier.
#[test]
fn identifiers_that_are_none_are_refused() {
    use ProblemType::{Malformed, UnsupportedIdentifier};
    let mut world = World::new();
    let client = world.client();
    for (kind, value, problem) in [
        ("dns", "a..example", Malformed),
        ("dns", "a.example.", Malformed),
        ("dns", "", Malformed),
        ("dns", "*.*.example", Malformed),
        ("dns", "a.*.example", Malformed),
        ("dns", "b\u{fc}cher.example", Malformed),
        ("dns", "192.0.2.1", Malformed),
        ("dns", "-a.example", Malformed),
        ("dns", "a b.example", Malformed),
        ("dns", &"a".repeat(300), Malformed),
        ("email", "a@b.example", UnsupportedIdentifier),
    ] {
        let payload = json!({"identifiers": [{"type": kind, "value": value}]});
        let answer = world.post(&client, &url("new-order"), payload);
        assert_eq!(answer.status(), 400, "{value}: {answer:?}");
        answer.refused(400, problem);
    }
}

/// §7.4: notBefore and notAfter are kept, or the order is refused.
#[test]
fn wished_times_are_kept_or_refused() {
    let mut world = World::new();
    let client = world.client();
    let with = |begin: &str, end: &str| {
        let mut payload = order(&["a.example"]);
        (payload["notBefore"], payload["notAfter"]) = (json!(begin), json!(end));
        payload
    };
    let good = world
        .post(&client, &url("new-order"), with("2027-01-20T00:00:00Z", "2027-02-20T00:00:00Z"))
        .accepted(201);
    assert_eq!(good["notBefore"], "2027-01-20T00:00:00Z");
    assert_eq!(good["notAfter"], "2027-02-20T00:00:00Z");
    for bad in [
        with("2027-02-20T00:00:00Z", "2027-01-20T00:00:00Z"),
        with("yesterday", "tomorrow"),
        with("2027-01-20T00:00:00Z", "2099-01-20T00:00:00Z"),
    ] {
        world.post(&client, &url("new-order"), bad).refused(400, ProblemType::Malformed);
    }
}

/// §7.4: an order is its owner's alone, with all that belongs to it.
#[test]
fn everything_of_an_order_is_closed_to_other_accounts() {
    let mut world = World::new();
    let (owner, thief) = (world.client(), world.client());
    let (order_url, ready) = world.ready_order(&owner, &["a.example"]);
    let (_, pending) = world.order(&owner, &["c.example"]);
    let (certificate, ..) = world.issue(&owner, &["b.example"]);
    let authorization = texts(&pending["authorizations"]).remove(0);
    let challenge = world.challenge(&owner, &authorization);
    let finalize = ready["finalize"].as_str().unwrap().to_owned();
    let deactivate = json!({"status": "deactivated"});
    for (target, payload) in [
        (&order_url, Value::Null),
        (&finalize, csr(&new_key(), &["a.example"])),
        (&authorization, Value::Null),
        (&authorization, deactivate),
        (&challenge, Value::Null),
        (&challenge, json!({})),
        (&certificate, Value::Null),
        (&format!("{certificate}/1"), Value::Null),
    ] {
        world.post(&thief, target, payload).refused(403, ProblemType::Unauthorized);
    }
    assert!(world.jobs.is_empty());
    assert_eq!(world.read(&owner, &order_url).json()["status"], "ready");
}

/// §7.4: finalizing an order that is not ready is 403 orderNotReady, whatever else is wrong.
#[test]
fn an_order_that_is_not_ready_is_not_finalized() {
    let mut world = World::new();
    let client = world.client();
    let (_, pending) = world.order(&client, &["a.example"]);
    let finalize = pending["finalize"].as_str().unwrap();
    let request = csr(&new_key(), &["a.example"]);
    let refused = world.post(&client, finalize, request.clone());
    refused.refused(403, ProblemType::OrderNotReady);
    let (_, ready) = world.ready_order(&client, &["b.example"]);
    let finalize = ready["finalize"].as_str().unwrap();
    let request = csr(&new_key(), &["b.example"]);
    world.post(&client, finalize, request.clone()).accepted(200);
    world.post(&client, finalize, request.clone()).refused(403, ProblemType::OrderNotReady);
    world.work(Ok(()));
    world.post(&client, finalize, request).refused(403, ProblemType::OrderNotReady);
}

/// §7.4: the answer to finalize is the order, with Retry-After while it is processing.
#[test]
fn a_processing_order_says_when_to_look_again() {
    let mut world = World::new();
    let client = world.client();
    let (order_url, ready) = world.ready_order(&client, &["a.example"]);
    let finalize = ready["finalize"].as_str().unwrap();
    let answer = world.post(&client, finalize, csr(&new_key(), &["a.example"]));
    assert_eq!(answer.accepted(200)["status"], "processing");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.header("location"), order_url);
    assert_eq!(world.read(&client, &order_url).header("retry-after"), "1");
    world.work(Ok(()));
    let done = world.read(&client, &order_url);
    assert!(done.accepted(200)["certificate"].is_string() && !done.has("retry-after"));
}

/// §7.4: a CSR names exactly the order's identifiers.
#[test]
fn a_csr_with_other_names_is_refused() {
    let mut world = World::new();
    let client = world.client();
    let (order_url, ready) = world.ready_order(&client, &["a.example", "*.b.example"]);
    let finalize = ready["finalize"].as_str().unwrap();
    let too_many = ["a.example", "*.b.example", "c.example"];
    for names in [&["a.example"][..], &too_many, &["a.example", "b.example"], &["c.example"]] {
        let refused = world.post(&client, finalize, csr(&new_key(), names));
        refused.refused(400, ProblemType::BadCsr);
    }
    assert_eq!(world.read(&client, &order_url).json()["status"], "ready", "the order stays ready");
    let swapped = csr(&new_key(), &["*.b.example", "a.example"]);
    world.post(&client, finalize, swapped).accepted(200);
}

/// Asks for a.example, and for z.example in its subject.
const TWO_NAMES: &str = "\
    MIH2MIGdAgEAMBQxEjAQBgNVBAMMCXouZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABCAJmvhAjqNpjp\
    f7alqkoW9eKpBomEglV8GkS2rWmZkB2ciR5dUyBySkoAjqVsuMVcetCkYUIpoyWSJ7fNhRGGigJzAlBgkqhkiG9w0B\
    CQ4xGDAWMBQGA1UdEQQNMAuCCWEuZXhhbXBsZTAKBggqhkjOPQQDAgNIADBFAiBmTekoz2dqjzNumnsNRWcgSJG3FU\
    bW8yaKlQvhpOL6IAIhAIY2yuSAwU3bUcpSWtNe6xkIG4m7T9IrH88ysu4s6CnR";

/// §7.4: a name in the CSR's subject counts as one that is asked for.
#[test]
fn a_common_name_that_was_not_ordered_is_refused() {
    let mut world = World::new();
    let client = world.client();
    let (_, one) = world.ready_order(&client, &["a.example"]);
    let refused = world.post(&client, one["finalize"].as_str().unwrap(), json!({"csr": TWO_NAMES}));
    refused.refused(400, ProblemType::BadCsr);
    let (_, both) = world.ready_order(&client, &["a.example", "z.example"]);
    let finalize = both["finalize"].as_str().unwrap();
    world.post(&client, finalize, json!({ "csr": TWO_NAMES })).accepted(200);
}

/// §7.4: a CSR is PKCS#10 in base64url DER, signed by its own key.
#[test]
fn a_csr_that_cannot_be_read_or_trusted_is_refused() {
    use ProblemType::{BadCsr, Malformed};
    let mut world = World::new();
    let client = world.client();
    let (order_url, ready) = world.ready_order(&client, &["a.example"]);
    let finalize = ready["finalize"].as_str().unwrap();
    let good = certificate_signing_request(
        &new_key(),
        &identifiers(&["a.example"]),
        &CsrOptions::default(),
    )
    .unwrap();
    let mut forged = good.clone();
    let last = forged.len() - 1;
    forged[last] ^= 1;
    let trailing = [good.as_slice(), &[0]].concat();
    for (payload, kind) in [
        (json!({}), Malformed),
        (json!({"csr": 7}), Malformed),
        (json!({"csr": "a+b/"}), Malformed),
        (json!({"csr": format!("{}=", encode(b"ab"))}), Malformed),
        (json!({"csr": ""}), BadCsr),
        (json!({"csr": encode(b"junk")}), BadCsr),
        (json!({"csr": encode(&good[..good.len() / 2])}), BadCsr),
        (json!({"csr": encode(forged)}), BadCsr),
        (json!({"csr": encode(trailing)}), BadCsr),
    ] {
        let answer = world.post(&client, finalize, payload.clone());
        assert_eq!(answer.status(), 400, "{payload}: {answer:?}");
        answer.refused(400, kind);
    }
    assert_eq!(world.read(&client, &order_url).json()["status"], "ready");
}

/// §7.4: a profile is one that the directory lists (draft-ietf-acme-profiles).
#[test]
fn a_profile_that_is_not_offered_is_refused() {
    let mut world = World::with(|config| config.profile("short", Profile::new("six days")));
    let listed = world.get(&url("directory")).json();
    assert_eq!(listed["meta"]["profiles"], json!({"short": "six days"}));
    let client = world.client();
    let with = |profile: Value| {
        let mut payload = order(&["a.example"]);
        payload["profile"] = profile;
        payload
    };
    let placed = world.post(&client, &url("new-order"), with(json!("short"))).accepted(201);
    assert_eq!(placed["profile"], "short");
    for profile in [json!("long"), json!(7), json!("")] {
        let refused = world.post(&client, &url("new-order"), with(profile));
        refused.refused(400, ProblemType::InvalidProfile);
    }
}

/// §7.4.1: a new authorization is 201 with Location; it serves a later order.
#[test]
fn an_identifier_can_be_authorized_ahead_of_an_order() {
    let mut world = World::new();
    let client = world.client();
    let wanted = || json!({"identifier": {"type": "dns", "value": "a.example"}});
    let answer = world.post(&client, &url("new-authz"), wanted());
    assert_eq!(answer.accepted(201)["status"], "pending");
    let authorization = answer.header("location");
    let challenge = world.challenge(&client, &authorization);
    world.post(&client, &challenge, json!({})).accepted(200);
    world.work(Ok(()));
    let (_, order) = world.order(&client, &["a.example"]);
    assert_eq!(order["status"], "ready");
    assert_eq!(order["authorizations"], json!([authorization]));
    let again = world.post(&client, &url("new-authz"), wanted());
    assert_eq!((again.status(), again.header("location")), (200, authorization));
}

/// §7.4.1: a wildcard is no identifier for newAuthz, and bad ones are refused as in orders.
#[test]
fn a_wildcard_is_not_authorized_ahead_of_an_order() {
    use ProblemType::{Malformed, UnsupportedIdentifier};
    let mut world = World::new();
    let client = world.client();
    for (identifier, kind) in [
        (json!({"type": "dns", "value": "*.a.example"}), Malformed),
        (json!({"type": "dns", "value": "a..example"}), Malformed),
        (json!({"type": "moon", "value": "a.example"}), UnsupportedIdentifier),
        (json!("a.example"), Malformed),
        (Value::Null, Malformed),
    ] {
        let payload = json!({ "identifier": identifier });
        world.post(&client, &url("new-authz"), payload).refused(400, kind);
    }
}

/// §7.4.1: a server that does not offer it has no such resource.
#[test]
fn a_server_without_new_authz_answers_not_found() {
    let mut world = World::with(|config| config.new_authorizations(false));
    let client = world.client();
    let payload = json!({"identifier": {"type": "dns", "value": "a.example"}});
    world.post(&client, &url("new-authz"), payload).refused(404, ProblemType::Malformed);
}

/// §7.4.2: the certificate is a PEM chain, with links to alternates of the same leaf.
#[test]
fn a_certificate_links_to_its_alternates() {
    let mut world = World::new();
    let client = world.client();
    let (certificate, chain, key) = world.issue(&client, &["a.example"]);
    let answer = world.read(&client, &certificate);
    assert_eq!(answer.header("content-type"), "application/pem-certificate-chain");
    let alternates = answer.links("alternate");
    assert_eq!(alternates.len(), 1);
    let other = world.read(&client, &alternates[0]);
    assert_eq!(other.status(), 200);
    assert_eq!(other.links("alternate"), [certificate]);
    let chains =
        [&chain, &other.text()].map(|pem| CertificateChain::parse(pem.as_bytes()).unwrap());
    for chain in &chains {
        chain.check(key.public_key_der(), &identifiers(&["a.example"]), false).unwrap();
    }
    assert_eq!(chains[0].leaf(), chains[1].leaf());
    assert_ne!(chains[0].pem(), chains[1].pem());
}

/// §7.4.2: certificates that are not there are not found.
#[test]
fn there_is_no_certificate_before_it_is_issued() {
    let mut world = World::new();
    let client = world.client();
    let (order_url, _) = world.ready_order(&client, &["a.example"]);
    let certificate = order_url.replace("/order/", "/certificate/");
    world.read(&client, &certificate).refused(404, ProblemType::Malformed);
    let (certificate, ..) = world.issue(&client, &["b.example"]);
    world.read(&client, &format!("{certificate}/9")).refused(404, ProblemType::Malformed);
}

/// §7.4, our side: the order is finalized once, after every name is proven, and the certificate is
/// asked for as the PEM chain that the RFC names.
#[tokio::test]
async fn our_client_finalizes_a_ready_order_once() {
    let ours = Ours::with(|config| config.answers_processing(true).retry_after(0)).await;
    let names = identifiers(&["a.example", "b.example"]);
    ours.client().issue(names).await.unwrap();
    let finalized = ours.sent_to("finalize/");
    assert_eq!(finalized.len(), 1);
    assert_eq!(finalized[0].json().as_object().unwrap().keys().collect::<Vec<_>>(), ["csr"]);
    let before = ours.sent().iter().position(|sent| sent.url() == finalized[0].url()).unwrap();
    let seen_ready = ours.sent()[..before].iter().any(|sent| {
        let body = sent.answer.as_ref().map(|a| String::from_utf8_lossy(a.body()).into_owned());
        sent.url().contains("/order/") && body.is_some_and(|body| body.contains("\"ready\""))
    });
    assert!(seen_ready);
    let download = ours.sent_to("certificate/").pop().unwrap();
    assert_eq!(download.request.headers()["accept"], "application/pem-certificate-chain");
}

/// §7.4, our side: orderNotReady means to look at the order again.
#[tokio::test]
async fn our_client_looks_again_at_an_order_that_is_not_ready() {
    let not_ready = Fault::status(403).problem(ProblemType::OrderNotReady, "not yet");
    let ours = Ours::faulty(FaultScript::new(7).first(1, Resource::Finalize, not_ready)).await;
    ours.client().issue(name("a.example")).await.unwrap();
    assert_eq!(ours.sent_to("finalize/").len(), 2);
    assert_eq!(ours.sent_to("new-order").len(), 1);
}

/// §7.4, our side: an order that starts ready is not proven again.
#[tokio::test]
async fn our_client_does_not_prove_what_is_proven() {
    let ours = Ours::new().await;
    let client = ours.client();
    client.issue(name("a.example")).await.unwrap();
    client.issue(name("a.example")).force(true).await.unwrap();
    assert_eq!(ours.sent_to("challenge/").len(), 1);
    assert_eq!(ours.sent_to("new-order").len(), 2);
}

/// §7.4, our side: times are asked for in RFC 3339.
#[tokio::test]
async fn our_client_asks_for_times_as_the_rfc_writes_them() {
    let ours = Ours::new().await;
    let end = SystemTime::now() + Duration::from_secs(10 * 86_400);
    let issued = ours.client().issue(name("a.example")).not_after(end).await.unwrap();
    let asked = ours.sent_to("new-order")[0].json()["notAfter"].as_str().unwrap().to_owned();
    assert!(asked.len() == 20 && asked.ends_with('Z'), "{asked}");
    let given = issued.certificate.meta.not_after.unwrap();
    assert!(given <= end && end.duration_since(given).unwrap() < Duration::from_secs(2));
}

/// §7.4.2, our side: a preferred chain is found among the alternates.
#[tokio::test]
async fn our_client_finds_the_chain_that_it_prefers() {
    let ours = Ours::new().await;
    let client = ours.client();
    let issued = client.issue(name("a.example")).preferred_chain("nobody's root").await.unwrap();
    assert_eq!(issued.warnings.len(), 1, "its default chain, with a warning");
    assert_eq!(ours.sent_to("certificate/").len(), 2, "one alternate was looked at");
}

/// §7.4, our side: a refused CSR is the CA's refusal, and the caller reads why.
#[tokio::test]
async fn our_client_passes_on_why_its_csr_was_refused() {
    let bad = Fault::status(400).problem(ProblemType::BadCsr, "no such key type");
    let ours = Ours::faulty(FaultScript::new(7).every(Resource::Finalize, bad)).await;
    let error = ours.client().issue(name("a.example")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ca);
    assert_eq!(error.problem().unwrap().kind, ProblemType::BadCsr);
}
