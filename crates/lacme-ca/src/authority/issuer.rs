//! A certificate that issues others, with its key; and what rcgen needs to know of keys.

use acme_crypto::{Certificate, KeyType, PrivateKey};
use acme_proto::Identifier;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, KeyPair, KeyUsagePurpose, PublicKeyData, SanType,
    SignatureAlgorithm,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, Encode};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use super::AuthorityError;

/// A CA certificate and its key.
pub(super) struct Issuer {
    pub(super) certificate: Certificate,
    pub(super) key: PrivateKey,
    signer: rcgen::Issuer<'static, KeyPair>,
}

impl Issuer {
    /// Puts a certificate of the common name `name` together with its key.
    pub(super) fn new(
        certificate: Certificate,
        name: &str,
        key: PrivateKey,
    ) -> Result<Self, AuthorityError> {
        if certificate.public_key_der() != key.public_key_der() {
            let reason = format!("the key of {name:?} does not belong to its certificate");
            return Err(AuthorityError::damaged(reason));
        }
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(name);
        params.key_usages = ca_key_usages();
        let signer = rcgen::Issuer::new(params, rcgen_key(&key)?);
        Ok(Self { certificate, key, signer })
    }

    /// Writes and signs the certificate that `params` describe, for `key`.
    pub(super) fn sign(
        &self,
        params: &CertificateParams,
        key: &PublicKey,
    ) -> Result<Certificate, AuthorityError> {
        let written = params.signed_by(key, &self.signer)?;
        Ok(Certificate::from_der(written.der())?)
    }

    pub(super) fn signer(&self) -> &rcgen::Issuer<'static, KeyPair> {
        &self.signer
    }
}

/// What the key of a CA is for (RFC 5280 §4.2.1.3).
pub(super) fn ca_key_usages() -> Vec<KeyUsagePurpose> {
    vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign]
}

pub(super) fn common_name(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    subject
}

/// The key for rcgen to sign with.
pub(super) fn rcgen_key(key: &PrivateKey) -> Result<KeyPair, AuthorityError> {
    let der = key.to_pkcs8_der();
    let der = PrivatePkcs8KeyDer::from(der.as_slice());
    let algorithm = match key.key_type() {
        KeyType::EcdsaP256 => &rcgen::PKCS_ECDSA_P256_SHA256,
        KeyType::EcdsaP384 => &rcgen::PKCS_ECDSA_P384_SHA384,
        KeyType::EcdsaP521 => &rcgen::PKCS_ECDSA_P521_SHA512,
        KeyType::Ed25519 => &rcgen::PKCS_ED25519,
        _ => &rcgen::PKCS_RSA_SHA256,
    };
    Ok(KeyPair::from_pkcs8_der_and_sign_algo(&der, algorithm)?)
}

/// The names as subjectAltNames.
pub(super) fn subject_alt_names(names: &[Identifier]) -> Result<Vec<SanType>, AuthorityError> {
    let unsupported = |name: &Identifier| AuthorityError::UnsupportedName(name.clone());
    let alt_name = |name: &Identifier| match name {
        Identifier::Dns(dns) => {
            let text = dns.as_str().try_into().map_err(|_| unsupported(name))?;
            Ok(SanType::DnsName(text))
        }
        Identifier::Ip(address) => Ok(SanType::IpAddress(*address)),
        _ => Err(unsupported(name)),
    };
    names.iter().map(alt_name).collect()
}

/// A public key that a certificate is issued for.
#[derive(Debug)]
pub(super) struct PublicKey {
    algorithm: &'static SignatureAlgorithm,
    bits: Vec<u8>,
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo.
    pub(super) fn from_der(der: &[u8]) -> Result<Self, AuthorityError> {
        let bad = |reason| AuthorityError::PublicKey { reason };
        let info = SubjectPublicKeyInfoRef::from_der(der)
            .map_err(|_| bad("it is no SubjectPublicKeyInfo"))?;
        let bits = info.subject_public_key.raw_bytes().to_vec();
        let key = Self {
            algorithm: algorithm(&info)
                .ok_or(bad("it is not ECDSA (P-256, P-384, P-521), RSA or Ed25519"))?,
            bits,
        };
        if info.algorithm.oid == RSA && !matches!(rsa_bits(&key.bits), Some(2048..=8192)) {
            return Err(bad("an RSA key needs 2048 to 8192 bits"));
        }
        // rcgen writes the key from its parts, and clients compare it to the byte.
        if key.subject_public_key_info() == der {
            Ok(key)
        } else {
            Err(bad("its encoding is unusual: make another key"))
        }
    }

    /// Whether TLS may encrypt to it, as the old key exchange with RSA does.
    pub(super) fn is_rsa(&self) -> bool {
        self.algorithm == &rcgen::PKCS_RSA_SHA256
    }
}

impl PublicKeyData for PublicKey {
    fn der_bytes(&self) -> &[u8] {
        &self.bits
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.algorithm
    }
}

// RFC 3279, RFC 5480, RFC 8410
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

fn algorithm(info: &SubjectPublicKeyInfoRef<'_>) -> Option<&'static SignatureAlgorithm> {
    let curve = || info.algorithm.parameters_oid().ok();
    match info.algorithm.oid {
        RSA => Some(&rcgen::PKCS_RSA_SHA256),
        ED25519 => Some(&rcgen::PKCS_ED25519),
        EC => match curve()? {
            P256 => Some(&rcgen::PKCS_ECDSA_P256_SHA256),
            P384 => Some(&rcgen::PKCS_ECDSA_P384_SHA384),
            P521 => Some(&rcgen::PKCS_ECDSA_P521_SHA512),
            _ => None,
        },
        _ => None,
    }
}

/// The width of an RSAPublicKey's modulus (RFC 8017 appendix A.1.1).
fn rsa_bits(public_key: &[u8]) -> Option<usize> {
    let numbers = Vec::<x509_cert::der::asn1::Uint>::from_der(public_key).ok()?;
    let [modulus, _exponent] = numbers.as_slice() else {
        return None;
    };
    let zeros = modulus.as_bytes().first()?.leading_zeros() as usize;
    Some(modulus.as_bytes().len() * 8 - zeros)
}

/// DER of a value that always has one.
pub(super) fn der(value: &impl Encode) -> Result<Vec<u8>, AuthorityError> {
    value.to_der().map_err(|error| AuthorityError::Build { reason: error.to_string() })
}
