//! Certificate signing requests, as DER and as PEM.
#![no_main]

use acme_crypto::Csr;
use lacme_fuzz::is_shown_safely;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let csr = match Csr::parse(bytes) {
        Ok(csr) => csr,
        Err(error) => return is_shown_safely(&error),
    };
    assert_eq!(Csr::from_der(csr.der()).as_ref(), Ok(&csr));
    assert!(!csr.identifiers().is_empty());
    csr.identifiers().iter().for_each(is_shown_safely);
});
