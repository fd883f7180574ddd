//! What stands in a certificate (RFC 5280).

use std::collections::HashSet;

use acme_crypto::{Certificate, Csr, CsrOptions, KeyType, PrivateKey, certificate_signing_request};
use acme_proto::Url;
use lacme_ca::{AuthorityOptions, LeafRequest, Usage};
use x509_cert::der::Decode as _;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::{
    AuthorityInfoAccessSyntax, BasicConstraints, CrlDistributionPoints, ExtendedKeyUsage, KeyUsage,
};

use crate::support::{authority, certificates, names, now, parsed, request};

fn extension<'a>(certificate: &'a x509_cert::Certificate, oid: &str) -> Option<&'a Extension> {
    let extensions = certificate.tbs_certificate().extensions()?;
    let mut found = extensions.iter().filter(|extension| extension.extn_id.to_string() == oid);
    let first = found.next();
    assert!(found.next().is_none(), "{oid} stands twice");
    first
}

fn value<'a, T: x509_cert::der::Decode<'a>>(extension: Option<&'a Extension>) -> T {
    match T::from_der(extension.expect("the extension").extn_value.as_bytes()) {
        Ok(value) => value,
        Err(_) => panic!("the extension cannot be read"),
    }
}

const SUBJECT_KEY_IDENTIFIER: &str = "2.5.29.14";
const KEY_USAGE: &str = "2.5.29.15";
const SUBJECT_ALT_NAME: &str = "2.5.29.17";
const BASIC_CONSTRAINTS: &str = "2.5.29.19";
const CRL_DISTRIBUTION_POINTS: &str = "2.5.29.31";
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
const AUTHORITY_INFO_ACCESS: &str = "1.3.6.1.5.5.7.1.1";

#[test]
fn a_csr_gets_its_names_and_its_key() {
    let authority = authority(AuthorityOptions::new());
    let key = PrivateKey::generate(KeyType::EcdsaP384).unwrap();
    let asked = names(&["example.com", "*.example.com", "2001:db8::1"]);
    let csr = certificate_signing_request(&key, &asked, &CsrOptions::default()).unwrap();
    let csr = Csr::from_der(&csr).unwrap();
    let leaf = authority.issue(&LeafRequest::for_csr(&csr), now()).unwrap();
    let facts = Certificate::from_der(&leaf.certificate).unwrap();
    assert_eq!(facts.identifiers(), asked);
    assert_eq!(facts.public_key_der(), key.public_key_der());
    assert_eq!(facts.subject_common_name(), None);
    assert_eq!(facts.issuer_common_name(), Some("lacme CA Intermediate"));
    assert!(facts.id().is_some(), "renewal information needs the authority key identifier");
    assert!(leaf.key_pem.is_none() && leaf.alternates.is_empty());

    let parsed = parsed(&leaf);
    assert!(extension(&parsed, SUBJECT_ALT_NAME).unwrap().critical, "the subject is empty");
    assert!(extension(&parsed, SUBJECT_KEY_IDENTIFIER).is_some());
    let constraints: BasicConstraints = value(extension(&parsed, BASIC_CONSTRAINTS));
    assert!(!constraints.ca);
    let usage: KeyUsage = value(extension(&parsed, KEY_USAGE));
    assert!(usage.digital_signature() && !usage.key_encipherment() && !usage.key_cert_sign());
    assert!(extension(&parsed, CRL_DISTRIBUTION_POINTS).is_none());
    assert!(extension(&parsed, AUTHORITY_INFO_ACCESS).is_none());
}

#[test]
fn a_common_name_makes_the_names_uncritical() {
    let authority = authority(AuthorityOptions::new());
    let leaf = authority.issue(&request(&["a.example"]).common_name("Alice"), now()).unwrap();
    let facts = Certificate::from_der(&leaf.certificate).unwrap();
    assert_eq!(facts.subject_common_name(), Some("Alice"));
    assert!(!extension(&parsed(&leaf), SUBJECT_ALT_NAME).unwrap().critical);
}

#[test]
fn a_certificate_is_for_servers_unless_said_otherwise() {
    let authority = authority(AuthorityOptions::new());
    let purposes = |usage: Option<Usage>| -> Vec<String> {
        let request = request(&["a.example"]);
        let request = usage.map_or(request.clone(), |usage| request.usage(usage));
        let leaf = parsed(&authority.issue(&request, now()).unwrap());
        let purposes: ExtendedKeyUsage = value(extension(&leaf, EXTENDED_KEY_USAGE));
        purposes.0.iter().map(ToString::to_string).collect()
    };
    let (server, client) = ("1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2");
    assert_eq!(purposes(None), [server]);
    assert_eq!(purposes(Some(Usage::Server)), [server]);
    assert_eq!(purposes(Some(Usage::Client)), [client]);
    assert_eq!(purposes(Some(Usage::ServerAndClient)), [server, client]);
}

