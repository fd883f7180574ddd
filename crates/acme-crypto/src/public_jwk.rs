use acme_proto::Jwk;
use x509_cert::der::asn1::{ObjectIdentifier, UintRef};
use x509_cert::der::{Decode, Reader, SliceReader};
use x509_cert::spki::SubjectPublicKeyInfoRef;

use crate::x509::oid;

/// The public key in a SubjectPublicKeyInfo (DER), as of a certificate or a signing request, as a
/// JWK; `None` for types that no JWK of ours describes.
pub fn public_jwk(der: &[u8]) -> Option<Jwk> {
    let info = SubjectPublicKeyInfoRef::from_der(der).ok()?;
    let bits = info.subject_public_key.as_bytes()?;
    match info.algorithm.oid {
        oid::RSA_ENCRYPTION => {
            let mut reader = SliceReader::new(bits).ok()?;
            let (n, e) = reader
                .sequence(|key| {
                    Ok::<_, x509_cert::der::Error>((UintRef::decode(key)?, UintRef::decode(key)?))
                })
                .ok()?;
            Some(Jwk::rsa(n.as_bytes(), e.as_bytes()))
        }
        oid::EC_PUBLIC_KEY => {
            let curve: ObjectIdentifier = info.algorithm.parameters?.decode_as().ok()?;
            let (form, point) = bits.split_first()?;
            // Only uncompressed points (RFC 5480 §2.2).
            let (x, y) = point.split_at_checked(point.len() / 2)?;
            match (*form, curve) {
                (4, oid::P256) => Some(Jwk::p256(x.try_into().ok()?, y.try_into().ok()?)),
                (4, oid::P384) => Some(Jwk::p384(x.try_into().ok()?, y.try_into().ok()?)),
                (4, oid::P521) => Some(Jwk::p521(x.try_into().ok()?, y.try_into().ok()?)),
                _ => None,
            }
        }
        oid::ED25519 => Some(Jwk::ed25519(bits.try_into().ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use acme_proto::Signer as _;

    use super::*;
    use crate::{KeyType, PrivateKey};

    #[test]
    fn a_public_key_is_the_same_key_as_jwk() {
        for key_type in [
            KeyType::EcdsaP256,
            KeyType::EcdsaP384,
            KeyType::EcdsaP521,
            KeyType::Rsa2048,
            KeyType::Ed25519,
        ] {
            let key = PrivateKey::generate(key_type).unwrap();
            assert_eq!(public_jwk(key.public_key_der()).as_ref(), Some(key.jwk()), "{key_type}");
        }
    }

    #[test]
    fn what_is_no_public_key_has_no_jwk() {
        assert_eq!(public_jwk(b""), None);
        assert_eq!(public_jwk(&[0x30, 3, 2, 1, 5]), None);
    }
}
