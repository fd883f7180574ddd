//! Certificate chains: what a CA may send, and whether it is what was ordered.

use acme_crypto::{CertificateChain, ChainError, KeyType, PemError, PrivateKey};
use acme_proto::Identifier;

use crate::support::{AUTHORITY, Authority, fixture, names};

fn key() -> PrivateKey {
    PrivateKey::generate(KeyType::EcdsaP256).unwrap()
}

fn parse(pem: &str) -> Result<CertificateChain, ChainError> {
    CertificateChain::parse(pem.as_bytes())
}

fn refused(pem: &str) -> ChainError {
    parse(pem).unwrap_err()
}

/// A good chain of two.
fn good() -> String {
    AUTHORITY.leaf(&key(), &["example.com"]) + &AUTHORITY.pem
}

#[test]
fn the_ordered_chain_passes_with_its_names_in_any_order() {
    let key = key();
    let pem = AUTHORITY.leaf(&key, &["example.com", "*.example.com", "192.0.2.1"]) + &AUTHORITY.pem;
    let chain = parse(&pem).unwrap();
    let asked = names(&["192.0.2.1", "*.example.com", "example.com"]);
    assert_eq!(chain.check(key.public_key_der(), &asked, false), Ok(()));
    assert_eq!(chain.certificates().len(), 2);
    assert_eq!(chain.leaf(), &chain.certificates()[0]);
    assert_eq!(chain.certificates()[1].subject_common_name(), Some("Test Root"));
}

#[test]
fn any_line_width_and_line_end_comes_out_normalised() {
    let pem = good();
    let body =
        |block: &str| -> String { block.lines().filter(|line| !line.starts_with('-')).collect() };
    let blocks = pem.split_inclusive("-----END CERTIFICATE-----\n").map(body);
    for (columns, end) in [(76, "\n"), (64, "\r\n"), (76, "\r\n"), (10_000, "\n")] {
        let mut written = String::new();
        for block in blocks.clone() {
            written += &format!("{end}-----BEGIN CERTIFICATE-----{end}");
            for line in block.as_bytes().chunks(columns) {
                written += std::str::from_utf8(line).unwrap();
                written += end;
            }
            written += &format!("-----END CERTIFICATE-----{end} {end}");
        }
        let chain = parse(&written).unwrap();
        assert_eq!(chain.pem(), pem.replace("\r\n", "\n"));
        assert!(chain.pem().starts_with(&chain.leaf_pem()));
        assert_eq!(parse(chain.pem().trim_end()), Ok(chain));
    }
}

/// RFC 8555 §11.4.
#[test]
fn nothing_but_certificates_may_come_in() {
    let pem = good();
    let foreign = |label: &str| ChainError::ForeignBlock { label: label.into() };
    let private_key = fixture!("ed25519.pem");
    assert_eq!(refused(&format!("{pem}{private_key}")), foreign("PRIVATE KEY"));
    assert_eq!(refused(&format!("{private_key}{pem}")), foreign("PRIVATE KEY"));
    let trusted = pem.replacen("CERTIFICATE", "TRUSTED CERTIFICATE", 2);
    assert_eq!(refused(&trusted), foreign("TRUSTED CERTIFICATE"));
    assert_eq!(refused(&format!("# leaf\n{pem}")), ChainError::ForeignText);
    assert_eq!(refused(&format!("{pem}<!-- -->")), ChainError::ForeignText);
}

#[test]
fn damaged_chains_are_refused_each_for_its_own_reason() {
    let pem = good();
    assert_eq!(refused(""), ChainError::Empty);
    assert_eq!(refused("\r\n \n"), ChainError::Empty);
    assert_eq!(refused("<html></html>"), ChainError::ForeignText);
    let unfinished = PemError::Unfinished { label: "CERTIFICATE".into() };
    assert_eq!(refused(&pem[..pem.len() - 30]), ChainError::Pem(unfinished));
    let damaged = PemError::Base64 { label: "CERTIFICATE".into() };
    assert_eq!(refused(&pem.replacen("\nMII", "\n*II", 1)), ChainError::Pem(damaged));

    let leaf = AUTHORITY.leaf(&key(), &["example.com"]);
    let no_certificate = "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    let error = refused(&format!("{leaf}{no_certificate}"));
    assert!(matches!(error, ChainError::Certificate { number: 2, .. }), "{error:?}");
}

