use acme_proto::{ChallengeType, Identifier, InvalidName};

use crate::Error;

/// Reads a name as a person writes it: a DNS name (in Unicode too), a wildcard, an IP address.
///
/// ```
/// let name = lacme::parse_name("bücher.example")?;
/// assert_eq!(name.value(), "xn--bcher-kva.example");
/// # Ok::<(), lacme::Error>(())
/// ```
///
/// # Errors
/// [`Error::Name`] says what is wrong with it.
pub fn parse_name(text: &str) -> Result<Identifier, Error> {
    let invalid = |reason| Error::Name(InvalidName { name: text.to_owned(), reason });
    if text.len() > 1024 {
        return Err(invalid("it is too long"));
    }
    if text.is_ascii() {
        return Ok(Identifier::parse(text)?);
    }
    let (wildcard, base) = match text.strip_prefix("*.") {
        Some(base) => ("*.", base),
        None => ("", text),
    };
    let ascii = idna::domain_to_ascii_strict(base)
        .map_err(|_| invalid("its Unicode form has no valid A-label form (IDNA)"))?;
    Ok(Identifier::parse(&format!("{wildcard}{ascii}"))?)
}

/// The name as a person would rather read it: with Unicode labels.
///
/// What is shown can be typed: where [`parse_name`] would make another name of it, or none, the name
/// stays as it is on the wire.
pub fn display_name(identifier: &Identifier) -> String {
    let wire = identifier.to_string();
    if !wire.contains("xn--") {
        return wire;
    }
    let (unicode, _) = idna::domain_to_unicode(&wire);
    let means_the_same = parse_name(&unicode).is_ok_and(|name| name == *identifier);
    if means_the_same && acme_proto::printable(&unicode) == unicode { unicode } else { wire }
}

/// Checks the names of one certificate before any network: at least one, no doubles, and each can
/// be proven by its challenge.
pub(crate) fn check_names(
    names: Vec<Identifier>,
    challenge_for: impl Fn(&Identifier) -> ChallengeType,
) -> Result<Vec<Identifier>, Error> {
    let mut unique: Vec<Identifier> = Vec::with_capacity(names.len());
    let mut seen = std::collections::HashSet::new();
    for name in names {
        if seen.insert(name.clone()) {
            unique.push(name);
        }
    }
    if unique.is_empty() {
        return Err(Error::Usage("a certificate needs at least one name".to_owned()));
    }
    for identifier in &unique {
        let challenge = challenge_for(identifier);
        if !challenge.can_prove(identifier) {
            return Err(Error::Unprovable { identifier: identifier.clone(), challenge });
        }
    }
    Ok(unique)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unicode_names_become_a_labels_and_are_shown_in_unicode() {
        let id = parse_name("*.Bücher.example").unwrap();
        assert_eq!(id.value(), "*.xn--bcher-kva.example");
        assert_eq!(display_name(&id), "*.bücher.example");
        assert_eq!(display_name(&parse_name("192.0.2.1").unwrap()), "192.0.2.1");
    }

    #[test]
    fn a_name_whose_unicode_form_cannot_be_typed_is_shown_as_on_the_wire() {
        // The Unicode form ends with a hyphen, which IDNA refuses.
        let id = parse_name("*.xn--n--gbch").unwrap();
        assert_eq!(display_name(&id), "*.xn--n--gbch");
    }

    #[test]
    fn what_idna_forbids_is_refused() {
        for bad in ["a\u{202e}b.example", "ü b.example", "\u{0}ü.example", "-ü.example"] {
            assert!(parse_name(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_name_is_ordered_once_and_in_the_order_given() {
        let names = ["b.example", "a.example", "B.example"].map(|n| parse_name(n).unwrap());
        let checked = check_names(names.into(), |_| ChallengeType::Http01).unwrap();
        assert_eq!(
            checked.iter().map(Identifier::value).collect::<Vec<_>>(),
            ["b.example", "a.example"]
        );
    }

    #[test]
    fn a_wildcard_over_http_and_an_address_over_dns_are_refused_before_any_network() {
        let check = |name, kind: &ChallengeType| {
            check_names(vec![parse_name(name).unwrap()], |_| kind.clone())
        };
        assert!(matches!(
            check("*.a.example", &ChallengeType::Http01),
            Err(Error::Unprovable { .. })
        ));
        assert!(matches!(check("192.0.2.1", &ChallengeType::Dns01), Err(Error::Unprovable { .. })));
        assert!(check("*.a.example", &ChallengeType::Dns01).is_ok());
    }
}
