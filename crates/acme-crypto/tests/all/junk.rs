//! Whatever comes from outside, nothing panics.

use acme_crypto::{Certificate, CertificateChain, Csr, HmacKey, PrivateKey};
use proptest::prelude::*;

use crate::support::fixture;

/// Every reader of the crate.
fn read_everything(bytes: &[u8]) {
    if let Ok(chain) = CertificateChain::parse(bytes) {
        let _ = chain.check(&[], &[], false);
        assert_eq!(CertificateChain::parse(chain.pem().as_bytes()), Ok(chain));
    }
    if let Ok(certificate) = Certificate::from_der(bytes) {
        let _ = (certificate.id(), certificate.serial_hex(), format!("{certificate:?}"));
    }
    let _ = Certificate::from_pem(bytes);
    let _ = Csr::parse(bytes);
    let _ = Csr::from_der(bytes);
    let _ = PrivateKey::from_pkcs8_der(bytes);
    let text = String::from_utf8_lossy(bytes);
    let _ = PrivateKey::from_pem(&text);
    let _ = HmacKey::from_base64url(&text);
}

/// Files of every kind, some as the DER inside their PEM.
fn good_files() -> Vec<Vec<u8>> {
    let certificate = Certificate::from_pem(fixture!("rfc9773.pem").as_bytes()).unwrap();
    let csr = Csr::parse(fixture!("csr-new-header.pem").as_bytes()).unwrap();
    let key = PrivateKey::from_pem(fixture!("ec-p256-sec1.pem")).unwrap();
    vec![
        fixture!("rfc9773.pem").into(),
        fixture!("csr-new-header.pem").into(),
        fixture!("ec-p256-sec1.pem").into(),
        fixture!("encrypted-sec1.pem").into(),
        fixture!("ed25519.pem").into(),
        certificate.der().to_vec(),
        csr.der().to_vec(),
        key.to_pkcs8_der().to_vec(),
    ]
}

proptest! {
    #[test]
    fn random_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        read_everything(&bytes);
    }

    #[test]
    fn random_bytes_in_a_block(
        label in "CERTIFICATE|PRIVATE KEY|EC PRIVATE KEY|RSA PRIVATE KEY|CERTIFICATE REQUEST|[ -~]{0,9}",
        body in "[A-Za-z0-9+/=\n-]{0,200}",
    ) {
        read_everything(format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n").as_bytes());
    }

    #[test]
    fn good_files_with_a_few_bytes_changed(
        mut file in prop::sample::select(good_files()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        length in prop::option::of(any::<prop::sample::Index>()),
    ) {
        for (index, byte) in changes {
            let index = index.index(file.len());
            file[index] = byte;
        }
        if let Some(length) = length {
            file.truncate(length.index(file.len()));
        }
        read_everything(&file);
    }
}
