use std::fmt;

use acme_proto::Url;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::store::{owner, read_json, write_json};
use crate::{Key, Kind, Parts, Record, Select, Store, StoreError};

const KEY: &str = "account.key";
const NEXT_KEY: &str = "next.key";
const DOCUMENT: &str = "account.json";

/// An account at one directory, with its key.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct StoredAccount {
    /// What it is called here.
    pub name: String,
    /// The directory it belongs to.
    pub directory: Url,
    /// Its URL, once the server has told it (RFC 8555 §7.3).
    pub url: Option<Url>,
    /// Its status as the server last put it; empty if unknown.
    pub status: String,
    /// Its contact URLs.
    pub contact: Vec<String>,
    /// Its private key.
    pub key_pem: Zeroizing<String>,
    /// The key that is to follow, while a key change is under way (RFC 8555 §7.3.5). Either key
    /// may be the right one after a crash, so both are stored before the request leaves.
    pub next_key_pem: Option<Zeroizing<String>>,
    /// Fields that this version does not know; they are written back.
    pub extra: Map<String, Value>,
}

impl StoredAccount {
    /// An account that the server has not told anything about yet.
    pub fn new(name: impl Into<String>, directory: Url, key_pem: Zeroizing<String>) -> Self {
        Self {
            name: name.into(),
            directory,
            url: None,
            status: String::new(),
            contact: Vec::new(),
            key_pem,
            next_key_pem: None,
            extra: Map::new(),
        }
    }
}

impl fmt::Debug for StoredAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredAccount")
            .field("name", &self.name)
            .field("directory", &self.directory)
            .field("url", &self.url)
            .field("status", &self.status)
            .finish_non_exhaustive()
    }
}

/// `account.json`.
#[derive(Serialize, Deserialize)]
struct Document {
    name: String,
    directory: Url,
    #[serde(default)]
    url: Option<Url>,
    #[serde(default)]
    status: String,
    #[serde(default)]
    contact: Vec<String>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

impl Store {
    /// The account of that name at a directory. A folder that holds nothing but `account.key`
    /// is one that the server has not told anything about yet.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it is stored and cannot be understood.
    pub async fn account(
        &self,
        directory: &Url,
        name: &str,
    ) -> Result<Option<StoredAccount>, StoreError> {
        let key = Key::account(directory, name)?;
        let Some(record) = self.backend.get(&key, Select::All).await? else {
            return Ok(None);
        };
        if record.parts.contains_key(KEY) && !record.parts.contains_key(DOCUMENT) {
            let key_pem = self.read_key(&key, &record, KEY)?;
            return Ok(Some(StoredAccount::new(name, directory.clone(), key_pem)));
        }
        if owner(&record, DOCUMENT).is_some_and(|holder| holder != name) {
            return Ok(None);
        }
        self.read_account(&key, &record).map(Some)
    }

    /// All accounts at all directories, sorted by directory and name. A damaged one is an error
    /// among the others.
    ///
    /// # Errors
    /// Only if the store as a whole cannot be read.
    pub async fn accounts(&self) -> Result<Vec<Result<StoredAccount, StoreError>>, StoreError> {
        let mut keys = self.backend.list(Kind::Account).await?;
        keys.sort();
        let mut accounts = Vec::new();
        for key in keys {
            match self.backend.get(&key, Select::All).await {
                Ok(Some(record)) => accounts.push(self.read_account(&key, &record)),
                Ok(None) => {}
                Err(error) => accounts.push(Err(error)),
            }
        }
        Ok(accounts)
    }

    /// Stores an account in place of the former one of its name at its directory.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] if another name has the same folder.
    pub async fn save_account(&self, account: &StoredAccount) -> Result<(), StoreError> {
        let key = Key::account(&account.directory, &account.name)?;
        let document = Document {
            name: account.name.clone(),
            directory: account.directory.clone(),
            url: account.url.clone(),
            status: account.status.clone(),
            contact: account.contact.clone(),
            extra: account.extra.clone(),
        };
        let mut parts = Parts::from([
            (KEY.to_owned(), account.key_pem.as_str().into()),
            (DOCUMENT.to_owned(), write_json(&key, &document)?),
        ]);
        if let Some(next) = &account.next_key_pem {
            parts.insert(NEXT_KEY.to_owned(), next.as_str().into());
        }
        self.save(&key, &account.name, DOCUMENT, parts).await
    }

    /// Removes an account with its keys; `false` if it was not stored.
    ///
    /// # Errors
    /// [`StoreError::Io`] and the like.
    pub async fn delete_account(&self, directory: &Url, name: &str) -> Result<bool, StoreError> {
        self.remove(&Key::account(directory, name)?, name, DOCUMENT).await
    }

    /// The account key that the Python library leaves at the top of its folder, which may serve
    /// a directory that has no account here yet.
    ///
    /// # Errors
    /// [`StoreError::Io`] if it is there and cannot be read.
    pub async fn legacy_account_key(&self) -> Result<Option<Zeroizing<String>>, StoreError> {
        let Some(bytes) = self.backend.legacy_account_key().await? else {
            return Ok(None);
        };
        match std::str::from_utf8(bytes.as_slice()) {
            Ok(text) => Ok(Some(Zeroizing::new(text.to_owned()))),
            Err(_) => Err(StoreError::corrupt(KEY, "it is no text")),
        }
    }

    fn read_account(&self, key: &Key, record: &Record) -> Result<StoredAccount, StoreError> {
        let Document { name, directory, url, status, contact, extra } =
            read_json(key, record, DOCUMENT)?;
        if Key::account(&directory, &name)? != *key {
            let reason = format_args!("it holds the account {name:?} at {directory}").to_string();
            return Err(StoreError::corrupt(key, reason));
        }
        let key_pem = self.read_key(key, record, KEY)?;
        let next_key_pem = self.read_optional_key(key, record, NEXT_KEY)?;
        Ok(StoredAccount { name, directory, url, status, contact, key_pem, next_key_pem, extra })
    }
}
