//! Private keys, as PEM and as PKCS#8.
#![no_main]

use acme_crypto::{KeyError, PrivateKey, verify};
use acme_proto::Signer as _;
use lacme_fuzz::is_shown_safely;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    is_a_key(PrivateKey::from_pkcs8_der(bytes));
    if let Ok(text) = std::str::from_utf8(bytes) {
        is_a_key(PrivateKey::from_pem(text));
    }
});

/// A key that was read signs, and comes back from its own PEM.
fn is_a_key(read: Result<PrivateKey, KeyError>) {
    let key = match read {
        Ok(key) => key,
        Err(error) => return is_shown_safely(&error),
    };
    let again = PrivateKey::from_pem(&key.to_pkcs8_pem()).expect("what was written can be read");
    assert_eq!(again.public_key_der(), key.public_key_der());
    assert_eq!(again.key_type(), key.key_type());
    let signature = key.sign_now(b"message").expect("the crypto library signs");
    assert_eq!(verify(key.jwk(), key.algorithm(), b"message", &signature), Ok(()));
}
