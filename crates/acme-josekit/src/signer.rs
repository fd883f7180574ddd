use std::fmt;
use std::sync::Arc;
use std::thread;

use acme_crypto::{AwsLc, VerifyError, verify};
use acme_proto::{Algorithm, Jwk, SignError, Signer};
use async_trait::async_trait;
use josekit::jws::JwsSigner;
use tokio::sync::oneshot;

use crate::jwk::{JwkError, short, to_acme_jwk};

/// A josekit signer as account key: one of josekit's own, or one that asks an HSM or a KMS.
///
/// Every signature is made on a thread of its own, so a slow device holds up no async runtime, and
/// is verified with the public key before it leaves. `Debug` shows the public half's thumbprint
/// only, whatever the signer's own would show.
pub struct JosekitSigner {
    signer: Arc<dyn JwsSigner>,
    algorithm: Algorithm,
    jwk: Jwk,
}

/// Why a josekit signer cannot sign for an ACME account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignerError {
    /// The signer's algorithm has no place in ACME.
    #[error(
        "the signer makes {name:?} signatures: \
         ACME accounts need ES256, ES384, ES512, RS256, PS256 or EdDSA"
    )]
    Algorithm {
        /// The signer's name for it.
        name: String,
    },
    /// The public key is none of ACME's.
    #[error(transparent)]
    Jwk(#[from] JwkError),
    /// The public key is no key, or not one for the signer's algorithm.
    #[error("the signer's public key does not do: {0}")]
    PublicKey(#[source] VerifyError),
}

impl JosekitSigner {
    /// Takes a signer and the public half of its key; a private half in `public_jwk` is ignored.
    ///
    /// Nothing is signed yet, so the device may still be away.
    ///
    /// # Errors
    /// If the algorithm is none of ES256, ES384, ES512, RS256, PS256 and EdDSA, or if the public
    /// key cannot be used with it. Whether the two keys belong together shows in the first
    /// signature.
    pub fn new(
        signer: Box<dyn JwsSigner>,
        public_jwk: &josekit::jwk::Jwk,
    ) -> Result<Self, SignerError> {
        let algorithm = algorithm(signer.algorithm().name())?;
        let jwk = to_acme_jwk(public_jwk)?;
        // Only a key that can be used gets as far as finding this signature wrong.
        match verify(&jwk, algorithm, b"", b"") {
            Ok(()) | Err(VerifyError::WrongSignature) => {
                Ok(Self { signer: signer.into(), algorithm, jwk })
            }
            Err(unusable) => Err(SignerError::PublicKey(unusable)),
        }
    }
}

#[async_trait]
impl Signer for JosekitSigner {
    fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let signature = self.sign_elsewhere(message.to_vec()).await?;
        match verify(&self.jwk, self.algorithm, message, &signature) {
            Ok(()) => Ok(signature),
            Err(wrong) => Err(SignError::with_source(
                "its signature does not fit the public key: \
                 give the JWK of the very key, and have the signer answer in the form of JWS",
                wrong,
            )),
        }
    }
}

impl JosekitSigner {
    /// Signs where blocking is allowed, on any async runtime or none.
    async fn sign_elsewhere(&self, message: Vec<u8>) -> Result<Vec<u8>, SignError> {
        let signer = Arc::clone(&self.signer);
        let (answer, answered) = oneshot::channel();
        thread::Builder::new()
            .name("josekit signer".to_owned())
            // Nobody listens any more if the caller was cancelled.
            .spawn(move || drop(answer.send(signer.sign(&message))))
            .map_err(|error| SignError::with_source("there is no thread for it", error))?;
        match answered.await {
            Ok(Ok(signature)) => Ok(signature),
            Ok(Err(error)) => {
                let reason = acme_proto::printable(&error.to_string());
                Err(SignError::with_source(reason, error))
            }
            Err(_) => Err(SignError::new("the signer panicked")),
        }
    }
}

impl fmt::Debug for JosekitSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JosekitSigner")
            .field("algorithm", &self.algorithm)
            .field("thumbprint", &self.jwk.thumbprint(&AwsLc).as_str())
            .finish_non_exhaustive()
    }
}

fn algorithm(name: &str) -> Result<Algorithm, SignerError> {
    Ok(match name {
        "ES256" => Algorithm::Es256,
        "ES384" => Algorithm::Es384,
        "ES512" => Algorithm::Es512,
        "RS256" => Algorithm::Rs256,
        "PS256" => Algorithm::Ps256,
        "EdDSA" => Algorithm::EdDsa,
        other => return Err(SignerError::Algorithm { name: short(other) }),
    })
}
