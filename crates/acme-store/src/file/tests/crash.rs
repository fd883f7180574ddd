//! A process may end before any step on the disk; what it leaves is the old state or the new one.

use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;

use serde_json::json;
use zeroize::Zeroizing;

use super::{certificate, content, faulty_store, python_folder};
use crate::{Store, StoreError, StoredOrder};

/// How the certificate is there before the crash.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Before {
    Absent,
    Version,
    Folder,
}

async fn prepare(root: &Path, before: Before) {
    match before {
        Before::Absent => {}
        Before::Folder => python_folder(&root.join("certs/a.example"), "a.example", "old"),
        Before::Version => {
            let store = Store::open(root).unwrap();
            store.save_certificate(&certificate("a.example", "old")).await.unwrap();
        }
    }
}

/// Which certificate a new process finds, also with plain files.
async fn found(root: &Path) -> Option<String> {
    let store = Store::open(root).unwrap();
    let stored = store.certificate("a.example").await.unwrap();
    let serial = stored.as_ref().map(|stored| stored.meta.serial.clone().unwrap());
    if let (Some(stored), Some(serial)) = (stored, &serial) {
        assert_eq!(stored.cert_pem, format!("cert {serial}\n"));
        assert_eq!(stored.key_pem.unwrap().as_str(), format!("key {serial}\n"));
    }
    let listed = store.certificates().await.unwrap();
    assert_eq!(listed.len(), usize::from(serial.is_some()));
    serial
}

fn plain_key(root: &Path) -> Option<String> {
    std::fs::read_to_string(root.join("certs/a.example/key.pem")).ok()
}

#[tokio::test]
async fn a_crash_while_saving_leaves_the_old_or_the_new_certificate() {
    for before in [Before::Absent, Before::Version, Before::Folder] {
        for exchange in [true, false] {
            let mut outcomes = Vec::new();
            for steps in 0.. {
                let folder = tempfile::tempdir().unwrap();
                let root = folder.path();
                prepare(root, before).await;
                let (store, faults) = faulty_store(root, io::ErrorKind::Interrupted);
                faults.0.cannot_exchange.store(!exchange, Ordering::SeqCst);
                faults.stop_after(steps);
                let saved = store.save_certificate(&certificate("a.example", "new")).await;
                let finished = faults.steps_left() >= 0;

                let what = format!("{before:?}, exchange {exchange}, after {steps} steps");
                let serial = found(root).await;
                let old = if before == Before::Absent { None } else { Some("old") };
                assert!([old, Some("new")].contains(&serial.as_deref()), "{what}: {serial:?}");
                assert!(saved.is_err() || serial.as_deref() == Some("new"), "{what}");
                if exchange {
                    // Without lacme, too.
                    let key = serial.as_ref().map(|serial| format!("key {serial}\n"));
                    assert_eq!(plain_key(root), key, "{what}");
                }
                outcomes.push(serial.as_deref() == Some("new"));

                // The next writer finds nothing in its way and leaves nothing behind.
                let store = Store::open(root).unwrap();
                store.save_certificate(&certificate("a.example", "next")).await.unwrap();
                assert_eq!(found(root).await.as_deref(), Some("next"), "{what}");
                let versions = root.join(".versions/certs/a.example");
                for entry in std::fs::read_dir(&versions).unwrap() {
                    let name = entry.unwrap().file_name().into_string().unwrap();
                    assert!(name.parse::<u64>().is_ok(), "{what}: {name} is left");
                }
                let mut keys = Vec::new();
                for entry in std::fs::read_dir(&versions).unwrap() {
                    keys.push(
                        std::fs::read_to_string(entry.unwrap().path().join("key.pem")).unwrap(),
                    );
                }
                let has = |content: &str| keys.contains(&format!("key {content}\n"));
                assert!(old.is_none() || has("old"), "{what}: the old key is lost");
                assert!(saved.is_err() || has("new"), "{what}: the new key is lost");
                if finished {
                    break;
                }
            }
            // Never back to the old one, and both ends were seen.
            assert!(outcomes.is_sorted(), "{before:?}: {outcomes:?}");
            assert!(!outcomes[0] && *outcomes.last().unwrap() && outcomes.len() > 12);
        }
    }
}

#[tokio::test]
async fn a_crash_while_deleting_leaves_the_certificate_or_nothing() {
    for before in [Before::Version, Before::Folder] {
        for steps in 0.. {
            let folder = tempfile::tempdir().unwrap();
            let root = folder.path();
            prepare(root, before).await;
            let (store, faults) = faulty_store(root, io::ErrorKind::Interrupted);
            faults.stop_after(steps);
            let deleted = store.delete_certificate("a.example").await;
            let finished = faults.steps_left() >= 0;
            let serial = found(root).await;
            assert!([None, Some("old")].contains(&serial.as_deref()));
            assert!(deleted.is_err() || serial.is_none());

            // Deleting again removes the rest, the keys above all.
            let store = Store::open(root).unwrap();
            store.delete_certificate("a.example").await.unwrap();
            assert_eq!(found(root).await, None);
            assert!(!root.join(".versions/certs/a.example").exists(), "after {steps} steps");
            if finished {
                assert!(deleted.unwrap());
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_crash_while_an_order_goes_on_keeps_its_key() {
    for steps in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let order = |state| StoredOrder::new(json!(state), Some(Zeroizing::new("key".to_owned())));
        let (store, faults) = faulty_store(folder.path(), io::ErrorKind::Interrupted);
        store.save_order("a.example", &order("finalize")).await.unwrap();
        faults.stop_after(steps);
        let saved = store.save_order("a.example", &order("poll")).await;
        let finished = faults.steps_left() >= 0;
        let store = Store::open(folder.path()).unwrap();
        let found = store.order("a.example").await.unwrap().unwrap();
        assert!(found == order("poll") || (saved.is_err() && found == order("finalize")));
        if finished {
            break;
        }
    }
}

#[tokio::test]
async fn a_full_disk_is_named_and_given_its_space_back() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let (store, faults) = faulty_store(root, io::ErrorKind::StorageFull);
    store.save_certificate(&certificate("a.example", "old")).await.unwrap();
    faults.stop_after(3);
    let error = store.save_certificate(&certificate("a.example", "new")).await.unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }));
    assert!(error.to_string().contains("the disk is full"), "{error}");
    faults.stop_after(i64::MAX);
    assert_eq!(content(&store, "a.example").await.unwrap().as_deref(), Some("old"));
    store.save_certificate(&certificate("a.example", "new")).await.unwrap();
    assert_eq!(content(&store, "a.example").await.unwrap().as_deref(), Some("new"));
}
