//! Private keys are sealed before a backend sees them, and opened when they are asked for.
//!
//! What is sealed is carried through everything else as it is: a certificate's `meta.json` can be
//! read and changed by those who cannot open its key.

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use crate::armour::{self, Sealed};
use crate::store::{ATTEMPTS, into_text, required};
use crate::{Expected, Key, Kind, Parts, Record, SecretBytes, Select, Store, StoreError, Version};

/// Seals what must not be stored in the open.
///
/// It is called from async code and MUST be quick. Its `Debug` MUST NOT show keys.
pub trait Seal: Send + Sync + fmt::Debug {
    /// The name of the key that [`seal`](Self::seal) uses: 1 to 64 ASCII letters, digits, `-`,
    /// `.` and `_`. It stands in the open beside what is sealed.
    fn key_id(&self) -> String;

    /// Seals `plain`, which is stored at `context` and MUST NOT open anywhere else.
    ///
    /// # Errors
    /// [`SealError::Failed`].
    fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, SealError>;

    /// Opens what [`seal`](Self::seal) sealed at `context` with the key `key_id`, which may be
    /// one that was used before.
    ///
    /// # Errors
    /// [`SealError::UnknownKey`] without that key, and [`SealError::Damaged`] for everything
    /// that was not sealed so.
    fn open(&self, key_id: &str, context: &str, sealed: &[u8]) -> Result<SecretBytes, SealError>;
}

/// Why something could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SealError {
    /// The key it was sealed with is not at hand.
    #[error(
        "it is sealed with the master key {key_id}, which was not given: \
         give that one (--master-key-file); nothing was changed"
    )]
    UnknownKey {
        /// That key.
        key_id: String,
    },
    /// It was not sealed in this place, or not like this.
    #[error("its seal is broken: it was changed, cut off or moved here from another place")]
    Damaged,
    /// It was sealed in a way that only a later version knows.
    #[error("it was sealed by a later version of lacme: use that one")]
    UnknownVersion,
    /// The seal itself failed.
    #[error("the seal failed: {0}")]
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

/// Which private keys are sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SealScope {
    /// The keys that only lacme itself needs: those of accounts, of the certificate authority
    /// and of unfinished orders.
    #[default]
    Accounts,
    /// The certificates' keys as well. Web servers and other programs cannot read these files
    /// then: their keys have to reach them through lacme.
    All,
}

/// The seal of a store.
#[derive(Clone, Debug)]
pub(crate) struct Vault {
    seal: Arc<dyn Seal>,
    scope: SealScope,
}

/// The kinds of records that have private keys.
const KINDS: [Kind; 4] = [Kind::Account, Kind::Authority, Kind::Order, Kind::Certificate];

/// Whether a part is a private key, in a record of any kind.
fn is_secret(part: &str) -> bool {
    part == "key.pem" || part.ends_with(".key")
}

impl Store {
    /// The same store with a seal: the private keys in `scope` are sealed from now on, each when
    /// it is next written.
    ///
    /// Keys that are stored in the open are still read; [`seal_existing`](Self::seal_existing)
    /// seals them. Without the seal, the store says [`StoreError::Sealed`] where a sealed key is
    /// asked for, and does everything else as before.
    #[must_use]
    pub fn sealed(mut self, seal: Arc<dyn Seal>, scope: SealScope) -> Self {
        self.vault = Some(Vault { seal, scope });
        self
    }

