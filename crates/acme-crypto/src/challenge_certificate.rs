use std::fmt;

use acme_proto::Identifier;
use rcgen::{CertificateParams, CustomExtension, DistinguishedName};
use zeroize::Zeroizing;

use crate::key_type::KeyType;
use crate::private_key::{KeyError, PrivateKey};
use crate::rcgen_key::{self, RcgenKey};

/// The certificate that answers a tls-alpn-01 challenge, with its own key.
///
/// `Debug` does not show the key.
#[derive(Clone)]
#[non_exhaustive]
pub struct ChallengeCertificate {
    /// The certificate in DER.
    pub certificate_der: Vec<u8>,
    /// Its P-256 key as PKCS#8 in DER. It wipes itself from memory when dropped.
    pub private_key_der: Zeroizing<Vec<u8>>,
}

/// Why no challenge certificate could be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChallengeCertificateError {
    /// Neither a DNS name nor an IP address, or a wildcard.
    #[error(
        "tls-alpn-01 cannot prove {0}: it is for DNS names without a wildcard and for IP addresses"
    )]
    Unprovable(Identifier),
    /// The key could not be made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The certificate could not be made.
    #[error("the challenge certificate cannot be made: {reason}")]
    Build {
        /// What the certificate writer says.
        reason: String,
    },
}

/// Makes the self-signed certificate of RFC 8737 §3: exactly one subjectAltName, which is the name
/// to prove (an iPAddress for an address, RFC 8738 §4), and the critical acmeIdentifier extension
/// with `digest`, the SHA-256 of the key authorization.
///
/// The server presents it to connections that negotiate `acme-tls/1` for this name. Its validity
/// spans all times, since no validator looks at it.
///
/// # Errors
/// For wildcards and for identifiers that are neither DNS names nor IP addresses.
pub fn challenge_certificate(
    identifier: &Identifier,
    digest: &[u8; 32],
) -> Result<ChallengeCertificate, ChallengeCertificateError> {
    let unprovable = || ChallengeCertificateError::Unprovable(identifier.clone());
    if identifier.is_wildcard() {
        return Err(unprovable());
    }
    let names = rcgen_key::subject_alt_names(std::slice::from_ref(identifier));

    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.subject_alt_names = names.ok_or_else(unprovable)?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];

    let key = PrivateKey::generate(KeyType::EcdsaP256)?;
    let certificate = params
        .self_signed(&RcgenKey::new(&key))
        .map_err(|error| ChallengeCertificateError::Build { reason: error.to_string() })?;
    Ok(ChallengeCertificate {
        certificate_der: certificate.der().to_vec(),
        private_key_der: key.to_pkcs8_der(),
    })
}

impl fmt::Debug for ChallengeCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChallengeCertificate").finish_non_exhaustive()
    }
}
