//! What every backend must do, run on each of them.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use acme_proto::{Identifier, Url};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::{
    Backend, CertificateMeta, Expected, FileBackend, Key, Kind, MemoryBackend, Parts, Record,
    Revocation, Seal, SealError, SealScope, SecretBytes, Select, Store, StoreError, StoredAccount,
    StoredCertificate, StoredOrder, Version,
};

macro_rules! on_every_backend {
    ($($name:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::Subject::memory()).await;
            })*
        }
        mod files {
            $(#[tokio::test]
            async fn $name() {
                let folder = tempfile::tempdir().unwrap();
                super::$name(super::Subject::files(folder.path())).await;
            })*
        }
        mod sealed {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::Subject::memory().sealed()).await;
            })*
        }
    };
}

on_every_backend! {
    what_was_put_is_got,
    a_record_changes_only_from_what_was_expected,
    a_record_made_anew_has_no_version_twice,
    only_the_selected_parts_are_read,
    a_kind_lists_only_its_own,
    a_deleted_record_is_gone,
    a_lease_is_exclusive_until_it_is_dropped,
    leases_of_different_records_do_not_wait_for_each_other,
    concurrent_changes_are_all_kept,
    a_certificate_comes_back_whole,
    a_certificate_without_key_has_none,
    an_older_certificate_is_replaced,
    different_names_never_share_a_place,
    a_damaged_certificate_hides_no_other_and_can_be_healed_or_deleted,
    an_account_keeps_both_keys_during_a_key_change,
    accounts_of_one_name_at_two_directories_are_two,
    an_order_comes_back_until_it_is_deleted,
    a_directory_is_remembered_and_a_broken_memory_is_none,
    names_are_neither_empty_nor_endless,
    there_is_one_authority_and_it_is_not_replaced,
    documents_are_kept_by_collection,
}

/// A store with a handle on its backend.
struct Subject {
    store: Store,
    backend: Arc<dyn Backend>,
}

impl Subject {
    fn memory() -> Self {
        Self::new(MemoryBackend::default())
    }

    fn files(folder: &std::path::Path) -> Self {
        Self::new(FileBackend::open(folder.join("store")).unwrap())
    }

    fn new(backend: impl Backend + 'static) -> Self {
        let store = Store::with_backend(backend);
        Self { backend: Arc::clone(&store.backend), store }
    }

    fn sealed(self) -> Self {
        let store = self.store.sealed(Arc::new(ToySeal::new("1")), SealScope::All);
        Self { store, ..self }
    }

    async fn put(&self, key: &Key, parts: Parts) -> Version {
        self.backend.put(key, parts, Expected::Any).await.unwrap()
    }

    async fn get(&self, key: &Key) -> Option<Record> {
        self.backend.get(key, Select::All).await.unwrap()
    }
}

/// Enough of a seal to tell keys, contexts and changes apart; real ones belong to other crates.
#[derive(Debug)]
pub(crate) struct ToySeal(String);

impl ToySeal {
    pub(crate) fn new(key_id: &str) -> Self {
        Self(key_id.to_owned())
    }

    fn tag(&self, context: &str, plain: &[u8]) -> Vec<u8> {
        let text = [self.0.as_bytes(), context.as_bytes(), plain].join(&b'\0');
        Sha256::digest(text).to_vec()
    }
}

impl Seal for ToySeal {
    fn key_id(&self) -> String {
        self.0.clone()
    }

    fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        Ok([self.tag(context, plain), plain.iter().map(|byte| !byte).collect()].concat())
    }

    fn open(&self, key_id: &str, context: &str, sealed: &[u8]) -> Result<SecretBytes, SealError> {
        if key_id != self.0 {
            return Err(SealError::UnknownKey { key_id: key_id.to_owned() });
        }
        let (tag, text) = sealed.split_at_checked(32).ok_or(SealError::Damaged)?;
        let plain: Vec<u8> = text.iter().map(|byte| !byte).collect();
        if tag == self.tag(context, &plain) { Ok(plain.into()) } else { Err(SealError::Damaged) }
    }
}

fn parts<const N: usize>(parts: [(&str, &str); N]) -> Parts {
    parts.map(|(name, text)| (name.to_owned(), text.into())).into()
}

fn key(name: &str) -> Key {
    Key::certificate(name).unwrap()
}

