//! What stands on the disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use acme_proto::Url;
use proptest::prelude::*;
use serde_json::json;

use super::{certificate, content, python_folder};
use crate::{FileBackend, Store, StoreError, StoredAccount, StoredOrder};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// Everything below a folder, links not followed.
fn all(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(all(&path));
        }
        found.push(path);
    }
    found
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn the_umask_decides_nothing() {
    for umask in [0, 0o077] {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("not/yet/there");
        let store = Store::open(&root).unwrap();
        let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(umask));
        let directory = Url::parse("https://ca.example/dir").unwrap();
        let account = StoredAccount::new("default", directory, "key".to_owned().into());
        store.save_account(&account).await.unwrap();
        store.save_certificate(&certificate("a.example", "1")).await.unwrap();
        let order = StoredOrder::new(json!({}), Some("key".to_owned().into()));
        store.save_order("a.example", &order).await.unwrap();
        store.lease_certificate("a.example", std::time::Duration::ZERO).await.unwrap();
        rustix::process::umask(before);

        assert_eq!(mode(&root), 0o700);
        for path in all(&root) {
            let name = path.file_name().unwrap().to_str().unwrap();
            let public = matches!(name, "cert.pem" | "fullchain.pem" | "meta.json");
            let expected = match (path.is_dir(), public) {
                (true, _) => 0o700,
                (false, true) => 0o644,
                (false, false) => 0o600,
            };
            assert_eq!(mode(&path), expected, "{} under umask {umask:03o}", path.display());
        }
    }
}

#[tokio::test]
async fn other_programs_find_the_documented_files() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let directory = Url::parse("https://ca.example:14000/dir").unwrap();
    store.save_certificate(&certificate("*.a.example", "1")).await.unwrap();
    store.save_certificate(&certificate("2001:db8::1", "2")).await.unwrap();
    let account = StoredAccount::new("default", directory.clone(), "a key".to_owned().into());
    store.save_account(&account).await.unwrap();
    store.save_order("a.example", &StoredOrder::new(json!({}), None)).await.unwrap();
    store.cache_directory(&directory, &json!({}), SystemTime::now()).await.unwrap();

    let at = |path: &str| folder.path().join(path);
    assert_eq!(read(at("certs/_wildcard.a.example/key.pem")), "key 1\n");
    assert_eq!(read(at("certs/2001_db8__1/fullchain.pem")), "chain 2\n");
    assert!(read(at("certs/2001_db8__1/meta.json")).contains("\"2001:db8::1\""));
    assert!(read(at("orders/a.example/order.json")).contains("\"a.example\""));
    let host = fs::read_dir(at("accounts")).unwrap().next().unwrap().unwrap().path();
    assert!(host.file_name().unwrap().to_str().unwrap().starts_with("ca.example_14000-"));
    assert_eq!(read(host.join("default/account.key")), "a key");

    let paths = store.certificate_paths("*.a.example").await.unwrap().unwrap();
    assert_eq!(paths.cert, at("certs/_wildcard.a.example/cert.pem"));
    assert_eq!(read(paths.key.unwrap()), "key 1\n");
    assert_eq!(store.certificate_paths("other.example").await.unwrap(), None);
}

#[tokio::test]
async fn a_moved_store_stays_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join("old"), folder.path().join("deeper/new"));
    let store = Store::open(&old).unwrap();
    store.save_certificate(&certificate("a.example", "1")).await.unwrap();
    fs::create_dir(new.parent().unwrap()).unwrap();
    fs::rename(&old, &new).unwrap();
    let store = Store::open(&new).unwrap();
    assert_eq!(content(&store, "a.example").await.unwrap().as_deref(), Some("1"));
    assert_eq!(read(new.join("certs/a.example/key.pem")), "key 1\n");
}

