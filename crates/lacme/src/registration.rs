//! From the store's account to one that can sign: found, created, or put right after a crash.

use std::sync::Arc;

use acme_crypto::{AwsLc, KeyType, PrivateKey};
use acme_proto::{
    AccountLocation, Credentials, Directory, NewAccount, ProblemType, Signer,
    external_account_binding,
};
use acme_store::{Lease, StoreError, StoredAccount};
use zeroize::Zeroizing;

use crate::client::Inner;
use crate::work::{Identity, Signature, Work};
use crate::{Error, Event};

impl Inner {
    /// The account to sign with. The first use finds or creates it, later ones only remember.
    pub(crate) async fn identity(&self, work: &Work<'_>) -> Result<Arc<Identity>, Error> {
        let mut known = self.identity.lock().await;
        if let Some(identity) = &*known {
            return Ok(identity.clone());
        }
        let identity = Arc::new(match &self.account.signer {
            Some(signer) => self.look_up_signer(work, signer.clone()).await?,
            None => {
                let _lease = self.lease_account(work).await?;
                let account = self.established_account(work).await?;
                self.identity_of(work, &account).await?
            }
        });
        *known = Some(identity.clone());
        Ok(identity)
    }

    /// Forgets the account's URL, which the CA no longer knows: the next use registers the key anew.
    pub(crate) async fn forget_account_url(&self, work: &Work<'_>) -> Result<(), Error> {
        let mut known = self.identity.lock().await;
        *known = None;
        if self.account.signer.is_none() {
            let _lease = self.lease_account(work).await?;
            if let Some(mut account) = self.stored_account().await? {
                account.url = None;
                self.store.save_account(&account).await?;
            }
        }
        Ok(())
    }

    pub(crate) async fn lease_account(&self, work: &Work<'_>) -> Result<Lease, Error> {
        let wait = work.time_left();
        let lease = self.store.lease_account(&self.directory, &self.account.name, wait);
        Ok(work.bounded(lease).await??)
    }

    pub(crate) async fn stored_account(&self) -> Result<Option<StoredAccount>, Error> {
        Ok(self.store.account(&self.directory, &self.account.name).await?)
    }

    /// The key that the Python library left: for the first account at a CA, and for no second one.
    pub(crate) async fn legacy_key(&self) -> Result<Option<Zeroizing<String>>, Error> {
        let Some(key) = self.store.legacy_account_key().await? else { return Ok(None) };
        let mut stored = self.store.accounts().await?.into_iter().flatten();
        let taken = stored.any(|account| account.directory == self.directory);
        Ok((!taken).then_some(key))
    }

    pub(crate) async fn identity_of(
        &self,
        work: &Work<'_>,
        account: &StoredAccount,
    ) -> Result<Identity, Error> {
        let directory = self.directory(work).await?;
        let signer: Arc<dyn Signer> = Arc::new(account_key(account)?);
        let url = account.url.clone().ok_or_else(|| self.no_account())?;
        Ok(identity(&directory, signer, url))
    }

    /// The stored account with a URL; created at the CA where there is none yet.
    pub(crate) async fn established_account(
        &self,
        work: &Work<'_>,
    ) -> Result<StoredAccount, Error> {
        match self.stored_account().await? {
            Some(account) if account.status == "deactivated" => {
                let (name, directory) = (account.name, account.directory);
                Err(Error::AccountDeactivated { name, directory })
            }
            Some(account) if account.next_key_pem.is_some() => {
                self.settle_key_change(work, account).await
            }
            Some(account) if account.url.is_some() => Ok(account),
            Some(account) => self.register(work, account, true).await,
            None => {
                let legacy = self.legacy_key().await?;
                let key_is_known = legacy.is_some();
                let directory = self.directory(work).await?;
                if !key_is_known {
                    self.check_registration(&directory)?; // before a key is made for nothing
                }
                let key_pem = match legacy {
                    Some(key_pem) => key_pem,
                    None => generate(self.account.key_type).await?.to_pkcs8_pem(),
                };
                let name = self.account.name.clone();
                let account = StoredAccount::new(name, self.directory.clone(), key_pem);
                self.store.save_account(&account).await?; // before the CA hears of the key
                self.register(work, account, key_is_known).await
            }
        }
    }

