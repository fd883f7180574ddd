use acme_crypto::{AwsLc, KeyType, PrivateKey};
use acme_proto::{
    Account, DeactivateAccount, KeyChangeDraft, ProblemType, Signer as _, UpdateAccount, Url,
};
use acme_store::{Lease, StoredAccount};

use crate::builder::contact_url;
use crate::client::Inner;
use crate::registration::{account_key, generate, take_over};
use crate::work::Work;
use crate::{Client, Error};

/// An account as the store and the CA know it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountInfo {
    /// What it is called here.
    pub name: String,
    /// The CA's directory.
    pub directory: Url,
    /// Its URL at the CA; `None` while the CA has not answered yet.
    pub url: Option<Url>,
    /// `valid`, `deactivated` or `revoked`, as last seen.
    pub status: String,
    /// URLs by which the CA can reach the holder.
    pub contact: Vec<String>,
    /// The key's type.
    pub key_type: KeyType,
    /// The key's thumbprint (RFC 7638).
    pub thumbprint: String,
}

/// What can be done with a client's account; from [`Client::account`].
///
/// The account's key never leaves the store. Every change is on disk before and after the CA hears
/// of it, so a crash in between loses nothing.
#[derive(Clone, Copy, Debug)]
pub struct Accounts<'a> {
    client: &'a Client,
}

impl Client {
    /// The client's account.
    pub fn account(&self) -> Accounts<'_> {
        Accounts { client: self }
    }

    /// All accounts in the store, at all CAs. No request is made. One that cannot be read is an
    /// error among the others.
    ///
    /// # Errors
    /// [`Error::Store`] if the store as a whole cannot be read.
    pub async fn accounts(&self) -> Result<Vec<Result<AccountInfo, Error>>, Error> {
        let accounts = self.0.store.accounts().await?;
        Ok(accounts.into_iter().map(|account| info(&account?)).collect())
    }
}

