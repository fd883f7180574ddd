//! What the ACME server keeps: JSON documents in collections, of the server's own making.

use serde::{Serialize, de::DeserializeOwned};

use crate::store::{read_json, write_json};
use crate::{Expected, Key, Kind, Parts, Select, Store, StoreError};

const DOCUMENT: &str = "document.json";

impl Store {
    /// The document `id` of a collection.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it is stored and cannot be understood,
    /// [`StoreError::InvalidName`] if no document can have that name.
    pub async fn document<T>(&self, collection: &str, id: &str) -> Result<Option<T>, StoreError>
    where
        T: DeserializeOwned,
    {
        self.read_document(&Key::document(collection, id)?).await
    }

    /// All documents of a collection by their `id`, sorted. A damaged one is an error among the
    /// others and hides none of them.
    ///
    /// # Errors
    /// Only if the store as a whole cannot be read.
    pub async fn documents<T>(
        &self,
        collection: &str,
    ) -> Result<Vec<(String, Result<T, StoreError>)>, StoreError>
    where
        T: DeserializeOwned,
    {
        let mut found = Vec::new();
        for key in self.backend.list(Kind::Server).await? {
            let [in_collection, id] = key.path() else {
                continue;
            };
            if in_collection != collection {
                continue;
            }
            match self.read_document(&key).await {
                Ok(None) => {}
                Ok(Some(document)) => found.push((id.clone(), Ok(document))),
                Err(error) => found.push((id.clone(), Err(error))),
            }
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(found)
    }

    /// Stores a document in place of the former one of its `id`. The last writer wins: a server
    /// is alone with its collections.
    ///
    /// # Errors
    /// [`StoreError::InvalidName`] if `collection` or `id` is not 1 to 200 printable ASCII
    /// characters that a file name can hold.
    pub async fn save_document<T>(
        &self,
        collection: &str,
        id: &str,
        document: &T,
    ) -> Result<(), StoreError>
    where
        T: Serialize + Sync,
    {
        let key = Key::document(collection, id)?;
        let parts = Parts::from([(DOCUMENT.to_owned(), write_json(&key, document)?)]);
        self.put(&key, parts, Expected::Any).await.map(drop)
    }

    /// Forgets a document; `false` if it was not stored.
    ///
    /// # Errors
    /// [`StoreError::Io`] and the like.
    pub async fn delete_document(&self, collection: &str, id: &str) -> Result<bool, StoreError> {
        self.backend.delete(&Key::document(collection, id)?).await
    }

    async fn read_document<T>(&self, key: &Key) -> Result<Option<T>, StoreError>
    where
        T: DeserializeOwned,
    {
        match self.backend.get(key, Select::Only(&[DOCUMENT])).await? {
            Some(record) => read_json(key, &record, DOCUMENT).map(Some),
            None => Ok(None),
        }
    }
}