    /// Tells the CA of the account's key, and keeps what it answers.
    async fn register(
        &self,
        work: &Work<'_>,
        mut account: StoredAccount,
        key_is_known: bool,
    ) -> Result<StoredAccount, Error> {
        let directory = self.directory(work).await?;
        let key = account_key(&account)?;
        let located = match self.check_registration(&directory) {
            Ok(()) => self.new_account(work, &directory, &key, false).await?,
            // The key may have an account all the same, from before the store was lost.
            Err(missing) if key_is_known => {
                match self.new_account(work, &directory, &key, true).await {
                    Err(error) if error.is_problem(&ProblemType::AccountDoesNotExist) => {
                        return Err(missing);
                    }
                    located => located?,
                }
            }
            Err(missing) => return Err(missing),
        };
        self.events.emit(if located.created {
            Event::AccountCreated { url: located.url.clone() }
        } else {
            Event::AccountFound { url: located.url.clone() }
        });
        take_over(&mut account, located);
        self.store.save_account(&account).await?;
        Ok(account)
    }

    /// One newAccount request, which finds an account rather than making a second one
    /// (RFC 8555 §7.3.1).
    pub(crate) async fn new_account(
        &self,
        work: &Work<'_>,
        directory: &Directory,
        key: &dyn CloneSigner,
        only_return_existing: bool,
    ) -> Result<AccountLocation, Error> {
        let signer = key.clone_signer();
        let mut request = NewAccount::default();
        request.only_return_existing = only_return_existing;
        request.contact.clone_from(&self.account.contact);
        request.terms_of_service_agreed = self.account.agree_to_terms;
        request.external_account_binding = self.account.external.as_ref().map(|external| {
            external_account_binding(directory, &external.kid, &external.hmac_key, signer.jwk())
        });
        let signature = unregistered(directory, signer);
        work.request(&request, Some(&signature), directory).await
    }

    /// What the CA's directory says is needed for a new account (RFC 8555 §7.1.1).
    fn check_registration(&self, directory: &Directory) -> Result<(), Error> {
        match &directory.meta.terms_of_service {
            Some(url) if !self.account.agree_to_terms => {
                return Err(Error::TermsRequired { url: url.clone() });
            }
            _ => {}
        }
        if directory.meta.external_account_required && self.account.external.is_none() {
            return Err(Error::ExternalAccountRequired);
        }
        Ok(())
    }

    /// A process died in the middle of a key change: which of the two keys does the CA know?
    async fn settle_key_change(
        &self,
        work: &Work<'_>,
        mut account: StoredAccount,
    ) -> Result<StoredAccount, Error> {
        let Some(next_pem) = account.next_key_pem.take() else {
            return Ok(account);
        };
        let directory = self.directory(work).await?;
        let next = stored_key(&next_pem, || place(&account))?;
        match self.new_account(work, &directory, &next, true).await {
            Ok(located) if account.url.as_ref().is_none_or(|url| *url == located.url) => {
                account.key_pem = next_pem;
                take_over(&mut account, located);
            }
            Ok(_) => {} // another account has the new key; ours still has the old one
            Err(error) if error.is_problem(&ProblemType::AccountDoesNotExist) => {}
            Err(error) => return Err(error),
        }
        self.store.save_account(&account).await?;
        if account.url.is_none() { self.register(work, account, true).await } else { Ok(account) }
    }

    /// The account of a key that lives elsewhere.
    async fn look_up_signer(
        &self,
        work: &Work<'_>,
        signer: Arc<dyn Signer>,
    ) -> Result<Identity, Error> {
        let directory = self.directory(work).await?;
        let existing = self.check_registration(&directory).is_err();
        let located = match self.new_account(work, &directory, &signer, existing).await {
            Err(error) if existing && error.is_problem(&ProblemType::AccountDoesNotExist) => {
                self.check_registration(&directory)?;
                return Err(error);
            }
            located => located?,
        };
        Ok(identity(&directory, signer, located.url))
    }

