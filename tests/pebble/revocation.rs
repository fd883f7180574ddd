//! Certificates that are taken back.

use std::sync::Arc;
use std::time::SystemTime;

use harness::{CertificateStatus, Pebble};
use lacme::proto::Resource;
use lacme::{Client, Error, ErrorKind, KeyType, PrivateKey, ProblemType, RevocationReason, Store};
use lacme_tests::{Wire, client_for, key, leaf, names, stored};

fn status(pebble: &Pebble, serial: &str) -> CertificateStatus {
    let status = pebble.certificate_status(serial).unwrap();
    status.expect("Pebble issued it")
}

async fn issued(pebble: &Pebble) -> Client {
    let client = client_for(pebble, Store::memory()).build().unwrap();
    client.issue(names(["a.example"])).await.unwrap();
    client
}

#[tokio::test]
async fn the_account_takes_its_certificate_back_and_it_is_due() {
    let pebble = Pebble::start();
    let client = issued(&pebble).await;
    let reason = RevocationReason::CessationOfOperation;
    let revoked = client.revoke_stored("a.example", reason).await.unwrap();
    assert!(!revoked.already);
    let known = status(&pebble, &revoked.serial);
    assert_eq!((known.revoked, known.reason), (true, Some(5)));

    let info = client.certificate("a.example").await.unwrap().unwrap();
    let mark = info.meta.revoked.as_ref().expect("the copy is marked");
    assert_eq!(mark.reason, reason.name());
    assert!(info.due(SystemTime::now()).due);
    // A revoked certificate does not serve, so asking again issues.
    let again = client.issue(names(["a.example"])).await.unwrap();
    assert!(again.reissued);
    assert_eq!(again.certificate.meta.revoked, None);
}

#[tokio::test]
async fn the_certificates_own_key_takes_it_back_without_an_account() {
    let pebble = Pebble::start();
    let owner = issued(&pebble).await;
    let stored = stored(owner.store(), "a.example").await;
    let wire = Arc::new(Wire::to(&pebble));
    let stranger = client_for(&pebble, Store::memory()).transport(wire.clone()).build().unwrap();
    let reason = RevocationReason::KeyCompromise;
    let revoked = stranger.revoke_with_key(&leaf(&stored), &key(&stored), reason).await.unwrap();
    let known = status(&pebble, &revoked.serial);
    assert_eq!((known.revoked, known.reason), (true, Some(1)));
    assert_eq!(wire.count(Resource::NewAccount), 0);
    let sent = &wire.sent_about(Resource::RevokeCert)[0].protected;
    assert!(sent["jwk"].is_object() && sent["kid"].is_null());
}

#[tokio::test]
async fn a_second_revocation_says_that_it_was_done_before() {
    let pebble = Pebble::start();
    let client = issued(&pebble).await;
    let unspecified = RevocationReason::Unspecified;
    let first = client.revoke_stored("a.example", unspecified).await.unwrap();
    assert!(!first.already);
    let reason = RevocationReason::Superseded;
    let second = client.revoke_stored("a.example", reason).await.unwrap();
    assert!(second.already);
    assert!(matches!(status(&pebble, &first.serial).reason, None | Some(0)));
}

#[tokio::test]
async fn every_reason_that_a_ca_takes_reaches_it() {
    let pebble = Pebble::start();
    let client = client_for(&pebble, Store::memory()).build().unwrap();
    let taken = [
        (RevocationReason::KeyCompromise, 1),
        (RevocationReason::AffiliationChanged, 3),
        (RevocationReason::Superseded, 4),
        (RevocationReason::CessationOfOperation, 5),
    ];
    for (reason, code) in taken {
        client.issue(names(["a.example"])).force(true).await.unwrap();
        let revoked = client.revoke_stored("a.example", reason).await.unwrap();
        assert_eq!(status(&pebble, &revoked.serial).reason, Some(code));
    }
}

#[tokio::test]
async fn a_key_that_is_not_the_certificates_is_refused_before_any_request() {
    let pebble = Pebble::start();
    let client = issued(&pebble).await;
    let certificate = leaf(&stored(client.store(), "a.example").await);
    let wire = Arc::new(Wire::to(&pebble));
    let stranger = client_for(&pebble, Store::memory()).transport(wire.clone()).build().unwrap();
    let wrong = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    let refused = stranger
        .revoke_with_key(&certificate, &wrong, RevocationReason::KeyCompromise)
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::Usage(_)), "{refused}");
    assert!(wire.sent().is_empty());
    assert!(!status(&pebble, &certificate.serial_hex()).revoked);
}

#[tokio::test]
async fn a_strangers_account_may_not_take_it_back() {
    let pebble = Pebble::start();
    let client = issued(&pebble).await;
    let certificate = leaf(&stored(client.store(), "a.example").await);
    let stranger = client_for(&pebble, Store::memory()).build().unwrap();
    // Without an account none is made for it: a new one could not do it either.
    let refused = stranger.revoke(&certificate, RevocationReason::Superseded).await.unwrap_err();
    assert!(matches!(refused, Error::Usage(_)), "{refused}");
    stranger.account().create().await.unwrap();
    let refused = stranger.revoke(&certificate, RevocationReason::Superseded).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Ca);
    let problem = refused.problem().unwrap();
    assert_eq!(problem.kind, ProblemType::Unauthorized);
    assert!(!status(&pebble, &certificate.serial_hex()).revoked);
}

#[tokio::test]
async fn what_is_not_stored_cannot_be_revoked_by_name() {
    let pebble = Pebble::start();
    let client = client_for(&pebble, Store::memory()).build().unwrap();
    let reason = RevocationReason::Superseded;
    let refused = client.revoke_stored("a.example", reason).await.unwrap_err();
    assert!(matches!(refused, Error::NotStored(_)), "{refused}");
}
