use acme_crypto::{Csr, public_jwk};
use acme_proto::{Algorithm, Identifier, Jwk};
use base64ct::{Base64UrlUnpadded, Encoding as _};

/// What the server core needs of cryptography. [`RealCrypto`] is the one for everything but
/// simulations, which run thousands of issuances a minute and may take a cheaper one.
pub trait Verify: Send + Sync {
    /// Whether `signature`, in its JWS form (RFC 7518 §3), is that of `key` over `message`.
    fn signature(&self, key: &Jwk, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool;

    /// Reads a certificate signing request and checks its own signature.
    ///
    /// # Errors
    /// A sentence for a person.
    fn signing_request(&self, der: &[u8]) -> Result<SigningRequest, String>;
}

/// What a certificate signing request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningRequest {
    /// The names, each once.
    pub identifiers: Vec<Identifier>,
    /// The public key.
    pub key: Jwk,
    /// The same key as SubjectPublicKeyInfo in DER.
    pub public_key: Vec<u8>,
}

/// Signatures and requests as they are, by aws-lc and x509-cert.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealCrypto;

impl Verify for RealCrypto {
    fn signature(&self, key: &Jwk, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        acme_crypto::verify(key, algorithm, message, signature).is_ok()
    }

    fn signing_request(&self, der: &[u8]) -> Result<SigningRequest, String> {
        let csr = Csr::from_der(der).map_err(|error| error.to_string())?;
        let key = public_jwk(csr.public_key_der());
        Ok(SigningRequest {
            identifiers: csr.identifiers().to_vec(),
            key: key.ok_or("its key is of a type that is not known here")?,
            public_key: csr.public_key_der().to_vec(),
        })
    }
}

/// Whether a key is one that this server works with, and written in the one way that the RFCs
/// allow, so that a key has one thumbprint. The error is a sentence for a person.
pub(super) fn check_key(key: &Jwk) -> Result<(), String> {
    match key {
        Jwk::Ec { crv, x, y, .. } => {
            let width = match crv.as_str() {
                "P-256" => 32,
                "P-384" => 48,
                "P-521" => 66,
                _ => return Err("only the curves P-256, P-384 and P-521 are accepted".to_owned()),
            };
            if decode(x)?.len() == width && decode(y)?.len() == width {
                Ok(())
            } else {
                Err(format!("both coordinates of a {crv} key have {width} octets"))
            }
        }
        Jwk::Rsa { n, e, .. } => {
            let (n, e) = (decode(n)?, decode(e)?);
            if n.first() == Some(&0) || e.first() == Some(&0) {
                return Err("modulus and exponent have no leading zeros".to_owned());
            }
            let zeros = n.first().map_or(0, |first| first.leading_zeros() as usize);
            let bits = n.len() * 8 - zeros;
            if !(2048..=8192).contains(&bits) {
                return Err(format!("an RSA key has 2048 to 8192 bits, this one has {bits}"));
            }
            let odd = |bytes: &[u8]| bytes.last().is_some_and(|last| last & 1 == 1);
            if !odd(&n) || !odd(&e) || e.len() > 8 || e == [1] {
                return Err("this is no RSA key that anybody should use".to_owned());
            }
            Ok(())
        }
        Jwk::Okp { crv, x, .. } if crv == "Ed25519" => match decode(x)?.len() {
            32 => Ok(()),
            _ => Err("an Ed25519 key has 32 octets".to_owned()),
        },
        _ => Err("only EC, RSA and Ed25519 keys are accepted".to_owned()),
    }
}

/// Whether a key of this type signs with this algorithm.
pub(super) fn fits(key: &Jwk, algorithm: Algorithm) -> bool {
    match key {
        Jwk::Rsa { .. } => matches!(algorithm, Algorithm::Rs256 | Algorithm::Ps256),
        other => other.algorithm() == algorithm,
    }
}

fn decode(member: &str) -> Result<Vec<u8>, String> {
    Base64UrlUnpadded::decode_vec(member)
        .map_err(|_| "a member of the key is no base64url".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use acme_crypto::{CsrOptions, KeyType, PrivateKey, certificate_signing_request};
    use acme_proto::Signer as _;

    #[test]
    fn the_key_of_a_request_is_the_key_it_was_made_with() {
        let names = [Identifier::parse("a.example").unwrap()];
        for key_type in [
            KeyType::EcdsaP256,
            KeyType::EcdsaP384,
            KeyType::EcdsaP521,
            KeyType::Rsa2048,
            KeyType::Ed25519,
        ] {
            let key = PrivateKey::generate(key_type).unwrap();
            let csr = certificate_signing_request(&key, &names, &CsrOptions::default()).unwrap();
            let request = RealCrypto.signing_request(&csr).unwrap();
            assert_eq!(&request.key, key.jwk(), "{key_type}");
            assert_eq!(request.identifiers, names);
            assert_eq!(check_key(&request.key), Ok(()), "{key_type}");
            assert!(fits(&request.key, key.algorithm()));
        }
    }

    #[test]
    fn weak_and_oddly_written_keys_are_refused() {
        let n = |bytes: usize| {
            let mut n = vec![0xff; bytes];
            n[0] = 0x80;
            n
        };
        let with_zero = serde_json::json!({
            "kty": "RSA", "e": "AQAB",
            "n": Base64UrlUnpadded::encode_string(&[&[0], n(256).as_slice()].concat()),
        });
        let short = serde_json::json!({ "kty": "EC", "crv": "P-256", "x": "AAAA", "y": "AAAA" });
        for (key, reason) in [
            (Jwk::rsa(&n(128), &[1, 0, 1]), "2048"),
            (Jwk::rsa(&n(2048), &[1, 0, 1]), "8192"),
            (Jwk::rsa(&n(256), &[1]), "nobody"),
            (Jwk::rsa(&n(256), &[1, 0, 0]), "nobody"),
            (serde_json::from_value(with_zero).unwrap(), "leading zeros"),
            (serde_json::from_value(short).unwrap(), "32 octets"),
        ] {
            let error = check_key(&key).unwrap_err();
            let reason = reason.replace("nobody", "anybody");
            assert!(error.contains(&reason), "{error}");
        }
        assert_eq!(check_key(&Jwk::rsa(&n(256), &[1, 0, 1])), Ok(()));
        assert_eq!(check_key(&Jwk::rsa(&n(256), &[3])), Ok(()));
    }
}
