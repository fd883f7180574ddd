//! The same for people.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::time::{Duration, SystemTime};

use lacme::{AccountInfo, CertificateInfo, Identifier, printable};

use super::json::time;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// A certificate's facts, a line each.
pub(crate) fn certificate(info: &CertificateInfo, now: SystemTime) -> String {
    let meta = &info.meta;
    let mut text = format!("{}\n", printable(&meta.name));
    let mut line = |label: &str, value: String| {
        let _ = writeln!(text, "  {label:<12} {value}"); // a String takes everything
    };
    line("names", names(&meta.identifiers));
    if let Some(end) = meta.not_after {
        line("valid until", format!("{} ({})", time(end), distance(end, now)));
    }
    if let Some(revoked) = &meta.revoked {
        line("revoked", format!("{} ({})", time(revoked.at), printable(&revoked.reason)));
    }
    if let Some(issuer) = &meta.issuer {
        line("issuer", printable(issuer));
    }
    if let Some(serial) = &meta.serial {
        line("serial", printable(serial));
    }
    if let Some(paths) = &info.paths {
        let key = paths.key.as_ref();
        let files = [
            ("certificate", Some(&paths.cert)),
            ("full chain", Some(&paths.fullchain)),
            ("key", key),
        ];
        for (label, path) in files {
            path.into_iter().for_each(|path| line(label, printable(&path.to_string_lossy())));
        }
    }
    text
}

/// A certificate in one line.
pub(crate) fn certificate_line(info: &CertificateInfo, now: SystemTime) -> String {
    let meta = &info.meta;
    let end = match (&meta.revoked, meta.not_after) {
        (Some(_), _) => "revoked".to_owned(),
        (None, Some(end)) => format!("until {} ({})", time(end), distance(end, now)),
        (None, None) => "end unknown".to_owned(),
    };
    let due = if info.due(now).due { ", due" } else { "" };
    format!("{}  {end}{due}  {}\n", printable(&meta.name), names(&meta.identifiers))
}

/// An account's facts, a line each.
pub(crate) fn account(info: &AccountInfo) -> String {
    let url = info
        .url
        .as_ref()
        .map_or_else(|| "(not created yet)".to_owned(), |url| printable(url.as_str()));
    let contact = info.contact.join(", ");
    let lines = [
        ("directory", printable(info.directory.as_str())),
        ("url", url),
        ("status", printable(&info.status)),
        ("contact", printable(&contact)),
        ("thumbprint", info.thumbprint.clone()),
    ];
    let mut text = format!("account {}\n", printable(&info.name));
    for (label, value) in lines.into_iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "  {label:<12} {value}");
    }
    text
}

/// What stands before a step that went well.
pub(crate) fn check_mark() -> &'static str {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(set).unwrap_or_default();
    let speaks_utf8 = locale.to_ascii_lowercase().replace('-', "").contains("utf8");
    if speaks_utf8 && std::io::stdout().is_terminal() { "\u{2713}" } else { "-" }
}

/// This program as the user called it.
pub(crate) fn program() -> String {
    let called = std::env::args_os().next();
    called.map_or_else(|| "lacme".to_owned(), |path| word(&path.to_string_lossy()))
}

/// A word of a shell's command line.
pub(crate) fn word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    printable(&format!("'{}'", text.replace('\'', r"'\''")))
}

/// Names as people write them; a long list is cut.
pub(crate) fn names(identifiers: &[Identifier]) -> String {
    const SHOWN: usize = 10;
    let shown: Vec<_> = identifiers.iter().take(SHOWN).map(lacme::display_name).collect();
    let more = identifiers.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

/// How far away `moment` is.
fn distance(moment: SystemTime, now: SystemTime) -> String {
    let in_words = |span: Duration| {
        let hours = span.as_secs() / 3600;
        match span.as_secs() / DAY.as_secs() {
            0 if hours == 0 => "less than an hour".to_owned(),
            0 if hours == 1 => "1 hour".to_owned(),
            0 => format!("{hours} hours"),
            1 => "1 day".to_owned(),
            days => format!("{days} days"),
        }
    };
    match moment.duration_since(now) {
        Ok(left) => format!("{} left", in_words(left)),
        Err(over) => format!("{} ago", in_words(over.duration())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_told_in_the_largest_whole_unit() {
        let now = SystemTime::UNIX_EPOCH + 1000 * DAY;
        let hour = Duration::from_secs(3600);
        assert_eq!(distance(now + 89 * DAY + hour, now), "89 days left");
        assert_eq!(distance(now + DAY, now), "1 day left");
        assert_eq!(distance(now + 5 * hour, now), "5 hours left");
        assert_eq!(distance(now - 2 * DAY, now), "2 days ago");
        assert_eq!(distance(now, now), "less than an hour left");
    }

    #[test]
    fn words_of_a_command_line_are_quoted_where_they_need_it() {
        assert_eq!(word("/srv/ca/root.pem"), "/srv/ca/root.pem");
        assert_eq!(word("my ca"), "'my ca'");
        assert_eq!(word("it's"), r"'it'\''s'");
        assert_eq!(word(""), "''");
    }

    #[test]
    fn a_long_list_of_names_is_cut() {
        let many: Vec<_> =
            (0..12).map(|n| Identifier::parse(&format!("n{n}.example")).unwrap()).collect();
        assert!(names(&many).ends_with("n9.example and 2 more"));
    }
}
