//! Private keys sealed at rest: the store's seal, made of master keys.

use std::sync::Arc;

use acme_crypto::{MasterKey, SealedError};
use acme_store::{Seal, SealError, SealScope, SecretBytes, Store};

/// How a store's private keys are sealed at rest.
///
/// ```
/// use lacme::{MasterKey, SealScope, Sealing, Store};
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let master_key = MasterKey::generate()?; // or from_file_content(&std::fs::read("master.key")?)?
/// let sealing = Sealing::new(master_key).scope(SealScope::All);
/// let store = sealing.seal(Store::memory()); // or Store::open("/var/lib/lacme")?
/// store.seal_existing().await?; // what is there already
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(run()).unwrap();
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Sealing {
    keys: MasterKeys,
    scope: SealScope,
}

impl Sealing {
    /// Seals with this master key: the keys of accounts, of a certificate authority and of
    /// unfinished orders ([`SealScope::Accounts`]).
    pub fn new(master_key: MasterKey) -> Self {
        let keys = MasterKeys { present: master_key, former: Vec::new() };
        Self { keys, scope: SealScope::default() }
    }

    /// Which keys are sealed.
    pub fn scope(mut self, scope: SealScope) -> Self {
        self.scope = scope;
        self
    }

    /// Opens what this master key sealed, too, and seals nothing with it: for the time of a
    /// change, until [`Store::seal_existing`] has sealed everything with the present one. May be
    /// repeated.
    pub fn former_key(mut self, master_key: MasterKey) -> Self {
        self.keys.former.push(master_key);
        self
    }

    /// The store with this seal; clones of the store that were made before have none.
    #[must_use]
    pub fn seal(self, store: Store) -> Store {
        store.sealed(Arc::new(self.keys), self.scope)
    }
}

impl From<MasterKey> for Sealing {
    fn from(master_key: MasterKey) -> Self {
        Self::new(master_key)
    }
}

/// The one that seals, and those that still open.
#[derive(Clone, Debug)]
struct MasterKeys {
    present: MasterKey,
    former: Vec<MasterKey>,
}

impl Seal for MasterKeys {
    fn key_id(&self) -> String {
        self.present.id().to_owned()
    }

    fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, SealError> {
        self.present.seal(context, plain).map_err(explained)
    }

    fn open(&self, key_id: &str, context: &str, sealed: &[u8]) -> Result<SecretBytes, SealError> {
        let mut keys = std::iter::once(&self.present).chain(&self.former);
        let key = keys
            .find(|key| key.id() == key_id)
            .ok_or_else(|| SealError::UnknownKey { key_id: key_id.to_owned() })?;
        let mut plain = key.open(context, sealed).map_err(explained)?;
        Ok(std::mem::take(&mut *plain).into())
    }
}

