use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

use crate::{Expected, Key, Kind, Parts, Record, SecretBytes, Select, StoreError, Version};

/// Where records are kept.
///
/// A record changes as one: whoever reads it MUST see all parts of one version, whatever happens
/// to the process that writes it. Backends know nothing of what the parts mean.
#[async_trait]
pub trait Backend: Send + Sync + fmt::Debug {
    /// Reads a record, or nothing where there is none. Parts outside `select` MUST NOT be opened.
    async fn get(&self, key: &Key, select: Select<'_>) -> Result<Option<Record>, StoreError>;

    /// Replaces the whole record and returns its new version.
    ///
    /// It MUST be durable on return, and MUST fail with [`StoreError::Conflict`], changing
    /// nothing, if what is stored is not what was expected.
    async fn put(&self, key: &Key, parts: Parts, expected: Expected)
    -> Result<Version, StoreError>;

    /// The keys of all records of a kind, in no particular order.
    async fn list(&self, kind: Kind) -> Result<Vec<Key>, StoreError>;

    /// Removes a record with all its former versions; `false` if there was none. It MUST also
    /// finish a deletion that was cut short.
    async fn delete(&self, key: &Key) -> Result<bool, StoreError>;

    /// Waits for the exclusive right to work on a record, which need not exist.
    ///
    /// Leases and `put` do not know of each other: the lease is an agreement among those who take
    /// it. It MUST end when the [`Lease`] is dropped or its process is gone.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if somebody else still holds it after `wait`.
    async fn lease(&self, key: &Key, wait: Duration) -> Result<Lease, StoreError>;

    /// The files that other programs can read a record's parts from, where there are any.
    async fn files(&self, _key: &Key) -> Result<Option<BTreeMap<String, PathBuf>>, StoreError> {
        Ok(None)
    }

    /// The account key that the Python library left, where this backend can have one.
    async fn legacy_account_key(&self) -> Result<Option<SecretBytes>, StoreError> {
        Ok(None)
    }

    /// Removes whatever is kept of a kind beside its current records: former versions, and what
    /// writers left that did not come to their end. It MUST be gone on return, as far as the
    /// system lets anybody say so.
    async fn forget_former(&self, _kind: Kind) -> Result<(), StoreError> {
        Ok(())
    }

    /// What went wrong without stopping anything since the last call, for people to read.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The exclusive right to work on one record; dropping it gives the right back.
pub struct Lease {
    key: Key,
    _guard: Box<dyn Any + Send + Sync>,
}

impl Lease {
    /// A lease that ends when `guard` is dropped.
    pub fn new(key: Key, guard: impl Any + Send + Sync) -> Self {
        Self { key, _guard: Box::new(guard) }
    }

    /// The record it is for.
    pub fn key(&self) -> &Key {
        &self.key
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lease({})", self.key)
    }
}
