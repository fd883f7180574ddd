//! What several tests need.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use acme_crypto::KeyType;
use acme_proto::Identifier;
use lacme_ca::{Authority, AuthorityOptions, IssuedLeaf, LeafRequest};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// 2026-01-02T03:04:05Z
pub(crate) fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_323_045)
}

pub(crate) fn names(names: &[&str]) -> Vec<Identifier> {
    names.iter().map(|name| Identifier::parse(name).unwrap()).collect()
}

pub(crate) fn authority(options: AuthorityOptions) -> Authority {
    Authority::generate(options, now()).unwrap()
}

pub(crate) fn request(identifiers: &[&str]) -> LeafRequest {
    LeafRequest::with_new_key(KeyType::EcdsaP256, names(identifiers))
}

pub(crate) fn certificates(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<_, _>>().unwrap()
}

/// Whether a client that trusts `root_pem` takes `chain_pem` for `name` at `time`.
pub(crate) fn is_trusted(root_pem: &str, chain_pem: &str, name: &str, time: SystemTime) -> bool {
    let mut roots = RootCertStore::empty();
    for root in certificates(root_pem) {
        roots.add(root).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
    let chain = certificates(chain_pem);
    let (leaf, intermediates) = chain.split_first().unwrap();
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let time = UnixTime::since_unix_epoch(time.duration_since(SystemTime::UNIX_EPOCH).unwrap());
    let verifier = verifier.build().unwrap();
    verifier.verify_server_cert(leaf, intermediates, &name, &[], time).is_ok()
}

pub(crate) fn parsed(leaf: &IssuedLeaf) -> x509_cert::Certificate {
    use x509_cert::der::Decode as _;
    x509_cert::Certificate::from_der(&leaf.certificate).unwrap()
}
