//! The one place that handles private keys: aws-lc-rs key pairs, by their type.

use acme_proto::Jwk;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaKeyPair,
};
use x509_cert::der::asn1::{ObjectIdentifier, Uint};
use x509_cert::der::{Decode, Encode, Header, SliceReader};
use x509_cert::spki::AlgorithmIdentifierRef;
use zeroize::Zeroizing;

use crate::key_type::KeyType;
use crate::private_key::KeyError;
use crate::x509::oid;

pub(crate) enum KeyPair {
    Ecdsa(Curve, EcdsaKeyPair),
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

#[derive(Clone, Copy)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl KeyPair {
    pub(crate) fn generate(key_type: KeyType) -> Result<Self, Unspecified> {
        let ecdsa = |curve: Curve| {
            EcdsaKeyPair::generate(curve.signing()).map(|pair| Self::Ecdsa(curve, pair))
        };
        let rsa = |size| RsaKeyPair::generate(size).map(Self::Rsa);
        match key_type {
            KeyType::EcdsaP256 => ecdsa(Curve::P256),
            KeyType::EcdsaP384 => ecdsa(Curve::P384),
            KeyType::EcdsaP521 => ecdsa(Curve::P521),
            KeyType::Rsa2048 => rsa(KeySize::Rsa2048),
            KeyType::Rsa3072 => rsa(KeySize::Rsa3072),
            KeyType::Rsa4096 => rsa(KeySize::Rsa4096),
            KeyType::Ed25519 => Ed25519KeyPair::generate().map(Self::Ed25519),
        }
    }

    /// A PKCS#8 PrivateKeyInfo (RFC 5958), whose header says what it holds.
    pub(crate) fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let algorithm = pkcs8_algorithm(der).map_err(|_| KeyError::Malformed)?;
        match algorithm.oid {
            oid::EC_PUBLIC_KEY => {
                let curve = algorithm.parameters_oid().ok().and_then(Curve::from_oid);
                let curve = curve.ok_or(KeyError::UnsupportedType)?;
                let pair = EcdsaKeyPair::from_pkcs8(curve.signing(), der);
                Ok(Self::Ecdsa(curve, pair.map_err(|_| KeyError::Malformed)?))
            }
            oid::RSA_ENCRYPTION => Self::rsa(RsaKeyPair::from_pkcs8(der)),
            oid::ED25519 => {
                let pair = Ed25519KeyPair::from_pkcs8(der).map_err(|_| KeyError::Malformed)?;
                Ok(Self::Ed25519(pair))
            }
            _ => Err(KeyError::UnsupportedType),
        }
    }

    /// A SEC 1 ECPrivateKey (RFC 5915), of whichever curve it fits.
    pub(crate) fn from_sec1(der: &[u8]) -> Result<Self, KeyError> {
        [Curve::P256, Curve::P384, Curve::P521]
            .into_iter()
            .find_map(|curve| {
                let pair = EcdsaKeyPair::from_private_key_der(curve.signing(), der).ok()?;
                Some(Self::Ecdsa(curve, pair))
            })
            .ok_or(KeyError::Malformed)
    }

    /// A PKCS#1 RSAPrivateKey (RFC 8017 appendix A.1.2).
    pub(crate) fn from_pkcs1(der: &[u8]) -> Result<Self, KeyError> {
        Self::rsa(RsaKeyPair::from_der(der))
    }

    fn rsa(parsed: Result<RsaKeyPair, KeyRejected>) -> Result<Self, KeyError> {
        parsed.map(Self::Rsa).map_err(|rejected| match rejected.description_() {
            "TooSmall" | "TooLarge" => KeyError::RsaSize,
            _ => KeyError::Malformed,
        })
    }

    /// Fails for RSA keys of a size that [`KeyType`] does not know.
    pub(crate) fn key_type(&self) -> Result<KeyType, KeyError> {
        match self {
            Self::Ecdsa(Curve::P256, _) => Ok(KeyType::EcdsaP256),
            Self::Ecdsa(Curve::P384, _) => Ok(KeyType::EcdsaP384),
            Self::Ecdsa(Curve::P521, _) => Ok(KeyType::EcdsaP521),
            Self::Rsa(pair) => match rsa_modulus_bits(pair) {
                2048 => Ok(KeyType::Rsa2048),
                3072 => Ok(KeyType::Rsa3072),
                4096 => Ok(KeyType::Rsa4096),
                _ => Err(KeyError::RsaSize),
            },
            Self::Ed25519(_) => Ok(KeyType::Ed25519),
        }
    }

    /// PKCS#8 version 1, which every tool reads.
    pub(crate) fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let der = match self {
            Self::Ecdsa(_, pair) => pair.to_pkcs8v1()?.as_ref().to_vec(),
            Self::Rsa(pair) => pair.as_der()?.as_ref().to_vec(),
            Self::Ed25519(pair) => pair.to_pkcs8v1()?.as_ref().to_vec(),
        };
        Ok(Zeroizing::new(der))
    }

    /// The public key as it stands in the BIT STRING of a SubjectPublicKeyInfo.
    pub(crate) fn public_bits(&self) -> &[u8] {
        match self {
            Self::Ecdsa(_, pair) => pair.public_key().as_ref(),
            Self::Rsa(pair) => pair.public_key().as_ref(),
            Self::Ed25519(pair) => pair.public_key().as_ref(),
        }
    }

    pub(crate) fn jwk(&self) -> Jwk {
        match self {
            Self::Ecdsa(Curve::P256, pair) => Jwk::p256(x(pair), y(pair)),
            Self::Ecdsa(Curve::P384, pair) => Jwk::p384(x(pair), y(pair)),
            Self::Ecdsa(Curve::P521, pair) => Jwk::p521(x(pair), y(pair)),
            Self::Rsa(pair) => {
                let [n, e] = rsa_numbers(pair);
                Jwk::rsa(n.as_bytes(), e.as_bytes())
            }
            Self::Ed25519(pair) => {
                let public = pair.public_key().as_ref();
                Jwk::ed25519(public.try_into().expect("an Ed25519 public key has 32 bytes"))
            }
        }
    }

    /// Signs in the form of JWS (RFC 7518 §3): ECDSA as r and s of fixed width, RSA as RS256.
    pub(crate) fn sign_jws(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let random = SystemRandom::new();
        match self {
            Self::Ecdsa(_, pair) => Ok(pair.sign(&random, message)?.as_ref().to_vec()),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut signature)?;
                Ok(signature)
            }
            Self::Ed25519(pair) => Ok(pair.try_sign(message)?.as_ref().to_vec()),
        }
    }

    /// Signs in the form of X.509, where an ECDSA signature is DER (RFC 5480, RFC 3279 §2.2.3).
    pub(crate) fn sign_x509(&self, message: &[u8]) -> Result<Vec<u8>, Unspecified> {
        let signature = self.sign_jws(message)?;
        match self {
            Self::Ecdsa(..) => ecdsa_der(&signature).map_err(|_| Unspecified),
            Self::Rsa(_) | Self::Ed25519(_) => Ok(signature),
        }
    }
}