    pub(crate) fn no_account(&self) -> Error {
        Error::NoAccount { name: self.account.name.clone(), directory: self.directory.clone() }
    }
}

/// A key that can be handed to a request, whether it is ours or lives elsewhere.
pub(crate) trait CloneSigner: Send + Sync {
    fn clone_signer(&self) -> Arc<dyn Signer>;
}

impl CloneSigner for PrivateKey {
    fn clone_signer(&self) -> Arc<dyn Signer> {
        Arc::new(self.clone())
    }
}

impl CloneSigner for Arc<dyn Signer> {
    fn clone_signer(&self) -> Arc<dyn Signer> {
        self.clone()
    }
}

/// A new key, made on a thread where it may take its time: RSA does.
pub(crate) async fn generate(key_type: KeyType) -> Result<PrivateKey, Error> {
    let made = tokio::task::spawn_blocking(move || PrivateKey::generate(key_type)).await;
    Ok(made.map_err(|error| Error::Internal(error.to_string()))??)
}

/// The key of a stored account.
pub(crate) fn account_key(account: &StoredAccount) -> Result<PrivateKey, Error> {
    stored_key(&account.key_pem, || place(account))
}

/// A key from the store, which is to blame where the key cannot be read.
pub(crate) fn stored_key(pem: &str, place: impl FnOnce() -> String) -> Result<PrivateKey, Error> {
    PrivateKey::from_pem(pem)
        .map_err(|error| StoreError::Corrupt { what: place(), reason: error.to_string() }.into())
}

fn place(account: &StoredAccount) -> String {
    format!("the key of the account {:?} at {}", account.name, account.directory)
}

/// What the CA says of an account becomes what the store says of it.
pub(crate) fn take_over(account: &mut StoredAccount, located: AccountLocation) {
    account.url = Some(located.url);
    account.status = located.account.status.as_str().to_owned();
    account.contact = located.account.contact;
}

/// Signs with a key whose account's URL is not known.
pub(crate) fn unregistered(directory: &Directory, signer: Arc<dyn Signer>) -> Signature {
    let credentials = Arc::new(Credentials::of(directory, &*signer));
    Signature { credentials, signer }
}

fn identity(directory: &Directory, signer: Arc<dyn Signer>, url: acme_proto::Url) -> Identity {
    let thumbprint = signer.jwk().thumbprint(&AwsLc);
    let credentials = Credentials::of(directory, &*signer).with_account(url.clone());
    Identity { url, credentials: Arc::new(credentials), signer, thumbprint }
}

#[cfg(test)]
mod tests {
    use acme_proto::Url;
    use acme_store::Store;

    use super::*;
    use crate::Client;

    #[tokio::test]
    async fn the_key_of_the_python_library_serves_one_account_a_directory() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("account.key"), "key").unwrap();
        let store = Store::open(folder.path()).unwrap();
        let url = |text| Url::parse(text).unwrap();
        let (here, there) = (url("https://ca.example/d"), url("https://cb.example/d"));
        let second_at = |directory: &Url| {
            let client = Client::builder().store(store.clone()).directory(directory.clone());
            client.account_name("second").build().unwrap()
        };
        assert!(second_at(&here).0.legacy_key().await.unwrap().is_some());
        let first = StoredAccount::new("default", here.clone(), "key".to_owned().into());
        store.save_account(&first).await.unwrap();
        assert!(second_at(&here).0.legacy_key().await.unwrap().is_none());
        assert!(second_at(&there).0.legacy_key().await.unwrap().is_some());
    }

    #[test]
    fn a_stored_key_that_is_damaged_is_the_stores_fault() {
        let directory = Url::parse("https://ca.example/directory").unwrap();
        let junk = Zeroizing::new("junk".to_owned());
        let error = account_key(&StoredAccount::new("default", directory, junk)).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Store);
        let words = error.to_string();
        assert!(words.starts_with("the key of the account \"default\" at https://ca."), "{words}");
    }
}
