//! Folders that cannot be used.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::{certificate, content};
use crate::{Store, StoreError};

#[test]
fn a_file_is_no_store() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    for path in [file.clone(), file.join("below")] {
        let error = Store::open(path).unwrap_err();
        assert!(error.to_string().contains("is a file"), "{error}");
    }
}

#[tokio::test]
async fn opening_a_store_creates_nothing_and_it_reads_as_empty() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    let store = Store::open(&root).unwrap();
    assert_eq!(content(&store, "a.example").await.unwrap(), None);
    assert!(store.certificates().await.unwrap().is_empty());
    assert!(store.accounts().await.unwrap().is_empty());
    assert!(!store.delete_certificate("a.example").await.unwrap());
    assert!(!root.exists());
}

#[tokio::test]
async fn a_store_whose_folder_became_a_file_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    let store = Store::open(&root).unwrap();
    fs::write(&root, "").unwrap();
    for error in [
        store.save_certificate(&certificate("a.example", "1")).await.unwrap_err(),
        store.certificate("a.example").await.unwrap_err(),
        store.certificates().await.unwrap_err(),
        store.lease_certificate("a.example", std::time::Duration::ZERO).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
        assert!(error.to_string().starts_with("cannot "), "{error}");
    }
}

#[tokio::test]
async fn a_read_only_folder_is_read_and_refuses_writing_plainly() {
    if rustix::process::geteuid().is_root() {
        println!("skipped: no folder is read-only for root");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    let store = Store::open(&root).unwrap();
    store.save_certificate(&certificate("a.example", "1")).await.unwrap();
    for path in [".versions/certs/a.example", ".locks/write/certs", "certs"] {
        fs::set_permissions(root.join(path), fs::Permissions::from_mode(0o500)).unwrap();
    }
    assert_eq!(content(&store, "a.example").await.unwrap().as_deref(), Some("1"));
    let error = store.save_certificate(&certificate("a.example", "2")).await.unwrap_err();
    assert!(error.to_string().contains("permission denied"), "{error}");
    assert_eq!(content(&store, "a.example").await.unwrap().as_deref(), Some("1"));
}
