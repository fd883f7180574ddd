//! Looking into PEM text, as far as tests and demos need it.

use std::sync::Arc;

use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier as _;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use crate::Error;

/// The DER of every certificate in `text`, in order.
///
/// # Errors
///
/// When `text` is no PEM, or holds no certificate.
pub fn certificates(text: &str) -> Result<Vec<Vec<u8>>, Error> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(text.as_bytes())
        .map(|der| der.map(|der| der.to_vec()))
        .collect::<Result<_, _>>()
        .map_err(|error| Error::unexpected("the PEM text", error))?;
    if found.is_empty() {
        return Err(Error::unexpected("the PEM text", "it holds no certificate"));
    }
    Ok(found)
}

/// Whether `der` holds `name` as it stands in a subject alternative name (a dNSName, context tag 2).
#[must_use]
pub fn names(der: &[u8], name: &str) -> bool {
    let Ok(length @ 0..=127) = u8::try_from(name.len()) else {
        return false;
    };
    let entry: Vec<u8> = [0x82, length].into_iter().chain(name.bytes()).collect();
    der.windows(entry.len()).any(|window| window == entry)
}

/// Checks, as a TLS client does now, that the chain in the PEM text `chain` leads to one of the
/// certificates in `roots`, and that its leaf is for `name`.
///
/// # Errors
///
/// The reason why a TLS client would refuse it.
pub fn check_chain(roots: &str, chain: &str, name: &str) -> Result<(), Error> {
    let wrong = |why: String| Error::unexpected(format!("the chain for {name}"), why);
    let mut store = RootCertStore::empty();
    for root in certificates(roots)? {
        store.add(root.into()).map_err(|error| wrong(error.to_string()))?;
    }
    let chain: Vec<CertificateDer<'static>> =
        certificates(chain)?.into_iter().map(Into::into).collect();
    let (leaf, intermediates) = chain.split_first().expect("a PEM without any is an error");
    let server = ServerName::try_from(name).map_err(|error| wrong(error.to_string()))?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider)
        .build()
        .map_err(|error| wrong(error.to_string()))?
        .verify_server_cert(leaf, intermediates, &server, &[], UnixTime::now())
        .map_err(|error| wrong(error.to_string()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_leads_to_its_own_root_and_names_its_own_server() {
        let [ours, other] = [(); 2].map(|()| crate::local_ca::make().unwrap());
        check_chain(&ours.root, &ours.certificate, "localhost").unwrap();
        check_chain(&ours.root, &ours.certificate, "127.0.0.1").unwrap();
        assert!(check_chain(&other.root, &ours.certificate, "localhost").is_err());
        assert!(check_chain(&ours.root, &ours.certificate, "elsewhere").is_err());
    }

    #[test]
    fn a_certificates_names_are_found_and_no_others() {
        let made = rcgen::generate_simple_self_signed(vec!["one.example".to_owned()]).unwrap();
        let [der] = certificates(&made.cert.pem()).unwrap().try_into().unwrap();
        assert!(names(&der, "one.example"));
        assert!(!names(&der, "ne.example"));
        assert!(!names(&der, "two.example"));
    }

    #[test]
    fn text_without_a_certificate_is_an_error() {
        assert!(certificates("no PEM at all").is_err());
    }
}
