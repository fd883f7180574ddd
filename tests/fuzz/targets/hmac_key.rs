//! MAC keys for external account binding, as people copy them.
#![no_main]

use acme_crypto::HmacKey;
use acme_proto::Mac as _;
use lacme_fuzz::is_shown_safely;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let key = match HmacKey::from_base64url(text) {
        Ok(key) => key,
        Err(error) => return is_shown_safely(&error),
    };
    let again = HmacKey::from_base64url(&format!(" {}\n", text.trim())).expect("the same key");
    assert!(again.verify(b"message", &key.mac(b"message")));
    assert!(!format!("{key:?}").contains(text.trim()), "Debug shows no key");
});
