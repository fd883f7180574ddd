//! An account's life, and what survives crashes, lost stores and lost databases.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use harness::Pebble;
use lacme::proto::{Delivery, Resource, Url};
use lacme::store::StoredAccount;
use lacme::{
    Client, Error, ErrorKind, ExternalAccount, HmacKey, KeyType, PrivateKey, ProblemType, Store,
};
use lacme_tests::{Act, Moment, Wire, client_for, directory_of, lost, names};

const KID: &str = "kid-1";
const MAC_KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

/// A client whose requests are noted.
fn noted(pebble: &Pebble, store: &Store) -> (Client, Arc<Wire>) {
    let wire = Arc::new(Wire::to(pebble));
    let client = client_for(pebble, store.clone()).transport(wire.clone());
    (client.build().unwrap(), wire)
}

async fn saved(pebble: &Pebble, store: &Store) -> StoredAccount {
    let account = store.account(&directory_of(pebble), "default").await;
    account.unwrap().expect("an account is stored")
}

/// How many accounts were created over this wire.
fn created(wire: &Wire) -> usize {
    let asked = wire.sent_about(Resource::NewAccount);
    asked.iter().filter(|sent| sent.status == Some(201)).count()
}

fn problem(error: &Error) -> Option<&ProblemType> {
    error.problem().map(|problem| &problem.kind)
}

#[tokio::test]
async fn a_fresh_account_is_created_once_and_kept() {
    let pebble = Pebble::start();
    let store = Store::memory();
    let (client, wire) = noted(&pebble, &store);
    let account = client.account().create().await.unwrap();
    assert_eq!(account.status, "valid");
    assert_eq!(account.contact, ["mailto:admin@example.com"]);
    assert_eq!(account.key_type, KeyType::EcdsaP256);
    let again = client.account().create().await.unwrap();
    assert_eq!(again, account);
    assert_eq!(created(&wire), 1);
    assert_eq!(saved(&pebble, &store).await.url, account.url);
}

#[tokio::test]
async fn an_account_whose_url_was_lost_is_found_by_its_key() {
    let pebble = Pebble::start();
    let store = Store::memory();
    let first = noted(&pebble, &store).0.account().create().await.unwrap();
    let mut account = saved(&pebble, &store).await;
    account.url = None;
    store.save_account(&account).await.unwrap();

    let (client, wire) = noted(&pebble, &store);
    client.issue(names(["a.example"])).await.unwrap();
    assert_eq!(created(&wire), 0);
    assert_eq!(saved(&pebble, &store).await.url, first.url);
}

#[tokio::test]
async fn finding_never_creates() {
    let pebble = Pebble::start();
    let store = Store::memory();
    let (client, wire) = noted(&pebble, &store);
    let keyless = client.account().find().await.unwrap_err();
    assert!(matches!(keyless, Error::NoAccount { .. }), "{keyless}");

    let key = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    let account = StoredAccount::new("default", directory_of(&pebble), key.to_pkcs8_pem());
    store.save_account(&account).await.unwrap();
    let unknown = client.account().find().await.unwrap_err();
    assert_eq!(problem(&unknown), Some(&ProblemType::AccountDoesNotExist));
    assert_eq!(unknown.kind(), ErrorKind::Ca);
    assert_eq!(created(&wire), 0);
}

#[tokio::test]
async fn an_external_account_opens_a_ca_that_asks_for_one() {
    let pebble =
        Pebble::builder().external_account(KID, MAC_KEY).require_external_account(true).start();
    let external = ExternalAccount::new(KID, HmacKey::from_base64url(MAC_KEY).unwrap());
    let client = client_for(&pebble, Store::memory()).external_account(external);
    let issued = client.build().unwrap().issue(names(["a.example"])).await;
    assert!(issued.unwrap().reissued);
}