fn certificate(name: &str, content: &str) -> StoredCertificate {
    let text = |part: &str| format!("{part} of {content}");
    let key_pem = Some(Zeroizing::new(text("key")));
    StoredCertificate::new(CertificateMeta::new(name), text("cert"), text("chain"), key_pem)
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

async fn what_was_put_is_got(s: Subject) {
    assert_eq!(s.get(&key("a.example")).await, None);
    let written = parts([("one", "1"), ("two", "2")]);
    let version = s.put(&key("a.example"), written.clone()).await;
    assert_eq!(s.get(&key("a.example")).await, Some(Record { parts: written, version }));
    // The next version has no part that only the last one had.
    s.put(&key("a.example"), parts([("two", "22")])).await;
    assert_eq!(s.get(&key("a.example")).await.unwrap().parts, parts([("two", "22")]));
}

async fn a_record_changes_only_from_what_was_expected(s: Subject) {
    let put = async |text, expected| s.backend.put(&key("a"), parts([("p", text)]), expected).await;
    let first = put("1", Expected::Absent).await.unwrap();
    assert!(matches!(put("x", Expected::Absent).await, Err(StoreError::Conflict { .. })));
    let second = put("2", Expected::Version(first)).await.unwrap();
    assert!(matches!(put("x", Expected::Version(first)).await, Err(StoreError::Conflict { .. })));
    let third = put("3", Expected::Any).await.unwrap();
    assert_ne!(second, third);
    assert_eq!(s.get(&key("a")).await, Some(Record { parts: parts([("p", "3")]), version: third }));
    let other = s.backend.put(&key("b"), Parts::new(), Expected::Version(third)).await;
    assert!(matches!(other, Err(StoreError::Conflict { .. })));
}

async fn a_record_made_anew_has_no_version_twice(s: Subject) {
    let first = s.put(&key("a"), parts([("p", "1")])).await;
    s.backend.delete(&key("a")).await.unwrap();
    let second = s.put(&key("a"), parts([("p", "2")])).await;
    assert_ne!(first, second);
}

async fn only_the_selected_parts_are_read(s: Subject) {
    s.put(&key("a"), parts([("one", "1"), ("two", "2")])).await;
    let get = async |only| s.backend.get(&key("a"), Select::Only(only)).await.unwrap();
    assert_eq!(get(&["two", "three"]).await.unwrap().parts, parts([("two", "2")]));
    assert_eq!(get(&["three"]).await.unwrap().parts, Parts::new());
}

async fn a_kind_lists_only_its_own(s: Subject) {
    let account = Key::account(&url("https://ca.example/dir"), "default").unwrap();
    let order = Key::order("b.example").unwrap();
    for key in [&key("a.example"), &key("*.a.example"), &account, &order] {
        s.put(key, parts([("p", "1")])).await;
    }
    let list = async |kind| {
        let mut keys = s.backend.list(kind).await.unwrap();
        keys.sort();
        keys
    };
    assert_eq!(list(Kind::Certificate).await, [key("*.a.example"), key("a.example")]);
    assert_eq!(list(Kind::Account).await, [account]);
    assert_eq!(list(Kind::Order).await, [order]);
    assert_eq!(list(Kind::Directory).await, []);
}

async fn a_deleted_record_is_gone(s: Subject) {
    s.put(&key("a"), parts([("p", "1")])).await;
    s.put(&key("a"), parts([("p", "2")])).await;
    assert!(s.backend.delete(&key("a")).await.unwrap());
    assert!(!s.backend.delete(&key("a")).await.unwrap());
    assert_eq!(s.get(&key("a")).await, None);
    assert_eq!(s.backend.list(Kind::Certificate).await.unwrap(), []);
}

async fn a_lease_is_exclusive_until_it_is_dropped(s: Subject) {
    let lease = async |wait| s.store.lease_certificate("a.example", wait).await;
    let held = lease(Duration::ZERO).await.unwrap();
    let refused = lease(Duration::from_millis(20)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Busy { .. }), "{refused}");
    let (next, ()) = tokio::join!(lease(Duration::from_secs(60)), async { drop(held) });
    assert_eq!(next.unwrap().key(), &key("a.example"));
    lease(Duration::MAX).await.unwrap();
}

