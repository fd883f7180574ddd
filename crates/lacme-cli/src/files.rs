//! Files that the user names: bounded, and explained where they cannot be read.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::exit::Failure;

/// Roots of a whole system fit in.
const LARGEST: u64 = 4 * 1024 * 1024;

/// The content of the file that `option` names.
pub(crate) fn read(path: &Path, option: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let result = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes));
    let reason = match result {
        Ok(_) if bytes.len() as u64 <= LARGEST => return Ok(bytes),
        Ok(_) => "it is larger than 4 MiB".to_owned(),
        Err(error) => reason(&error),
    };
    let path = path.display().to_string();
    Err(Failure::usage(format!("{option}: cannot read {}: {reason}", lacme::printable(&path))))
}

/// The same, as text.
pub(crate) fn read_text(path: &Path, option: &str) -> Result<String, Failure> {
    String::from_utf8(read(path, option)?).map_err(|_| {
        let path = path.display().to_string();
        Failure::usage(format!("{option}: {} is no text file", lacme::printable(&path)))
    })
}

/// `path` so that it means the same from any folder.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreadable_file_is_a_misuse_that_names_option_and_path() {
        let folder = tempfile::tempdir().unwrap();
        for (path, words) in
            [(folder.path().join("missing"), "no such file"), (folder.path().to_owned(), "folder")]
        {
            let failure = read(&path, "--csr").unwrap_err();
            assert_eq!(failure.kind.status(), 2);
            assert!(failure.message.starts_with("--csr: cannot read "), "{}", failure.message);
            assert!(failure.message.contains(words), "{}", failure.message);
        }
    }

    #[test]
    fn an_endless_file_is_not_read_to_its_end() {
        let failure = read(Path::new("/dev/zero"), "--csr").unwrap_err();
        assert!(failure.message.contains("larger"), "{}", failure.message);
    }
}