#[tokio::test]
async fn a_missing_external_account_is_noticed_before_the_ca_is_asked() {
    let pebble =
        Pebble::builder().external_account(KID, MAC_KEY).require_external_account(true).start();
    let store = Store::memory();
    let (client, wire) = noted(&pebble, &store);
    let missing = client.issue(names(["a.example"])).await.unwrap_err();
    assert!(matches!(missing, Error::ExternalAccountRequired));
    assert_eq!(missing.kind(), ErrorKind::Usage);
    assert_eq!(wire.count(Resource::NewAccount), 0);
    assert!(store.accounts().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_wrong_external_account_is_the_cas_to_refuse() {
    let pebble =
        Pebble::builder().external_account(KID, MAC_KEY).require_external_account(true).start();
    let wrong_key = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    for (kid, key) in [(KID, wrong_key), ("kid-2", MAC_KEY)] {
        let external = ExternalAccount::new(kid, HmacKey::from_base64url(key).unwrap());
        let client = client_for(&pebble, Store::memory()).external_account(external);
        let refused = client.build().unwrap().account().create().await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Ca, "{refused}");
        assert_eq!(refused.refusal().unwrap().resource, Resource::NewAccount);
    }
}

#[tokio::test]
async fn terms_that_nobody_agreed_to_stop_before_the_ca_is_asked() {
    let pebble = Pebble::start();
    let wire = Arc::new(Wire::to(&pebble));
    let client = client_for(&pebble, Store::memory())
        .agree_to_terms(false)
        .transport(wire.clone())
        .build()
        .unwrap();
    let refused = client.issue(names(["a.example"])).await.unwrap_err();
    let Error::TermsRequired { url } = &refused else { panic!("{refused}") };
    assert!(url.starts_with("data:") || url.starts_with("http"), "{url}");
    assert_eq!(refused.kind(), ErrorKind::Usage);
    assert_eq!(wire.count(Resource::NewAccount), 0);
}

#[tokio::test]
async fn an_existing_account_needs_no_second_agreement() {
    let pebble = Pebble::start();
    let store = Store::memory();
    noted(&pebble, &store).0.account().create().await.unwrap();
    let client = client_for(&pebble, store).agree_to_terms(false);
    let issued = client.build().unwrap().issue(names(["a.example"])).await;
    assert!(issued.unwrap().reissued);
}

#[tokio::test]
async fn contacts_can_be_replaced() {
    let pebble = Pebble::start();
    let store = Store::memory();
    let (client, _) = noted(&pebble, &store);
    client.account().create().await.unwrap();
    let contacts = ["one@example.com", "mailto:two@example.com"];
    let updated = client.account().update_contact(contacts).await.unwrap();
    let expected = ["mailto:one@example.com", "mailto:two@example.com"];
    assert_eq!(updated.contact, expected);
    assert_eq!(saved(&pebble, &store).await.contact, expected);
    let asked = client.account().find().await.unwrap();
    assert_eq!(asked.contact, expected);

    let bad = client.account().update_contact(["tel:+123"]).await;
    let bad = bad.unwrap_err();
    assert_eq!(problem(&bad), Some(&ProblemType::UnsupportedContact));
}

#[tokio::test]
async fn after_a_key_change_the_new_key_signs() {
    let pebble = Pebble::start();
    let store = Store::memory();
    let (client, _) = noted(&pebble, &store);
    let before = client.account().create().await.unwrap();
    let changed = client.account().rollover(KeyType::EcdsaP384).await.unwrap();
    assert_eq!(changed.url, before.url);
    assert_ne!(changed.thumbprint, before.thumbprint);
    assert_eq!(changed.key_type, KeyType::EcdsaP384);
    assert!(saved(&pebble, &store).await.next_key_pem.is_none());

    client.issue(names(["a.example"])).await.unwrap();
    let (another, wire) = noted(&pebble, &store);
    another.issue(names(["b.example"])).await.unwrap();
    assert!(wire.sent().iter().all(|sent| {
        let key = &sent.protected["alg"];
        key.is_null() || key == "ES384"
    }));
}

#[tokio::test]
async fn a_key_that_has_an_account_already_is_no_new_key() {
    let pebble = Pebble::start();
    let (mine, others) = (Store::memory(), Store::memory());
    let (client, _) = noted(&pebble, &mine);
    client.account().create().await.unwrap();
    let before = saved(&pebble, &mine).await;
    noted(&pebble, &others).0.account().create().await.unwrap();
    let taken = PrivateKey::from_pem(&saved(&pebble, &others).await.key_pem).unwrap();

    let refused = client.account().rollover_to(taken).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Ca, "{refused}");
    assert_eq!(saved(&pebble, &mine).await, before);
    client.issue(names(["a.example"])).await.unwrap();
}

