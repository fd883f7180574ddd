//! Reading: find the current version once, read it, and make sure that it still is the current one.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use super::{Files, Place, is_public};
use crate::error::At;
use crate::{Key, Kind, Parts, Record, SecretBytes, StoreError, Version};

/// Anything larger is none of ours.
pub(super) const MAX_PART: u64 = 1 << 20;
const MAX_PARTS: usize = 32;
/// A reader is thousands of times faster than a writer, so this many changes under its hands
/// mean that something else is wrong.
const ATTEMPTS: usize = 100;

/// What `certs/NAME` is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Current {
    Absent,
    /// The link that we make, to this version.
    Version(u64),
    /// A real folder, as the Python library or a person's copy leaves it.
    Folder(PathBuf),
}

impl Current {
    /// For comparison; a real folder's content is not watched.
    pub(super) fn version(&self) -> Option<Version> {
        match self {
            Self::Absent => None,
            Self::Version(number) => Some(Version::new(*number)),
            Self::Folder(_) => Some(Version::new(0)),
        }
    }
}

impl Files {
    pub(super) fn get(
        &self,
        key: &Key,
        only: Option<&[String]>,
    ) -> Result<Option<Record>, StoreError> {
        self.read(key, |folder| self.read_parts(key, folder, only))
            .map(|found| found.map(|(parts, version)| Record { parts, version }))
    }

    /// The record's files by the paths that stay the same when it changes.
    pub(super) fn paths(&self, key: &Key) -> Result<Option<BTreeMap<String, PathBuf>>, StoreError> {
        let public = self.place(key).public;
        let names = self.read(key, |folder| names_in(folder).at("read", folder))?;
        Ok(names.map(|(names, _)| {
            names.into_iter().map(|name| (name.clone(), public.join(name))).collect()
        }))
    }

    pub(super) fn list(&self, kind: Kind) -> Result<Vec<Key>, StoreError> {
        let mut keys = Vec::new();
        walk(&self.root.join(kind.folder()), kind.depth(), &mut Vec::new(), &mut |path, entry| {
            if entry.is_symlink() || entry.is_dir() {
                keys.extend(Key::from_path(kind, path));
            }
        })?;
        // What a crash left between two renames has its folder here only.
        let mut waiting = self.with_versions(kind)?;
        waiting.retain(|key| is_real_folder(&self.place(key).versions.join("former")));
        keys.extend(waiting);
        keys.sort();
        keys.dedup();
        Ok(keys)
    }

    /// The keys of a kind that have, or had, versions.
    pub(super) fn with_versions(&self, kind: Kind) -> Result<Vec<Key>, StoreError> {
        let mut keys = Vec::new();
        let versions = self.root.join(".versions").join(kind.folder());
        walk(&versions, kind.depth(), &mut Vec::new(), &mut |path, entry| {
            keys.extend(Key::from_path(kind, path).filter(|_| entry.is_dir()));
        })?;
        Ok(keys)
    }

    /// What is current now.
    pub(super) fn current(&self, place: &Place) -> Result<Current, StoreError> {
        let former = place.versions.join("former");
        // Where folders cannot be exchanged at once, an old one waits there for a moment.
        for folder in [&place.public, &former, &place.public] {
            match fs::symlink_metadata(folder) {
                Ok(found) if found.is_dir() => return Ok(Current::Folder(folder.clone())),
                Ok(found) if found.is_symlink() && folder == &place.public => {
                    if let Some(number) = link_number(place)? {
                        return Ok(Current::Version(number));
                    }
                }
                Ok(_) if folder == &place.public => {
                    return Err(StoreError::corrupt(folder.display(), "it is no folder"));
                }
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(e).at("read", folder),
                _ => {}
            }
        }
        Ok(Current::Absent)
    }

