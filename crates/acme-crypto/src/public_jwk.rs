use acme_proto::Jwk;
use x509_cert::der::asn1::{ObjectIdentifier, UintRef};
use x509_cert::der::{Decode, Reader, SliceReader};
use x509_cert::spki::SubjectPublicKeyInfoRef;

/// The public key in a SubjectPublicKeyInfo (DER), as of a certificate or a signing request, as a
/// JWK; `None` for types that no JWK of ours describes.
pub fn public_jwk(der: &[u8]) -> Option<Jwk> {
    const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
    const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
    const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
    const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
    const P521: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.35");
    const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

    let info = SubjectPublicKeyInfoRef::from_der(der).ok()?;
    let bits = info.subject_public_key.as_bytes()?;
    match info.algorithm.oid {
        RSA => {
            let mut reader = SliceReader::new(bits).ok()?;
            let (n, e) = reader
                .sequence(|key| {
                    Ok::<_, x509_cert::der::Error>((UintRef::decode(key)?, UintRef::decode(key)?))
                })
                .ok()?;
            Some(Jwk::rsa(n.as_bytes(), e.as_bytes()))
        }
        EC => {
            let curve: ObjectIdentifier = info.algorithm.parameters?.decode_as().ok()?;
            let (form, point) = bits.split_first()?;
            // Only uncompressed points (RFC 5480 §2.2).
            let (x, y) = point.split_at_checked(point.len() / 2)?;
            match (*form, curve) {
                (4, P256) => Some(Jwk::p256(x.try_into().ok()?, y.try_into().ok()?)),
                (4, P384) => Some(Jwk::p384(x.try_into().ok()?, y.try_into().ok()?)),
                (4, P521) => Some(Jwk::p521(x.try_into().ok()?, y.try_into().ok()?)),
                _ => None,
            }
        }
        ED25519 => Some(Jwk::ed25519(bits.try_into().ok()?)),
        _ => None,
    }
}
