//! Records as folders.
//!
//! `certs/NAME` is a link to `.versions/certs/NAME/NUMBER`; see [`swap`] for how it moves.

mod disk;
mod lock;
mod read;
mod swap;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use crate::error::At;
use crate::{
    Backend, Expected, Key, Kind, Lease, Parts, Record, SecretBytes, Select, StoreError, Version,
};
use disk::Disk;

/// How many former versions of a certificate are kept unless said otherwise.
const KEPT_CERTIFICATES: usize = 3;
/// A lease is asked for again after this time, and then ever more rarely.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);
/// More waiting than anybody means, and still a time that clocks can count.
const LONGEST_WAIT: Duration = Duration::from_secs(365 * 24 * 3600);

/// Keeps records as folders of files that other programs can read.
///
/// Private parts have mode 0600, certificates and `meta.json` 0644, and folders 0700, whatever the
/// umask. Several processes may share one folder.
#[derive(Clone, Debug)]
pub struct FileBackend {
    files: Arc<Files>,
}

/// What the blocking work needs.
#[derive(Debug)]
struct Files {
    root: PathBuf,
    kept_certificates: usize,
    disk: Disk,
    warnings: Mutex<Vec<String>>,
}

impl FileBackend {
    /// Uses the folder `dir`, which is created (mode 0700) when something is first written.
    ///
    /// # Errors
    /// [`StoreError::Io`] if `dir` exists and is no folder, or cannot be looked at.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self, StoreError> {
        let root = std::path::absolute(dir.as_ref()).at("use", dir.as_ref())?;
        match std::fs::read_dir(&root) {
            Ok(_) => {}
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => return Err(e).at("read", &root),
        }
        let disk = Disk::default();
        let warnings = Mutex::default();
        let files = Files { root, kept_certificates: KEPT_CERTIFICATES, disk, warnings };
        Ok(Self { files: Arc::new(files) })
    }

    /// Keeps `count` former versions of every certificate instead of 3.
    ///
    /// They take little room and bring back what a mistaken renewal replaced; on the other hand,
    /// their keys stay on the disk.
    #[must_use]
    pub fn keep_certificates(self, count: usize) -> Self {
        let Files { root, disk, .. } = &*self.files;
        let (root, disk) = (root.clone(), disk.clone());
        let files = Files { root, kept_certificates: count, disk, warnings: Mutex::default() };
        Self { files: Arc::new(files) }
    }

    /// Runs blocking work where it blocks nobody. Once begun it ends, even if nobody waits.
    async fn run<T, W>(&self, work: W) -> Result<T, StoreError>
    where
        T: Send + 'static,
        W: FnOnce(&Files) -> Result<T, StoreError> + Send + 'static,
    {
        let files = Arc::clone(&self.files);
        match spawn_blocking(move || work(&files)).await {
            Ok(done) => done,
            Err(stopped) if stopped.is_panic() => {
                std::panic::resume_unwind(stopped.into_panic());
            }
            Err(stopped) => Err(stopped).at("work in", &self.files.root),
        }
    }
}

#[async_trait]
impl Backend for FileBackend {
    async fn get(&self, key: &Key, select: Select<'_>) -> Result<Option<Record>, StoreError> {
        let key = key.clone();
        let only = match select {
            Select::All => None,
            Select::Only(parts) => Some(parts.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>()),
        };
        self.run(move |files| files.get(&key, only.as_deref())).await
    }

    async fn put(
        &self,
        key: &Key,
        parts: Parts,
        expected: Expected,
    ) -> Result<Version, StoreError> {
        let key = key.clone();
        self.run(move |files| files.put(&key, &parts, expected)).await
    }

    async fn list(&self, kind: Kind) -> Result<Vec<Key>, StoreError> {
        self.run(move |files| files.list(kind)).await
    }

    async fn delete(&self, key: &Key) -> Result<bool, StoreError> {
        let key = key.clone();
        self.run(move |files| files.delete(&key)).await
    }

    async fn lease(&self, key: &Key, wait: Duration) -> Result<Lease, StoreError> {
        let deadline = Instant::now() + wait.min(LONGEST_WAIT);
        let mut pause = FIRST_PAUSE;
        loop {
            let wanted = key.clone();
            if let Some(lock) = self.run(move |files| files.try_lease(&wanted)).await? {
                return Ok(Lease::new(key.clone(), lock));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(StoreError::Busy { what: key.to_string() });
            }
            sleep(pause.min(left)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn files(&self, key: &Key) -> Result<Option<BTreeMap<String, PathBuf>>, StoreError> {
        let key = key.clone();
        self.run(move |files| files.paths(&key)).await
    }

    async fn forget_former(&self, kind: Kind) -> Result<(), StoreError> {
        self.run(move |files| files.forget_former(kind)).await
    }

    async fn legacy_account_key(&self) -> Result<Option<SecretBytes>, StoreError> {
        self.run(|files| files.read_part(&files.root.join("account.key"))).await
    }

    fn warnings(&self) -> Vec<String> {
        let mut warnings = self.files.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut warnings)
    }
}

/// Where a record's folder, versions and locks are.
#[derive(Debug)]
struct Place {
    /// What other programs read: `certs/NAME`.
    public: PathBuf,
    /// `.versions/certs/NAME`.
    versions: PathBuf,
    /// From the folder of `public` to `versions`, so that a moved store stays whole.
    link: PathBuf,
}

impl Files {
    fn place(&self, key: &Key) -> Place {
        let inside = inside(key);
        let up: PathBuf = (0..key.kind().depth()).map(|_| "..").collect();
        Place {
            public: self.root.join(&inside),
            versions: self.root.join(".versions").join(&inside),
            link: up.join(".versions").join(&inside),
        }
    }

    fn kept_versions(&self, kind: Kind) -> usize {
        if kind == Kind::Certificate { self.kept_certificates } else { 0 }
    }

    fn warn(&self, warning: String) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if warnings.len() < 100 && !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
}

/// `certs/NAME`: the key as a path. Its components are safe by construction.
fn inside(key: &Key) -> PathBuf {
    let folder = [key.kind().folder()].into_iter();
    folder.chain(key.path().iter().map(String::as_str)).collect()
}

/// Whether others may read a part.
fn is_public(part: &str) -> bool {
    matches!(part, "cert.pem" | "fullchain.pem" | "meta.json" | "root.pem" | "intermediate.pem")
}
