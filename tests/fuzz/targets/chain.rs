//! Certificate chains as a CA delivers them.
#![no_main]

use acme_crypto::{CertificateChain, ChainError};
use lacme_fuzz::is_shown_safely;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|pem: &[u8]| {
    let chain = match CertificateChain::parse(pem) {
        Ok(chain) => chain,
        Err(error) => return is_shown_safely(&error),
    };
    assert_eq!(CertificateChain::parse(chain.pem().as_bytes()).as_ref(), Ok(&chain));
    assert_eq!(chain.check(&[], &[], true), Err(ChainError::WrongKey));
    let leaf = chain.leaf();
    match chain.check(leaf.public_key_der(), leaf.identifiers(), false) {
        Ok(()) | Err(ChainError::BrokenLink { .. }) => {}
        Err(other) => panic!("the leaf is for its own key and names: {other}"),
    }
});
