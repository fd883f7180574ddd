use acme_proto::Jwk as AcmeJwk;
use base64ct::{Base64UrlUnpadded, Encoding as _};
use josekit::jwk::Jwk;
use serde_json::Value;

/// Why a josekit JWK cannot be a key of ACME.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwkError {
    /// The type of key has no place in ACME; `oct` keys bind external accounts at most.
    #[error("a JWK of type {kty:?} is no account key: use EC, RSA or OKP")]
    KeyType {
        /// The JWK's `kty`.
        kty: String,
    },
    /// The curve has no signature algorithm in ACME.
    #[error("a JWK on the curve {crv:?} is no account key: use P-256, P-384, P-521 or Ed25519")]
    Curve {
        /// The JWK's `crv`.
        crv: String,
    },
    /// A member is missing or no text.
    #[error("the JWK lacks the member {member:?}")]
    Missing {
        /// Its name.
        member: &'static str,
    },
    /// A member is not base64url without padding, or too long for its kind of key.
    #[error("the JWK's member {member:?} is not a number in base64url of the right size")]
    Malformed {
        /// Its name.
        member: &'static str,
    },
}

/// The public half of a josekit key, in the one form that has the key's thumbprint (RFC 7638):
/// coordinates at full width, RSA numbers without leading zeros, no further members. A private
/// half is left behind.
///
/// Whether the numbers are a key is not looked at; [`acme_crypto::verify`] does.
///
/// # Errors
/// If the type or curve is none of ACME's, or a member is missing or damaged.
pub fn to_acme_jwk(jwk: &Jwk) -> Result<AcmeJwk, JwkError> {
    // Not `key_type()` and `curve()`: a JWK that came by serde may lack what they count on.
    let text = |member| jwk.parameter(member).and_then(Value::as_str);
    let kty = text("kty").ok_or(JwkError::Missing { member: "kty" })?;
    match (kty, text("crv")) {
        ("EC", Some("P-256")) => Ok(AcmeJwk::p256(&fixed(jwk, "x")?, &fixed(jwk, "y")?)),
        ("EC", Some("P-384")) => Ok(AcmeJwk::p384(&fixed(jwk, "x")?, &fixed(jwk, "y")?)),
        ("EC", Some("P-521")) => Ok(AcmeJwk::p521(&fixed(jwk, "x")?, &fixed(jwk, "y")?)),
        // The octets of an Ed25519 key are no number: none may be added or dropped.
        ("OKP", Some("Ed25519")) => {
            let x = octets(jwk, "x")?.try_into();
            x.map(|x| AcmeJwk::ed25519(&x)).map_err(|_| JwkError::Malformed { member: "x" })
        }
        ("RSA", _) => Ok(AcmeJwk::rsa(&octets(jwk, "n")?, &octets(jwk, "e")?)),
        ("EC" | "OKP", Some(crv)) => Err(JwkError::Curve { crv: short(crv) }),
        ("EC" | "OKP", None) => Err(JwkError::Missing { member: "crv" }),
        (kty, _) => Err(JwkError::KeyType { kty: short(kty) }),
    }
}

/// An ACME key as josekit knows it, for its verifiers.
pub fn from_acme_jwk(jwk: &AcmeJwk) -> Jwk {
    match serde_json::to_value(jwk) {
        Ok(Value::Object(members)) => Jwk::from_map(members).ok(),
        _ => None,
    }
    .expect("a public key is an object of strings, which josekit takes as they are")
}

/// The longest member: an RSA modulus of 16384 bits in base64url.
const LONGEST: usize = 2731;

fn octets(jwk: &Jwk, member: &'static str) -> Result<Vec<u8>, JwkError> {
    let text = jwk.parameter(member).and_then(Value::as_str);
    let text = text.ok_or(JwkError::Missing { member })?;
    let octets = match text.len() {
        1..=LONGEST => Base64UrlUnpadded::decode_vec(text).ok(),
        _ => None,
    };
    octets.ok_or(JwkError::Malformed { member })
}

/// A coordinate at full width (RFC 7518 §6.2.1.2), as which not everybody writes it.
fn fixed<const WIDTH: usize>(jwk: &Jwk, member: &'static str) -> Result<[u8; WIDTH], JwkError> {
    let octets = octets(jwk, member)?;
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    let number = &octets[zeros..];
    let mut fixed = [0; WIDTH];
    match WIDTH.checked_sub(number.len()) {
        Some(start) => fixed[start..].copy_from_slice(number),
        None => return Err(JwkError::Malformed { member }),
    }
    Ok(fixed)
}

/// A name for an error's text, of bounded length.
pub(crate) fn short(name: &str) -> String {
    name.chars().take(32).collect()
}
