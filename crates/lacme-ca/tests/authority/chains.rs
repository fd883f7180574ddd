//! Chains that lead to a root, and nowhere else.

use acme_crypto::{Certificate, KeyType, PrivateKey};
use lacme_ca::{AuthorityOptions, LeafRequest};

use crate::support::{DAY, HOUR, authority, certificates, is_trusted, names, now, request};

#[test]
fn with_any_number_of_intermediates_the_chain_leads_to_the_root() {
    for count in 0..=2 {
        let authority = authority(AuthorityOptions::new().intermediates(count));
        let leaf = authority.issue(&request(&["a.example", "192.0.2.1", "::1"]), now()).unwrap();
        assert_eq!(certificates(&leaf.chain_pem).len(), 1 + usize::from(count));
        assert_eq!(certificates(&authority.intermediate_pem()).len(), usize::from(count));
        for name in ["a.example", "192.0.2.1", "::1"] {
            assert!(is_trusted(&authority.root_pem(), &leaf.chain_pem, name, now()), "{name}");
        }
        assert!(!is_trusted(&authority.root_pem(), &leaf.chain_pem, "b.example", now()));
    }
}

#[test]
fn another_authority_of_the_same_name_is_not_trusted() {
    let ours = authority(AuthorityOptions::new());
    let other = authority(AuthorityOptions::new());
    let leaf = ours.issue(&request(&["a.example"]), now()).unwrap();
    assert!(!is_trusted(&other.root_pem(), &leaf.chain_pem, "a.example", now()));
}

#[test]
fn each_type_of_key_can_be_a_roots_and_an_intermediates() {
    for key in [KeyType::EcdsaP256, KeyType::EcdsaP384, KeyType::Rsa2048] {
        let options = AuthorityOptions::new().root_key(key).intermediate_key(key);
        let authority = authority(options);
        let leaf = authority.issue(&request(&["a.example"]), now()).unwrap();
        assert!(is_trusted(&authority.root_pem(), &leaf.chain_pem, "a.example", now()), "{key}");
    }
}

#[test]
fn each_type_of_key_gets_a_certificate() {
    let authority = authority(AuthorityOptions::new());
    for key_type in KeyType::ALL {
        if matches!(key_type, KeyType::Rsa3072 | KeyType::Rsa4096) {
            continue; // as 2048, but seconds to make
        }
        let request = LeafRequest::with_new_key(key_type, names(&["a.example"]));
        let leaf = authority.issue(&request, now()).unwrap();
        let key = PrivateKey::from_pem(leaf.key_pem.as_ref().unwrap()).unwrap();
        assert_eq!(key.key_type(), key_type);
        let certificate = Certificate::from_der(&leaf.certificate).unwrap();
        assert_eq!(certificate.public_key_der(), key.public_key_der());
        assert!(is_trusted(&authority.root_pem(), &leaf.chain_pem, "a.example", now()));
    }
}

#[test]
fn with_an_alternate_root_each_chain_leads_to_its_own() {
    for count in 0..=2 {
        let options = AuthorityOptions::new().intermediates(count).alternate_root(true);
        let authority = authority(options);
        let leaf = authority.issue(&request(&["a.example"]), now()).unwrap();
        let [alternate] = leaf.alternates.as_slice() else {
            panic!("one alternate chain is expected");
        };
        let root = authority.root_pem();
        let other = authority.alternate_root_pem().unwrap();
        assert!(is_trusted(&root, &leaf.chain_pem, "a.example", now()));
        assert!(is_trusted(&other, alternate, "a.example", now()), "{count}");
        assert!(!is_trusted(&other, &leaf.chain_pem, "a.example", now()));
        // A client tells them apart by the issuer of the last certificate.
        let issuer = |pem: &str| {
            let last = certificates(pem).pop().unwrap();
            let last = Certificate::from_der(&last).unwrap();
            last.issuer_common_name().unwrap().to_owned()
        };
        assert_eq!(issuer(alternate), "lacme CA Alternate");
        assert_ne!(issuer(&leaf.chain_pem), issuer(alternate));
        assert_eq!(certificates(alternate)[0], certificates(&leaf.chain_pem)[0]);
    }
}

#[test]
fn a_certificate_is_valid_from_an_hour_ago_for_as_long_as_asked() {
    let authority = authority(AuthorityOptions::new());
    let root = authority.root_pem();
    let minutes = HOUR / 12;
    let leaf = authority.issue(&request(&["a.example"]).valid_for(minutes), now()).unwrap();
    assert_eq!((leaf.not_before, leaf.not_after), (now() - HOUR, now() + minutes));
    let trusted_at = |time| is_trusted(&root, &leaf.chain_pem, "a.example", time);
    assert!(trusted_at(now() - HOUR) && trusted_at(now() + minutes));
    assert!(!trusted_at(now() - HOUR - HOUR) && !trusted_at(now() + HOUR));

    let asked = request(&["a.example"]).not_before(now() - DAY).not_after(now() + 10 * DAY);
    let leaf = authority.issue(&asked, now()).unwrap();
    assert_eq!((leaf.not_before, leaf.not_after), (now() - DAY, now() + 10 * DAY));
    let leaf = authority.issue(&request(&["a.example"]).backdated(2 * DAY), now()).unwrap();
    assert_eq!(leaf.not_before, now() - 2 * DAY);
}

#[test]
fn no_certificate_outlives_its_issuer() {
    let options = AuthorityOptions::new().intermediate_lifetime(30 * DAY);
    let authority = authority(options);
    let ten_years = request(&["a.example"]).valid_for(3650 * DAY);
    let leaf = authority.issue(&ten_years, now()).unwrap();
    assert_eq!(leaf.not_after, now() + 30 * DAY);
    assert!(authority.issue(&ten_years, now() + 31 * DAY).is_err());

    let short_root = AuthorityOptions::new().root_lifetime(20 * DAY);
    let authority = crate::support::authority(short_root);
    let leaf = authority.issue(&ten_years, now()).unwrap();
    assert_eq!(leaf.not_after, now() + 20 * DAY);
}
