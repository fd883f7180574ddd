//! A process may end before any step on the disk while it seals what exists.

use std::io;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use zeroize::Zeroizing;

use super::{certificate, content, faulty_store};
use crate::conformance::ToySeal;
use crate::{Parts, SealScope, Store, StoredOrder};

/// A store with plain keys: of a certificate and its former version, an order and a CA.
async fn fill(store: &Store) {
    for number in ["old", "new"] {
        store.save_certificate(&certificate("a.example", number)).await.unwrap();
    }
    let order = StoredOrder::new(json!(1), Some(Zeroizing::new("key of the order".to_owned())));
    store.save_order("b.example", &order).await.unwrap();
    let parts =
        ["root.key", "intermediate-1.key"].map(|part| (part.to_owned(), "key of it".into()));
    store.create_authority(Parts::from(parts)).await.unwrap();
}

async fn check(store: &Store, what: &str) {
    assert_eq!(content(store, "a.example").await.unwrap().as_deref(), Some("new"), "{what}");
    let order = store.order("b.example").await.unwrap().unwrap();
    assert_eq!(order.key_pem.unwrap().as_str(), "key of the order", "{what}");
    let authority = store.authority().await.unwrap().unwrap();
    assert!(authority.values().all(|part| part.as_slice() == b"key of it"), "{what}");
}

/// The files that show a key.
fn plain_keys(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
    let counts = entries.map(|entry| match entry.file_type().unwrap() {
        kind if kind.is_dir() => plain_keys(&entry.path()),
        kind if kind.is_file() => {
            usize::from(std::fs::read_to_string(entry.path()).unwrap().contains("key "))
        }
        _ => 0,
    });
    counts.sum()
}

#[tokio::test]
async fn a_crash_while_sealing_leaves_each_record_sealed_or_not_and_the_next_run_goes_on() {
    let (mut unfinished, mut halfway) = (0, 0);
    for steps in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        fill(&Store::open(root).unwrap()).await;
        let plain = plain_keys(root);
        assert_eq!(plain, 5);

        let (store, faults) = faulty_store(root, io::ErrorKind::Interrupted);
        let seal = || Arc::new(ToySeal::new("1"));
        faults.stop_after(steps);
        let sealed = store.sealed(seal(), SealScope::All).seal_existing().await;
        let finished = faults.steps_left() >= 0;
        assert_eq!(sealed.is_ok(), finished, "after {steps} steps");

        let store = Store::open(root).unwrap().sealed(seal(), SealScope::All);
        check(&store, &format!("after {steps} steps")).await;
        unfinished += usize::from(!finished);
        halfway += usize::from((1..plain).contains(&plain_keys(root)));

        store.seal_existing().await.unwrap();
        assert_eq!(plain_keys(root), 0, "after {steps} steps");
        check(&store, &format!("sealed after {steps} steps")).await;
        if finished {
            break;
        }
    }
    assert!(unfinished > 20 && halfway > 5, "{unfinished} {halfway}");
}

#[tokio::test]
async fn what_a_dead_writer_left_is_swept_away_too() {
    let mut leftovers = 0;
    for steps in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let (store, faults) = faulty_store(root, io::ErrorKind::Interrupted);
        faults.stop_after(steps);
        // The very first version: no reader knows of it yet.
        let saved = store.save_certificate(&certificate("a.example", "new")).await;
        leftovers += usize::from(saved.is_err() && plain_keys(root) > 0);
        let store = Store::open(root).unwrap();
        store.sealed(Arc::new(ToySeal::new("1")), SealScope::All).seal_existing().await.unwrap();
        assert_eq!(plain_keys(root), 0, "after {steps} steps");
        if saved.is_ok() {
            break;
        }
    }
    assert!(leftovers > 0);
}

#[tokio::test]
async fn a_damaged_record_keeps_its_former_versions_and_no_other_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let store = Store::open(root).unwrap();
    fill(&store).await;
    // Sealed with another key than any at hand.
    let other = store.clone().sealed(Arc::new(ToySeal::new("2")), SealScope::All);
    other.save_certificate(&certificate("a.example", "sealed")).await.unwrap();

    let store = store.sealed(Arc::new(ToySeal::new("1")), SealScope::All);
    assert!(store.seal_existing().await.is_err());
    assert_eq!(plain_keys(root), 2, "the two former versions of the certificate");
    assert_eq!(content(&other, "a.example").await.unwrap().as_deref(), Some("sealed"));
}
