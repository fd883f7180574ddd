use acme_crypto::{KeyError, KeyType, PrivateKey};
use acme_proto::Signer as _;
use josekit::jwk::alg::ec::EcKeyPair;
use josekit::jwk::alg::ed::EdKeyPair;
use josekit::jwk::alg::rsa::RsaKeyPair;
use josekit::jwk::{Jwk, KeyPair};
use zeroize::Zeroizing;

use crate::jwk::{JwkError, to_acme_jwk};

/// Why a josekit JWK is not taken as private key, or a private key not by josekit. Nothing of the
/// key is repeated here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PrivateJwkError {
    /// The public half is missing, damaged, or of a type that ACME does not know.
    #[error(transparent)]
    Public(#[from] JwkError),
    /// josekit cannot read the private half.
    #[error(
        "the JWK's private half is missing or damaged: \
         EC and OKP keys need d, RSA keys d, p, q, dp, dq and qi"
    )]
    Private,
    /// The key as a whole is refused.
    #[error("the JWK's private key cannot be used")]
    Key(#[from] KeyError),
    /// The two halves are of different keys.
    #[error("the JWK's private half does not belong to its public half")]
    Mismatch,
    /// josekit refuses one of our keys.
    #[error("josekit does not take this private key")]
    NotTaken,
}

/// The private key of a josekit JWK that holds both halves, as
/// [`to_jwk_key_pair`](KeyPair::to_jwk_key_pair) and the JWK's `generate` functions give it.
///
/// josekit's JWK keeps the secret as plain text, shows it in `Debug` and does not wipe it.
///
/// # Errors
/// [`PrivateJwkError`]; also if the halves do not belong together, and for RSA keys of a size that
/// [`KeyType`] does not know.
pub fn to_private_key(jwk: &Jwk) -> Result<PrivateKey, PrivateJwkError> {
    let public = to_acme_jwk(jwk)?;
    // josekit panics over members of the wrong type, which serde lets into a JWK.
    let jwk = &Jwk::from_map(jwk.as_ref().clone()).map_err(|_| PrivateJwkError::Private)?;
    let pair: Box<dyn KeyPair> = match jwk.key_type() {
        "RSA" => Box::new(RsaKeyPair::from_jwk(jwk).map_err(|_| PrivateJwkError::Private)?),
        "OKP" => Box::new(EdKeyPair::from_jwk(jwk).map_err(|_| PrivateJwkError::Private)?),
        _ => Box::new(EcKeyPair::from_jwk(jwk).map_err(|_| PrivateJwkError::Private)?),
    };
    // The one form that is PKCS#8 for every type: josekit's DER of an EC key is not.
    let pem = Zeroizing::new(pair.to_pem_private_key());
    let pem = std::str::from_utf8(&pem).map_err(|_| PrivateJwkError::Private)?;
    let key = PrivateKey::from_pem(pem)?;
    // josekit does not look at the public half of an Ed25519 key.
    match *key.jwk() == public {
        true => Ok(key),
        false => Err(PrivateJwkError::Mismatch),
    }
}

/// The key as a josekit JWK with both halves, for josekit's signers.
///
/// josekit's JWK keeps the secret as plain text, shows it in `Debug` and does not wipe it.
///
/// # Errors
/// [`PrivateJwkError::NotTaken`], if OpenSSL refuses the key.
pub fn from_private_key(key: &PrivateKey) -> Result<Jwk, PrivateJwkError> {
    let der = key.to_pkcs8_der();
    let jwk = match key.key_type() {
        KeyType::EcdsaP256 | KeyType::EcdsaP384 | KeyType::EcdsaP521 => {
            EcKeyPair::from_der(&*der, None).map(|pair| pair.to_jwk_key_pair())
        }
        KeyType::Ed25519 => EdKeyPair::from_der(&*der).map(|pair| pair.to_jwk_key_pair()),
        _ => RsaKeyPair::from_der(&*der).map(|pair| pair.to_jwk_key_pair()),
    };
    jwk.map_err(|_| PrivateJwkError::NotTaken)
}