#[tokio::test]
async fn former_versions_are_kept_as_many_as_asked_for() {
    for (kept, backend) in [(3, None), (0, Some(0)), (1, Some(1))] {
        let folder = tempfile::tempdir().unwrap();
        let mut files = FileBackend::open(folder.path()).unwrap();
        if let Some(count) = backend {
            files = files.keep_certificates(count);
        }
        let store = Store::with_backend(files);
        let directory = Url::parse("https://ca.example/dir").unwrap();
        for number in 0..6 {
            store.save_certificate(&certificate("a.example", &number.to_string())).await.unwrap();
            store.save_order("a.example", &StoredOrder::new(json!(number), None)).await.unwrap();
            store.cache_directory(&directory, &json!({}), SystemTime::now()).await.unwrap();
        }
        let count = |path: &str| fs::read_dir(folder.path().join(path)).unwrap().count();
        assert_eq!(count(".versions/certs/a.example"), kept + 1);
        assert_eq!(count(".versions/orders/a.example"), 1);
        store.delete_certificate("a.example").await.unwrap();
        store.delete_order("a.example").await.unwrap();
        assert_eq!((count("certs"), count(".versions/certs")), (0, 0));
        assert_eq!((count("orders"), count(".versions/orders")), (0, 0));
    }
}

#[tokio::test]
async fn a_python_folder_is_read_updated_replaced_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::write(root.join("account.key"), "the account's key").unwrap();
    let hashed = "lacme-v2-47287a8f16ec75e6073f193989bb1c0c7569d55f305c3439d3682432ce1863b5";
    python_folder(&root.join("certs/a.example"), "a.example", "1");
    python_folder(&root.join("certs").join(hashed), "*.example.com", "2");
    let store = Store::open(root).unwrap();

    let key = store.legacy_account_key().await.unwrap().unwrap();
    assert_eq!(key.as_str(), "the account's key");
    let listed = store.certificates().await.unwrap();
    let names: Vec<_> = listed.iter().map(|(name, meta)| (&**name, meta.is_ok())).collect();
    assert_eq!(names, [("*.example.com", true), ("a.example", true)]);

    for name in ["a.example", "*.example.com"] {
        let stored = store.certificate(name).await.unwrap().unwrap();
        assert!(stored.meta.not_after.is_some() && stored.key_pem.is_some());
        assert_eq!(stored.meta.identifiers[0].value(), name);
        assert!(store.certificate_paths(name).await.unwrap().unwrap().key.unwrap().exists());
        let updated = store.update_certificate_meta(name, |meta| meta.hook_pending = true).await;
        assert!(updated.unwrap().unwrap().hook_pending);
        store.save_certificate(&certificate(name, "3")).await.unwrap();
        assert_eq!(content(&store, name).await.unwrap().as_deref(), Some("3"));
    }
    assert!(root.join("certs/_wildcard.example.com").is_symlink());
    assert!(!root.join("certs").join(hashed).exists());
    assert_eq!(store.certificates().await.unwrap().len(), 2);
    // The folder that stood there is a former version now.
    let kept = fs::read_dir(root.join(".versions/certs/a.example")).unwrap();
    let keys: Vec<_> = kept.map(|v| read(v.unwrap().path().join("key.pem"))).collect();
    assert_eq!(keys.iter().filter(|key| *key == "key 1\n").count(), 2);

    python_folder(&root.join("certs/b.example"), "b.example", "4");
    for name in ["a.example", "*.example.com", "b.example"] {
        assert!(store.delete_certificate(name).await.unwrap(), "{name}");
    }
    assert_eq!(fs::read_dir(root.join("certs")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(root.join(".versions/certs")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_key_that_others_can_read_is_made_private() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    python_folder(&root.join("certs/a.example"), "a.example", "1");
    let (key, cert) = ("certs/a.example/key.pem", "certs/a.example/cert.pem");
    let (key, cert) = (root.join(key), root.join(cert));
    for file in [&key, &cert] {
        fs::set_permissions(file, fs::Permissions::from_mode(0o644)).unwrap();
    }
    let store = Store::open(root).unwrap();
    store.certificates().await.unwrap();
    assert_eq!(mode(&key), 0o644, "a list opens no key");
    store.certificate("a.example").await.unwrap().unwrap();
    assert_eq!(mode(&key), 0o600);
    assert_eq!(mode(&cert), 0o644);
    assert_eq!(store.warnings(), Vec::<String>::new());
}

#[tokio::test]
async fn an_account_is_a_key_file_at_least() {
    let folder = tempfile::tempdir().unwrap();
    let directory = Url::parse("https://ca.example/dir").unwrap();
    let key = crate::Key::account(&directory, "default").unwrap();
    let place = folder.path().join(key.to_string());
    fs::create_dir_all(&place).unwrap();
    fs::write(place.join("account.key"), "a key").unwrap();
    let store = Store::open(folder.path()).unwrap();
    let account = store.account(&directory, "default").await.unwrap().unwrap();
    assert_eq!((account.key_pem.as_str(), account.url), ("a key", None));
}

#[tokio::test]
async fn what_is_no_certificate_is_damaged_or_unseen() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let store = Store::open(root).unwrap();
    store.save_certificate(&certificate("good.example", "1")).await.unwrap();
    store.save_certificate(&certificate("lost.example", "1")).await.unwrap();
    store.save_certificate(&certificate("huge.example", "1")).await.unwrap();
    let outside = tempfile::tempdir().unwrap();
    python_folder(outside.path(), "link.example", "1");
    fs::write(root.join("certs/README"), "a file").unwrap();
    fs::create_dir(root.join("certs/.hidden")).unwrap();
    std::os::unix::fs::symlink(outside.path(), root.join("certs/link.example")).unwrap();
    fs::remove_dir_all(root.join(".versions/certs/lost.example")).unwrap();
    let huge = fs::File::create(root.join("certs/huge.example/meta.json")).unwrap();
    huge.set_len(1 << 40).unwrap();

    let listed = store.certificates().await.unwrap();
    let names: Vec<_> = listed.iter().map(|(name, meta)| (&**name, meta.is_ok())).collect();
    let bad = [("huge.example", false), ("link.example", false), ("lost.example", false)];
    assert_eq!(names, [&[("good.example", true)][..], &bad].concat());

    // A link that leads nowhere is healed by what is saved next; a stranger's is left alone.
    store.save_certificate(&certificate("lost.example", "2")).await.unwrap();
    assert_eq!(content(&store, "lost.example").await.unwrap().as_deref(), Some("2"));
    let refused = store.save_certificate(&certificate("link.example", "2")).await.unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt { .. }), "{refused}");
    assert_eq!(read(outside.path().join("key.pem")), "key 1\n");
}

