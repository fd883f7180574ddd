//! Certificates that are wrong in one way.

use std::time::{Duration, SystemTime};

use acme_crypto::{Certificate, CertificateChain, KeyType};
use acme_proto::Identifier;

use super::CertificateFault;
use crate::authority::{Authority, AuthorityOptions, LeafRequest};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// Distorts a chain; `None` if it is none.
pub(super) fn distort(fault: CertificateFault, pem: &str) -> Option<String> {
    let chain = CertificateChain::parse(pem.as_bytes()).ok()?;
    let (leaf, issuers) = chain.certificates().split_first()?;
    let names = leaf.identifiers().to_vec();
    let key = leaf.public_key_der();
    let foreign = LeafRequest::with_new_key(KeyType::EcdsaP256, names.clone());
    let other_name = vec![Identifier::parse("somebody-else.example").ok()?];
    match fault {
        CertificateFault::OtherKey => forge(&foreign, leaf.not_before()),
        CertificateFault::OtherNames => {
            forge(&LeafRequest::for_key(key, other_name), leaf.not_before())
        }
        CertificateFault::Expired => {
            let request = LeafRequest::for_key(key, names).valid_for(DAY);
            forge(&request, leaf.not_before().checked_sub(30 * DAY)?)
        }
        CertificateFault::ForeignBlock => {
            let block =
                "-----BEGIN TRUSTED CERTIFICATE-----\nMAA=\n-----END TRUSTED CERTIFICATE-----\n";
            Some(format!("{}{block}{}", leaf.pem(), text(issuers)))
        }
        CertificateFault::Reversed => {
            let backwards: Vec<_> = chain.certificates().iter().rev().cloned().collect();
            Some(text(&backwards))
        }
        CertificateFault::WithoutLeaf => Some(text(issuers)),
    }
}

/// A certificate by an authority that nobody knows, as of some moment.
fn forge(request: &LeafRequest, at: SystemTime) -> Option<String> {
    let options = AuthorityOptions::new().name("Another CA");
    // Its own certificates begin a little before `at`.
    let authority = Authority::generate(options, at).ok()?;
    Some(authority.issue(request, at).ok()?.chain_pem)
}

fn text(certificates: &[Certificate]) -> String {
    certificates.iter().map(Certificate::pem).collect()
}
