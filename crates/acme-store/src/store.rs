use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use acme_proto::Url;
use serde::{Serialize, de::DeserializeOwned};
use zeroize::Zeroizing;

use crate::{
    Backend, Expected, FileBackend, Key, Lease, MemoryBackend, Parts, Record, SecretBytes, Select,
    StoreError, seal::Vault,
};

/// How often a change is tried again when others change the same record.
pub(crate) const ATTEMPTS: usize = 64;

/// Accounts, certificates and unfinished orders, wherever they are kept.
///
/// Clones share one backend. Every method that changes something is atomic and durable: after a
/// crash the old state or the new one is there, never a mix.
#[derive(Clone, Debug)]
pub struct Store {
    pub(crate) backend: Arc<dyn Backend>,
    pub(crate) vault: Option<Vault>,
}

impl Store {
    /// A store in this process's memory, gone with its last clone.
    pub fn memory() -> Self {
        Self::with_backend(MemoryBackend::default())
    }

    /// A store in the folder `dir`, which is created (mode 0700) when something is first saved.
    ///
    /// # Errors
    /// [`StoreError::Io`] if `dir` exists and is no folder, or cannot be looked at.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, StoreError> {
        FileBackend::open(dir).map(Self::with_backend)
    }

    /// A store on any backend.
    pub fn with_backend(backend: impl Backend + 'static) -> Self {
        Self { backend: Arc::new(backend), vault: None }
    }

    /// Waits up to `wait` for the exclusive right to work on a certificate, stored or not.
    ///
    /// Whoever issues or renews takes it first, so that two processes never order the same twice.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if somebody else still holds it.
    pub async fn lease_certificate(&self, name: &str, wait: Duration) -> Result<Lease, StoreError> {
        self.backend.lease(&Key::certificate(name)?, wait).await
    }

    /// Waits up to `wait` for the exclusive right to create or change an account.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if somebody else still holds it.
    pub async fn lease_account(
        &self,
        directory: &Url,
        name: &str,
        wait: Duration,
    ) -> Result<Lease, StoreError> {
        self.backend.lease(&Key::account(directory, name)?, wait).await
    }

    /// What went wrong without stopping anything since the last call, such as a private key that
    /// others can read and whose mode cannot be changed.
    pub fn warnings(&self) -> Vec<String> {
        self.backend.warnings()
    }

    /// Writes a record whose part `document` names its owner, unless another name owns it.
    pub(crate) async fn save(
        &self,
        key: &Key,
        name: &str,
        document: &str,
        parts: Parts,
    ) -> Result<(), StoreError> {
        for _ in 0..ATTEMPTS {
            let expected = match self.backend.get(key, Select::Only(&[document])).await {
                Ok(None) => Expected::Absent,
                Ok(Some(record)) => match owner(&record, document) {
                    Some(holder) if holder != name => {
                        return Err(StoreError::NameTaken { name: name.to_owned(), holder });
                    }
                    _ => Expected::Version(record.version),
                },
                // Nothing can be saved from it: what is written now heals it.
                Err(StoreError::Corrupt { .. }) => Expected::Any,
                Err(error) => return Err(error),
            };
            match self.put(key, parts.clone(), expected).await {
                Err(StoreError::Conflict { .. }) => {}
                done => return done.map(drop),
            }
        }
        Err(StoreError::Conflict { what: key.to_string() })
    }

    /// Deletes the record unless another name owns it.
    pub(crate) async fn remove(
        &self,
        key: &Key,
        name: &str,
        document: &str,
    ) -> Result<bool, StoreError> {
        match self.backend.get(key, Select::Only(&[document])).await {
            Ok(Some(record)) if owner(&record, document).is_some_and(|holder| holder != name) => {
                return Ok(false);
            }
            // Even where nothing is: a deletion that was cut short may have left something.
            Ok(_) | Err(StoreError::Corrupt { .. }) => {}
            Err(error) => return Err(error),
        }
        self.backend.delete(key).await
    }
}

/// The name in a record's document, in lacme's spelling or the Python library's.
pub(crate) fn owner(record: &Record, document: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Owner {
        #[serde(alias = "domain")]
        name: String,
    }
    let bytes = record.parts.get(document)?;
    serde_json::from_slice::<Owner>(bytes.as_slice()).ok().map(|owner| owner.name)
}

/// A part that must be there, as JSON.
pub(crate) fn read_json<T>(key: &Key, record: &Record, part: &str) -> Result<T, StoreError>
where
    T: DeserializeOwned,
{
    let bytes = required(key, record, part)?;
    serde_json::from_slice(bytes.as_slice())
        .map_err(|e| StoreError::corrupt(key, format_args!("{part}: {e}")))
}

/// A part that must be there and is no secret, as text.
pub(crate) fn read_text(key: &Key, record: &Record, part: &str) -> Result<String, StoreError> {
    into_text(key, part, required(key, record, part)?).map(|text| text.to_string())
}

/// The bytes of a part, as text.
pub(crate) fn into_text(
    key: &Key,
    part: &str,
    bytes: &SecretBytes,
) -> Result<Zeroizing<String>, StoreError> {
    match std::str::from_utf8(bytes.as_slice()) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(_) => Err(StoreError::corrupt(key, format_args!("{part} is no text"))),
    }
}

/// JSON for people to read.
pub(crate) fn write_json<T: Serialize>(key: &Key, value: &T) -> Result<SecretBytes, StoreError> {
    let mut json = serde_json::to_vec_pretty(value)
        .map_err(|e| StoreError::Unwritable { what: key.to_string(), reason: e.to_string() })?;
    json.push(b'\n');
    Ok(json.into())
}

/// A part that must be there.
pub(crate) fn required<'a>(
    key: &Key,
    record: &'a Record,
    part: &str,
) -> Result<&'a SecretBytes, StoreError> {
    record.parts.get(part).ok_or_else(|| StoreError::corrupt(key, format_args!("it has no {part}")))
}
