//! Every change on the disk, one small step each, so that tests can stop before any of them.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use crate::StoreError;
use crate::error::At;

#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    #[cfg(test)]
    pub(super) faults: super::tests::Faults,
}

impl Disk {
    /// Makes a folder and those above it, all of mode 0700, and makes them durable.
    pub(super) fn make_folders(&self, folder: &Path) -> Result<(), StoreError> {
        if folder.is_dir() {
            return Ok(());
        }
        if let Some(parent) = folder.parent() {
            self.make_folders(parent)?;
        }
        self.make_folder(folder)?;
        folder.parent().map_or(Ok(()), |parent| self.sync_folder(parent))
    }

    /// Makes one folder of mode 0700.
    pub(super) fn make_folder(&self, folder: &Path) -> Result<(), StoreError> {
        self.step().at("create", folder)?;
        match fs::DirBuilder::new().mode(0o700).create(folder) {
            // The umask may have taken away what the owner needs.
            Ok(()) => fs::set_permissions(folder, Permissions::from_mode(0o700)),
            // Another process was faster.
            Err(e) if e.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
            Err(e) => Err(e),
        }
        .at("create", folder)
    }

    /// Writes a new file. It is private until it is whole; `mode` comes last.
    pub(super) fn write(&self, path: &Path, bytes: &[u8], mode: u32) -> Result<File, StoreError> {
        self.step().at("create", path)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
            .at("create", path)?;
        self.step().at("write", path)?;
        file.write_all(bytes).at("write", path)?;
        file.set_permissions(Permissions::from_mode(mode)).at("set the mode of", path)?;
        Ok(file)
    }

    pub(super) fn sync(&self, file: &File, path: &Path) -> Result<(), StoreError> {
        self.step().at("write", path)?;
        file.sync_all().at("write", path)
    }

    pub(super) fn sync_folder(&self, folder: &Path) -> Result<(), StoreError> {
        self.step().at("write", folder)?;
        match File::open(folder).and_then(|opened| opened.sync_all()) {
            // Some file systems keep their folders in order by themselves and say so. Above the
            // store there may be folders that we can write to and not look into.
            Err(e) if is_harmless(e.kind()) => Ok(()),
            done => done.at("write", folder),
        }
    }

    pub(super) fn link(&self, target: &Path, link: &Path) -> Result<(), StoreError> {
        self.step().at("create", link)?;
        std::os::unix::fs::symlink(target, link).at("create", link)
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        self.step().at("replace", to)?;
        fs::rename(from, to).at("replace", to)
    }

    /// Lets two entries change places at once; `false` where the system cannot.
    pub(super) fn exchange(&self, a: &Path, b: &Path) -> Result<bool, StoreError> {
        self.step().at("replace", b)?;
        #[cfg(test)]
        if self.faults.cannot_exchange() {
            return Ok(false);
        }
        match renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE) {
            Ok(()) => Ok(true),
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => Ok(false),
            Err(e) => Err(e).at("replace", b),
        }
    }

    /// Removes a file or link.
    pub(super) fn unlink(&self, path: &Path) -> Result<(), StoreError> {
        self.step().at("remove", path)?;
        fs::remove_file(path).at("remove", path)
    }

    /// Removes a folder with what is in it; it need not exist.
    pub(super) fn remove_tree(&self, folder: &Path) -> Result<(), StoreError> {
        let entries = match fs::read_dir(folder) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            entries => entries.at("remove", folder)?,
        };
        for entry in entries {
            let entry = entry.at("remove", folder)?;
            if entry.file_type().at("remove", folder)?.is_dir() {
                self.remove_tree(&entry.path())?;
            } else {
                self.unlink(&entry.path())?;
            }
        }
        self.step().at("remove", folder)?;
        fs::remove_dir(folder).at("remove", folder)
    }

    /// In tests, where a run can be made to end.
    fn step(&self) -> io::Result<()> {
        #[cfg(test)]
        self.faults.step()?;
        Ok(())
    }
}

fn is_harmless(kind: ErrorKind) -> bool {
    use ErrorKind::{InvalidInput, PermissionDenied, Unsupported};
    matches!(kind, InvalidInput | PermissionDenied | Unsupported)
}
