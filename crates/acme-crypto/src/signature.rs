//! Verification of X.509 signatures.

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use x509_cert::der::Encode;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use crate::x509::oid;

/// Whether a signature holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Good,
    Bad,
    /// The algorithm is none of the common ones.
    Unknown,
}

pub(crate) fn verify(
    algorithm: &AlgorithmIdentifierOwned,
    public_key: &SubjectPublicKeyInfoOwned,
    message: &[u8],
    signature: &[u8],
) -> Verdict {
    let Some(algorithm) = verification(algorithm, public_key) else {
        return Verdict::Unknown;
    };
    let verified = public_key
        .to_der()
        .is_ok_and(|key| UnparsedPublicKey::new(algorithm, key).verify(message, signature).is_ok());
    if verified { Verdict::Good } else { Verdict::Bad }
}

fn verification(
    algorithm: &AlgorithmIdentifierOwned,
    public_key: &SubjectPublicKeyInfoOwned,
) -> Option<&'static dyn VerificationAlgorithm> {
    let curve = || {
        let parameters = public_key.algorithm.parameters.as_ref()?;
        parameters.decode_as::<x509_cert::der::asn1::ObjectIdentifier>().ok()
    };
    Some(match (algorithm.oid, curve()) {
        (oid::ECDSA_SHA256, Some(oid::P256)) => &signature::ECDSA_P256_SHA256_ASN1,
        (oid::ECDSA_SHA384, Some(oid::P256)) => &signature::ECDSA_P256_SHA384_ASN1,
        (oid::ECDSA_SHA512, Some(oid::P256)) => &signature::ECDSA_P256_SHA512_ASN1,
        (oid::ECDSA_SHA256, Some(oid::P384)) => &signature::ECDSA_P384_SHA256_ASN1,
        (oid::ECDSA_SHA384, Some(oid::P384)) => &signature::ECDSA_P384_SHA384_ASN1,
        (oid::ECDSA_SHA512, Some(oid::P384)) => &signature::ECDSA_P384_SHA512_ASN1,
        (oid::ECDSA_SHA256, Some(oid::P521)) => &signature::ECDSA_P521_SHA256_ASN1,
        (oid::ECDSA_SHA384, Some(oid::P521)) => &signature::ECDSA_P521_SHA384_ASN1,
        (oid::ECDSA_SHA512, Some(oid::P521)) => &signature::ECDSA_P521_SHA512_ASN1,
        (oid::RSA_SHA256, _) => &signature::RSA_PKCS1_2048_8192_SHA256,
        (oid::RSA_SHA384, _) => &signature::RSA_PKCS1_2048_8192_SHA384,
        (oid::RSA_SHA512, _) => &signature::RSA_PKCS1_2048_8192_SHA512,
        (oid::ED25519, _) => &signature::ED25519,
        _ => return None,
    })
}
