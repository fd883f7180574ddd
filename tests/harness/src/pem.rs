//! Looking into PEM text, as far as tests and demos need it.

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

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

#[cfg(test)]
mod tests {
    use super::*;

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
