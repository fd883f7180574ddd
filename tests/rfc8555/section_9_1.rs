//! RFC 8555 §9.1: application/pem-certificate-chain.

use lacme::crypto::CertificateChain;
use lacme::proto::Resource;
use lacme::{Error, ErrorKind};
use lacme_ca::testing::{BodyFault, CertificateFault, Fault, FaultScript};

use crate::ours::{Ours, name};
use crate::world::{World, identifiers};

/// §9.1: the leaf comes first, each certificate certifies the one before, and nothing but
/// certificates is there.
#[test]
fn the_chain_is_strict_pem_leaf_first() {
    let mut world = World::new();
    let client = world.client();
    let (_, pem, key) = world.issue(&client, &["a.example", "b.example"]);
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----\n"));
    assert!(pem.ends_with("-----END CERTIFICATE-----\n"));
    assert!(pem.lines().all(|line| !line.is_empty() && line.len() <= 64));
    let chain = CertificateChain::parse(pem.as_bytes()).unwrap();
    assert!(chain.certificates().len() >= 2);
    let names = identifiers(&["a.example", "b.example"]);
    chain.check(key.public_key_der(), &names, false).unwrap();
    for pair in chain.certificates().windows(2) {
        assert_eq!(pair[0].issuer_common_name(), pair[1].subject_common_name());
    }
}

/// §9.1, our side: lines of any width and both line ends are read, and stored as the RFC writes
/// them.
#[tokio::test]
async fn our_client_reads_lax_pem_and_stores_it_strictly() {
    let mut world = World::new();
    let client = world.client();
    let (_, pem, _) = world.issue(&client, &["a.example"]);
    let lax = pem
        .replace('\n', "\r\n")
        .replace("-----END CERTIFICATE-----", "-----END CERTIFICATE-----\r\n");
    let read = CertificateChain::parse(lax.as_bytes()).unwrap();
    assert_eq!(read.pem(), pem);
}

/// §9.1, §11.4, our side: a PEM block of another kind, foreign text, or no certificate at all is
/// refused, and nothing is stored.
#[tokio::test]
async fn our_client_takes_certificates_and_nothing_else() {
    let key = "-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n";
    let faults = [
        Fault::Certificate(CertificateFault::ForeignBlock),
        Fault::Body(BodyFault::Bytes(key.as_bytes().to_vec())),
        Fault::Body(BodyFault::Bytes(b"Dear customer,\nhere is your certificate\n".to_vec())),
        Fault::Body(BodyFault::Empty),
        Fault::Body(BodyFault::Bytes(vec![0xff; 100])),
    ];
    for fault in faults {
        let script = FaultScript::new(9).every(Resource::Certificate, fault.clone());
        let ours = Ours::faulty(script).await;
        let client = ours.client();
        let error = client.issue(name("a.example")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{fault:?}: {error}");
        assert!(matches!(error, Error::Chain(_) | Error::Issuance(_)), "{fault:?}: {error:?}");
        assert!(client.certificates().await.unwrap().is_empty());
    }
}
