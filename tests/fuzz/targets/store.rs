//! The documents of the store: whatever stands in them, nothing panics, what is understood is
//! written back unchanged, and an order's journal is taken up again.
#![no_main]

use std::sync::LazyLock;

use acme_proto::{Action, Event, Issuance};
use acme_store::{
    Backend as _, CertificateMeta, Expected, Key, MemoryBackend, Parts, Store, StoreError,
};
use lacme_fuzz::{is_shown_safely, now, response, round_trip, url};
use libfuzzer_sys::fuzz_target;
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_time().build().expect("a runtime"));

const NAME: &str = "a.example";

fuzz_target!(|document: &[u8]| {
    round_trip::<CertificateMeta>(document);
    if let Ok(name) = std::str::from_utf8(document) {
        is_a_safe_path(name);
    }
    let read = RUNTIME.block_on(async {
        certificate(document).await?;
        account(document).await?;
        order(document).await
    });
    match read {
        Ok(Some(issuance)) => resume(&issuance),
        Ok(None) => {}
        Err(error) => is_shown_safely(&error),
    }
});

/// Any name makes a path that stays in its folder.
fn is_a_safe_path(name: &str) {
    let Ok(key) = Key::certificate(name) else { return };
    for part in key.path() {
        assert!((1..=200).contains(&part.len()) && !part.starts_with('.'), "{part:?}");
        let safe = |byte: u8| byte == b' ' || byte.is_ascii_graphic() && !b"/\\:".contains(&byte);
        assert!(part.bytes().all(safe), "{part:?}");
    }
}

/// A store that holds one record with these parts.
async fn store(key: Key, parts: &[(&str, &[u8])]) -> Result<Store, StoreError> {
    let backend = MemoryBackend::default();
    let parts = parts.iter().map(|(name, part)| ((*name).to_owned(), part.to_vec().into()));
    backend.put(&key, parts.collect::<Parts>(), Expected::Absent).await?;
    Ok(Store::with_backend(backend))
}

async fn certificate(document: &[u8]) -> Result<(), StoreError> {
    let parts: [(&str, &[u8]); 3] =
        [("cert.pem", b"leaf"), ("fullchain.pem", b"chain"), ("meta.json", document)];
    let store = store(Key::certificate(NAME)?, &parts).await?;
    assert_eq!(store.certificates().await?.len(), 1);
    if let Ok(Some(stored)) = store.certificate(NAME).await {
        store.save_certificate(&stored).await?;
        assert_eq!(store.certificate(NAME).await?, Some(stored));
    }
    Ok(())
}

async fn account(document: &[u8]) -> Result<(), StoreError> {
    let ca = url("https://ca.example/dir");
    let parts: [(&str, &[u8]); 2] = [("account.key", b"key"), ("account.json", document)];
    let store = store(Key::account(&ca, NAME)?, &parts).await?;
    assert_eq!(store.accounts().await?.len(), 1);
    if let Ok(Some(stored)) = store.account(&ca, NAME).await
        && stored.name == NAME
        && stored.directory == ca
    {
        store.save_account(&stored).await?;
        assert_eq!(store.account(&ca, NAME).await?, Some(stored));
    }
    Ok(())
}

/// The issuance in an order's document.
async fn order(document: &[u8]) -> Result<Option<Issuance>, StoreError> {
    let store = store(Key::order(NAME)?, &[("order.json", document)]).await?;
    assert_eq!(store.orders().await?.len(), 1);
    let Some(stored) = store.order(NAME).await? else { return Ok(None) };
    store.save_order(NAME, &stored).await?;
    assert_eq!(store.order(NAME).await?.as_ref(), Some(&stored));
    Ok(serde_json::from_value(stored.issuance).ok())
}

/// Goes on with an order at a CA that answers everything with the same order.
fn resume(journal: &Issuance) {
    let json = serde_json::to_value(journal).expect("what was read can be written");
    let mut issuance: Issuance = serde_json::from_value(json.clone()).expect("and read again");
    assert_eq!(serde_json::to_value(&issuance).ok(), Some(json));

    let answer = response(include_bytes!("../src/processing.txt")).expect("a response");
    let (mut time, mut event) = (now(), Event::Resume);
    for _ in 0..40 {
        let _ = issuance.handle(event, time, &acme_crypto::AwsLc);
        event = match issuance.action() {
            Action::Calls(calls) => {
                let answers = calls.iter().map(|_| Ok(answer.clone()));
                Event::Answered(answers.collect())
            }
            Action::Provision(_) => Event::Provisioned(Ok(())),
            Action::WaitUntil(until) => {
                time = time.max(until);
                Event::Woken
            }
            Action::Cleanup(_) => Event::CleanedUp,
            Action::Done(_) => break,
        };
    }
}
