//! Locks are files in `.locks`, held by `flock`: they are gone as soon as their process is.
//!
//! The files stay, because removing one would let two processes lock two files of one name.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use super::{Files, inside};
use crate::error::At;
use crate::{Key, StoreError};

/// A writer is done in milliseconds; one that takes this long has been stopped.
const LONGEST_WRITE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(2);

impl Files {
    /// The right to work on a record for long, if nobody else has it.
    pub(super) fn try_lease(&self, key: &Key) -> Result<Option<File>, StoreError> {
        let path = self.lock_path("lease", key)?;
        let file = open(&path)?;
        Ok(try_lock(&file, &path)?.then_some(file))
    }

    /// The right to change a record's folder, for the moment that this takes.
    pub(super) fn lock_for_writing(&self, key: &Key) -> Result<File, StoreError> {
        let path = self.lock_path("write", key)?;
        let file = open(&path)?;
        let begun = Instant::now();
        while !try_lock(&file, &path)? {
            if begun.elapsed() > LONGEST_WRITE {
                return Err(StoreError::Busy { what: key.to_string() });
            }
            std::thread::sleep(PAUSE);
        }
        Ok(file)
    }

    fn lock_path(&self, purpose: &str, key: &Key) -> Result<PathBuf, StoreError> {
        let path = self.root.join(".locks").join(purpose).join(inside(key));
        path.parent().map_or(Ok(()), |folder| self.disk.make_folders(folder))?;
        Ok(path)
    }
}

fn open(path: &Path) -> Result<File, StoreError> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .at("lock", path)
}

fn try_lock(file: &File, path: &Path) -> Result<bool, StoreError> {
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(false),
        Err(e) => Err(e).at("lock", path),
    }
}
