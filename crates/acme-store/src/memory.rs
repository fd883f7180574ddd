use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;

use crate::{Backend, Expected, Key, Kind, Lease, Parts, Record, Select, StoreError, Version};

/// Keeps records in this process, for tests and for those who store elsewhere themselves.
#[derive(Debug, Default)]
pub struct MemoryBackend {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    records: HashMap<Key, Record>,
    leases: HashMap<Key, Arc<tokio::sync::Mutex<()>>>,
    /// Counts over all records, so that a version never comes back.
    last_version: u64,
}

impl MemoryBackend {
    fn state(&self) -> MutexGuard<'_, State> {
        // Every change below is one assignment, so a panicking holder leaves a good state.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Backend for MemoryBackend {
    async fn get(&self, key: &Key, select: Select<'_>) -> Result<Option<Record>, StoreError> {
        let state = self.state();
        Ok(state.records.get(key).map(|record| {
            let wanted = record.parts.iter().filter(|(name, _)| select.includes(name));
            let parts = wanted.map(|(name, bytes)| (name.clone(), bytes.clone())).collect();
            Record { parts, version: record.version }
        }))
    }

    async fn put(
        &self,
        key: &Key,
        parts: Parts,
        expected: Expected,
    ) -> Result<Version, StoreError> {
        let mut state = self.state();
        if !expected.is_met_by(state.records.get(key).map(|record| record.version)) {
            return Err(StoreError::Conflict { what: key.to_string() });
        }
        state.last_version += 1;
        let version = Version::new(state.last_version);
        state.records.insert(key.clone(), Record { parts, version });
        Ok(version)
    }

    async fn list(&self, kind: Kind) -> Result<Vec<Key>, StoreError> {
        Ok(self.state().records.keys().filter(|key| key.kind() == kind).cloned().collect())
    }

    async fn delete(&self, key: &Key) -> Result<bool, StoreError> {
        Ok(self.state().records.remove(key).is_some())
    }

    async fn lease(&self, key: &Key, wait: Duration) -> Result<Lease, StoreError> {
        let mutex = Arc::clone(self.state().leases.entry(key.clone()).or_default());
        match tokio::time::timeout(wait, mutex.lock_owned()).await {
            Ok(guard) => Ok(Lease::new(key.clone(), guard)),
            Err(_) => Err(StoreError::Busy { what: key.to_string() }),
        }
    }
}