    /// Seals every key in scope that is stored in the open, seals those anew that were sealed
    /// with another key than the seal's present one, and removes the former versions of what it
    /// sealed. Returns how many records it changed.
    ///
    /// It may be stopped at any moment: each record is the old one or the new one then, both can
    /// be read, and another call goes on. Keys that are sealed already stay sealed, in scope or not.
    ///
    /// # Errors
    /// [`StoreError::NoSeal`] for a store without one. Where one record cannot be sealed, the
    /// others are nevertheless, and its error comes at the end.
    pub async fn seal_existing(&self) -> Result<usize, StoreError> {
        let vault = self.vault.as_ref().ok_or(StoreError::NoSeal)?;
        let mut changed = 0;
        let mut failure = None;
        for kind in KINDS {
            match self.seal_kind(vault, kind, &mut changed).await {
                Ok(()) => {}
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        failure.map_or(Ok(changed), Err)
    }

    async fn seal_kind(
        &self,
        vault: &Vault,
        kind: Kind,
        changed: &mut usize,
    ) -> Result<(), StoreError> {
        let before = *changed;
        let mut failure = None;
        for key in self.backend.list(kind).await? {
            match self.seal_record(vault, &key).await {
                Ok(sealed) => *changed += usize::from(sealed),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        match failure {
            // A former version may be what it can be healed from.
            Some(error) => Err(error),
            None if vault.covers(kind) || *changed > before => {
                self.backend.forget_former(kind).await
            }
            None => Ok(()),
        }
    }

    /// Whether there was something to do.
    async fn seal_record(&self, vault: &Vault, key: &Key) -> Result<bool, StoreError> {
        for _ in 0..ATTEMPTS {
            let Some(record) = self.backend.get(key, Select::All).await? else {
                return Ok(false);
            };
            let Some(parts) = vault.seal_anew(key, record.parts)? else {
                return Ok(false);
            };
            match self.backend.put(key, parts, Expected::Version(record.version)).await {
                Err(StoreError::Conflict { .. }) => {}
                done => return done.map(|_| true),
            }
        }
        Err(StoreError::Conflict { what: key.to_string() })
    }

    /// Hands parts to the backend: the only way there.
    pub(crate) async fn put(
        &self,
        key: &Key,
        parts: Parts,
        expected: Expected,
    ) -> Result<Version, StoreError> {
        let parts = match &self.vault {
            Some(vault) => vault.seal_parts(key, parts)?,
            None => parts,
        };
        self.backend.put(key, parts, expected).await
    }

    /// All parts of a record, those that are sealed opened.
    pub(crate) fn open_parts(&self, key: &Key, parts: Parts) -> Result<Parts, StoreError> {
        let opened = parts.into_iter().map(|(name, part)| {
            let part = self.open_part(key, &name, &part)?;
            Ok((name, part))
        });
        opened.collect()
    }

    /// A private key that must be there.
    pub(crate) fn read_key(
        &self,
        key: &Key,
        record: &Record,
        part: &str,
    ) -> Result<Zeroizing<String>, StoreError> {
        debug_assert!(is_secret(part), "{part} would never be sealed");
        into_text(key, part, &self.open_part(key, part, required(key, record, part)?)?)
    }

    /// A private key that may be missing.
    pub(crate) fn read_optional_key(
        &self,
        key: &Key,
        record: &Record,
        part: &str,
    ) -> Result<Option<Zeroizing<String>>, StoreError> {
        record.parts.get(part).map(|_| self.read_key(key, record, part)).transpose()
    }

    fn open_part(
        &self,
        key: &Key,
        name: &str,
        part: &SecretBytes,
    ) -> Result<SecretBytes, StoreError> {
        if !is_secret(name) || !armour::is_sealed(part) {
            return Ok(part.clone());
        }
        match &self.vault {
            Some(vault) => vault.open(&context(key, name), part),
            None => Err(StoreError::Sealed { what: context(key, name) }),
        }
    }
}

impl Vault {
    fn covers(&self, kind: Kind) -> bool {
        kind != Kind::Certificate || self.scope == SealScope::All
    }

    /// The parts as they may be stored. What is sealed comes from this very record and stays.
    fn seal_parts(&self, key: &Key, mut parts: Parts) -> Result<Parts, StoreError> {
        if self.covers(key.kind()) {
            for (name, part) in parts.iter_mut().filter(|(name, _)| is_secret(name)) {
                if !armour::is_sealed(part) {
                    *part = self.seal(&context(key, name), part)?;
                }
            }
        }
        Ok(parts)
    }

    /// The parts with every key under the seal's present key; nothing if they are so already.
    fn seal_anew(&self, key: &Key, parts: Parts) -> Result<Option<Parts>, StoreError> {
        let mut sealed = self.seal_parts(key, parts.clone())?;
        for (name, part) in sealed.iter_mut().filter(|(name, _)| is_secret(name)) {
            let context = context(key, name);
            if armour::is_sealed(part) && self.read(&context, part)?.key_id != self.seal.key_id() {
                *part = self.seal(&context, &self.open(&context, part)?)?;
            }
        }
        Ok((sealed != parts).then_some(sealed))
    }

    fn seal(&self, context: &str, plain: &SecretBytes) -> Result<SecretBytes, StoreError> {
        let key_id = self.seal.key_id();
        debug_assert!(armour::is_key_id(&key_id), "{key_id:?} cannot stand in the open");
        let sealed = self.seal.seal(context, plain.as_slice());
        sealed.map(|sealed| armour::write(&key_id, &sealed)).map_err(|e| refused(context, e))
    }

    fn open(&self, context: &str, part: &SecretBytes) -> Result<SecretBytes, StoreError> {
        let Sealed { key_id, bytes } = self.read(context, part)?;
        self.seal.open(&key_id, context, &bytes).map_err(|error| refused(context, error))
    }

    fn read(&self, context: &str, part: &SecretBytes) -> Result<Sealed, StoreError> {
        armour::read(part).map_err(|error| refused(context, error))
    }
}

/// Where a part is stored: `accounts/HOST-HASH/NAME/account.key`. No component has a slash in it,
/// so no two parts share a context.
fn context(key: &Key, part: &str) -> String {
    format!("{key}/{part}")
}

fn refused(context: &str, error: SealError) -> StoreError {
    match error {
        SealError::Damaged => StoreError::corrupt(context, error),
        source => StoreError::Seal { what: context.to_owned(), source },
    }
}
