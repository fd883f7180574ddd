//! PEM (RFC 7468), read strictly enough for RFC 8555 §9.1 and leniently enough for what tools
//! write: any line width, LF or CRLF, blank lines.
//!
//! Base64 is decoded in constant time, since private keys pass through here.

use base64ct::{Base64, Encoding as _};
use zeroize::Zeroizing;

/// A PEM file as it stands: its blocks, and whether anything else is written between them.
pub(crate) struct Pem<'a> {
    pub(crate) blocks: Vec<Block<'a>>,
    pub(crate) has_other_text: bool,
}

/// One block, its contents still encoded.
pub(crate) struct Block<'a> {
    pub(crate) label: &'a str,
    body: &'a [u8],
}

/// The text is no well-formed PEM.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PemError {
    /// A block begins and never ends.
    #[error("the PEM block {label:?} has no end: the text is cut off")]
    Unfinished {
        /// The block's label.
        label: String,
    },
    /// A line of dashes that is neither the beginning nor the end that belongs there.
    #[error(
        "line {line} of the PEM text is neither the beginning nor the end of the block it stands in"
    )]
    Misplaced {
        /// The line, counted from 1.
        line: usize,
    },
    /// The contents of a block are no base64.
    #[error("the PEM block {label:?} holds damaged base64")]
    Base64 {
        /// The block's label.
        label: String,
    },
}

/// Longer labels than any in use are no labels.
const MAX_LABEL: usize = 64;

const COLUMNS: usize = 64;

/// Finds the blocks of `text`. The caller bounds its length.
pub(crate) fn parse(text: &[u8]) -> Result<Pem<'_>, PemError> {
    let mut pem = Pem { blocks: Vec::new(), has_other_text: false };
    let mut open: Option<(&str, usize)> = None;
    let mut offset = 0;
    for (number, full_line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let misplaced = PemError::Misplaced { line: number + 1 };
        let start = offset;
        offset += full_line.len();
        match (boundary(full_line.trim_ascii()), open) {
            (Boundary::Begin(label), None) => open = Some((label, offset)),
            (Boundary::End(end), Some((label, body))) if end == label => {
                pem.blocks.push(Block { label, body: &text[body..start] });
                open = None;
            }
            (Boundary::None, Some(_)) => {}
            (Boundary::None, None) => pem.has_other_text |= !full_line.trim_ascii().is_empty(),
            _ => return Err(misplaced),
        }
    }
    match open {
        Some((label, _)) => Err(PemError::Unfinished { label: label.to_owned() }),
        None => Ok(pem),
    }
}

/// Writes one block, 64 columns wide, with LF.
pub(crate) fn encode(label: &str, der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(Base64::encode_string(der));
    let lines = body.len().div_ceil(COLUMNS);
    // Enough from the start: a string that grows would leave copies of a key behind.
    let mut pem = String::with_capacity(body.len() + lines + 2 * label.len() + 32);
    pem.extend(["-----BEGIN ", label, "-----\n"]);
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, next) = rest.split_at(rest.len().min(COLUMNS));
        pem.extend([line, "\n"]);
        rest = next;
    }
    pem.extend(["-----END ", label, "-----\n"]);
    Zeroizing::new(pem)
}

impl Block<'_> {
    /// The DER inside.
    pub(crate) fn decode(&self) -> Result<Zeroizing<Vec<u8>>, PemError> {
        let mut base64 = Zeroizing::new(Vec::with_capacity(self.body.len()));
        for line in self.body.split(|byte| *byte == b'\n') {
            base64.extend_from_slice(line.trim_ascii());
        }
        let mut der = Zeroizing::new(vec![0; base64.len() / 4 * 3]);
        let length = Base64::decode(base64.as_slice(), &mut der)
            .map_err(|_| PemError::Base64 { label: self.label.to_owned() })?
            .len();
        der.truncate(length);
        Ok(der)
    }

    /// Whether a header says that the contents are encrypted (RFC 1421 §4.6.1.1), the old way of
    /// OpenSSL.
    pub(crate) fn is_encrypted(&self) -> bool {
        let header = self.body.trim_ascii_start();
        header.starts_with(b"Proc-Type:")
            && header
                .split(|byte| *byte == b'\n')
                .next()
                .is_some_and(|line| line.trim_ascii_end().ends_with(b"ENCRYPTED"))
    }
}

