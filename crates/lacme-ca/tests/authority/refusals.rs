//! What is not issued, and by whom.

use std::time::{Duration, SystemTime};

use acme_crypto::{KeyType, PrivateKey};
use acme_proto::{DnsName, Identifier};
use acme_store::Store;
use lacme_ca::{Authority, AuthorityError, AuthorityOptions, LeafRequest, Usage};
use rcgen::{CertificateParams, DistinguishedName, DnType, Issuer, KeyPair};

use crate::support::{DAY, authority, is_trusted, names, now, request};

#[test]
fn an_authority_that_cannot_be_is_not_made() {
    let new = AuthorityOptions::new;
    for options in [
        new().name(""),
        new().name(" "),
        new().name("a\u{1b}[2J"),
        new().name("x".repeat(49)),
        new().intermediates(3),
        new().root_key(KeyType::Ed25519),
        new().intermediate_key(KeyType::EcdsaP521),
        new().root_lifetime(Duration::ZERO),
    ] {
        let refused = Authority::generate(options.clone(), now());
        assert!(matches!(refused, Err(AuthorityError::Options { .. })), "{options:?}");
    }
    let before_1970 = Authority::generate(new(), SystemTime::UNIX_EPOCH - DAY);
    assert!(matches!(before_1970, Err(AuthorityError::Validity { .. })));
    assert!(Authority::generate(new().root_lifetime(Duration::MAX), now()).is_ok());
}

#[test]
fn a_certificate_needs_a_name_that_it_can_hold() {
    let authority = authority(AuthorityOptions::new());
    let issue = |request: LeafRequest| authority.issue(&request, now()).map(drop).unwrap_err();
    assert!(matches!(issue(request(&[])), AuthorityError::NoNames));
    let other = Identifier::Other { kind: "email".into(), value: "a@b.example".into() };
    let refused = issue(LeafRequest::with_new_key(KeyType::EcdsaP256, vec![other]));
    assert!(matches!(refused, AuthorityError::UnsupportedName(_)));
    for name in ["", " ", "a\nb", &"x".repeat(65)] {
        let refused = issue(request(&["a.example"]).common_name(name));
        assert!(matches!(refused, AuthorityError::CommonName), "{name:?}");
    }
    let alice = request(&[]).common_name("Alice").usage(Usage::Client);
    assert!(authority.issue(&alice, now()).is_ok());
}

#[test]
fn times_that_make_no_sense_are_refused() {
    let authority = authority(AuthorityOptions::new());
    let issue = |request: LeafRequest| authority.issue(&request, now()).map(drop);
    let backwards = request(&["a.example"]).not_after(now() - DAY);
    assert!(matches!(issue(backwards), Err(AuthorityError::Validity { .. })));
    let ancient = request(&["a.example"]).not_before(SystemTime::UNIX_EPOCH - DAY);
    assert!(matches!(issue(ancient), Err(AuthorityError::Validity { .. })));
    let absurd = request(&["a.example"]).valid_for(Duration::MAX).backdated(Duration::MAX);
    assert!(issue(absurd).is_ok());
    let early = authority.issue(&request(&["a.example"]), now() - 2 * DAY);
    assert!(matches!(early, Err(AuthorityError::Expired { .. })));
}

#[test]
fn what_is_no_usable_public_key_is_refused() {
    let authority = authority(AuthorityOptions::new());
    let key = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    let good = key.public_key_der().to_vec();
    let issue = |der: Vec<u8>| {
        authority.issue(&LeafRequest::for_key(der, names(&["a.example"])), now()).map(drop)
    };
    assert!(issue(good.clone()).is_ok());
    let long = [&good[..], &[0]].concat();
    for bad in [Vec::new(), vec![0x30; 40], good[..good.len() - 1].to_vec(), long] {
        assert!(matches!(issue(bad), Err(AuthorityError::PublicKey { .. })));
    }
    // An RSAPublicKey of 1024 bits: a modulus of 128 octets, 65537.
    let mut small = vec![0x30, 0x81, 0x89, 2, 0x81, 0x81, 0];
    small.extend([0xff; 128]);
    small.extend([2, 3, 1, 0, 1]);
    let algorithm = [0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0];
    let mut info = vec![0x30, 0x81, 0x9f];
    info.extend(algorithm);
    info.extend([3, 0x81, 0x8d, 0]);
    info.extend(&small);
    let refused = issue(info).unwrap_err();
    assert!(refused.to_string().contains("2048"), "{refused}");
}

#[test]
fn names_outside_of_the_constraints_are_refused() {
    let zone = DnsName::parse("corp.example").unwrap();
    let options =
        AuthorityOptions::new().permit_zone(&zone).permit_network([10, 0, 0, 0].into(), 8);
    let authority = authority(options);
    let root = authority.root_pem();
    for name in ["corp.example", "a.corp.example", "10.1.2.3"] {
        let leaf = authority.issue(&request(&[name]), now()).unwrap();
        assert!(is_trusted(&root, &leaf.chain_pem, name, now()), "{name}");
    }
    for name in ["example.com", "xcorp.example", "11.0.0.1", "::1"] {
        let refused = authority.issue(&request(&["corp.example", name]), now()).unwrap_err();
        assert!(matches!(&refused, AuthorityError::NotPermitted(n) if n.value() == name));
    }
}

/// Whoever steals an intermediate's key still cannot use it for other names.
#[tokio::test]
async fn clients_hold_the_authority_to_its_constraints() {
    let zone = DnsName::parse("corp.example").unwrap();
    let network = AuthorityOptions::new().permit_network([10, 0, 0, 0].into(), 8);
    for options in [AuthorityOptions::new().permit_zone(&zone), network] {
        let store = Store::memory();
        let authority = Authority::init(&store, options, now()).await.unwrap();
        let parts = store.authority().await.unwrap().unwrap();
        let stolen = std::str::from_utf8(parts["intermediate-1.key"].as_slice()).unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "lacme CA Intermediate");
        let thief = Issuer::new(params, KeyPair::from_pem(stolen).unwrap());
        let trusted = |name: &str| {
            let mut params = CertificateParams::new([name.to_owned()]).unwrap();
            params.distinguished_name = DistinguishedName::new();
            let leaf = params.signed_by(&KeyPair::generate().unwrap(), &thief).unwrap();
            let chain = leaf.pem() + &authority.intermediate_pem();
            is_trusted(&authority.root_pem(), &chain, name, now())
        };
        assert!(trusted("a.corp.example") != trusted("10.1.2.3"), "what is permitted");
        for name in ["example.com", "11.0.0.1", "::1"] {
            assert!(!trusted(name), "{name}");
        }
    }
}
