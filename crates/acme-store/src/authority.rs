use crate::{Expected, Key, Parts, Select, Store, StoreError};

impl Store {
    /// The parts of this store's certificate authority, if there is one. What they mean is the
    /// authority's matter; `root.pem` and `intermediate.pem` are there for other programs to read,
    /// and parts that end in `.key` are private keys.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] and the like.
    pub async fn authority(&self) -> Result<Option<Parts>, StoreError> {
        let key = Key::authority();
        let record = self.backend.get(&key, Select::All).await?;
        record.map(|record| self.open_parts(&key, record.parts)).transpose()
    }

    /// Stores a certificate authority where none is yet. One that exists is never replaced: the
    /// trust that others have in its root would be lost with its key.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if there is one.
    pub async fn create_authority(&self, parts: Parts) -> Result<(), StoreError> {
        let key = Key::authority();
        let created = self.put(&key, parts, Expected::Absent).await;
        created.map(drop)
    }
}