fn explained(error: SealedError) -> SealError {
    match error {
        SealedError::Broken => SealError::Damaged,
        SealedError::UnknownVersion => SealError::UnknownVersion,
        error => SealError::Failed(Box::new(error)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    use acme_crypto::{KeyType, PrivateKey};
    use acme_proto::Url;
    use acme_store::{
        CertificateMeta, Parts, StoreError, StoredAccount, StoredCertificate, StoredOrder,
    };
    use zeroize::Zeroizing;

    use super::*;

    fn master_key() -> MasterKey {
        MasterKey::generate().unwrap()
    }

    fn directory() -> Url {
        Url::parse("https://ca.example/dir").unwrap()
    }

    /// A store with one record of each kind that has keys, and these keys.
    async fn fill(store: &Store) -> Vec<Zeroizing<String>> {
        let pem = || PrivateKey::generate(KeyType::EcdsaP256).unwrap().to_pkcs8_pem();
        let keys: Vec<_> = (0..5).map(|_| pem()).collect();
        let mut account = StoredAccount::new("default", directory(), keys[0].clone());
        account.next_key_pem = Some(keys[1].clone());
        store.save_account(&account).await.unwrap();
        let order = StoredOrder::new(1.into(), Some(keys[2].clone()));
        store.save_order("a.example", &order).await.unwrap();
        let parts = Parts::from([
            ("root.pem".to_owned(), "ROOT".into()),
            ("root.key".to_owned(), keys[3].as_str().into()),
        ]);
        store.create_authority(parts).await.unwrap();
        save_certificate(store, &keys[4]).await;
        keys
    }

    async fn save_certificate(store: &Store, key: &Zeroizing<String>) {
        let meta = CertificateMeta::new("a.example");
        let key = Some(key.clone());
        let certificate = StoredCertificate::new(meta, "LEAF".into(), "CHAIN".into(), key);
        store.save_certificate(&certificate).await.unwrap();
    }

    /// All keys of a store, in the order of [`fill`].
    async fn keys(store: &Store) -> Result<Vec<Zeroizing<String>>, StoreError> {
        let account = store.account(&directory(), "default").await?.unwrap();
        let authority = store.authority().await?.unwrap();
        let root = std::str::from_utf8(authority["root.key"].as_slice()).unwrap();
        Ok(vec![
            account.key_pem,
            account.next_key_pem.unwrap(),
            store.order("a.example").await?.unwrap().key_pem.unwrap(),
            Zeroizing::new(root.to_owned()),
            store.certificate("a.example").await?.unwrap().key_pem.unwrap(),
        ])
    }

    /// How many files below `folder` show something of the keys.
    fn files_with(keys: &[Zeroizing<String>], folder: &Path) -> usize {
        let secret = |text: &str| {
            text.contains("BEGIN PRIVATE KEY")
                || keys.iter().any(|key| text.contains(key.lines().nth(1).unwrap()))
        };
        let is_secret = |file: &&PathBuf| secret(&fs::read_to_string(file).unwrap());
        files(folder).iter().filter(is_secret).count()
    }

    fn files(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        let found = entries.map(|entry| match entry.file_type().unwrap() {
            kind if kind.is_dir() => files(&entry.path()),
            kind if kind.is_file() => vec![entry.path()],
            _ => Vec::new(),
        });
        found.flatten().collect()
    }

    #[tokio::test]
    async fn a_store_that_is_sealed_from_the_start_shows_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let sealing = Sealing::new(master_key()).scope(SealScope::All);
        let store = sealing.seal(Store::open(folder.path()).unwrap());
        let written = fill(&store).await;
        assert_eq!(keys(&store).await.unwrap(), written);
        assert_eq!(files_with(&written, folder.path()), 0);
        let text = fs::read_to_string(folder.path().join("ca/root.key")).unwrap();
        assert!(text.starts_with("-----BEGIN LACME SEALED KEY-----\nVersion: 1\nKey-Id: "));
        assert_eq!(fs::read_to_string(folder.path().join("ca/root.pem")).unwrap(), "ROOT");
        assert_eq!(store.seal_existing().await.unwrap(), 0);
    }

    #[tokio::test]
    async fn sealing_what_exists_leaves_no_key_in_the_open_not_even_a_former_one() {
        let folder = tempfile::tempdir().unwrap();
        let plain = Store::open(folder.path()).unwrap();
        let mut written = fill(&plain).await;
        let renewed = PrivateKey::generate(KeyType::EcdsaP256).unwrap().to_pkcs8_pem();
        save_certificate(&plain, &renewed).await;
        assert_eq!(files_with(&written, folder.path()), 6);

        let sealing = Sealing::new(master_key());
        let store = sealing.clone().seal(plain.clone());
        let replaced = std::mem::replace(&mut written[4], renewed);
        written.push(replaced);
        assert_eq!(keys(&store).await.unwrap(), written[..5]);
        assert_eq!(store.seal_existing().await.unwrap(), 3);
        assert_eq!(
            files_with(&written, folder.path()),
            2,
            "the certificate and its former version"
        );

        let store = sealing.scope(SealScope::All).seal(plain);
        assert_eq!(store.seal_existing().await.unwrap(), 1);
        assert_eq!(files_with(&written, folder.path()), 0);
        assert_eq!(keys(&store).await.unwrap(), written[..5]);
    }

    #[tokio::test]
    async fn by_default_a_web_server_can_read_the_certificates_key() {
        let folder = tempfile::tempdir().unwrap();
        let store = Sealing::from(master_key()).seal(Store::open(folder.path()).unwrap());
        let written = fill(&store).await;
        assert_eq!(files_with(&written, folder.path()), 1);
        let key = fs::read_to_string(folder.path().join("certs/a.example/key.pem")).unwrap();
        assert_eq!(key, *written[4]);
    }

    #[tokio::test]
    async fn the_wrong_master_key_is_named_and_loses_nothing() {
        let store = Store::memory();
        let right = master_key();
        let sealing = Sealing::new(right.clone()).scope(SealScope::All);
        let written = fill(&sealing.clone().seal(store.clone())).await;

        let wrong = Sealing::new(master_key()).scope(SealScope::All).seal(store.clone());
        for error in [
            wrong.account(&directory(), "default").await.unwrap_err(),
            wrong.certificate("a.example").await.unwrap_err(),
            wrong.order("a.example").await.unwrap_err(),
            wrong.authority().await.unwrap_err(),
            wrong.accounts().await.unwrap().remove(0).unwrap_err(),
            wrong.seal_existing().await.unwrap_err(),
        ] {
            let StoreError::Seal { source: SealError::UnknownKey { key_id }, .. } = &error else {
                panic!("{error}")
            };
            assert_eq!(key_id, right.id());
        }
        assert_eq!(keys(&sealing.seal(store)).await.unwrap(), written);
    }

    #[tokio::test]
    async fn without_master_key_everything_but_the_keys_is_there() {
        let store = Store::memory();
        let sealed = Sealing::new(master_key()).scope(SealScope::All).seal(store.clone());
        let written = fill(&sealed).await;
        for (error, place) in [
            (store.account(&directory(), "default").await.unwrap_err(), "/default/account.key"),
            (store.certificate("a.example").await.unwrap_err(), "certs/a.example/key.pem"),
            (store.order("a.example").await.unwrap_err(), "orders/a.example/key.pem"),
            (store.authority().await.unwrap_err(), "ca/root.key"),
        ] {
            assert!(matches!(&error, StoreError::Sealed { what } if what.ends_with(place)));
            assert!(error.to_string().contains("--master-key-file"), "{error}");
        }
        assert!(matches!(store.seal_existing().await, Err(StoreError::NoSeal)));
        // Facts can be read and changed, and the key stays what it is.
        let change = |meta: &mut CertificateMeta| meta.hook_pending = true;
        store.update_certificate_meta("a.example", change).await.unwrap();
        assert!(store.certificate_meta("a.example").await.unwrap().unwrap().hook_pending);
        assert_eq!(keys(&sealed).await.unwrap(), written);
    }

    #[tokio::test]
    async fn a_new_master_key_takes_over_from_the_former_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let (old, new) = (master_key(), master_key());
        let written =
            fill(&Sealing::new(old.clone()).scope(SealScope::All).seal(store.clone())).await;

        // In the narrower scope, too: what is sealed would be lost with the old key.
        let both = Sealing::new(new.clone()).former_key(old.clone()).seal(store.clone());
        assert_eq!(keys(&both).await.unwrap(), written);
        assert_eq!(both.seal_existing().await.unwrap(), 4);
        assert_eq!(both.seal_existing().await.unwrap(), 0);
        assert_eq!(keys(&Sealing::new(new).seal(store.clone())).await.unwrap(), written);
        assert!(keys(&Sealing::new(old.clone()).seal(store)).await.is_err());
        for file in files(folder.path()) {
            let text = fs::read_to_string(&file).unwrap();
            assert!(!text.contains(old.id()), "{} is still sealed with it", file.display());
        }
    }

    #[tokio::test]
    async fn a_sealed_key_opens_nowhere_but_in_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let sealing = Sealing::new(master_key()).scope(SealScope::All);
        let store = sealing.seal(Store::open(folder.path()).unwrap());
        fill(&store).await;
        let at = |path: &str| folder.path().join(path);
        // The account's key as the CA's, the order's key as the certificate's: same seal, same
        // name even, another place.
        let accounts = files(&at(".versions/accounts"));
        let account_key = accounts.iter().find(|file| file.ends_with("account.key")).unwrap();
        fs::copy(account_key, at("ca/root.key")).unwrap();
        fs::copy(at("orders/a.example/key.pem"), at("certs/a.example/key.pem")).unwrap();
        for error in [
            store.authority().await.unwrap_err(),
            store.certificate("a.example").await.unwrap_err(),
        ] {
            assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
            assert!(error.to_string().contains("moved here"), "{error}");
        }
        assert!(store.order("a.example").await.is_ok());
    }

    #[tokio::test]
    async fn what_was_changed_or_cut_off_is_damaged_and_hides_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let sealing = Sealing::new(master_key()).scope(SealScope::All);
        let store = sealing.seal(Store::open(folder.path()).unwrap());
        let written = fill(&store).await;
        let path = folder.path().join("orders/a.example/key.pem");
        let whole = fs::read_to_string(&path).unwrap();
        let changed = match &whole[whole.len() - 60..whole.len() - 59] {
            "A" => "B",
            _ => "A",
        };
        let mut tampered = whole.clone();
        tampered.replace_range(whole.len() - 60..whole.len() - 59, changed);
        for damaged in [&tampered, &whole[..whole.len() / 2], &whole[..40]] {
            fs::write(&path, damaged).unwrap();
            let error = store.order("a.example").await.unwrap_err();
            assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
            let certificate = store.certificate("a.example").await.unwrap().unwrap();
            assert_eq!(certificate.key_pem.as_ref(), Some(&written[4]));
        }
        fs::write(&path, whole).unwrap();
        assert_eq!(keys(&store).await.unwrap(), written);
    }
}
