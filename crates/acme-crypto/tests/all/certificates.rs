//! The facts in a certificate.

use std::time::{Duration, SystemTime};

use acme_crypto::{Certificate, CertificateError, KeyType, PrivateKey};
use acme_proto::Identifier;
use rcgen::{DnType, SanType, SerialNumber, date_time_ymd};

use crate::support::{AUTHORITY, Authority, fixture, must_staple, names};

/// RFC 9773 §4.1 and appendix A, a certificate of the year 1.
#[test]
fn the_certificate_id_is_that_of_rfc_9773() {
    let certificate = Certificate::from_pem(fixture!("rfc9773.pem").as_bytes()).unwrap();
    assert_eq!(certificate.id().unwrap().as_str(), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
    assert_eq!(certificate.serial(), [0, 0x87, 0x65, 0x43, 0x21]);
    assert_eq!(certificate.serial_hex(), "87654321");
    assert_eq!(certificate.issuer_common_name(), Some("Example CA"));
    assert_eq!(certificate.subject_common_name(), Some("example.com"));
    assert_eq!(certificate.identifiers(), []);
    assert!(certificate.not_after() < SystemTime::UNIX_EPOCH);
    assert_eq!(certificate.pem(), fixture!("rfc9773.pem"));
    assert_eq!(Certificate::from_der(certificate.der()), Ok(certificate));
}

#[test]
fn the_facts_are_those_that_the_ca_wrote() {
    let key = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    let asked = ["example.com", "*.example.com", "192.0.2.1", "2001:db8::1"];
    let pem = AUTHORITY.leaf_with(&key, &asked, |params| {
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(2051, 1, 1);
        params.serial_number = Some(SerialNumber::from_slice(&[0x0a, 0xbc]));
        params.custom_extensions.push(must_staple());
    });
    let certificate = Certificate::from_pem(pem.as_bytes()).unwrap();
    let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    assert_eq!(certificate.not_before(), at(1_767_225_600));
    assert_eq!(certificate.not_after(), at(2_556_144_000));
    assert_eq!(certificate.serial_hex(), "0abc");
    assert_eq!(certificate.sha256_hex().len(), 64);
    assert_eq!(certificate.issuer_common_name(), Some("Test Root"));
    assert_eq!(certificate.subject_common_name(), None);
    assert_eq!(certificate.identifiers(), names(&asked));
    assert_eq!(certificate.public_key_der(), key.public_key_der());
    assert!(certificate.authority_key_identifier().is_some());
    assert!(certificate.is_must_staple());
    assert!(format!("{certificate:?}").contains("0abc"));
}

#[test]
fn without_an_authority_key_identifier_there_is_no_certificate_id() {
    let root = Certificate::from_pem(AUTHORITY.pem.as_bytes()).unwrap();
    assert_eq!(root.authority_key_identifier(), None);
    assert_eq!(root.id(), None);
    assert!(!root.is_must_staple());
}

#[test]
fn only_what_its_own_key_signed_is_self_signed() {
    let root = Certificate::from_pem(AUTHORITY.pem.as_bytes()).unwrap();
    assert!(root.is_self_signed());
    let key = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    let leaf = Certificate::from_pem(AUTHORITY.leaf(&key, &["a.example"]).as_bytes()).unwrap();
    assert!(!leaf.is_self_signed());
    // Its names say so, its signature does not.
    let pretender = AUTHORITY.leaf_with(&key, &["a.example"], |params| {
        params.distinguished_name.push(DnType::CommonName, "Test Root");
    });
    let pretender = Certificate::from_pem(pretender.as_bytes()).unwrap();
    assert_eq!(pretender.subject_common_name(), pretender.issuer_common_name());
    assert!(!pretender.is_self_signed());
}

#[test]
fn common_names_cannot_steer_a_terminal() {
    let key = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    let pem =
        Authority::new("Evil\u{1b}[2J\u{202e}CA\r\n").leaf_with(&key, &["a.example"], |params| {
            params.distinguished_name.push(DnType::CommonName, "a\tb");
        });
    let certificate = Certificate::from_pem(pem.as_bytes()).unwrap();
    assert_eq!(certificate.issuer_common_name(), Some("Evil\\u{1b}[2J\\u{202e}CA\\u{d}\\u{a}"));
    assert_eq!(certificate.subject_common_name(), Some("a\\u{9}b"));
}

#[test]
fn names_that_break_the_rules_are_neither_lost_nor_trusted() {
    let key = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    let pem = AUTHORITY.leaf_with(&key, &["UPPER.example"], |params| {
        let odd = SanType::DnsName("a\u{1b}b".try_into().unwrap());
        let mail = SanType::Rfc822Name("a@example.com".try_into().unwrap());
        params.subject_alt_names.extend([odd, mail]);
    });
    let certificate = Certificate::from_pem(pem.as_bytes()).unwrap();
    let odd = Identifier::Other { kind: "dns".into(), value: "a\\u{1b}b".into() };
    assert_eq!(certificate.identifiers(), [names(&["upper.example"]), vec![odd]].concat());
}

#[test]
fn what_is_no_certificate_is_refused() {
    let refused = |pem: &str| Certificate::from_pem(pem.as_bytes()).unwrap_err();
    assert_eq!(refused(""), CertificateError::NoCertificate);
    assert_eq!(refused(fixture!("ed25519.pem")), CertificateError::NoCertificate);
    let disguised = fixture!("ed25519.pem").replace("PRIVATE KEY", "CERTIFICATE");
    assert!(matches!(refused(&disguised), CertificateError::Malformed { .. }));
    assert_eq!(refused(&"\n".repeat(300_000)), CertificateError::TooLarge);

    let good = Certificate::from_pem(fixture!("rfc9773.pem").as_bytes()).unwrap();
    let with_tail = [good.der(), &[0]].concat();
    assert!(Certificate::from_der(&with_tail).is_err());
    for length in 0..good.der().len() {
        assert!(Certificate::from_der(&good.der()[..length]).is_err());
    }
}
