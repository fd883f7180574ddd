use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Why something could not be stored or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file system refused.
    #[error("cannot {action} {}: {}", .path.display(), advice(.source))]
    Io {
        /// What was tried, as a verb: `read`, `write`, `lock` ...
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A backend that is not made of files failed.
    #[error("the store's backend cannot {action}: {source}")]
    Backend {
        /// What was tried, as a verb.
        action: &'static str,
        /// What went wrong below.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What is stored cannot be understood.
    #[error("{what} is damaged: {reason}; restore it from a backup, or delete it and issue again")]
    Corrupt {
        /// The record, as its place in the store.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Somebody else changed the record in the meantime.
    #[error("{what} was changed by another process in the meantime; try again")]
    Conflict {
        /// The record, as its place in the store.
        what: String,
    },
    /// Somebody else holds the lease, and the time to wait for it is over.
    #[error("another process is working on {what}; wait until it is done and try again")]
    Busy {
        /// The record, as its place in the store.
        what: String,
    },
    /// Two names would share one place; the first one keeps it.
    #[error("{name:?} would take the place of {holder:?}; choose another name")]
    NameTaken {
        /// The name that was to be stored.
        name: String,
        /// The name that is stored there.
        holder: String,
    },
    /// The name is empty or too long.
    #[error("the name cannot be used: {reason}")]
    InvalidName {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A sealed private key was asked for, and the store was opened without its seal.
    #[error("{what} is sealed: give the master key it was sealed with (--master-key-file)")]
    Sealed {
        /// The key, as its place in the store.
        what: String,
    },
    /// A private key cannot be sealed or opened.
    #[error("{what} cannot be used: {source}")]
    Seal {
        /// The key, as its place in the store.
        what: String,
        /// Why.
        source: crate::SealError,
    },
    /// Keys were to be sealed in a store without seal.
    #[error("the store has no seal: give it a master key first (--master-key-file)")]
    NoSeal,
    /// The value cannot be written down.
    #[error("{what} cannot be stored: {reason}")]
    Unwritable {
        /// The record, as its place in the store.
        what: String,
        /// What is wrong with the value.
        reason: String,
    },
}

impl StoreError {
    pub(crate) fn corrupt(what: impl ToString, reason: impl ToString) -> Self {
        Self::Corrupt { what: what.to_string(), reason: reason.to_string() }
    }
}

/// Gives an I/O error its place.
pub(crate) trait At<T> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, StoreError>;
}

impl<T, E: Into<io::Error>> At<T> for Result<T, E> {
    fn at(self, action: &'static str, path: &Path) -> Result<T, StoreError> {
        self.map_err(|e| StoreError::Io { action, path: path.to_owned(), source: e.into() })
    }
}

/// The common causes in plain words; anything else as the system puts it.
fn advice(source: &io::Error) -> String {
    let plain = match source.kind() {
        ErrorKind::StorageFull => "the disk is full; free some space and try again",
        ErrorKind::QuotaExceeded => "the disk quota is used up; free some space and try again",
        ErrorKind::PermissionDenied => {
            "permission denied; run as the owner of this folder or choose another store"
        }
        ErrorKind::ReadOnlyFilesystem => "the file system is read-only; choose another store",
        ErrorKind::NotADirectory => "a part of this path is a file; choose another store",
        _ => return source.to_string(),
    };
    plain.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_common_causes_are_said_in_plain_words() {
        for (code, words) in [(28, "disk is full"), (13, "permission denied"), (30, "read-only")] {
            let error = Err::<(), _>(io::Error::from_raw_os_error(code))
                .at("write", Path::new("/s/certs/a/key.pem"))
                .unwrap_err()
                .to_string();
            assert!(error.starts_with("cannot write /s/certs/a/key.pem: "), "{error}");
            assert!(error.contains(words), "{error}");
        }
    }

    #[test]
    fn a_strange_name_reaches_no_terminal_unescaped() {
        let error = StoreError::NameTaken { name: "\u{1b}[2J".into(), holder: "a\nb".into() };
        assert!(!error.to_string().contains(['\u{1b}', '\n']));
    }
}