    /// One part; its mode is corrected where it is a private one that others can read.
    pub(super) fn read_part(&self, path: &Path) -> Result<Option<SecretBytes>, StoreError> {
        let opened = OpenOptions::new()
            .read(true)
            // A pipe in a file's place must not hold us up.
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(path);
        let file = match opened {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.at("read", path)?,
        };
        let metadata = file.metadata().at("read", path)?;
        if !metadata.is_file() || metadata.len() > MAX_PART {
            return Err(StoreError::corrupt(path.display(), "it is no file, or a very large one"));
        }
        let public = path.file_name().and_then(|name| name.to_str()).is_some_and(is_public);
        if !public && metadata.permissions().mode() & 0o077 != 0 {
            let private = fs::Permissions::from_mode(0o600);
            if let Err(e) = file.set_permissions(private) {
                let path = path.display();
                self.warn(format!("others can read {path}, and its mode cannot be changed: {e}"));
            }
        }
        // Room for all of it at once: growing would leave copies behind.
        let mut bytes = Vec::with_capacity(metadata.len() as usize + 1);
        file.take(MAX_PART).read_to_end(&mut bytes).at("read", path)?;
        Ok(Some(bytes.into()))
    }

    /// Reads the current version until it is still the current one afterwards: only then has
    /// nobody removed parts of it meanwhile.
    fn read<T>(
        &self,
        key: &Key,
        read: impl Fn(&Path) -> Result<T, StoreError>,
    ) -> Result<Option<(T, Version)>, StoreError> {
        let place = self.place(key);
        for _ in 0..ATTEMPTS {
            let current = self.current(&place)?;
            let (folder, version) = match (&current, current.version()) {
                (Current::Version(number), Some(version)) => (place.version(*number), version),
                (Current::Folder(folder), Some(version)) => (folder.clone(), version),
                _ => return Ok(None),
            };
            let done = match fs::symlink_metadata(&folder) {
                Err(e) if e.kind() == ErrorKind::NotFound => {
                    Err(StoreError::corrupt(key, "its link leads nowhere"))
                }
                found => found.at("read", &folder).and_then(|_| read(&folder)),
            };
            if self.current(&place)? == current {
                return done.map(|read| Some((read, version)));
            }
        }
        Err(io::Error::other("it does not stop changing")).at("read", &place.public)
    }

    fn read_parts(
        &self,
        key: &Key,
        folder: &Path,
        only: Option<&[String]>,
    ) -> Result<Parts, StoreError> {
        let names = match only {
            Some(names) => names.to_vec(),
            None => names_in(folder).at("read", folder)?,
        };
        if names.len() > MAX_PARTS {
            return Err(StoreError::corrupt(key, "it has too many files"));
        }
        let mut parts = Parts::new();
        for name in names {
            if let Some(bytes) = self.read_part(&folder.join(&name))? {
                parts.insert(name, bytes);
            }
        }
        Ok(parts)
    }
}

impl Place {
    pub(super) fn version(&self, number: u64) -> PathBuf {
        self.versions.join(number.to_string())
    }
}

pub(super) fn is_real_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.is_dir())
}

/// The version that our link leads to; nothing if the link is gone by now.
fn link_number(place: &Place) -> Result<Option<u64>, StoreError> {
    let foreign = || StoreError::corrupt(place.public.display(), "it is a link to somewhere else");
    let target = match fs::read_link(&place.public) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        target => target.at("read", &place.public)?,
    };
    let number = target.strip_prefix(&place.link).map_err(|_| foreign())?;
    number.to_str().and_then(|number| number.parse().ok()).map(Some).ok_or_else(foreign)
}

/// The visible files of a folder.
fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let is_file = entry.path().is_file();
        match entry.file_name().into_string() {
            Ok(name) if is_file && !name.starts_with('.') => names.push(name),
            _ => {}
        }
    }
    Ok(names)
}

/// Visits what lies `depth` folders below `folder`; without depth the folder itself.
fn walk(
    folder: &Path,
    depth: usize,
    path: &mut Vec<String>,
    visit: &mut impl FnMut(Vec<String>, &Path),
) -> Result<(), StoreError> {
    if depth == 0 {
        visit(path.clone(), folder);
        return Ok(());
    }
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        Err(e) if e.kind() == ErrorKind::NotADirectory && !path.is_empty() => return Ok(()),
        entries => entries.at("read", folder)?,
    };
    for entry in entries {
        let entry = entry.at("read", folder)?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        path.push(name);
        walk(&entry.path(), depth - 1, path, visit)?;
        path.pop();
    }
    Ok(())
}
