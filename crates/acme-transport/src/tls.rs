use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, InconsistentKeys, RootCertStore};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use rustls_platform_verifier::Verifier;

use crate::config::{ConfigError, Identity, TransportConfig, Trust, TrustBase};

/// TLS 1.2 and 1.3 as `config` wants them; ALPN is the connector's affair.
pub(crate) fn client_config(config: &TransportConfig) -> Result<ClientConfig, ConfigError> {
    let provider = Arc::new(provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .expect("the provider has cipher suites for both versions")
        // Ours or the platform's verifier, never one that accepts anything.
        .dangerous()
        .with_custom_certificate_verifier(verifier(&config.trust, provider)?);
    match &config.identity {
        None => Ok(builder.with_no_client_auth()),
        Some(identity) => {
            let (chain, key) = parse_identity(identity)?;
            builder.with_client_auth_cert(chain, key).map_err(|error| match error {
                rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                    ConfigError::ClientKeyMismatch
                }
                rustls::Error::InvalidCertificate(_) => ConfigError::ClientCertificate {
                    problem: "a certificate cannot be read".into(),
                },
                other => ConfigError::ClientKey { problem: other.to_string() },
            })
        }
    }
}

/// aws-lc-rs by name: the process default may be another library, or none.
fn provider() -> CryptoProvider {
    use aws_lc_rs::kx_group::{SECP256R1, SECP384R1, X25519, X25519MLKEM768};
    CryptoProvider {
        // The hybrid first: what is recorded today stays closed to a quantum computer later.
        kx_groups: vec![X25519MLKEM768, X25519, SECP256R1, SECP384R1],
        ..aws_lc_rs::default_provider()
    }
}

fn verifier(
    trust: &Trust,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, ConfigError> {
    let mut store = RootCertStore::empty();
    let mut own = Vec::new();
    for pem in &trust.roots {
        for root in parse_certificates(pem).map_err(|problem| ConfigError::Roots { problem })? {
            let invalid = |_| ConfigError::Roots { problem: "a certificate cannot be read".into() };
            store.add(root.clone()).map_err(invalid)?;
            own.push(root);
        }
    }
    match trust.base {
        TrustBase::Platform => {
            return match Verifier::new_with_extra_roots(own, provider) {
                Ok(verifier) => Ok(Arc::new(verifier)),
                Err(error) => Err(ConfigError::PlatformRoots { problem: error.to_string() }),
            };
        }
        TrustBase::Webpki => store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
        TrustBase::Nobody => {}
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider)
        .build()
        .map_err(|error| ConfigError::Roots { problem: error.to_string() })?;
    Ok(verifier)
}

type ParsedIdentity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn parse_identity(identity: &Identity) -> Result<ParsedIdentity, ConfigError> {
    let chain = parse_certificates(&identity.chain)
        .map_err(|problem| ConfigError::ClientCertificate { problem })?;
    let key = PrivateKeyDer::from_pem_slice(&identity.key).map_err(|error| {
        let text = String::from_utf8_lossy(&identity.key);
        // What the PEM reader would quote may be a piece of the key.
        let problem = match error {
            _ if text.contains("ENCRYPTED") => "it is encrypted",
            pem::Error::NoItemsFound => "no private key found",
            _ => "broken PEM",
        };
        ConfigError::ClientKey { problem: problem.into() }
    })?;
    Ok((chain, key))
}

/// All certificates in `pem`, at least one; or what is wrong with it.
fn parse_certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match certificates {
        Ok(found) if found.is_empty() => Err("no certificate found".into()),
        Ok(found) => Ok(found),
        Err(_) => Err("broken PEM".into()),
    }
}