impl Accounts<'_> {
    /// Creates the account, or finds the one that the stored key already has.
    ///
    /// Happens by itself when a certificate is issued.
    ///
    /// # Errors
    /// [`Error::TermsRequired`], [`Error::ExternalAccountRequired`], or the CA's refusal.
    pub async fn create(self) -> Result<AccountInfo, Error> {
        let work = Work::new(self.inner());
        let existed =
            self.inner().stored_account().await?.is_some_and(|account| account.url.is_some());
        if existed {
            self.refuse_deactivated().await?;
            return self.find_with(&work).await;
        }
        self.refuse_foreign_key()?;
        self.inner().identity(&work).await?;
        let account =
            self.inner().stored_account().await?.ok_or_else(|| self.inner().no_account())?;
        info(&account)
    }

    /// Asks the CA for the account of the stored key; never creates one (RFC 8555 §7.3.1).
    ///
    /// # Errors
    /// [`Error::NoAccount`] where the store has no key; the CA's `accountDoesNotExist` where it
    /// does not know the key.
    pub async fn find(self) -> Result<AccountInfo, Error> {
        self.find_with(&Work::new(self.inner())).await
    }

    /// Replaces the contacts; mail addresses or whole URLs (RFC 8555 §7.3.2).
    ///
    /// # Errors
    /// The CA's refusal, such as `invalidContact`.
    pub async fn update_contact<S: Into<String>>(
        self,
        contact: impl IntoIterator<Item = S>,
    ) -> Result<AccountInfo, Error> {
        let contact: Vec<_> = contact.into_iter().map(|c| contact_url(c.into())).collect();
        self.update(|url| UpdateAccount::contact(url, contact)).await
    }

    /// Agrees to the CA's current terms of service (RFC 8555 §7.3.3).
    ///
    /// # Errors
    /// The CA's refusal.
    pub async fn agree_to_terms(self) -> Result<AccountInfo, Error> {
        self.update(UpdateAccount::agree_to_terms).await
    }

    /// Moves the account to a new key of this type (RFC 8555 §7.3.5).
    ///
    /// Both keys are in the store before the CA hears of the new one, and the CA is asked
    /// afterwards which of them it knows. After a crash the next use of the account settles it.
    ///
    /// # Errors
    /// The CA's refusal, [`Error::Unsupported`], [`Error::RolloverIneffective`].
    pub async fn rollover(self, key_type: KeyType) -> Result<AccountInfo, Error> {
        self.rollover_to(generate(key_type).await?).await
    }

    /// Moves the account to this key.
    ///
    /// # Errors
    /// As [`rollover`](Self::rollover).
    pub async fn rollover_to(self, new_key: PrivateKey) -> Result<AccountInfo, Error> {
        let (inner, work) = (self.inner(), Work::new(self.inner()));
        let mut known = inner.identity.lock().await; // before the lease, as everywhere
        let (mut account, _lease) = self.existing(&work).await?;
        let old = inner.identity_of(&work, &account).await?;
        let directory = inner.directory(&work).await?;
        let new_jwk = new_key.jwk();
        let draft = KeyChangeDraft::new(
            &directory,
            &old.url,
            old.signer.jwk(),
            new_jwk,
            new_key.algorithm(),
        )?;
        let signed = new_key.sign_now(draft.signing_input());
        let signed = signed.map_err(|error| Error::Internal(error.to_string()))?;
        let request = draft.finish(&signed);

        account.next_key_pem = Some(new_key.to_pkcs8_pem());
        inner.store.save_account(&account).await?;
        *known = None;
        let changed = work.request(&request, Some(&old.signature()), &directory).await;
        let refused = match changed {
            Ok(()) => None,
            Err(error) if error.refusal().is_some() => Some(error),
            // Not refused, not done: the answer was lost. Both keys stay until the CA tells.
            Err(error) => return Err(error),
        };
        // Only the CA knows. Pebble answers 200 and changes nothing where the new key has an account
        // already; and a second try is refused where the first was done and its answer lost.
        let reason = match inner.new_account(&work, &directory, &new_key, true).await {
            Ok(located) if located.url == old.url => {
                account.key_pem = new_key.to_pkcs8_pem();
                account.next_key_pem = None;
                take_over(&mut account, located);
                inner.store.save_account(&account).await?;
                return info(&account);
            }
            Ok(located) => format!("the key belongs to the account {}", located.url),
            Err(error) if error.is_problem(&ProblemType::AccountDoesNotExist) => error.to_string(),
            Err(error) => return Err(error), // both keys stay until the CA tells
        };
        account.next_key_pem = None;
        inner.store.save_account(&account).await?;
        Err(refused.unwrap_or(Error::RolloverIneffective(reason)))
    }

    /// Gives the account up, for good (RFC 8555 §7.3.6). The key stays in the store, marked, so that
    /// no new account is made silently in its place.
    ///
    /// # Errors
    /// The CA's refusal.
    pub async fn deactivate(self) -> Result<AccountInfo, Error> {
        let (inner, work) = (self.inner(), Work::new(self.inner()));
        let mut known = inner.identity.lock().await; // before the lease, as everywhere
        let (mut account, _lease) = self.existing(&work).await?;
        let identity = inner.identity_of(&work, &account).await?;
        let directory = inner.directory(&work).await?;
        let request = DeactivateAccount { url: identity.url.clone() };
        let answer = work.request(&request, Some(&identity.signature()), &directory).await?;
        account.contact = answer.contact;
        account.status = "deactivated".to_owned();
        inner.store.save_account(&account).await?;
        *known = None;
        info(&account)
    }

    async fn update(
        self,
        request: impl FnOnce(Url) -> UpdateAccount,
    ) -> Result<AccountInfo, Error> {
        let (inner, work) = (self.inner(), Work::new(self.inner()));
        let (mut account, _lease) = self.existing(&work).await?;
        let identity = inner.identity_of(&work, &account).await?;
        let directory = inner.directory(&work).await?;
        let request = request(identity.url.clone());
        let answer: Account =
            work.request(&request, Some(&identity.signature()), &directory).await?;
        account.status = answer.status.as_str().to_owned();
        account.contact = answer.contact;
        inner.store.save_account(&account).await?;
        info(&account)
    }

    async fn find_with(self, work: &Work<'_>) -> Result<AccountInfo, Error> {
        self.refuse_foreign_key()?;
        let inner = self.inner();
        let _lease = inner.lease_account(work).await?;
        let mut account = match inner.stored_account().await? {
            Some(account) => account,
            None => {
                let legacy = inner.legacy_key().await?;
                let key_pem = legacy.ok_or_else(|| inner.no_account())?;
                StoredAccount::new(inner.account.name.clone(), inner.directory.clone(), key_pem)
            }
        };
        if account.next_key_pem.is_some() {
            account = inner.established_account(work).await?; // settles an unfinished key change
        }
        let directory = inner.directory(work).await?;
        let key = account_key(&account)?;
        let located = inner.new_account(work, &directory, &key, true).await?;
        take_over(&mut account, located);
        inner.store.save_account(&account).await?;
        info(&account)
    }

    /// The stored account, which must have a URL, and the exclusive right to change it.
    async fn existing(self, work: &Work<'_>) -> Result<(StoredAccount, Lease), Error> {
        self.refuse_foreign_key()?;
        self.refuse_deactivated().await?;
        let inner = self.inner();
        let legacy = inner.legacy_key().await?.is_some();
        if inner.stored_account().await?.is_none() && !legacy {
            return Err(inner.no_account());
        }
        let lease = inner.lease_account(work).await?;
        Ok((inner.established_account(work).await?, lease))
    }

    async fn refuse_deactivated(self) -> Result<(), Error> {
        match self.inner().stored_account().await? {
            Some(account) if account.status == "deactivated" => {
                Err(Error::AccountDeactivated { name: account.name, directory: account.directory })
            }
            _ => Ok(()),
        }
    }

    fn refuse_foreign_key(self) -> Result<(), Error> {
        match self.inner().account.signer {
            None => Ok(()),
            Some(_) => {
                let reason = "the account's key lives outside of the store: manage the account where the key is";
                Err(Error::Usage(reason.to_owned()))
            }
        }
    }

    fn inner(&self) -> &Inner {
        &self.client.0
    }
}

fn info(account: &StoredAccount) -> Result<AccountInfo, Error> {
    let key = account_key(account)?;
    Ok(AccountInfo {
        name: account.name.clone(),
        directory: account.directory.clone(),
        url: account.url.clone(),
        status: account.status.clone(),
        contact: account.contact.clone(),
        key_type: key.key_type(),
        thumbprint: key.jwk().thumbprint(&AwsLc).to_string(),
    })
}
