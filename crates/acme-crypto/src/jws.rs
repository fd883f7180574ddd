//! Verification of JWS signatures: the server's side of `acme_proto::Signer`.

use acme_proto::{Algorithm, Jwk};
use aws_lc_rs::signature::{self, ParsedPublicKey, RsaParameters, RsaPublicKeyComponents};
use base64ct::{Base64UrlUnpadded, Encoding as _};

/// Why a signature is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The key itself cannot be used; on the wire a `badPublicKey` (RFC 8555 §6.7).
    #[error("the public key cannot be used: {reason}")]
    BadKey {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The algorithm is not one for this type of key.
    #[error("{algorithm} is no signature algorithm for this type of key")]
    WrongAlgorithm {
        /// The algorithm that was named.
        algorithm: Algorithm,
    },
    /// The signature does not hold.
    #[error("the signature is not that of the message by this key")]
    WrongSignature,
}

const MIN_RSA_BITS: usize = 2048;
/// Larger ones cost a server too much.
const MAX_RSA_BITS: usize = 8192;
/// In octets; 3 or 65537 in practice.
const MAX_RSA_EXPONENT: usize = 4;

/// Checks that `signature`, in the form of JWS (RFC 7518 §3, RFC 8037 §3.1), is that of `message`
/// by the private half of `jwk`.
///
/// The key has to be in the form that the RFCs ask for: coordinates at full width, RSA numbers
/// without leading zeros and of 2048 to 8192 bits, base64url without padding or stray bits. So one
/// key has one thumbprint. An EC key's curve has to be the one of `algorithm`.
///
/// ```
/// use acme_crypto::{KeyType, PrivateKey, verify};
/// use acme_proto::Signer as _;
///
/// let key = PrivateKey::generate(KeyType::EcdsaP256)?;
/// let signature = key.sign_now(b"message")?;
/// assert!(verify(key.jwk(), key.algorithm(), b"message", &signature).is_ok());
/// assert!(verify(key.jwk(), key.algorithm(), b"another", &signature).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`VerifyError`], which tells a bad key from a bad signature.
pub fn verify(
    jwk: &Jwk,
    algorithm: Algorithm,
    message: &[u8],
    signature: &[u8],
) -> Result<(), VerifyError> {
    let key = public_key(jwk, algorithm)?;
    key.verify_sig(message, signature).map_err(|_| VerifyError::WrongSignature)
}

fn public_key(jwk: &Jwk, algorithm: Algorithm) -> Result<ParsedPublicKey, VerifyError> {
    let mismatch = VerifyError::WrongAlgorithm { algorithm };
    match (jwk, algorithm) {
        (Jwk::Ec { crv, x, y, .. }, _) => {
            let (width, curve_algorithm, verification) = match crv.as_str() {
                "P-256" => (32, Algorithm::Es256, &signature::ECDSA_P256_SHA256_FIXED),
                "P-384" => (48, Algorithm::Es384, &signature::ECDSA_P384_SHA384_FIXED),
                "P-521" => (66, Algorithm::Es512, &signature::ECDSA_P521_SHA512_FIXED),
                _ => return Err(bad_key("its curve is not P-256, P-384 or P-521")),
            };
            if algorithm != curve_algorithm {
                return Err(mismatch);
            }
            // An uncompressed point (SEC 1 §2.3.3).
            let mut point = vec![4];
            point.extend(coordinate(x, width)?);
            point.extend(coordinate(y, width)?);
            ParsedPublicKey::new(verification, point)
                .map_err(|_| bad_key("it is no point of its curve"))
        }
        (Jwk::Rsa { n, e, .. }, Algorithm::Rs256) => {
            rsa_key(n, e, &signature::RSA_PKCS1_2048_8192_SHA256)
        }
        (Jwk::Rsa { n, e, .. }, Algorithm::Ps256) => {
            rsa_key(n, e, &signature::RSA_PSS_2048_8192_SHA256)
        }
        (Jwk::Okp { crv, .. }, _) if crv != "Ed25519" => Err(bad_key("its curve is not Ed25519")),
        (Jwk::Okp { x, .. }, Algorithm::EdDsa) => {
            ParsedPublicKey::new(&signature::ED25519, coordinate(x, 32)?)
                .map_err(|_| bad_key("it is no Ed25519 key"))
        }
        _ => Err(mismatch),
    }
}

/// A number of fixed width, leading zeros kept (RFC 7518 §6.2.1.2, RFC 8037 §2).
fn coordinate(text: &str, width: usize) -> Result<Vec<u8>, VerifyError> {
    let bytes = decode(text)?;
    if bytes.len() == width {
        Ok(bytes)
    } else {
        Err(bad_key("a coordinate has not the width of its curve"))
    }
}

fn rsa_key(
    n: &str,
    e: &str,
    parameters: &'static RsaParameters,
) -> Result<ParsedPublicKey, VerifyError> {
    let [n, e] = [minimal(n)?, minimal(e)?];
    let zeros = n.first().map_or(0, |byte| byte.leading_zeros() as usize);
    if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&(n.len() * 8 - zeros)) {
        return Err(bad_key("its RSA modulus has not 2048 to 8192 bits"));
    }
    let odd = e.last().is_some_and(|last| last & 1 == 1);
    if !odd || e == [1] || e.len() > MAX_RSA_EXPONENT {
        return Err(bad_key("its RSA exponent is even, 1, or larger than 4 octets"));
    }
    RsaPublicKeyComponents { n, e }
        .to_parsed_public_key(parameters)
        .map_err(|_| bad_key("it is no RSA key"))
}

/// A number without leading zeros (RFC 7518 §6.3.1.1).
fn minimal(text: &str) -> Result<Vec<u8>, VerifyError> {
    let bytes = decode(text)?;
    match bytes.first() {
        Some(0) | None => Err(bad_key("an RSA number begins with a zero octet")),
        Some(_) => Ok(bytes),
    }
}

fn decode(text: &str) -> Result<Vec<u8>, VerifyError> {
    Base64UrlUnpadded::decode_vec(text)
        .map_err(|_| bad_key("a member is not base64url without padding"))
}

fn bad_key(reason: &'static str) -> VerifyError {
    VerifyError::BadKey { reason }
}