#[tokio::test]
async fn a_key_change_that_died_before_the_ca_heard_of_it_leaves_the_old_key() {
    let pebble = Pebble::start();
    let store = Store::memory();
    noted(&pebble, &store).0.account().create().await.unwrap();
    let before = saved(&pebble, &store).await;
    let mut dying = before.clone();
    let next = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    dying.next_key_pem = Some(next.to_pkcs8_pem());
    store.save_account(&dying).await.unwrap();

    let (client, wire) = noted(&pebble, &store);
    client.issue(names(["a.example"])).await.unwrap();
    assert_eq!(saved(&pebble, &store).await, before);
    assert_eq!(created(&wire), 0);
}

#[tokio::test]
async fn a_key_change_that_died_after_the_ca_heard_of_it_leaves_the_new_key() {
    let pebble = Pebble::start();
    let store = Store::memory();
    let (client, _) = noted(&pebble, &store);
    client.account().create().await.unwrap();
    let old = saved(&pebble, &store).await;
    client.account().rollover(KeyType::EcdsaP256).await.unwrap();
    let after = saved(&pebble, &store).await;
    let mut dying = old.clone();
    dying.next_key_pem = Some(after.key_pem.clone());
    store.save_account(&dying).await.unwrap();

    let (client, wire) = noted(&pebble, &store);
    client.issue(names(["a.example"])).await.unwrap();
    assert_eq!(saved(&pebble, &store).await, after);
    assert_eq!(created(&wire), 0);
}

#[tokio::test]
async fn a_deactivated_account_is_not_replaced_silently() {
    let pebble = Pebble::start();
    let store = Store::memory();
    let (client, _) = noted(&pebble, &store);
    client.account().create().await.unwrap();
    let gone = client.account().deactivate().await.unwrap();
    assert_eq!(gone.status, "deactivated");

    let (later, wire) = noted(&pebble, &store);
    for client in [&client, &later] {
        let refused = client.issue(names(["a.example"])).await.unwrap_err();
        assert!(matches!(refused, Error::AccountDeactivated { .. }), "{refused}");
        assert_eq!(refused.kind(), ErrorKind::Ca);
        let refused = client.account().create().await.unwrap_err();
        assert!(matches!(refused, Error::AccountDeactivated { .. }), "{refused}");
    }
    assert_eq!(wire.count(Resource::NewAccount), 0);
}

#[tokio::test]
async fn an_account_that_somebody_else_deactivated_is_refused_by_the_ca() {
    let pebble = Pebble::start();
    let store = Store::memory();
    let (client, _) = noted(&pebble, &store);
    client.account().create().await.unwrap();
    let unaware = saved(&pebble, &store).await;
    client.account().deactivate().await.unwrap();
    store.save_account(&unaware).await.unwrap();

    let (later, wire) = noted(&pebble, &store);
    let refused = later.issue(names(["a.example"])).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Ca, "{refused}");
    assert_eq!(created(&wire), 0);
}

#[tokio::test]
async fn accounts_of_several_names_live_side_by_side_at_one_ca() {
    let pebble = Pebble::start();
    let store = Store::memory();
    let client = |name: &str| {
        let client = client_for(&pebble, store.clone()).account_name(name);
        client.build().unwrap()
    };
    let work = client("work").account().create().await.unwrap();
    let home = client("home").account().create().await.unwrap();
    assert_ne!(work.url, home.url);
    assert_ne!(work.thumbprint, home.thumbprint);
    client("home").issue(names(["a.example"])).await.unwrap();
    let meta = store.certificate_meta("a.example").await.unwrap().unwrap();
    assert_eq!(meta.account.as_deref(), Some("home"));
    let all = client("work").accounts().await.unwrap();
    let mut all: Vec<_> = all.into_iter().map(|info| info.unwrap().name).collect();
    all.sort();
    assert_eq!(all, ["home", "work"]);
}

