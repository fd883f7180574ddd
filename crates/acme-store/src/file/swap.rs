//! Writing: a new version beside the old one, then one rename of a link.
//!
//! Below `.versions/certs/NAME`, which only the holder of the write lock touches, there are:
//!
//! - `new`: a version that is being written.
//! - `NUMBER`: a whole version. It counts once the link has led to it.
//! - `swap`: the new link before it is renamed onto `certs/NAME`.
//! - `former`: a real folder that stood at `certs/NAME`, on its way to become a version; the new
//!   link, before the two have changed places.
//! - `deleted`: a real folder that is being removed.
//!
//! So whatever a crash leaves tells by itself what it is, and the next writer tidies up.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use super::read::{Current, MAX_PART, is_real_folder};
use super::{Files, Place, is_public};
use crate::error::At;
use crate::{Expected, Key, Kind, Parts, StoreError, Version, names};

impl Files {
    pub(super) fn put(
        &self,
        key: &Key,
        parts: &Parts,
        expected: Expected,
    ) -> Result<Version, StoreError> {
        check(key, parts)?;
        let place = self.place(key);
        let _lock = self.lock_for_writing(key)?;
        self.tidy(&place)?;
        let current = self.current(&place)?;
        if !expected.is_met_by(current.version()) {
            return Err(StoreError::Conflict { what: key.to_string() });
        }
        let number = next_number(&place)?;
        let replaced = self
            .write_version(key.kind(), &place, number, parts)
            .and_then(|()| self.swap(key.kind(), &place, &current, number));
        if let Err(error) = replaced {
            // A full disk gets its space back now. What cannot be done, the next writer does.
            let _ = self.tidy(&place);
            return Err(error);
        }
        // The new version is in place and safe: old ones that stay for now do no harm.
        let _ = self.prune(&place, number, self.kept_versions(key.kind()));
        Ok(Version::new(number))
    }

    pub(super) fn delete(&self, key: &Key) -> Result<bool, StoreError> {
        let place = self.place(key);
        if self.current(&place)? == Current::Absent && !place.versions.exists() {
            return Ok(false);
        }
        let _lock = self.lock_for_writing(key)?;
        self.tidy(&place)?;
        let current = self.current(&place)?;
        match &current {
            Current::Absent => {}
            Current::Version(_) => self.disk.unlink(&place.public)?,
            Current::Folder(folder) => {
                self.disk.make_folders(&place.versions)?;
                self.disk.rename(folder, &place.versions.join("deleted"))?;
            }
        }
        if current != Current::Absent {
            self.disk.sync_folder(parent(&place.public))?;
        }
        self.disk.remove_tree(&place.versions)?;
        Ok(current != Current::Absent)
    }

    /// Leaves of a kind's records nothing but what is current.
    pub(super) fn forget_former(&self, kind: Kind) -> Result<(), StoreError> {
        for key in self.with_versions(kind)? {
            let place = self.place(&key);
            let _lock = self.lock_for_writing(&key)?;
            self.tidy(&place)?;
            let current = match self.current(&place)? {
                Current::Version(number) => number,
                Current::Absent | Current::Folder(_) => u64::MAX,
            };
            self.prune(&place, current, 0)?;
            if place.versions.is_dir() {
                self.disk.sync_folder(&place.versions)?;
            }
        }
        Ok(())
    }

    /// Writes all parts and makes them durable, where nobody looks yet.
    fn write_version(
        &self,
        kind: Kind,
        place: &Place,
        number: u64,
        parts: &Parts,
    ) -> Result<(), StoreError> {
        let folder = place.versions.join("new");
        self.disk.make_folders(&place.versions)?;
        self.disk.make_folders(parent(&place.public))?;
        self.disk.make_folder(&folder)?;
        let mut written = Vec::new();
        for (name, bytes) in parts {
            let path = folder.join(name);
            let mode = if is_public(name) { 0o644 } else { 0o600 };
            written.push((self.disk.write(&path, bytes.as_slice(), mode)?, path));
        }
        if is_durable(kind) {
            // After all is written, so that the file system can do it in one go.
            for (file, path) in &written {
                self.disk.sync(file, path)?;
            }
            self.disk.sync_folder(&folder)?;
        }
        self.disk.rename(&folder, &place.version(number))?;
        self.settle(kind, &place.versions)
    }

