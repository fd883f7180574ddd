//! Names as people write them, and URLs as servers do.
#![no_main]

use acme_proto::{Identifier, Token, Url};
use lacme_fuzz::is_shown_safely;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Identifier::parse(text) {
        Ok(name) => is_a_name(&name),
        Err(error) => is_shown_safely(&error),
    }
    match lacme::parse_name(text) {
        Ok(name) => {
            is_a_name(&name);
            let shown = lacme::display_name(&name);
            is_shown_safely(&shown);
            assert_eq!(lacme::parse_name(&shown).ok(), Some(name), "{shown:?} is another name");
        }
        Err(error) => is_shown_safely(&error),
    }
    if let Ok(token) = Token::parse(text) {
        assert!(token.as_str().len() <= Token::MAX_LENGTH && !token.as_str().contains(['/', '.']));
    }
    let base = Url::parse("https://ca.example:14000/acme/x?y=z").expect("a URL");
    for url in [Url::parse(text), base.join(text)].into_iter().flatten() {
        is_shown_safely(&url);
        assert!(!url.authority().is_empty() && !url.authority().contains('@'), "{url}");
        assert_eq!(Url::parse(url.as_str()).as_ref(), Ok(&url));
        assert_eq!(url.join(url.as_str()).as_ref(), Ok(&url));
    }
});

/// A name that was read stays the same, and is fit for the wire.
fn is_a_name(name: &Identifier) {
    let value = name.value();
    assert!(value.is_ascii() && value.len() <= 253);
    assert_eq!(Identifier::parse(&value).as_ref(), Ok(name));
    assert!(!name.without_wildcard().is_wildcard());
    let wire = serde_json::to_vec(name).expect("a name can be written");
    assert_eq!(serde_json::from_slice::<Identifier>(&wire).ok().as_ref(), Some(name));
}