#[test]
fn size_and_length_are_bounded() {
    let root = &AUTHORITY.pem;
    assert_eq!(parse(&root.repeat(10)).unwrap().certificates().len(), 10);
    assert_eq!(refused(&root.repeat(11)), ChainError::TooLong);
    let padded = format!("{root}{}", "\n".repeat(256 * 1024));
    assert_eq!(refused(&padded), ChainError::TooLarge);
}

#[test]
fn a_certificate_for_another_key_is_noticed() {
    let chain = parse(&good()).unwrap();
    let checked = chain.check(key().public_key_der(), &names(&["example.com"]), true);
    assert_eq!(checked, Err(ChainError::WrongKey));
}

#[test]
fn a_missing_name_and_an_unasked_name_are_told_apart() {
    let key = key();
    let chain = parse(&AUTHORITY.leaf(&key, &["example.com", "www.example.com"])).unwrap();
    let check = |asked: &[&str], allow_extra_names| {
        chain.check(key.public_key_der(), &names(asked), allow_extra_names)
    };
    let name = |name| Identifier::parse(name).unwrap();

    let asked = ["example.com", "www.example.com", "*.example.com"];
    let missing = Err(ChainError::MissingName(name("*.example.com")));
    assert_eq!(check(&asked, false), missing);
    assert_eq!(check(&asked, true), missing);

    let unasked = Err(ChainError::UnaskedName(name("www.example.com")));
    assert_eq!(check(&["example.com"], false), unasked);
    assert_eq!(check(&["example.com"], true), Ok(()));
}

#[test]
fn a_name_in_the_subject_alone_counts_for_nothing() {
    let key = key();
    let pem = AUTHORITY.leaf_with(&key, &[], |params| {
        params.distinguished_name.push(rcgen::DnType::CommonName, "example.com");
    });
    let checked = parse(&pem).unwrap().check(key.public_key_der(), &names(&["example.com"]), true);
    assert_eq!(checked, Err(ChainError::MissingName(names(&["example.com"])[0].clone())));
}

#[test]
fn each_certificate_is_followed_by_its_issuers() {
    let key = key();
    let leaf = AUTHORITY.leaf(&key, &["example.com"]);
    let other = Authority::new("Other Root").pem;
    let check = |pem: &str| {
        parse(pem).unwrap().check(key.public_key_der(), &names(&["example.com"]), false)
    };
    assert_eq!(check(&leaf), Ok(()));
    assert_eq!(check(&format!("{leaf}{other}")), Err(ChainError::BrokenLink { number: 1 }));
    let root = &AUTHORITY.pem;
    let broken = check(&format!("{leaf}{root}{other}"));
    assert_eq!(broken, Err(ChainError::BrokenLink { number: 2 }));
}

#[test]
fn an_odd_name_that_was_asked_for_is_not_called_unasked() {
    let key = key();
    let odd = rcgen::SanType::DnsName("a.exampl~".try_into().unwrap());
    let pem = AUTHORITY.leaf_with(&key, &["a.example"], |params| {
        params.subject_alt_names.push(odd);
    });
    let chain = parse(&pem).unwrap();
    let certified = chain.leaf().identifiers();
    assert_eq!(certified.len(), 2);
    assert_eq!(chain.check(key.public_key_der(), certified, false), Ok(()));
    let refused = chain.check(key.public_key_der(), &certified[..1], false);
    assert_eq!(refused, Err(ChainError::UnaskedName(certified[1].clone())));
}