    /// Moves the link to the new version.
    fn swap(
        &self,
        kind: Kind,
        place: &Place,
        current: &Current,
        number: u64,
    ) -> Result<(), StoreError> {
        let target = place.link.join(number.to_string());
        let link = place.versions.join("swap");
        if matches!(current, Current::Folder(_)) {
            self.swap_folder(place, &target, number)?;
        } else {
            self.disk.link(&target, &link)?;
            self.disk.rename(&link, &place.public)?;
        }
        self.settle(kind, parent(&place.public))
    }

    /// Puts the link in the place of a real folder, which becomes a former version.
    fn swap_folder(&self, place: &Place, target: &Path, number: u64) -> Result<(), StoreError> {
        let former = place.versions.join("former");
        self.disk.link(target, &former)?;
        if !self.disk.exchange(&former, &place.public)? {
            // For the moment between these two renames, other programs see nothing there; we
            // and the next writer know to look at `former`.
            let link = place.versions.join("swap");
            self.disk.rename(&former, &link)?;
            self.disk.rename(&place.public, &former)?;
            self.disk.rename(&link, &place.public)?;
        }
        self.disk.rename(&former, &place.version(number - 1))
    }

    /// Makes what was renamed in a folder durable, where that matters.
    fn settle(&self, kind: Kind, folder: &Path) -> Result<(), StoreError> {
        if is_durable(kind) { self.disk.sync_folder(folder) } else { Ok(()) }
    }

    /// Finishes or undoes what a writer left that did not come to its end.
    fn tidy(&self, place: &Place) -> Result<(), StoreError> {
        for link in [place.versions.join("swap"), place.versions.join("former")] {
            if fs::symlink_metadata(&link).is_ok_and(|found| found.is_symlink()) {
                self.disk.unlink(&link)?;
            }
        }
        let former = place.versions.join("former");
        if is_real_folder(&former) {
            match self.current(place)? {
                Current::Folder(found) if found == former => {
                    self.disk.rename(&former, &place.public)?;
                    self.disk.sync_folder(parent(&place.public))?;
                }
                Current::Version(number) => {
                    self.disk.rename(&former, &place.version(number - 1))?;
                }
                _ => self.disk.rename(&former, &place.version(next_number(place)? - 1))?,
            }
        }
        self.disk.remove_tree(&place.versions.join("new"))?;
        self.disk.remove_tree(&place.versions.join("deleted"))?;
        let newest_that_counts = match self.current(place)? {
            Current::Version(number) => number,
            Current::Absent => 0,
            Current::Folder(_) => u64::MAX,
        };
        let uncounted = numbers(place)?.into_iter().filter(|n| *n > newest_that_counts);
        uncounted.into_iter().try_for_each(|n| self.disk.remove_tree(&place.version(n)))
    }

    /// Removes all but the newest `kept` of the former versions.
    fn prune(&self, place: &Place, current: u64, kept: usize) -> Result<(), StoreError> {
        let mut former: Vec<_> = numbers(place)?.into_iter().filter(|n| *n < current).collect();
        former.sort_unstable_by(|a, b| b.cmp(a));
        former.iter().skip(kept).try_for_each(|n| self.disk.remove_tree(&place.version(*n)))
    }
}

/// What could not be read again is not written.
fn check(key: &Key, parts: &Parts) -> Result<(), StoreError> {
    let refuse = |reason| Err(StoreError::Unwritable { what: key.to_string(), reason });
    for (name, bytes) in parts {
        if !names::is_safe(name) {
            return refuse(format!("{name:?} is no file name"));
        } else if bytes.as_slice().len() as u64 > MAX_PART {
            return refuse(format!("{name} is larger than {MAX_PART} bytes"));
        }
    }
    Ok(())
}

/// Whether a record must survive a power failure. What a directory said can be asked again.
fn is_durable(kind: Kind) -> bool {
    kind != Kind::Directory
}

/// A number above all others, with one free below it for a former folder. It follows the clock,
/// so that a record which is deleted and made anew has no version twice.
fn next_number(place: &Place) -> Result<u64, StoreError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
    let highest = numbers(place)?.into_iter().max().unwrap_or(0);
    Ok(now.max(highest.saturating_add(2)))
}

/// The versions that are there, in no order.
fn numbers(place: &Place) -> Result<Vec<u64>, StoreError> {
    let entries = match fs::read_dir(&place.versions) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.at("read", &place.versions)?,
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry.at("read", &place.versions)?.file_name();
        numbers.extend(name.to_str().and_then(|name| name.parse::<u64>().ok()));
    }
    Ok(numbers)
}

fn parent(path: &Path) -> &Path {
    path.parent().expect("a record lies below the store's folder")
}