impl Curve {
    fn from_oid(oid: ObjectIdentifier) -> Option<Self> {
        match oid {
            oid::P256 => Some(Self::P256),
            oid::P384 => Some(Self::P384),
            oid::P521 => Some(Self::P521),
            _ => None,
        }
    }

    fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            Self::P384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
            Self::P521 => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
        }
    }
}

fn pkcs8_algorithm(der: &[u8]) -> x509_cert::der::Result<AlgorithmIdentifierRef<'_>> {
    let mut reader = SliceReader::new(der)?;
    Header::decode(&mut reader)?;
    let _version = u8::decode(&mut reader)?;
    AlgorithmIdentifierRef::decode(&mut reader)
}

/// The first coordinate of an uncompressed point: 0x04, x, y (SEC 1 §2.3.3).
fn x<const WIDTH: usize>(pair: &EcdsaKeyPair) -> &[u8; WIDTH] {
    let point = pair.public_key().as_ref();
    point[1..].first_chunk().expect("a public key is an uncompressed point of its curve's width")
}

fn y<const WIDTH: usize>(pair: &EcdsaKeyPair) -> &[u8; WIDTH] {
    let point = pair.public_key().as_ref();
    point.last_chunk().expect("a public key is an uncompressed point of its curve's width")
}

fn rsa_modulus_bits(pair: &RsaKeyPair) -> u32 {
    let [n, _] = rsa_numbers(pair);
    let zeros = n.as_bytes().first().map_or(0, |byte| byte.leading_zeros());
    u32::from(n.len()) * 8 - zeros
}

/// Modulus and exponent. An RSAPublicKey is a SEQUENCE of these two (RFC 8017 appendix A.1.1).
fn rsa_numbers(pair: &RsaKeyPair) -> [Uint; 2] {
    let numbers = Vec::<Uint>::from_der(pair.public_key().as_ref());
    let numbers = numbers.ok().and_then(|numbers| numbers.try_into().ok());
    numbers.expect("an RSA public key is an RSAPublicKey")
}

/// An ECDSA-Sig-Value is a SEQUENCE of r and s (RFC 3279 §2.2.3).
fn ecdsa_der(fixed: &[u8]) -> x509_cert::der::Result<Vec<u8>> {
    let (r, s) = fixed.split_at(fixed.len() / 2);
    vec![Uint::new(r)?, Uint::new(s)?].to_der()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ecdsa_signature_becomes_two_minimal_positive_integers() {
        let fixed = [0, 0, 0x7f, 1, 0, 0x80, 2, 3];
        let der = [0x30, 10, 2, 2, 0x7f, 1, 2, 4, 0, 0x80, 2, 3];
        assert_eq!(ecdsa_der(&fixed).unwrap(), der);
    }
}