async fn leases_of_different_records_do_not_wait_for_each_other(s: Subject) {
    let (a, b) = (url("https://a.example/"), url("https://b.example/"));
    let _certificate = s.store.lease_certificate("x", Duration::ZERO).await.unwrap();
    let _other = s.store.lease_certificate("y", Duration::ZERO).await.unwrap();
    let _at_a = s.store.lease_account(&a, "x", Duration::ZERO).await.unwrap();
    let _at_b = s.store.lease_account(&b, "x", Duration::ZERO).await.unwrap();
    // A lease is not in the way of who writes, nor of one another's records.
    s.store.save_certificate(&certificate("x", "1")).await.unwrap();
}

async fn concurrent_changes_are_all_kept(s: Subject) {
    s.store.save_certificate(&certificate("a.example", "1")).await.unwrap();
    let changes = (0..12).map(|number: u32| {
        let store = s.store.clone();
        tokio::spawn(async move {
            let change = |meta: &mut CertificateMeta| {
                meta.extra.insert(format!("n{number}"), json!(number));
            };
            store.update_certificate_meta("a.example", change).await.unwrap().unwrap()
        })
    });
    for change in changes.collect::<Vec<_>>() {
        change.await.unwrap();
    }
    let stored = s.store.certificate("a.example").await.unwrap().unwrap();
    assert_eq!(stored.meta.extra.len(), 12);
    assert_eq!(stored.key_pem, certificate("a.example", "1").key_pem);
}

async fn a_certificate_comes_back_whole(s: Subject) {
    let mut whole = certificate("*.a.example", "1");
    let meta = &mut whole.meta;
    meta.identifiers = ["*.a.example", "192.0.2.1"].map(|n| Identifier::parse(n).unwrap()).into();
    meta.issued_at = Some(UNIX_EPOCH + Duration::new(1_790_000_000, 5));
    meta.not_before = Some(UNIX_EPOCH + Duration::from_secs(1_790_000_000));
    meta.not_after = Some(UNIX_EPOCH + Duration::from_secs(1_798_000_000));
    meta.serial = Some("0a".into());
    meta.sha256 = Some("ff".into());
    meta.issuer = Some("Test CA".into());
    meta.directory = Some(url("https://ca.example/dir"));
    meta.account = Some("default".into());
    meta.order_url = Some(url("https://ca.example/order/1"));
    meta.revoked = Some(Revocation { at: UNIX_EPOCH, reason: "superseded".into() });
    meta.settings = json!({"challenge": "dns-01"});
    meta.hook_pending = true;
    s.store.save_certificate(&whole).await.unwrap();

    assert_eq!(s.store.certificate("*.a.example").await.unwrap(), Some(whole.clone()));
    let meta = s.store.certificate_meta("*.a.example").await.unwrap();
    assert_eq!(meta, Some(whole.meta.clone()));
    let listed = s.store.certificates().await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((&*listed[0].0, listed[0].1.as_ref().unwrap()), ("*.a.example", &whole.meta));
    assert!(!format!("{whole:?}").contains("key of"));
}

async fn a_certificate_without_key_has_none(s: Subject) {
    let mut bare = certificate("a.example", "1");
    s.store.save_certificate(&bare).await.unwrap();
    bare.key_pem = None;
    s.store.save_certificate(&bare).await.unwrap();
    assert_eq!(s.store.certificate("a.example").await.unwrap(), Some(bare));
}

async fn an_older_certificate_is_replaced(s: Subject) {
    for content in ["1", "2"] {
        s.store.save_certificate(&certificate("a.example", content)).await.unwrap();
    }
    let stored = s.store.certificate("a.example").await.unwrap().unwrap();
    assert_eq!(stored, certificate("a.example", "2"));
    assert!(s.store.delete_certificate("a.example").await.unwrap());
    assert!(!s.store.delete_certificate("a.example").await.unwrap());
    assert_eq!(s.store.certificate("a.example").await.unwrap(), None);
    assert_eq!(s.store.update_certificate_meta("a.example", |_| ()).await.unwrap(), None);
}

