//! A single certificate in DER.
#![no_main]

use acme_crypto::Certificate;
use acme_proto::CertificateId;
use lacme_fuzz::is_shown_safely;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|der: &[u8]| {
    let certificate = match Certificate::from_der(der) {
        Ok(certificate) => certificate,
        Err(error) => return is_shown_safely(&error),
    };
    assert_eq!(certificate.der(), der);
    assert_eq!(Certificate::from_pem(certificate.pem().as_bytes()).as_ref(), Ok(&certificate));
    certificate.identifiers().iter().for_each(is_shown_safely);
    if let Some(id) = certificate.id() {
        let json = serde_json::to_vec(&id).expect("an identifier can be written");
        assert_eq!(serde_json::from_slice::<CertificateId>(&json).ok(), Some(id));
    }
    is_shown_safely(&format!("{certificate:?}"));
});
