//! The server's own certificate, by its own authority, always fresh.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use acme_crypto::KeyType;
use acme_proto::Identifier;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::authority::{Authority, AuthorityError, LeafRequest};

/// Makes a certificate when the last one is a third of its lifetime old.
pub(super) struct OwnCertificate {
    authority: Arc<Authority>,
    names: Vec<Identifier>,
    current: Mutex<Option<(Arc<CertifiedKey>, SystemTime)>>,
}

const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);

impl OwnCertificate {
    /// For a server that is reached by these names.
    ///
    /// # Errors
    /// If the authority does not certify them.
    pub(super) fn new(
        authority: Arc<Authority>,
        names: Vec<Identifier>,
    ) -> Result<Self, AuthorityError> {
        let own = Self { authority, names, current: Mutex::default() };
        own.make(SystemTime::now())?;
        Ok(own)
    }

    /// A TLS server that shows it, for HTTP/2 and HTTP/1.1.
    pub(super) fn server_config(self) -> ServerConfig {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows the default versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self));
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        config
    }

    fn current(&self, now: SystemTime) -> Option<Arc<CertifiedKey>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match current.as_ref() {
            Some((key, until)) if now < *until => return Some(Arc::clone(key)),
            _ => {}
        }
        match self.make(now) {
            Ok(key) => {
                *current = Some((Arc::clone(&key), now + LIFETIME / 3));
                Some(key)
            }
            Err(error) => {
                tracing::error!(%error, "the server's own certificate cannot be renewed");
                current.as_ref().map(|(key, _)| Arc::clone(key))
            }
        }
    }

    fn make(&self, now: SystemTime) -> Result<Arc<CertifiedKey>, AuthorityError> {
        let unusable = |reason: String| AuthorityError::Build { reason };
        let request =
            LeafRequest::with_new_key(KeyType::EcdsaP256, self.names.clone()).valid_for(LIFETIME);
        let leaf = self.authority.issue(&request, now)?;
        let chain = CertificateDer::pem_slice_iter(leaf.chain_pem.as_bytes());
        let chain = chain.collect::<Result<_, _>>().map_err(|error| unusable(error.to_string()))?;
        let key = leaf.key_pem.ok_or_else(|| unusable("no key was made".to_owned()))?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
            .map_err(|error| unusable(error.to_string()))?;
        let key = aws_lc_rs::sign::any_supported_type(&key)
            .map_err(|error| unusable(error.to_string()))?;
        Ok(Arc::new(CertifiedKey::new(chain, key)))
    }
}

impl ResolvesServerCert for OwnCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current(SystemTime::now())
    }
}

impl fmt::Debug for OwnCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnCertificate").field("names", &self.names).finish_non_exhaustive()
    }
}