async fn different_names_never_share_a_place(s: Subject) {
    for (first, second) in [("a:b", "a_b"), ("*.x.example", "_wildcard.x.example")] {
        let stored = certificate(first, "1");
        s.store.save_certificate(&stored).await.unwrap();
        let refused = s.store.save_certificate(&certificate(second, "2")).await.unwrap_err();
        assert!(matches!(&refused, StoreError::NameTaken { holder, .. } if holder == first));
        assert_eq!(s.store.certificate(second).await.unwrap(), None);
        assert_eq!(s.store.certificate_meta(second).await.unwrap(), None);
        assert_eq!(s.store.update_certificate_meta(second, |_| ()).await.unwrap(), None);
        assert!(!s.store.delete_certificate(second).await.unwrap());
        assert_eq!(s.store.certificate(first).await.unwrap(), Some(stored));

        let order = StoredOrder::new(json!(1), None);
        s.store.save_order(first, &order).await.unwrap();
        let refused = s.store.save_order(second, &order).await.unwrap_err();
        assert!(matches!(refused, StoreError::NameTaken { .. }));
        assert_eq!(s.store.order(second).await.unwrap(), None);
    }
}

async fn a_damaged_certificate_hides_no_other_and_can_be_healed_or_deleted(s: Subject) {
    for name in ["a.example", "b.example", "c.example", "d.example"] {
        s.store.save_certificate(&certificate(name, "1")).await.unwrap();
    }
    s.put(&key("b.example"), parts([("meta.json", "{")])).await;
    s.put(&key("c.example"), parts([("cert.pem", "no meta")])).await;
    // A copy of another certificate's folder.
    let copy = s.get(&key("a.example")).await.unwrap();
    s.put(&key("d.example"), copy.parts).await;

    let listed = s.store.certificates().await.unwrap();
    let names: Vec<_> = listed.iter().map(|(name, meta)| (&**name, meta.is_ok())).collect();
    let expected =
        [("a.example", true), ("b.example", false), ("c.example", false), ("d.example", false)];
    assert_eq!(names, expected);
    let error = s.store.certificate("b.example").await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");

    s.store.save_certificate(&certificate("b.example", "2")).await.unwrap();
    assert!(s.store.certificate("b.example").await.unwrap().is_some());
    assert!(s.store.delete_certificate("c.example").await.unwrap());
}

async fn an_account_keeps_both_keys_during_a_key_change(s: Subject) {
    let directory = url("https://ca.example/dir");
    let mut account = StoredAccount::new("default", directory.clone(), "old key".to_owned().into());
    account.url = Some(url("https://ca.example/account/1"));
    account.status = "valid".into();
    account.contact = vec!["mailto:a@b.example".into()];
    account.extra.insert("later".into(), json!(true));
    account.next_key_pem = Some("new key".to_owned().into());
    s.store.save_account(&account).await.unwrap();
    let stored = s.store.account(&directory, "default").await.unwrap();
    assert_eq!(stored, Some(account.clone()));
    assert!(!format!("{account:?}").contains("key\""));

    account.key_pem = account.next_key_pem.take().unwrap();
    s.store.save_account(&account).await.unwrap();
    let stored = s.store.account(&directory, "default").await.unwrap();
    assert_eq!(stored, Some(account));
}

async fn accounts_of_one_name_at_two_directories_are_two(s: Subject) {
    let directories = [url("https://ca.example/a"), url("https://ca.example/b")];
    for directory in &directories {
        let account = StoredAccount::new("default", directory.clone(), "k".to_owned().into());
        s.store.save_account(&account).await.unwrap();
    }
    let broken = Key::account(&directories[0], "broken").unwrap();
    s.put(&broken, parts([("account.json", "{}"), ("account.key", "k")])).await;
    let listed = s.store.accounts().await.unwrap();
    assert_eq!((listed.len(), listed.iter().filter(|a| a.is_ok()).count()), (3, 2));
    assert!(s.store.delete_account(&directories[0], "default").await.unwrap());
    assert_eq!(s.store.account(&directories[0], "default").await.unwrap(), None);
    assert!(s.store.account(&directories[1], "default").await.unwrap().is_some());
    assert!(!s.store.delete_account(&directories[0], "default").await.unwrap());
    assert_eq!(s.store.legacy_account_key().await.unwrap(), None);
}

