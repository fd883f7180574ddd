//! Pebble 2.4.0: no renewal information, no profiles, no Retry-After, no subproblems.

use std::sync::Arc;

use harness::{Capability, Pebble, PebbleBuilder, Tool, tools};
use lacme::proto::Resource;
use lacme::{ErrorKind, ExternalAccount, HmacKey, KeyType, RevocationReason, Store};
use lacme_tests::{Wire, client_for, leaf, names, proofs_are_gone, stored};

fn pebble(configure: impl FnOnce(PebbleBuilder) -> PebbleBuilder) -> Option<Pebble> {
    tools::find_or_skip(Tool::Pebble240)?;
    let pebble = configure(Pebble::builder().version_240()).start();
    assert_eq!(pebble.program().missing(), Capability::ALL);
    Some(pebble)
}

#[tokio::test]
async fn several_names_are_certified_renewed_and_revoked() {
    let Some(pebble) = pebble(|pebble| pebble) else {
        return;
    };
    let wire = Arc::new(Wire::to(&pebble));
    let client = client_for(&pebble, Store::memory()).transport(wire.clone()).build().unwrap();
    let wanted = names(["a.example", "b.example", "bücher.example"]);
    let first = client.issue(wanted.clone()).await.unwrap();
    assert_eq!(first.certificate.meta.identifiers, wanted);
    let second = client.issue(wanted).force(true).await.unwrap();
    assert_ne!(first.certificate.meta.serial, second.certificate.meta.serial);
    assert!(proofs_are_gone(&pebble));
    // A CA that offers none is not asked.
    assert_eq!(wire.count(Resource::RenewalInfo), 0);
    for order in wire.sent_about(Resource::NewOrder) {
        assert!(order.payload["replaces"].is_null() && order.payload["profile"].is_null());
    }

    let reason = RevocationReason::Superseded;
    let revoked = client.revoke_stored("a.example", reason).await.unwrap();
    let status = pebble.certificate_status(&revoked.serial).unwrap().unwrap();
    assert_eq!((status.revoked, status.reason), (true, Some(4)));
}

#[tokio::test]
async fn half_of_all_nonces_refused_are_no_obstacle() {
    let Some(pebble) = pebble(|pebble| pebble.nonce_reject(50)) else {
        return;
    };
    let client = client_for(&pebble, Store::memory()).build().unwrap();
    assert!(client.issue(names(["a.example", "b.example"])).await.unwrap().reissued);
}

#[tokio::test]
async fn an_external_account_is_bound_and_its_key_changed() {
    const MAC_KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    let configure = |pebble: PebbleBuilder| {
        pebble.external_account("kid-1", MAC_KEY).require_external_account(true)
    };
    let Some(pebble) = pebble(configure) else {
        return;
    };
    let external = ExternalAccount::new("kid-1", HmacKey::from_base64url(MAC_KEY).unwrap());
    let client = client_for(&pebble, Store::memory()).external_account(external);
    let client = client.build().unwrap();
    client.issue(names(["a.example"])).await.unwrap();
    client.account().rollover(KeyType::EcdsaP384).await.unwrap();
    client.issue(names(["b.example"])).await.unwrap();
    let certificate = leaf(&stored(client.store(), "b.example").await);
    assert_eq!(certificate.identifiers(), names(["b.example"]));
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_fails_with_the_cas_verdict() {
    let Some(pebble) = pebble(|pebble| pebble) else {
        return;
    };
    let client = client_for(&pebble, Store::memory()).build().unwrap();
    // Nobody listens there.
    pebble.dns().add_a("elsewhere.example", &["127.0.0.66"]).unwrap();
    let failed = client.issue(names(["a.example", "elsewhere.example"])).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Challenge, "{failed}");
    assert_eq!(failed.identifier(), Some(&names(["elsewhere.example"])[0]));
    assert!(failed.problem().is_some_and(|problem| problem.detail.is_some()), "{failed}");
    assert!(proofs_are_gone(&pebble));
}
