//! TLS on both sides with certificates of a private authority.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

/// Why no TLS configuration can be made of certificates and keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsConfigError {
    /// A PEM text is damaged or lacks what it should hold.
    #[error("no {what} can be read from the PEM text")]
    Pem {
        /// What was looked for.
        what: &'static str,
    },
    /// What was read is refused.
    #[error("the {what} cannot be used: {reason}")]
    Refused {
        /// What is refused.
        what: &'static str,
        /// What rustls says.
        reason: String,
    },
}

/// A TLS server that shows `chain_pem`, whose key is `key_pem`.
///
/// With `clients_pem`, which holds root certificates, only clients whose certificates lead to one
/// of them are let in. CRLs in the same text are heeded: a client whose certificate is listed, or
/// whose issuer has no list among them, is refused. Lists past their next update still count.
///
/// ```
/// use std::time::SystemTime;
/// use acme_crypto::KeyType;
/// use acme_proto::Identifier;
/// use lacme_ca::{Authority, AuthorityOptions, LeafRequest, Usage, client_config, server_config};
///
/// let now = SystemTime::now();
/// let authority = Authority::generate(AuthorityOptions::new(), now)?;
/// let issue = |name, usage| {
///     let names = vec![Identifier::parse(name)?];
///     let request = LeafRequest::with_new_key(KeyType::EcdsaP256, names).usage(usage);
///     let leaf = authority.issue(&request, now)?;
///     let key = leaf.key_pem.ok_or("a new key was asked for")?;
///     Ok::<_, Box<dyn std::error::Error>>((leaf.chain_pem, key))
/// };
/// let (chain, key) = issue("api.corp.example", Usage::Server)?;
/// let server = server_config(&chain, &key, Some(&authority.root_pem()))?;
/// let (chain, key) = issue("worker.corp.example", Usage::Client)?;
/// let client = client_config(&authority.root_pem(), Some((&chain, &key)))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`TlsConfigError`], if a text cannot be read or the key is not the certificate's.
pub fn server_config(
    chain_pem: &str,
    key_pem: &str,
    clients_pem: Option<&str>,
) -> Result<ServerConfig, TlsConfigError> {
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(refused("protocol versions"))?;
    let builder = match clients_pem {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let roots = Arc::new(roots(pem)?);
            let mut verifier = WebPkiClientVerifier::builder_with_provider(roots, provider());
            let lists = crls(pem)?;
            if !lists.is_empty() {
                verifier = verifier.with_crls(lists).only_check_end_entity_revocation();
            }
            let verifier = verifier.build().map_err(refused("clients' roots"))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    builder.with_single_cert(chain(chain_pem)?, key(key_pem)?).map_err(refused("certificate"))
}

/// A TLS client that trusts the roots in `roots_pem` and none besides; with `identity`, a chain and
/// its key in PEM, it shows a certificate where a server asks for one. CRLs among the roots are
/// heeded as by [`server_config`].
///
/// # Errors
/// [`TlsConfigError`], if a text cannot be read or the key is not the certificate's.
pub fn client_config(
    roots_pem: &str,
    identity: Option<(&str, &str)>,
) -> Result<ClientConfig, TlsConfigError> {
    let trusted = Arc::new(roots(roots_pem)?);
    let mut verifier = WebPkiServerVerifier::builder_with_provider(trusted, provider());
    let lists = crls(roots_pem)?;
    if !lists.is_empty() {
        verifier = verifier.with_crls(lists).only_check_end_entity_revocation();
    }
    let verifier = verifier.build().map_err(refused("roots"))?;
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(refused("protocol versions"))?
        .with_webpki_verifier(verifier);
    match identity {
        None => Ok(builder.with_no_client_auth()),
        Some((chain_pem, key_pem)) => builder
            .with_client_auth_cert(chain(chain_pem)?, key(key_pem)?)
            .map_err(refused("certificate")),
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

fn roots(pem: &str) -> Result<RootCertStore, TlsConfigError> {
    let mut roots = RootCertStore::empty();
    for root in chain(pem)? {
        roots.add(root).map_err(refused("root"))?;
    }
    Ok(roots)
}

/// The certificates in a text, at least one.
fn chain(pem: &str) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
    let what = "certificate";
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match found {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(TlsConfigError::Pem { what }),
    }
}

fn crls(pem: &str) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsConfigError> {
    CertificateRevocationListDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|_| TlsConfigError::Pem { what: "CRL" })
}

fn key(pem: &str) -> Result<PrivateKeyDer<'static>, TlsConfigError> {
    PrivateKeyDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| TlsConfigError::Pem { what: "private key" })
}

fn refused<E: std::fmt::Display>(what: &'static str) -> impl FnOnce(E) -> TlsConfigError {
    move |error| TlsConfigError::Refused { what, reason: error.to_string() }
}