async fn an_order_comes_back_until_it_is_deleted(s: Subject) {
    let mut order = StoredOrder::new(json!({"state": "new"}), None);
    s.store.save_order("*.a.example", &order).await.unwrap();
    order = StoredOrder::new(json!({"state": "ready"}), Some("the key".to_owned().into()));
    s.store.save_order("*.a.example", &order).await.unwrap();
    assert_eq!(s.store.order("*.a.example").await.unwrap(), Some(order.clone()));
    assert!(!format!("{order:?}").contains("the key"));

    s.put(&Key::order("broken").unwrap(), parts([("order.json", "[]")])).await;
    let listed = s.store.orders().await.unwrap();
    assert_eq!(listed[0].0, "*.a.example");
    assert_eq!(listed[0].1.as_ref().unwrap(), &order.issuance);
    assert!(listed[1].0 == "broken" && listed[1].1.is_err());
    assert!(s.store.delete_order("*.a.example").await.unwrap());
    assert!(!s.store.delete_order("*.a.example").await.unwrap());
    assert_eq!(s.store.order("*.a.example").await.unwrap(), None);
}

async fn a_directory_is_remembered_and_a_broken_memory_is_none(s: Subject) {
    let directory = url("https://ca.example/dir");
    assert_eq!(s.store.cached_directory(&directory).await, None);
    let said = json!({"newNonce": "https://ca.example/nonce"});
    let fetched = UNIX_EPOCH + Duration::from_secs(1_790_000_000);
    s.store.cache_directory(&directory, &said, fetched).await.unwrap();
    assert_eq!(s.store.cached_directory(&directory).await, Some((said, fetched)));
    s.put(&Key::directory(&directory), parts([("directory.json", "{\"url\":1")])).await;
    assert_eq!(s.store.cached_directory(&directory).await, None);
}

async fn names_are_neither_empty_nor_endless(s: Subject) {
    for name in ["", &"a".repeat(1025)] {
        let refused = s.store.save_certificate(&certificate(name, "1")).await.unwrap_err();
        assert!(matches!(refused, StoreError::InvalidName { .. }));
        assert!(s.store.certificate(name).await.is_err());
        assert!(s.store.save_order(name, &StoredOrder::new(json!(1), None)).await.is_err());
    }
}

async fn there_is_one_authority_and_it_is_not_replaced(s: Subject) {
    assert_eq!(s.store.authority().await.unwrap(), None);
    assert_eq!(s.backend.list(Kind::Authority).await.unwrap(), []);
    let ours = parts([("root.pem", "ROOT"), ("root.key", "KEY")]);
    s.store.create_authority(ours.clone()).await.unwrap();
    assert_eq!(s.store.authority().await.unwrap(), Some(ours.clone()));
    let listed = s.backend.list(Kind::Authority).await.unwrap();
    assert_eq!(listed, [Key::authority()]);

    let other = parts([("root.pem", "OTHER")]);
    let refused = s.store.create_authority(other).await.unwrap_err();
    assert!(matches!(refused, StoreError::Conflict { .. }), "{refused}");
    assert_eq!(s.store.authority().await.unwrap(), Some(ours));
    s.backend.delete(&Key::authority()).await.unwrap();
    assert_eq!(s.store.authority().await.unwrap(), None);
}

async fn documents_are_kept_by_collection(s: Subject) {
    let store = &s.store;
    for (collection, id, number) in [("orders", "b", 1), ("orders", "a", 2), ("accounts", "a", 3)] {
        store.save_document(collection, id, &number).await.unwrap();
    }
    store.save_document("orders", "b", &4).await.unwrap();
    let orders = async || -> Vec<(String, i32)> {
        let found = store.documents("orders").await.unwrap();
        found.into_iter().map(|(id, n)| (id, n.unwrap())).collect()
    };
    assert_eq!(orders().await, [("a".to_owned(), 2), ("b".to_owned(), 4)]);
    assert_eq!(store.document("accounts", "a").await.unwrap(), Some(3));
    assert_eq!(store.document::<i32>("accounts", "b").await.unwrap(), None);

    let broken = parts([("document.json", "{")]);
    s.put(&Key::document("orders", "c").unwrap(), broken).await;
    let found = store.documents::<i32>("orders").await.unwrap();
    assert!(matches!(&found[2], (id, Err(StoreError::Corrupt { .. })) if id == "c"));

    assert!(store.delete_document("orders", "c").await.unwrap());
    assert!(!store.delete_document("orders", "c").await.unwrap());
    assert_eq!(orders().await.len(), 2);
    for odd in ["", "..", "a/b", ".a"] {
        let refused = store.save_document("orders", odd, &1).await.unwrap_err();
        assert!(matches!(refused, StoreError::InvalidName { .. }), "{odd}");
    }
}
