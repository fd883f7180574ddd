//! Certificate signing requests: ours, and those that users bring along.

use acme_crypto::{Csr, CsrError, CsrOptions, KeyType, PrivateKey, certificate_signing_request};
use acme_proto::Identifier;
use x509_cert::der::{Decode, Encode};
use x509_cert::request::CertReq;

use crate::support::{fixture, names};

fn request(names: &[&str], options: CsrOptions) -> Vec<u8> {
    let key = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    certificate_signing_request(&key, &self::names(names), &options).unwrap()
}

fn subject(der: &[u8]) -> String {
    CertReq::from_der(der).unwrap().info.subject.to_string()
}

#[test]
fn a_request_of_each_key_type_is_signed_and_read_back() {
    let asked = names(&["example.com", "*.example.com", "192.0.2.1", "2001:db8::1"]);
    for key in [
        PrivateKey::generate(KeyType::EcdsaP256).unwrap(),
        PrivateKey::generate(KeyType::EcdsaP384).unwrap(),
        PrivateKey::generate(KeyType::EcdsaP521).unwrap(),
        PrivateKey::from_pem(fixture!("rsa-2048-pkcs1.pem")).unwrap(),
        PrivateKey::from_pem(fixture!("rsa-3072.pem")).unwrap(),
        PrivateKey::from_pem(fixture!("rsa-4096.pem")).unwrap(),
        PrivateKey::generate(KeyType::Ed25519).unwrap(),
    ] {
        let der = certificate_signing_request(&key, &asked, &CsrOptions::default()).unwrap();
        let csr = Csr::from_der(&der).unwrap();
        assert_eq!(csr.identifiers(), asked);
        assert_eq!(csr.public_key_der(), key.public_key_der());
        assert_eq!(csr.der(), der);
        assert!(!csr.must_staple());

        let mut other = CertReq::from_der(&der).unwrap();
        other.info.subject = "CN=other.example".parse().unwrap();
        assert_eq!(Csr::from_der(&other.to_der().unwrap()), Err(CsrError::WrongSignature));
    }
}

#[test]
fn the_subject_is_empty_unless_a_common_name_is_wanted() {
    let long = format!("{0}.{0}.example", "a".repeat(60));
    let asked = ["192.0.2.1", long.as_str(), "example.com", "www.example.com"];
    assert_eq!(subject(&request(&asked, CsrOptions::default())), "");
    let with_name = CsrOptions { common_name: true, ..CsrOptions::default() };
    assert_eq!(subject(&request(&asked, with_name)), "CN=example.com");
    assert_eq!(subject(&request(&asked[..2], with_name)), "");
}

#[test]
fn must_staple_is_asked_for_as_rfc_7633_says() {
    let options = CsrOptions { must_staple: true, ..CsrOptions::default() };
    let csr = Csr::from_der(&request(&["example.com"], options)).unwrap();
    assert!(csr.must_staple());
}

#[test]
fn only_names_that_can_be_ordered_go_into_a_request() {
    let key = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    let refused = |names: &[Identifier]| {
        certificate_signing_request(&key, names, &CsrOptions::default()).unwrap_err()
    };
    assert_eq!(refused(&[]), CsrError::NoNames);
    let mail = Identifier::Other { kind: "email".into(), value: "a@example.com".into() };
    assert_eq!(refused(&[mail]), CsrError::UnsupportedName { name: "email:a@example.com".into() });
}

#[test]
fn a_request_of_openssl_is_read_with_its_names_in_order_and_each_once() {
    let csr = Csr::parse(fixture!("csr-new-header.pem").as_bytes()).unwrap();
    let expected =
        names(&["example.com", "*.example.com", "192.0.2.1", "2001:db8::1", "www.example.com"]);
    assert_eq!(csr.identifiers(), expected);
    assert!(csr.must_staple());
    let key = PrivateKey::from_pem(fixture!("ec-p256-sec1.pem")).unwrap();
    assert_eq!(csr.public_key_der(), key.public_key_der());
    assert_eq!(Csr::parse(csr.der()), Ok(csr));
}

#[test]
fn a_request_with_a_common_name_alone_asks_for_it() {
    let csr = Csr::parse(fixture!("csr-rsa-common-name.pem").as_bytes()).unwrap();
    assert_eq!(csr.identifiers(), names(&["www.example.com"]));
    assert!(!csr.must_staple());
}

#[test]
fn a_common_name_that_is_no_dns_name_is_no_name_to_order() {
    let csr = Csr::parse(fixture!("csr-p521-sha256.pem").as_bytes()).unwrap();
    assert_eq!(csr.identifiers(), names(&["example.com"]));
    let csr = Csr::parse(fixture!("csr-ed25519.pem").as_bytes()).unwrap();
    assert_eq!(csr.identifiers(), names(&["example.com"]));
    let nameless = Csr::parse(fixture!("csr-nameless.pem").as_bytes());
    assert_eq!(nameless, Err(CsrError::NoNames));
}

#[test]
fn unusable_requests_are_refused_each_for_its_own_reason() {
    let refused = |text: &str| Csr::parse(text.as_bytes()).unwrap_err();
    let good = fixture!("csr-ed25519.pem");
    assert_eq!(
        refused(fixture!("csr-email.pem")),
        CsrError::UnsupportedName { name: "an e-mail address".into() }
    );
    assert_eq!(refused(fixture!("csr-rsa-1024.pem")), CsrError::WrongSignature);
    assert_eq!(refused(""), CsrError::NotOne { found: 0 });
    assert_eq!(refused(fixture!("rfc9773.pem")), CsrError::NotOne { found: 0 });
    assert_eq!(refused(&format!("{good}{good}")), CsrError::NotOne { found: 2 });
    assert_eq!(refused(&"\n".repeat(300_000)), CsrError::TooLarge);
    assert!(matches!(refused(&good[..100]), CsrError::Pem(_)));
    assert!(matches!(refused("0"), CsrError::Malformed { .. }));
}
