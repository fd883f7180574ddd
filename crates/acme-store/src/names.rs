//! How a name becomes a folder's name.
//!
//! A folder's name never leads anywhere else: it is one path component of printable ASCII. Names
//! that cannot be written so are hashed, as the Python library hashes them. Different names may
//! still meet in one folder (`a:b` and `a_b`); the name inside the record tells them apart.

use acme_proto::Url;
use sha2::{Digest, Sha256};

use crate::StoreError;

/// A folder name that starts like this is a hash and never a name.
const HASHED: &str = "lacme-v2-";
const MAX_NAME: usize = 1024;
const MAX_FOLDER: usize = 200;
const MAX_HOST: usize = 100;

/// The folder of `name`: itself where that is safe, with `*.` as `_wildcard.` and `:` as `_`.
pub(crate) fn folder(name: &str) -> Result<String, StoreError> {
    check(name)?;
    let readable = match name.strip_prefix("*.") {
        Some(base) => format!("_wildcard.{base}"),
        None => name.to_owned(),
    };
    let readable = readable.replace(':', "_");
    let is_name = is_safe(&readable) && !readable.starts_with(HASHED);
    Ok(if is_name { readable } else { hash(name) })
}

/// The folder where the Python library keeps wildcards, IPv6 addresses and unsafe names.
pub(crate) fn hashed_folder(name: &str) -> Result<String, StoreError> {
    check(name).map(|()| hash(name))
}

/// The folder of a directory: its host for people, a hash of the whole URL for uniqueness.
pub(crate) fn directory_folder(directory: &Url) -> String {
    let authority = directory.authority().to_ascii_lowercase().replace(['[', ']'], "");
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    let host: String =
        authority.chars().take(MAX_HOST).map(|c| if plain(c) { c } else { '_' }).collect();
    let host = host.trim_start_matches('.');
    format!("{host}-{}", &hex_sha256(directory.as_str())[..12])
}

/// Whether `folder` is one visible path component, on any common file system.
pub(crate) fn is_safe(folder: &str) -> bool {
    let printable = |b: u8| (b' '..=b'~').contains(&b) && !b"<>:\"/\\|?*".contains(&b);
    (1..=MAX_FOLDER).contains(&folder.len())
        && folder.bytes().all(printable)
        && !folder.starts_with(['.', ' '])
        && !folder.ends_with(['.', ' '])
}

fn check(name: &str) -> Result<(), StoreError> {
    match name.len() {
        0 => Err(StoreError::InvalidName { reason: "it is empty" }),
        1..=MAX_NAME => Ok(()),
        _ => Err(StoreError::InvalidName { reason: "it is longer than 1024 bytes" }),
    }
}

fn hash(name: &str) -> String {
    format!("{HASHED}{}", hex_sha256(name))
}

fn hex_sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_readable_name_is_its_own_folder() {
        for (name, expected) in [
            ("example.com", "example.com"),
            ("*.example.com", "_wildcard.example.com"),
            ("2001:db8::1", "2001_db8__1"),
            ("::1", "__1"),
            ("192.0.2.1", "192.0.2.1"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
            ("My shop", "My shop"),
        ] {
            assert_eq!(folder(name).unwrap(), expected);
        }
    }

    #[test]
    fn an_unsafe_name_is_hashed() {
        let long = "a".repeat(201);
        for name in [
            ".",
            "..",
            "...",
            ".hidden",
            "a/b",
            "../x",
            "/etc",
            "a\\b",
            "a\0b",
            "a\nb",
            "bücher",
            "*",
            "a.",
            " a",
            "lacme-v2-x",
            &long,
        ] {
            let folder = folder(name).unwrap();
            assert!(folder.starts_with(HASHED) && is_safe(&folder), "{name:?} -> {folder}");
        }
    }

    #[test]
    fn the_hash_is_the_python_librarys() {
        let expected = "lacme-v2-47287a8f16ec75e6073f193989bb1c0c7569d55f305c3439d3682432ce1863b5";
        assert_eq!(hashed_folder("*.example.com").unwrap(), expected);
    }

    #[test]
    fn a_name_is_neither_empty_nor_endless() {
        assert!(matches!(folder(""), Err(StoreError::InvalidName { .. })));
        assert!(matches!(folder(&"a".repeat(1025)), Err(StoreError::InvalidName { .. })));
    }

    #[test]
    fn directories_of_one_host_have_folders_of_their_own() {
        let folder = |url: &str| directory_folder(&Url::parse(url).unwrap());
        let a = folder("https://CA.example:14000/dir");
        let b = folder("https://CA.example:14000/other");
        assert!(a.starts_with("ca.example_14000-") && b.starts_with("ca.example_14000-"));
        assert_ne!(a, b);
        assert!(folder("https://[::1]:14000/dir").starts_with("__1_14000-"));
        assert!(is_safe(&folder(&format!("https://{}.example/", "a".repeat(500)))));
    }

    proptest! {
        #[test]
        fn no_name_whatsoever_leaves_its_folder(name in any::<String>()) {
            if let Ok(folder) = folder(&name) {
                prop_assert!(is_safe(&folder));
                prop_assert_eq!(std::path::Path::new(&folder).components().count(), 1);
            }
        }

        #[test]
        fn no_path_like_name_leaves_its_folder(name in "[./\\\\*:~a ]{1,12}") {
            let folder = folder(&name).unwrap();
            prop_assert!(is_safe(&folder) && !folder.contains('/') && !folder.starts_with('.'));
        }
    }
}
