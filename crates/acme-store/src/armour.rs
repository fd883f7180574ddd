//! What a sealed key looks like where it is stored: text that says what it is.
//!
//! ```text
//! -----BEGIN LACME SEALED KEY-----
//! Version: 1
//! Key-Id: de53a6d5414cca48
//!
//! AQABAgMEBQYHCAkKC/GjbanLcC0GlXnDZKUKVNZpcVg4Jw==
//! -----END LACME SEALED KEY-----
//! ```

use base64ct::{Base64, Encoding as _};

use crate::{SealError, SecretBytes};

const BEGIN: &str = "-----BEGIN LACME SEALED KEY-----";
const END: &str = "-----END LACME SEALED KEY-----";
const VERSION: &str = "1";
const COLUMNS: usize = 64;
const MAX_KEY_ID: usize = 64;

/// What is inside.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) key_id: String,
    pub(crate) bytes: Vec<u8>,
}

/// Whether this is meant to be a sealed key, however damaged.
pub(crate) fn is_sealed(part: &SecretBytes) -> bool {
    part.as_slice().trim_ascii_start().starts_with(BEGIN.as_bytes())
}

pub(crate) fn write(key_id: &str, bytes: &[u8]) -> SecretBytes {
    let mut text = format!("{BEGIN}\nVersion: {VERSION}\nKey-Id: {key_id}\n\n");
    let base64 = Base64::encode_string(bytes);
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(COLUMNS));
        text.extend([line, "\n"]);
        rest = after;
    }
    text.extend([END, "\n"]);
    text.into_bytes().into()
}

/// Reads what [`write`] wrote, and what editors and copying make of line ends.
pub(crate) fn read(part: &SecretBytes) -> Result<Sealed, SealError> {
    let text = std::str::from_utf8(part.as_slice()).map_err(|_| SealError::Damaged)?;
    let body = text.trim().strip_prefix(BEGIN).and_then(|text| text.strip_suffix(END));
    let mut lines = body.ok_or(SealError::Damaged)?.trim_start().lines().map(str::trim);
    let mut header = |name: &str| {
        let line = lines.next().and_then(|line| line.strip_prefix(name));
        line.and_then(|line| line.strip_prefix(": ")).ok_or(SealError::Damaged)
    };
    if header("Version")? != VERSION {
        return Err(SealError::UnknownVersion);
    }
    let key_id = header("Key-Id")?;
    if !is_key_id(key_id) || lines.next() != Some("") {
        return Err(SealError::Damaged);
    }
    let base64: String = lines.collect();
    let bytes = Base64::decode_vec(&base64).map_err(|_| SealError::Damaged)?;
    Ok(Sealed { key_id: key_id.to_owned(), bytes })
}

/// Whether it can stand in a header, and in a message, as it is.
pub(crate) fn is_key_id(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    (1..=MAX_KEY_ID).contains(&text.len()) && text.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(part: &SecretBytes) -> &str {
        std::str::from_utf8(part.as_slice()).unwrap()
    }

    #[test]
    fn the_text_says_what_it_is() {
        let part = write("ab12", &[0xff; 50]);
        let expected = "-----BEGIN LACME SEALED KEY-----\nVersion: 1\nKey-Id: ab12\n\n\
            ////////////////////////////////////////////////////////////////\n//8=\n\
            -----END LACME SEALED KEY-----\n";
        assert_eq!(text(&part), expected);
        assert!(is_sealed(&part));
        assert!(!is_sealed(&"-----BEGIN PRIVATE KEY-----".into()));
    }

    #[test]
    fn line_ends_of_other_systems_and_blanks_around_are_forgiven() {
        let part = write("ab12", b"sealed");
        let other = format!("\r\n{}\r\n", text(&part).replace('\n', "\r\n"));
        let other = SecretBytes::from(other.as_str());
        assert!(is_sealed(&other));
        assert_eq!(read(&other).unwrap(), read(&part).unwrap());
    }

    #[test]
    fn a_later_version_is_said_to_be_one() {
        let part = write("ab12", b"sealed");
        let later = text(&part).replace("Version: 1", "Version: 2");
        assert!(matches!(read(&later.as_str().into()), Err(SealError::UnknownVersion)));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(key_id in "[a-zA-Z0-9._-]{1,64}", bytes: Vec<u8>) {
            let read = read(&write(&key_id, &bytes)).unwrap();
            prop_assert_eq!(read, Sealed { key_id, bytes });
        }

        #[test]
        fn what_is_cut_off_is_damaged(bytes: Vec<u8>, cut: prop::sample::Index) {
            let whole = write("ab12", &bytes);
            let whole = text(&whole).trim_end();
            let part = whole[..cut.index(whole.len())].into();
            prop_assert!(matches!(read(&part), Err(SealError::Damaged)));
        }

        #[test]
        fn no_text_makes_it_panic(inside in "[\\PC\n]{0,200}") {
            let _ = read(&format!("{BEGIN}\n{inside}\n{END}\n").as_str().into());
        }
    }
}
