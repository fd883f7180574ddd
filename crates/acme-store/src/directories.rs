use std::time::SystemTime;

use acme_proto::Url;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::store::{read_json, write_json};
use crate::{Expected, Key, Parts, Select, Store, StoreError};

const DOCUMENT: &str = "directory.json";

/// `directory.json`.
#[derive(Serialize, Deserialize)]
struct Document {
    url: Url,
    #[serde(with = "crate::time")]
    fetched: SystemTime,
    directory: Value,
}

impl Store {
    /// What a directory last said, and when. Whatever is wrong with the memory, it reads as none.
    pub async fn cached_directory(&self, directory: &Url) -> Option<(Value, SystemTime)> {
        let key = Key::directory(directory);
        let record = self.backend.get(&key, Select::Only(&[DOCUMENT])).await.ok()??;
        let document: Document = read_json(&key, &record, DOCUMENT).ok()?;
        (document.url == *directory).then_some((document.directory, document.fetched))
    }

    /// Remembers what a directory said.
    ///
    /// # Errors
    /// [`StoreError::Io`] and the like; whoever only wants to save a request may ignore them.
    pub async fn cache_directory(
        &self,
        directory: &Url,
        said: &Value,
        fetched: SystemTime,
    ) -> Result<(), StoreError> {
        let key = Key::directory(directory);
        let document = Document { url: directory.clone(), fetched, directory: said.clone() };
        let parts = Parts::from([(DOCUMENT.to_owned(), write_json(&key, &document)?)]);
        self.put(&key, parts, Expected::Any).await.map(drop)
    }
}
