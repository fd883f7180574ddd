use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::store::{owner, read_json, write_json};
use crate::{Key, Kind, Parts, Select, Store, StoreError};

const DOCUMENT: &str = "order.json";
const KEY: &str = "key.pem";

/// An order under way: enough to go on after a crash without ordering again.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct StoredOrder {
    /// The state of the issuance; opaque here, and without secrets.
    pub issuance: Value,
    /// The key of the certificate to come, stored before finalize leaves.
    pub key_pem: Option<Zeroizing<String>>,
}

impl StoredOrder {
    /// Puts the parts together.
    pub fn new(issuance: Value, key_pem: Option<Zeroizing<String>>) -> Self {
        Self { issuance, key_pem }
    }
}

impl fmt::Debug for StoredOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredOrder").field("issuance", &self.issuance).finish_non_exhaustive()
    }
}

/// `order.json`.
#[derive(Serialize, Deserialize)]
struct Document {
    name: String,
    issuance: Value,
}

impl Store {
    /// The unfinished order for the certificate of that name.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it is stored and cannot be understood.
    pub async fn order(&self, name: &str) -> Result<Option<StoredOrder>, StoreError> {
        let key = Key::order(name)?;
        let Some(record) = self.backend.get(&key, Select::All).await? else {
            return Ok(None);
        };
        if owner(&record, DOCUMENT).is_some_and(|holder| holder != name) {
            return Ok(None);
        }
        let Document { issuance, .. } = read_json(&key, &record, DOCUMENT)?;
        Ok(Some(StoredOrder { issuance, key_pem: self.read_optional_key(&key, &record, KEY)? }))
    }

    /// The issuance of every unfinished order, sorted by name, without opening any key.
    ///
    /// A damaged entry stands under its folder's name and hides no other.
    ///
    /// # Errors
    /// Only if the store as a whole cannot be read.
    pub async fn orders(&self) -> Result<Vec<(String, Result<Value, StoreError>)>, StoreError> {
        let mut found = Vec::new();
        for key in self.backend.list(Kind::Order).await? {
            let document = match self.backend.get(&key, Select::Only(&[DOCUMENT])).await {
                Ok(None) => continue,
                Ok(Some(record)) => read_json(&key, &record, DOCUMENT),
                Err(error) => Err(error),
            };
            found.push(match document {
                Ok(Document { name, issuance }) => (name, Ok(issuance)),
                Err(error) => (key.path().join("/"), Err(error)),
            });
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(found)
    }

    /// Stores how far an order has come.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] if another name has the same folder.
    pub async fn save_order(&self, name: &str, order: &StoredOrder) -> Result<(), StoreError> {
        let key = Key::order(name)?;
        let document = Document { name: name.to_owned(), issuance: order.issuance.clone() };
        let mut parts = Parts::from([(DOCUMENT.to_owned(), write_json(&key, &document)?)]);
        if let Some(key_pem) = &order.key_pem {
            parts.insert(KEY.to_owned(), key_pem.as_str().into());
        }
        self.save(&key, name, DOCUMENT, parts).await
    }

    /// Forgets an order and its key; `false` if it was not stored.
    ///
    /// # Errors
    /// [`StoreError::Io`] and the like.
    pub async fn delete_order(&self, name: &str) -> Result<bool, StoreError> {
        self.remove(&Key::order(name)?, name, DOCUMENT).await
    }
}