#[tokio::test]
async fn no_name_leads_out_of_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("a/b/c/store");
    let store = Store::open(&root).unwrap();
    let long = "x".repeat(1000);
    let names = [
        "../../../evil",
        "..",
        ".",
        "/etc/evil",
        "a/../../evil",
        "a\0b",
        "*.../evil",
        "~",
        "-rf",
        "a\\..\\evil",
        ".versions",
        "..%2fevil",
        "con",
        "a\u{202e}b",
        &long,
    ];
    for name in names {
        store.save_certificate(&certificate(name, "1")).await.unwrap();
        store.save_order(name, &StoredOrder::new(json!(1), None)).await.unwrap();
        assert_eq!(content(&store, name).await.unwrap().as_deref(), Some("1"), "{name:?}");
    }
    assert_eq!(store.certificates().await.unwrap().len(), names.len());
    assert_eq!(fs::read_dir(folder.path().join("a/b/c")).unwrap().count(), 1);
    assert_eq!(fs::read_dir(&root).unwrap().count(), 4, "certs, orders, .versions, .locks");
    assert_eq!(fs::read_dir(root.join("certs")).unwrap().count(), names.len());
}

#[tokio::test]
async fn the_authoritys_root_is_a_file_for_everybody_and_its_keys_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let part = |name: &str| (name.to_owned(), name.into());
    let parts = crate::Parts::from(["root.pem", "intermediate.pem", "root.key"].map(part));
    store.create_authority(parts).await.unwrap();

    let mode = |path: &str| {
        let metadata = fs::metadata(folder.path().join(path)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!(fs::read(folder.path().join("ca/root.pem")).unwrap(), b"root.pem");
    assert_eq!([mode("ca/root.pem"), mode("ca/intermediate.pem")], [0o644; 2]);
    assert_eq!([mode("ca/root.key"), mode("ca")], [0o600, 0o700]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_name_has_one_folder_below_certs(name in "\\PC{1,40}|[./\\\\:* a]{1,8}") {
        let backend = FileBackend::open("/store").unwrap();
        let key = crate::Key::certificate(&name).unwrap();
        let place = backend.files.place(&key);
        prop_assert_eq!(place.public.parent().unwrap(), Path::new("/store/certs"));
        prop_assert_eq!(place.versions.parent().unwrap(), Path::new("/store/.versions/certs"));
    }
}
