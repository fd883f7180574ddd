use std::collections::BTreeMap;
use std::fmt;

use acme_proto::Url;
use zeroize::Zeroizing;

use crate::{StoreError, names};

/// The parts of a record by name, such as `key.pem`.
pub type Parts = BTreeMap<String, SecretBytes>;

/// Bytes that are wiped when dropped and never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SecretBytes(Zeroizing<Vec<u8>>);

impl SecretBytes {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl From<&str> for SecretBytes {
    fn from(text: &str) -> Self {
        text.as_bytes().to_vec().into()
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.0.len())
    }
}

/// Parts as they were read together, and the version they belong to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The parts that were asked for and exist.
    pub parts: Parts,
    /// To be given back as [`Expected::Version`] by whoever changes the record.
    pub version: Version,
}

/// Which parts to read; what is not selected is not even opened.
#[derive(Clone, Copy, Debug)]
pub enum Select<'a> {
    /// Every part.
    All,
    /// These, as far as they exist.
    Only(&'a [&'a str]),
}

impl Select<'_> {
    /// Whether the part is asked for.
    pub fn includes(&self, part: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(parts) => parts.contains(&part),
        }
    }
}

/// One state of a record. Only equality means anything, and only within one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Version(u64);

impl Version {
    /// The version with a backend's own number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The backend's own number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// What must be stored already for a `put` to take place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Whatever there is.
    Any,
    /// Nothing.
    Absent,
    /// This very version.
    Version(Version),
}

impl Expected {
    /// Whether what is stored fulfils the expectation.
    pub fn is_met_by(self, stored: Option<Version>) -> bool {
        match self {
            Self::Any => true,
            Self::Absent => stored.is_none(),
            Self::Version(version) => stored == Some(version),
        }
    }
}

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// A certificate with its chain and key.
    Certificate,
    /// An account at one directory.
    Account,
    /// An order under way.
    Order,
    /// What a directory said, remembered.
    Directory,
    /// The certificate authority of this store; there is at most one.
    Authority,
    /// A document of the ACME server.
    Server,
}

impl Kind {
    /// The folder that holds all records of this kind.
    pub fn folder(self) -> &'static str {
        match self {
            Self::Certificate => "certs",
            Self::Account => "accounts",
            Self::Order => "orders",
            Self::Directory => "directories",
            Self::Authority => "ca",
            Self::Server => "server",
        }
    }

    /// How many components a key's path has. Without any, the kind's folder is the one record.
    pub fn depth(self) -> usize {
        match self {
            Self::Authority => 0,
            Self::Certificate | Self::Order | Self::Directory => 1,
            Self::Account | Self::Server => 2,
        }
    }
}

/// The place of a record: its kind and a path of up to two safe components.
///
/// Every component is visible printable ASCII of at most 200 bytes without separators, so a
/// backend may use it as a file name as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    kind: Kind,
    path: Vec<String>,
}

impl Key {
    /// The key of a certificate.
    ///
    /// # Errors
    /// [`StoreError::InvalidName`] if the name is empty or longer than 1024 bytes.
    pub fn certificate(name: &str) -> Result<Self, StoreError> {
        Ok(Self { kind: Kind::Certificate, path: vec![names::folder(name)?] })
    }

    /// The key of an account at a directory.
    ///
    /// # Errors
    /// As [`Key::certificate`].
    pub fn account(directory: &Url, name: &str) -> Result<Self, StoreError> {
        let path = vec![names::directory_folder(directory), names::folder(name)?];
        Ok(Self { kind: Kind::Account, path })
    }

    /// The key of an unfinished order.
    ///
    /// # Errors
    /// As [`Key::certificate`].
    pub fn order(name: &str) -> Result<Self, StoreError> {
        Ok(Self { kind: Kind::Order, path: vec![names::folder(name)?] })
    }

    /// The key of a remembered directory.
    pub fn directory(directory: &Url) -> Self {
        Self { kind: Kind::Directory, path: vec![names::directory_folder(directory)] }
    }

    /// The key of the one certificate authority.
    pub fn authority() -> Self {
        Self { kind: Kind::Authority, path: Vec::new() }
    }

    /// The key of a document of the ACME server. The server makes its identifiers itself, so
    /// nothing is hashed: what cannot be a folder's name as it stands is refused.
    ///
    /// # Errors
    /// [`StoreError::InvalidName`] for a collection or an `id` that is no safe component.
    pub fn document(collection: &str, id: &str) -> Result<Self, StoreError> {
        let path = vec![collection.to_owned(), id.to_owned()];
        Self::from_path(Kind::Server, path).ok_or(StoreError::InvalidName {
            reason: "it is not 1 to 200 printable characters without separators",
        })
    }

    /// The key that a backend finds when it lists; nothing if no record can have that path.
    pub fn from_path(kind: Kind, path: Vec<String>) -> Option<Self> {
        let is_key = path.len() == kind.depth() && path.iter().all(|c| names::is_safe(c));
        is_key.then_some(Self { kind, path })
    }

    /// Where the Python library keeps a certificate whose name it hashes.
    pub(crate) fn python_certificate(name: &str) -> Result<Self, StoreError> {
        Ok(Self { kind: Kind::Certificate, path: vec![names::hashed_folder(name)?] })
    }

    /// What the record is about.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The path below the kind's folder.
    pub fn path(&self) -> &[String] {
        &self.path
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let components = self.path.iter().map(String::as_str);
        let path: Vec<_> = std::iter::once(self.kind.folder()).chain(components).collect();
        f.write_str(&path.join("/"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_bytes_are_never_shown() {
        assert_eq!(format!("{:?}", SecretBytes::from("PRIVATE")), "SecretBytes(7 bytes)");
    }

    #[test]
    fn a_listed_path_is_a_key_only_if_it_is_safe() {
        let key = |path: &[&str]| {
            Key::from_path(Kind::Certificate, path.iter().map(|c| (*c).to_owned()).collect())
        };
        assert_eq!(key(&["example.com"]), Some(Key::certificate("example.com").unwrap()));
        for bad in [&[".."][..], &["a/b"], &[".tmp"], &[], &["a", "b"]] {
            assert_eq!(key(bad), None, "{bad:?}");
        }
    }
}
