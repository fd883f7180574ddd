//! What a client is told: problems of RFC 8555 §6.7 with details that a person can use.

use acme_proto::{Problem, ProblemType, printable};

/// A problem on its way out; boxed, because it is large and rarely there.
pub(super) type Failure = Box<Problem>;

/// Foreign text in a detail stays this short.
const MAX_EXCERPT: usize = 80;

/// Nobody answers where the proof should be.
pub(super) fn connection(detail: impl Into<String>) -> Failure {
    problem(ProblemType::Connection, 400, detail)
}

/// DNS gives no answer.
pub(super) fn dns(detail: impl Into<String>) -> Failure {
    problem(ProblemType::Dns, 400, detail)
}

/// There is an answer, and it is not the proof.
pub(super) fn incorrect(detail: impl Into<String>) -> Failure {
    problem(ProblemType::IncorrectResponse, 403, detail)
}

/// There is an answer, and it authorizes somebody else, or nobody.
pub(super) fn unauthorized(detail: impl Into<String>) -> Failure {
    problem(ProblemType::Unauthorized, 403, detail)
}

/// TLS fails.
pub(super) fn tls(detail: impl Into<String>) -> Failure {
    problem(ProblemType::Tls, 400, detail)
}

/// The challenge itself makes no sense.
pub(super) fn malformed(detail: impl Into<String>) -> Failure {
    problem(ProblemType::Malformed, 400, detail)
}

/// The beginning of what was found, fit to be shown.
pub(super) fn excerpt(found: &[u8]) -> String {
    // No character has more than 4 octets.
    let start = &found[..found.len().min(4 * MAX_EXCERPT)];
    let text = String::from_utf8_lossy(start);
    let text = text.trim();
    let mut shown: String = printable(text).chars().take(MAX_EXCERPT).collect();
    if shown.len() < text.len() || start.len() < found.len() {
        shown.push_str("...");
    }
    format!("\"{shown}\"")
}

fn problem(kind: ProblemType, status: u16, detail: impl Into<String>) -> Failure {
    let mut problem = Box::<Problem>::default();
    problem.kind = kind;
    problem.status = Some(status);
    problem.detail = Some(detail.into());
    problem
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_short_and_printable() {
        assert_eq!(excerpt(b" <html>\n"), "\"<html>\"");
        let long = excerpt(&[0x1b; 10_000]);
        assert!(long.len() < 100 && long.ends_with("...\""), "{long}");
        assert!(!excerpt(b"a\x1b[2J\xff\nb").contains(|c: char| c.is_control()));
    }
}
