//! Lends a private key to rcgen, which writes CSRs and certificates.

use acme_proto::Identifier;
use rcgen::{PublicKeyData, SanType, SignatureAlgorithm, SigningKey};

use crate::key_pair::KeyPair;
use crate::key_type::KeyType;
use crate::private_key::PrivateKey;

/// A private key as rcgen wants to see it. rcgen never gets at the secret.
pub(crate) struct RcgenKey<'a> {
    pair: &'a KeyPair,
    key_type: KeyType,
}

impl<'a> RcgenKey<'a> {
    pub(crate) fn new(key: &'a PrivateKey) -> Self {
        Self { pair: key.pair(), key_type: key.key_type() }
    }
}

/// The SubjectPublicKeyInfo, by the same road as in a CSR, so that the two agree to the byte.
pub(crate) fn public_key_der(pair: &KeyPair, key_type: KeyType) -> Vec<u8> {
    RcgenKey { pair, key_type }.subject_public_key_info()
}

/// The names as subjectAltNames (RFC 5280 §4.2.1.6); `None` if one is of a type that has none.
pub(crate) fn subject_alt_names(names: &[Identifier]) -> Option<Vec<SanType>> {
    names
        .iter()
        .map(|name| match name {
            Identifier::Dns(name) => name.as_str().try_into().ok().map(SanType::DnsName),
            Identifier::Ip(address) => Some(SanType::IpAddress(*address)),
            _ => None,
        })
        .collect()
}

impl PublicKeyData for RcgenKey<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.pair.public_bits()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        match self.key_type {
            KeyType::EcdsaP256 => &rcgen::PKCS_ECDSA_P256_SHA256,
            KeyType::EcdsaP384 => &rcgen::PKCS_ECDSA_P384_SHA384,
            KeyType::EcdsaP521 => &rcgen::PKCS_ECDSA_P521_SHA512,
            KeyType::Rsa2048 | KeyType::Rsa3072 | KeyType::Rsa4096 => &rcgen::PKCS_RSA_SHA256,
            KeyType::Ed25519 => &rcgen::PKCS_ED25519,
        }
    }
}

impl SigningKey for RcgenKey<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.pair.sign_x509(message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}
