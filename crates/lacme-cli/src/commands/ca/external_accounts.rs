//! The file of external accounts that a served CA knows.

use std::collections::BTreeMap;
use std::path::Path;

use lacme::HmacKey;

use crate::exit::Failure;
use crate::files;

const OPTION: &str = "--eab-file";

/// Key identifiers and their keys: lines of both with space between, empty lines and those that
/// begin with `#` left out; or a JSON object `{"kid": "key"}`.
pub(super) fn read(path: &Path) -> Result<Vec<(String, HmacKey)>, Failure> {
    let text = files::read_text(path, OPTION)?;
    parse(&text).map_err(|reason| Failure::usage(format!("{OPTION}: {reason}")))
}

/// The reason names a place, never a key.
fn parse(text: &str) -> Result<Vec<(String, HmacKey)>, String> {
    let pairs = if text.trim_start().starts_with('{') { of_json(text) } else { of_lines(text) }?;
    let mut accounts = BTreeMap::new();
    for (kid, key, place) in pairs {
        let key = HmacKey::from_base64url(&key).map_err(|error| format!("{place}: {error}"))?;
        if accounts.insert(kid, key).is_some() {
            return Err(format!("{place}: this key identifier stands there twice"));
        }
    }
    match accounts.is_empty() {
        true => Err("there is no account in it: write `kid base64url-key` lines".to_owned()),
        false => Ok(accounts.into_iter().collect()),
    }
}

/// A key identifier, its key, and where both stand.
type Pair = (String, String, String);

fn of_json(text: &str) -> Result<Vec<Pair>, String> {
    let object: BTreeMap<String, String> = serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        format!("line {line}, column {column}: expected an object of texts, {{\"kid\": \"key\"}}")
    })?;
    let pair = |(kid, key): (String, String)| {
        let place = format!("the key of {kid:?}");
        (kid, key, place)
    };
    Ok(object.into_iter().map(pair).collect())
}

fn of_lines(text: &str) -> Result<Vec<Pair>, String> {
    let lines = (1..).zip(text.lines().map(str::trim));
    let telling = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    telling
        .map(|(number, line)| {
            let words: Vec<_> = line.split_whitespace().collect();
            match words.as_slice() {
                [kid, key] => Ok(((*kid).to_owned(), (*key).to_owned(), format!("line {number}"))),
                _ => Err(format!("line {number}: expected a key identifier and its key")),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

    fn kids(text: &str) -> Vec<String> {
        parse(text).unwrap().into_iter().map(|(kid, _)| kid).collect()
    }

    #[test]
    fn lines_and_json_say_the_same() {
        let lines = format!("# ours\n\nbob {KEY}\n  alice\t{KEY}  \r\n");
        let json = format!(r#" {{"alice": "{KEY}", "bob": "{KEY}"}}"#);
        assert_eq!(kids(&lines), ["alice", "bob"]);
        assert_eq!(kids(&json), ["alice", "bob"]);
    }

    #[test]
    fn what_cannot_be_used_is_told_by_its_place_and_without_its_key() {
        for (text, words) in [
            (String::new(), "no account"),
            ("# nobody\n{".to_owned(), "line 2"),
            (format!("a {KEY}\nb"), "line 2"),
            (format!("a {KEY} x"), "line 1"),
            ("a $secret$".to_owned(), "line 1"),
            (format!("a {KEY}\na {KEY}"), "twice"),
            (r#"{"a": "$secret$"}"#.to_owned(), "\"a\""),
            (r#"{"a": 1}"#.to_owned(), "line 1"),
        ] {
            let reason = parse(&text).unwrap_err();
            assert!(reason.contains(words), "{reason}");
            assert!(!reason.contains("secret") && !reason.contains(KEY), "{reason}");
        }
    }
}
