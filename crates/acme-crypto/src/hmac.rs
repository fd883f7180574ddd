use std::fmt;

use acme_proto::{Mac, MacAlgorithm};
use aws_lc_rs::hmac;
use base64ct::{Base64UrlUnpadded, Encoding as _};
use zeroize::Zeroizing;

/// The MAC key that a CA hands out beside a key identifier, to bind an account of ours to a
/// customer of theirs (RFC 8555 §7.3.4).
///
/// The key is wiped from memory when dropped, and `Debug` does not show it.
#[derive(Clone)]
pub struct HmacKey {
    secret: Zeroizing<Vec<u8>>,
    algorithm: MacAlgorithm,
}

/// The text is no usable MAC key. Nothing of it is repeated here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HmacKeyError {
    /// There is no text.
    #[error("the HMAC key is empty: copy it from the CA's page for external account binding")]
    Empty,
    /// The text is no base64.
    #[error("the HMAC key is not base64url: copy it whole, as the CA shows it, without quotes")]
    NotBase64,
    /// No CA hands out keys this short.
    #[error(
        "the HMAC key has only {bytes} bytes: \
         perhaps it was cut off, or is the key identifier (kid) instead"
    )]
    TooShort {
        /// Its length, decoded.
        bytes: usize,
    },
    /// No CA hands out keys this long.
    #[error("the HMAC key is too long: perhaps it is another file")]
    TooLong,
}

/// 128 bits. RFC 7518 §3.2 asks for 256, but the CA chooses the key, and some are shorter.
const MIN_BYTES: usize = 16;
const MAX_TEXT: usize = 4096;

impl HmacKey {
    /// Reads a key as the CA shows it: base64url (RFC 4648 §5), with or without padding. The
    /// standard alphabet, which some CAs print, is understood too. The algorithm is HS256.
    ///
    /// # Errors
    /// If the text is empty, no base64, or holds fewer than 16 bytes.
    pub fn from_base64url(text: &str) -> Result<Self, HmacKeyError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(HmacKeyError::Empty);
        }
        if text.len() > MAX_TEXT {
            return Err(HmacKeyError::TooLong);
        }
        let unpadded = text.trim_end_matches('=').bytes().map(|byte| match byte {
            b'+' => b'-',
            b'/' => b'_',
            other => other,
        });
        let mut base64url = Zeroizing::new(Vec::with_capacity(text.len()));
        base64url.extend(unpadded);
        let mut secret = Zeroizing::new(vec![0; text.len()]);
        let bytes = Base64UrlUnpadded::decode(base64url.as_slice(), &mut secret)
            .map_err(|_| HmacKeyError::NotBase64)?
            .len();
        secret.truncate(bytes);
        if bytes < MIN_BYTES {
            return Err(HmacKeyError::TooShort { bytes });
        }
        Ok(Self { secret, algorithm: MacAlgorithm::Hs256 })
    }

    /// Takes another algorithm than HS256, the default, which every CA understands.
    #[must_use]
    pub fn with_algorithm(mut self, algorithm: MacAlgorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Whether `tag` is the whole MAC of `message`, compared in constant time: the server's side
    /// of an external account binding.
    pub fn verify(&self, message: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.key(), message, tag).is_ok()
    }

    fn key(&self) -> hmac::Key {
        let algorithm = match self.algorithm {
            MacAlgorithm::Hs384 => hmac::HMAC_SHA384,
            MacAlgorithm::Hs512 => hmac::HMAC_SHA512,
            _ => hmac::HMAC_SHA256,
        };
        hmac::Key::new(algorithm, &self.secret)
    }
}

impl Mac for HmacKey {
    fn algorithm(&self) -> MacAlgorithm {
        self.algorithm
    }

    fn mac(&self, message: &[u8]) -> Vec<u8> {
        hmac::sign(&self.key(), message).as_ref().to_vec()
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HmacKey").field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of RFC 7515 appendix A.1, which has '-' and '_' in it.
    const KEY: &str =
        "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";

    #[test]
    fn the_mac_is_that_of_rfc_7515_appendix_a_1() {
        let input = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.\
            eyJpc3MiOiJqb2UiLA0KICJleHAiOjEz\
            MDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let key = HmacKey::from_base64url(KEY).unwrap();
        let mac = Base64UrlUnpadded::encode_string(&key.mac(input.as_bytes()));
        assert_eq!(mac, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    }

    #[test]
    fn only_the_whole_mac_of_the_very_message_verifies() {
        for algorithm in [MacAlgorithm::Hs256, MacAlgorithm::Hs384, MacAlgorithm::Hs512] {
            let key = HmacKey::from_base64url(KEY).unwrap().with_algorithm(algorithm);
            let mut tag = key.mac(b"message");
            assert!(key.verify(b"message", &tag));
            assert!(!key.verify(b"another", &tag));
            assert!(!key.verify(b"message", &tag[..16]));
            assert!(!key.verify(b"message", b""));
            tag[0] ^= 1;
            assert!(!key.verify(b"message", &tag));
        }
    }

    #[test]
    fn padding_the_standard_alphabet_and_surrounding_blanks_are_forgiven() {
        let plain = HmacKey::from_base64url(KEY).unwrap().mac(b"x");
        let standard = KEY.replace('-', "+").replace('_', "/");
        for text in [format!("{KEY}=="), standard.clone(), format!(" {standard}==\n")] {
            assert_eq!(HmacKey::from_base64url(&text).unwrap().mac(b"x"), plain);
        }
    }

    #[test]
    fn another_algorithm_changes_name_and_length() {
        let key = HmacKey::from_base64url(KEY).unwrap();
        assert_eq!((key.algorithm(), key.mac(b"").len()), (MacAlgorithm::Hs256, 32));
        for (algorithm, length) in [(MacAlgorithm::Hs384, 48), (MacAlgorithm::Hs512, 64)] {
            let key = key.clone().with_algorithm(algorithm);
            assert_eq!((key.algorithm(), key.mac(b"").len()), (algorithm, length));
        }
    }

    #[test]
    fn what_is_no_key_is_refused_with_advice() {
        let refused = |text: &str| HmacKey::from_base64url(text).unwrap_err();
        assert_eq!(refused(" \n"), HmacKeyError::Empty);
        assert_eq!(refused("====="), HmacKeyError::TooShort { bytes: 0 });
        assert_eq!(refused("c2VjcmV0"), HmacKeyError::TooShort { bytes: 6 });
        assert_eq!(refused("\"AyM1SysPpbyDfgZld3umj1qz\""), HmacKeyError::NotBase64);
        assert_eq!(refused("schlüssel"), HmacKeyError::NotBase64);
        assert_eq!(refused(&"A".repeat(5000)), HmacKeyError::TooLong);
    }

    #[test]
    fn debug_does_not_show_the_key() {
        let key = HmacKey::from_base64url(KEY).unwrap();
        assert_eq!(format!("{key:?}"), "HmacKey { algorithm: Hs256, .. }");
    }
}