#[test]
fn an_rsa_key_may_also_be_encrypted_to() {
    let authority = authority(AuthorityOptions::new());
    let request = LeafRequest::with_new_key(KeyType::Rsa2048, names(&["a.example"]));
    let leaf = parsed(&authority.issue(&request, now()).unwrap());
    let usage: KeyUsage = value(extension(&leaf, KEY_USAGE));
    assert!(usage.digital_signature() && usage.key_encipherment());
}

#[test]
fn serial_numbers_are_long_positive_and_never_the_same() {
    let authority = authority(AuthorityOptions::new());
    let serials: HashSet<Vec<u8>> = (0..50)
        .map(|_| authority.issue(&request(&["a.example"]), now()).unwrap().serial)
        .inspect(|serial| assert!((17..=20).contains(&serial.len()) && serial[0] < 0x80))
        .collect();
    assert_eq!(serials.len(), 50);
}

#[test]
fn the_serial_number_is_that_in_the_certificate() {
    let authority = authority(AuthorityOptions::new());
    let leaf = authority.issue(&request(&["a.example"]), now()).unwrap();
    let facts = Certificate::from_der(&leaf.certificate).unwrap();
    assert_eq!(facts.serial(), leaf.serial);
    assert_eq!((facts.not_before(), facts.not_after()), (leaf.not_before, leaf.not_after));
    assert_eq!(certificates(&leaf.chain_pem)[0].as_ref(), leaf.certificate);
}

#[test]
fn a_ca_certificate_says_how_many_may_stand_below_it() {
    let authority = authority(AuthorityOptions::new().intermediates(2));
    let depth = |der: &[u8]| {
        let certificate = x509_cert::Certificate::from_der(der).unwrap();
        let usage: KeyUsage = value(extension(&certificate, KEY_USAGE));
        assert!(usage.key_cert_sign() && usage.crl_sign() && !usage.digital_signature());
        let constraints: BasicConstraints = value(extension(&certificate, BASIC_CONSTRAINTS));
        assert!(constraints.ca && extension(&certificate, BASIC_CONSTRAINTS).unwrap().critical);
        constraints.path_len_constraint.unwrap()
    };
    let chain = certificates(&(authority.intermediate_pem() + &authority.root_pem()));
    assert_eq!(chain.iter().map(|der| depth(der)).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(chain[0].as_ref(), authority.issuer_der());
}

#[test]
fn urls_of_crl_and_issuer_stand_in_the_certificate_if_given() {
    let url = |text: &str| Url::parse(text).unwrap();
    let options = AuthorityOptions::new()
        .crl_url(url("http://ca.example/crl"))
        .issuer_url(url("http://ca.example/issuer"));
    let authority = authority(options);
    let leaf = parsed(&authority.issue(&request(&["a.example"]), now()).unwrap());
    let points: CrlDistributionPoints = value(extension(&leaf, CRL_DISTRIBUTION_POINTS));
    assert!(format!("{points:?}").contains("http://ca.example/crl"));
    let access: AuthorityInfoAccessSyntax = value(extension(&leaf, AUTHORITY_INFO_ACCESS));
    assert!(format!("{access:?}").contains("http://ca.example/issuer"));

    let moved = authority.with_crl_url(Some(url("http://127.0.0.1:1/crl")));
    let leaf = parsed(&moved.issue(&request(&["a.example"]), now()).unwrap());
    let points: CrlDistributionPoints = value(extension(&leaf, CRL_DISTRIBUTION_POINTS));
    assert!(format!("{points:?}").contains("http://127.0.0.1:1/crl"));
}

#[test]
fn must_staple_is_granted_where_both_sides_want_it() {
    let key = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    let granted = |allowed: bool, asked: bool| {
        let authority = authority(AuthorityOptions::new().must_staple(allowed));
        let options = CsrOptions { must_staple: asked, ..CsrOptions::default() };
        let csr = certificate_signing_request(&key, &names(&["a.example"]), &options).unwrap();
        let request = LeafRequest::for_csr(&Csr::from_der(&csr).unwrap());
        let leaf = authority.issue(&request, now()).unwrap();
        Certificate::from_der(&leaf.certificate).unwrap().is_must_staple()
    };
    assert!(granted(true, true));
    assert!(!granted(true, false) && !granted(false, true));
}
