//! `Link` headers (RFC 8288), of which one response may carry several (RFC 8555 §7.1).

use http::HeaderMap;

use crate::objects::Url;

/// More links than any real answer has; what follows is ignored.
const MAX_LINKS: usize = 64;

/// The targets of all links with this relation, resolved against `base`, in order.
pub(crate) fn links(headers: &HeaderMap, relation: &str, base: &Url) -> Vec<Url> {
    let mut found = Vec::new();
    let texts = headers.get_all(http::header::LINK).iter().filter_map(|value| value.to_str().ok());
    for link in texts.flat_map(parse).take(MAX_LINKS) {
        if link.relations.split_ascii_whitespace().any(|r| r.eq_ignore_ascii_case(relation)) {
            found.extend(base.join(link.target));
        }
    }
    found
}

/// The first link with this relation.
pub(crate) fn link(headers: &HeaderMap, relation: &str, base: &Url) -> Option<Url> {
    links(headers, relation, base).into_iter().next()
}

struct Link<'a> {
    target: &'a str,
    relations: &'a str,
}

/// `<target>; param=value; rel="a b", <target> ...`; reading stops where it is no longer that.
fn parse(text: &str) -> impl Iterator<Item = Link<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (target, tail) =
            rest.trim_start_matches([',', ' ', '\t']).strip_prefix('<')?.split_once('>')?;
        let (parameters, tail) = split_outside_quotes(tail, ',');
        rest = tail;
        let mut relations = "";
        let mut parameters = parameters;
        while !parameters.is_empty() {
            let (parameter, tail) = split_outside_quotes(parameters, ';');
            parameters = tail;
            if let Some((name, value)) = parameter.split_once('=') {
                // §3.3: the first rel counts.
                if relations.is_empty() && name.trim().eq_ignore_ascii_case("rel") {
                    relations = value.trim().trim_matches('"');
                }
            }
        }
        Some(Link { target, relations })
    })
}

fn split_outside_quotes(text: &str, separator: char) -> (&str, &str) {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = quoted, // RFC 9110 §5.6.4
            '"' => quoted = !quoted,
            c if c == separator && !quoted => return (&text[..at], &text[at + 1..]),
            _ => {}
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use proptest::prelude::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let values = values.iter().map(|v| (http::header::LINK, HeaderValue::from_str(v).unwrap()));
        values.collect()
    }

    fn base() -> Url {
        Url::parse("https://ca.example/acme/x").unwrap()
    }

    #[test]
    fn several_headers_and_several_links_in_one_are_read() {
        let headers = headers(&[
            r#"<https://ca.example/dir>;rel="index""#,
            r#"</cert/1>; rel="alternate", <https://ca.example/cert/2>; title="a, <b>; c"; REL=Alternate"#,
            r#"<next>; rel="up next""#,
        ]);
        let texts = |r| links(&headers, r, &base()).iter().map(Url::to_string).collect::<Vec<_>>();
        assert_eq!(texts("alternate"), ["https://ca.example/cert/1", "https://ca.example/cert/2"]);
        assert_eq!(texts("next"), ["https://ca.example/acme/next"]);
        assert_eq!(texts("index"), ["https://ca.example/dir"]);
    }

    #[test]
    fn targets_that_are_no_http_url_are_ignored() {
        let headers = headers(&[r#"<javascript://x>; rel="alternate""#, "nonsense", "<open"]);
        assert!(links(&headers, "alternate", &base()).is_empty());
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(text in "[ -~]{0,120}") {
            links(&headers(&[&text]), "alternate", &base());
        }
    }
}