#[tokio::test]
async fn a_ca_that_forgot_the_account_gets_the_same_key_again() {
    let pebble = Pebble::start();
    let store = Store::memory();
    let key = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    let mut account = StoredAccount::new("default", directory_of(&pebble), key.to_pkcs8_pem());
    // As it is after a test CA's restart: a URL, and nobody behind it.
    let somebody = pebble.directory_url().replace("/dir", "/my-account/7");
    account.url = Some(Url::parse(&somebody).unwrap());
    account.status = "valid".to_owned();
    store.save_account(&account).await.unwrap();

    let (client, wire) = noted(&pebble, &store);
    let issued = client.issue(names(["a.example"])).await.unwrap();
    assert!(issued.reissued);
    assert_eq!(created(&wire), 1);
    let registered = saved(&pebble, &store).await;
    assert_eq!(registered.key_pem, account.key_pem);
    assert_ne!(registered.url, account.url);
}

#[tokio::test]
async fn a_key_that_another_program_left_is_taken_over_with_its_account() {
    let pebble = Pebble::start();
    let elsewhere = Store::memory();
    let first = noted(&pebble, &elsewhere).0.account().create().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let key = saved(&pebble, &elsewhere).await.key_pem;
    std::fs::write(folder.path().join("account.key"), key.as_bytes()).unwrap();

    let store = Store::open(folder.path()).unwrap();
    let (client, wire) = noted(&pebble, &store);
    client.issue(names(["a.example"])).await.unwrap();
    assert_eq!(created(&wire), 0);
    let adopted = saved(&pebble, &store).await;
    assert_eq!(adopted.url, first.url);
    assert_eq!(*adopted.key_pem, *key);
}

#[tokio::test]
async fn a_key_change_whose_answer_was_lost_is_done_all_the_same() {
    let pebble = Pebble::start();
    for delivered in [false, true] {
        let store = Store::memory();
        let done = AtomicBool::new(false);
        let lose_one = move |moment: Moment<'_>| {
            let (sent, has_answer) = match &moment {
                Moment::Before(sent) => (sent, false),
                Moment::After(sent, _) => (sent, true),
            };
            let hit = sent.resource == Resource::KeyChange && has_answer == delivered;
            if hit && !done.swap(true, Ordering::Relaxed) {
                Act::Fail(lost(Delivery::Unknown))
            } else {
                Act::Pass
            }
        };
        let wire = Arc::new(Wire::meddling(&pebble, lose_one));
        let unlucky = client_for(&pebble, store.clone()).transport(wire.clone());
        let unlucky = unlucky.build().unwrap();
        let before = unlucky.account().create().await.unwrap();
        let changed = unlucky.account().rollover(KeyType::EcdsaP384).await;
        let changed = changed.unwrap();
        assert_eq!(changed.key_type, KeyType::EcdsaP384);

        let (lucky, wire) = noted(&pebble, &store);
        lucky.issue(names(["a.example"])).await.unwrap();
        assert_eq!(created(&wire), 0);
        let after = lucky.account().find().await.unwrap();
        assert_eq!(after.url, before.url);
        assert_eq!(after, changed);
        assert!(saved(&pebble, &store).await.next_key_pem.is_none());
    }
}

#[tokio::test]
async fn of_two_key_changes_at_once_the_last_key_is_the_stored_one() {
    let pebble = Pebble::start();
    let folder = tempfile::tempdir().unwrap();
    let client = || noted(&pebble, &Store::open(folder.path()).unwrap()).0;
    let before = client().account().create().await.unwrap();
    let (one, two) = (client(), client());
    let (a, b, c) = tokio::join!(
        one.account().rollover(KeyType::EcdsaP256),
        one.account().rollover(KeyType::EcdsaP384),
        two.account().rollover(KeyType::EcdsaP521),
    );
    let changed = [a.unwrap(), b.unwrap(), c.unwrap()];
    let known = client().account().find().await.unwrap();
    assert_eq!(known.url, before.url);
    assert!(changed.contains(&known));
    client().issue(names(["a.example"])).await.unwrap();
}