enum Boundary<'a> {
    Begin(&'a str),
    End(&'a str),
    /// Begins with five dashes and is no boundary.
    Broken,
    None,
}

fn boundary(line: &[u8]) -> Boundary<'_> {
    let Some(inner) = line.strip_prefix(b"-----") else {
        return Boundary::None;
    };
    let Some(inner) = inner.strip_suffix(b"-----") else {
        return Boundary::Broken;
    };
    match std::str::from_utf8(inner).ok().and_then(|inner| inner.split_once(' ')) {
        Some(("BEGIN", label)) if is_label(label) => Boundary::Begin(label),
        Some(("END", label)) if is_label(label) => Boundary::End(label),
        _ => Boundary::Broken,
    }
}

fn is_label(label: &str) -> bool {
    let known =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'#' | b'.' | b'_');
    (1..=MAX_LABEL).contains(&label.len()) && label.bytes().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only_block(text: &str) -> Vec<u8> {
        let pem = parse(text.as_bytes()).unwrap();
        assert_eq!(pem.blocks.len(), 1);
        pem.blocks[0].decode().unwrap().to_vec()
    }

    #[test]
    fn what_is_written_is_read_back_at_any_length() {
        for length in [0, 1, 2, 3, 47, 48, 49, 96, 1000] {
            let der = vec![0xa5; length];
            let text = encode("CERTIFICATE", &der);
            assert!(text.lines().all(|line| line.len() <= 64));
            assert_eq!(only_block(&text), der);
        }
    }

    #[test]
    fn line_width_line_ends_and_blank_lines_do_not_matter() {
        let der = [7; 100];
        let text = encode("X", &der);
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let (first, rest) = body.split_at(76);
        let wide = format!("\r\n-----BEGIN X-----\r\n{first}\r\n\r\n{rest} \r\n-----END X-----");
        assert_eq!(only_block(&wide), der);
        assert_eq!(only_block(&format!("-----BEGIN X-----\n{body}\n-----END X-----\n")), der);
    }

    #[test]
    fn a_cut_text_says_so() {
        let text = encode("CERTIFICATE", &[1; 60]);
        let cut = &text.as_bytes()[..text.len() - 10];
        assert!(parse(cut).is_err());
        let cut = &text.as_bytes()[..60];
        assert_eq!(parse(cut).err(), Some(PemError::Unfinished { label: "CERTIFICATE".into() }));
    }

    #[test]
    fn boundaries_out_of_place_are_refused_by_line() {
        for (text, line) in [
            ("-----END X-----\n", 1),
            ("-----BEGIN X-----\n-----BEGIN X-----\n", 2),
            ("-----BEGIN X-----\nAAAA\n-----END Y-----\n", 3),
            ("\n-----BEGIN X----\n", 2),
            ("-----BEGIN -----\n", 1),
            ("-----BEGIN \u{1b}[2J-----\n", 1),
            ("-----", 1),
        ] {
            assert_eq!(
                parse(text.as_bytes()).err(),
                Some(PemError::Misplaced { line }),
                "{text:?}"
            );
        }
    }

    #[test]
    fn damaged_base64_is_refused() {
        for body in ["A", "AA=A", "A A=", "ä", "AAAA=", "AB=="] {
            let text = format!("-----BEGIN X-----\n{body}\n-----END X-----\n");
            let pem = parse(text.as_bytes()).unwrap();
            assert!(pem.blocks[0].decode().is_err(), "{body}");
        }
    }

    #[test]
    fn text_between_blocks_is_noticed() {
        let block = encode("X", &[1]);
        assert!(!parse(format!("\n \n{}\n\n", *block).as_bytes()).unwrap().has_other_text);
        assert!(parse(format!("# comment\n{}", *block).as_bytes()).unwrap().has_other_text);
    }
}
