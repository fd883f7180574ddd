use std::fmt;
use std::sync::Arc;

use acme_proto::{Jwk, SignError, Signer};
use async_trait::async_trait;
use zeroize::Zeroizing;

use crate::digest::AwsLc;
use crate::key_pair::KeyPair;
use crate::key_type::KeyType;
use crate::pem::{self, PemError};
use crate::rcgen_key;

/// A private key, of an account or of a certificate.
///
/// RFC 8555 §11.1: a certificate's key is never an account's key. The type is the same; keeping
/// the two apart is up to who holds them.
///
/// Cloning is cheap and shares the key. Its bytes are wiped from memory with the last clone, and
/// `Debug` shows the public half's thumbprint only.
///
/// ```
/// use acme_crypto::{KeyType, PrivateKey};
///
/// let key = PrivateKey::generate(KeyType::EcdsaP384)?;
/// let pem = key.to_pkcs8_pem();
/// assert_eq!(PrivateKey::from_pem(&pem)?.public_key_der(), key.public_key_der());
/// # Ok::<(), acme_crypto::KeyError>(())
/// ```
#[derive(Clone)]
pub struct PrivateKey(Arc<Inner>);

struct Inner {
    pair: KeyPair,
    key_type: KeyType,
    pkcs8: Zeroizing<Vec<u8>>,
    public_key: Vec<u8>,
    jwk: Jwk,
}

/// Why a private key could not be read or made. Nothing of the key is repeated here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is longer than any private key.
    #[error("the private key file is larger than 64 KiB: it is another file")]
    TooLarge,
    /// The text is no PEM.
    #[error("the private key file is damaged")]
    Pem(#[from] PemError),
    /// No block holds a private key.
    #[error(
        "no private key found: \
         the file needs a PEM block PRIVATE KEY, EC PRIVATE KEY or RSA PRIVATE KEY"
    )]
    NoKey,
    /// More than one block holds a private key.
    #[error("the file holds several private keys: leave the one to use")]
    SeveralKeys,
    /// The key is encrypted.
    #[error(
        "the private key is encrypted: \
         decrypt it first, for example with openssl pkey -in FILE -out PLAIN"
    )]
    Encrypted,
    /// The key is in the format of OpenSSH.
    #[error(
        "the private key is in OpenSSH format: convert a copy with ssh-keygen -p -m PKCS8 -f COPY"
    )]
    OpenSsh,
    /// The bytes are no private key, or its parts do not belong together.
    #[error("the private key is damaged: export it again as unencrypted PKCS#8")]
    Malformed,
    /// The key is of a type that lacme does not use.
    #[error("unsupported type of private key: use ECDSA (P-256, P-384, P-521), RSA or Ed25519")]
    UnsupportedType,
    /// An RSA key of a size that CAs refuse.
    #[error("unsupported size of RSA key: CAs take 2048, 3072 or 4096 bits")]
    RsaSize,
    /// The crypto library failed.
    #[error("the crypto library could not make a private key")]
    Generation,
}

const MAX_PEM: usize = 64 * 1024;

impl PrivateKey {
    /// Makes a new key.
    ///
    /// RSA keys need up to seconds of computation: inside an async runtime, call this where
    /// blocking is allowed.
    ///
    /// # Errors
    /// [`KeyError::Generation`], if the system gives no randomness.
    pub fn generate(key_type: KeyType) -> Result<Self, KeyError> {
        let pair = KeyPair::generate(key_type).map_err(|_| KeyError::Generation)?;
        Self::new(pair)
    }

    /// Reads the one private key in `pem`: PKCS#8 (`PRIVATE KEY`), SEC 1 (`EC PRIVATE KEY`) or
    /// PKCS#1 (`RSA PRIVATE KEY`). Certificates, parameters and text beside it are ignored.
    ///
    /// # Errors
    /// If there is no key or more than one, if it is encrypted, damaged, of a type or size that
    /// [`KeyType`] does not know, or if the text is larger than 64 KiB.
    pub fn from_pem(pem: &str) -> Result<Self, KeyError> {
        if pem.len() > MAX_PEM {
            return Err(KeyError::TooLarge);
        }
        let blocks = pem::parse(pem.as_bytes())?.blocks;
        let mut keys = blocks.iter().filter(|block| block.label.ends_with("PRIVATE KEY"));
        let key = keys.next().ok_or(KeyError::NoKey)?;
        if keys.next().is_some() {
            return Err(KeyError::SeveralKeys);
        }
        if key.is_encrypted() {
            return Err(KeyError::Encrypted);
        }
        let read = match key.label {
            "PRIVATE KEY" => KeyPair::from_pkcs8,
            "EC PRIVATE KEY" => KeyPair::from_sec1,
            "RSA PRIVATE KEY" => KeyPair::from_pkcs1,
            "ENCRYPTED PRIVATE KEY" => return Err(KeyError::Encrypted),
            "OPENSSH PRIVATE KEY" => return Err(KeyError::OpenSsh),
            _ => return Err(KeyError::UnsupportedType),
        };
        Self::new(read(&key.decode()?)?)
    }

    /// Reads a key from PKCS#8 in DER (RFC 5958), unencrypted.
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem).
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        if der.len() > MAX_PEM {
            return Err(KeyError::TooLarge);
        }
        Self::new(KeyPair::from_pkcs8(der)?)
    }

    fn new(pair: KeyPair) -> Result<Self, KeyError> {
        let key_type = pair.key_type()?;
        let pkcs8 = pair.to_pkcs8().map_err(|_| KeyError::Malformed)?;
        let public_key = rcgen_key::public_key_der(&pair, key_type);
        let jwk = pair.jwk();
        Ok(Self(Arc::new(Inner { pair, key_type, pkcs8, public_key, jwk })))
    }

    /// The key as PKCS#8 in PEM, unencrypted. It wipes itself from memory when dropped.
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        pem::encode("PRIVATE KEY", &self.0.pkcs8)
    }

    /// The key as PKCS#8 in DER, unencrypted. It wipes itself from memory when dropped.
    pub fn to_pkcs8_der(&self) -> Zeroizing<Vec<u8>> {
        self.0.pkcs8.clone()
    }

    /// The key's type.
    pub fn key_type(&self) -> KeyType {
        self.0.key_type
    }

    /// The public half, as SubjectPublicKeyInfo in DER (RFC 5280 §4.1.2.7).
    pub fn public_key_der(&self) -> &[u8] {
        &self.0.public_key
    }

    /// Signs `message` at once, in the form of JWS (RFC 7518 §3, RFC 8037 §3.1): ECDSA as r and s
    /// of fixed width, RSA as RS256, Ed25519 as EdDSA.
    ///
    /// # Errors
    /// If the crypto library fails.
    pub fn sign_now(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.0.pair.sign_jws(message).map_err(|_| SignError::new("the crypto library failed"))
    }

    pub(crate) fn pair(&self) -> &KeyPair {
        &self.0.pair
    }
}

#[async_trait]
impl Signer for PrivateKey {
    fn jwk(&self) -> &Jwk {
        &self.0.jwk
    }

    async fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        self.sign_now(message)
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("key_type", &self.0.key_type)
            .field("thumbprint", &self.0.jwk.thumbprint(&AwsLc).as_str())
            .finish_non_exhaustive()
    }
}
