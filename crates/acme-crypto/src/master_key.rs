use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::{hkdf, rand};
use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};
use zeroize::Zeroizing;

/// The key that seals other keys at rest: 256 random bits.
///
/// What is sealed carries a context, such as the name of its place, and opens in that context
/// only. Each context has a key of its own (HKDF-SHA-256, RFC 5869) for AES-256-GCM-SIV
/// (RFC 8452) with a random nonce, so that there is no practical limit to how much is sealed.
///
/// The key is wiped from memory when dropped, and `Debug` shows its identifier only.
///
/// ```
/// use acme_crypto::MasterKey;
///
/// let master = MasterKey::generate()?;
/// let sealed = master.seal("accounts/default", b"a private key")?;
/// assert_eq!(master.open("accounts/default", &sealed)?.as_slice(), b"a private key");
/// assert!(master.open("accounts/other", &sealed).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct MasterKey {
    secret: Zeroizing<[u8; BYTES]>,
    id: String,
}

/// The text or file holds no master key, or none could be made. Nothing of it is repeated here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MasterKeyError {
    /// There is nothing.
    #[error("the master key is empty: make one with `openssl rand -base64 32`")]
    Empty,
    /// The text is neither base64 nor hex.
    #[error("the master key is neither base64 nor hex: make one with `openssl rand -base64 32`")]
    NotText,
    /// It is no key of 256 bits.
    #[error(
        "the master key has {bytes} bytes instead of 32: make one with `openssl rand -base64 32`"
    )]
    Length {
        /// Its length, decoded.
        bytes: usize,
    },
    /// No master key is this long.
    #[error("the master key is too long: perhaps it is another file")]
    TooLong,
    /// The crypto library failed.
    #[error("the system gives no randomness for a master key")]
    Generation,
}

/// Why something could not be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SealedError {
    /// It was sealed with another key or in another context, or has been changed since; which of
    /// them, nobody can tell.
    #[error("the seal is broken: it belongs to another key or place, or was changed")]
    Broken,
    /// It was sealed in a way that this version does not know.
    #[error("it is sealed in a way that this version does not know: use a newer one")]
    UnknownVersion,
    /// The crypto library failed.
    #[error("the crypto library could not seal")]
    Failed,
}

const BYTES: usize = 32;
const MAX_TEXT: usize = 1024;
/// The first byte of what is sealed: the scheme that this file is about.
const VERSION: u8 = 1;
/// HKDF's info: what a derived key is for, apart from anything else that the master key may do.
const FOR_SEALING: &[u8] = b"lacme sealed key, version 1: ";
const FOR_THE_ID: &[u8] = b"lacme master key's identifier";

impl MasterKey {
    /// Makes a new key.
    ///
    /// # Errors
    /// [`MasterKeyError::Generation`], if the system gives no randomness.
    pub fn generate() -> Result<Self, MasterKeyError> {
        let mut secret = Zeroizing::new([0; BYTES]);
        rand::fill(secret.as_mut_slice()).map_err(|_| MasterKeyError::Generation)?;
        Ok(Self::new(secret))
    }

    /// Reads 32 bytes in base64 (either alphabet, with or without padding) or in hex.
    ///
    /// # Errors
    /// If the text is neither, or holds more or fewer bytes.
    pub fn from_text(text: &str) -> Result<Self, MasterKeyError> {
        let text = text.trim();
        match text.len() {
            0 => Err(MasterKeyError::Empty),
            1..=MAX_TEXT => Self::from_bytes(&decode(text).ok_or(MasterKeyError::NotText)?),
            _ => Err(MasterKeyError::TooLong),
        }
    }

    /// Reads the content of a file: text as [`from_text`](Self::from_text) takes it, or the 32
    /// bytes themselves.
    ///
    /// # Errors
    /// As [`from_text`](Self::from_text). 32 characters of text are no key: nobody draws one
    /// that happens to be typeable, so it is a password or half a key.
    pub fn from_file_content(content: &[u8]) -> Result<Self, MasterKeyError> {
        let is_text =
            content.iter().all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace());
        match std::str::from_utf8(content) {
            Ok(text) if is_text => Self::from_text(text),
            _ if content.len() > MAX_TEXT => Err(MasterKeyError::TooLong),
            _ => Self::from_bytes(content),
        }
    }

    fn from_bytes(bytes: &[u8]) -> Result<Self, MasterKeyError> {
        let mut secret = Zeroizing::new([0; BYTES]);
        if bytes.len() != BYTES {
            return Err(MasterKeyError::Length { bytes: bytes.len() });
        }
        secret.copy_from_slice(bytes);
        Ok(Self::new(secret))
    }

    fn new(secret: Zeroizing<[u8; BYTES]>) -> Self {
        let mut id = [0; 8];
        derive(&secret, &[FOR_THE_ID], &mut id);
        let id = id.iter().map(|byte| format!("{byte:02x}")).collect();
        Self { secret, id }
    }

    /// The key in base64, to be kept where what it seals is not.
    pub fn to_base64(&self) -> Zeroizing<String> {
        Zeroizing::new(Base64::encode_string(self.secret.as_slice()))
    }

    /// What tells this key from others, and nothing more: 16 hex digits of a hash.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Seals `plain` for one context.
    ///
    /// # Errors
    /// [`SealedError::Failed`], if the system gives no randomness.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<Vec<u8>, SealedError> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| SealedError::Failed)?;
        // Sealed in place: where the plain text was, the sealed one is.
        let mut sealed = Vec::with_capacity(1 + NONCE_LEN + plain.len() + TAG_LEN);
        sealed.push(VERSION);
        sealed.extend(nonce);
        sealed.extend(plain);
        let tag = self
            .key_for(context)?
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(context),
                &mut sealed[1 + NONCE_LEN..],
            )
            .map_err(|_| SealedError::Failed)?;
        sealed.extend(tag.as_ref());
        Ok(sealed)
    }

    /// Opens what [`seal`](Self::seal) sealed for the same context. It wipes itself from memory
    /// when dropped.
    ///
    /// # Errors
    /// [`SealedError::Broken`] for anything else.
    pub fn open(&self, context: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealedError> {
        let (version, rest) = sealed.split_first().ok_or(SealedError::Broken)?;
        if *version != VERSION {
            return Err(SealedError::UnknownVersion);
        }
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SealedError::Broken)?;
        let mut plain = Zeroizing::new(text.to_vec());
        let length = self
            .key_for(context)?
            .open_in_place(Nonce::from(nonce), Aad::from(context), &mut plain)
            .map_err(|_| SealedError::Broken)?
            .len();
        plain.truncate(length);
        Ok(plain)
    }

    fn key_for(&self, context: &str) -> Result<LessSafeKey, SealedError> {
        let mut key = Zeroizing::new([0; BYTES]);
        derive(&self.secret, &[FOR_SEALING, context.as_bytes()], key.as_mut_slice());
        let key = UnboundKey::new(&AES_256_GCM_SIV, key.as_slice());
        key.map(LessSafeKey::new).map_err(|_| SealedError::Failed)
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.id)
    }
}

const TAG_LEN: usize = 16;

/// HKDF-SHA-256 without salt: the master key is uniformly random as it is (RFC 5869 §3.1).
fn derive(secret: &[u8; BYTES], info: &[&[u8]], out: &mut [u8]) {
    struct Length(usize);
    impl hkdf::KeyType for Length {
        fn len(&self) -> usize {
            self.0
        }
    }
    hkdf::Salt::new(hkdf::HKDF_SHA256, &[])
        .extract(secret)
        .expand(info, Length(out.len()))
        .and_then(|derived| derived.fill(out))
        .expect("HKDF-SHA-256 gives up to 8160 bytes");
}

/// 64 hex digits are hex; they are base64, too, but of 48 bytes.
fn decode(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    if text.len() == 2 * BYTES && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
        let mut bytes = Zeroizing::new(Vec::with_capacity(BYTES));
        bytes.extend(text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])));
        return Some(bytes);
    }
    let mut base64url = Zeroizing::new(Vec::with_capacity(text.len()));
    base64url.extend(text.trim_end_matches('=').bytes().map(|byte| match byte {
        b'+' => b'-',
        b'/' => b'_',
        other => other,
    }));
    let mut bytes = Zeroizing::new(vec![0; text.len()]);
    let length = Base64UrlUnpadded::decode(base64url.as_slice(), &mut bytes).ok()?.len();
    bytes.truncate(length);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The bytes 0 to 31.
    const HEX: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

    fn master() -> MasterKey {
        MasterKey::from_text(HEX).unwrap()
    }

    #[test]
    fn all_ways_to_write_a_key_down_mean_the_same() {
        let raw: Vec<u8> = (0..32).collect();
        let base64 = master().to_base64();
        assert_eq!(base64.as_str(), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=");
        let texts = [HEX, &HEX.to_uppercase(), &base64, base64.trim_end_matches('=')];
        for text in texts {
            let from_file = MasterKey::from_file_content(format!(" {text}\n").as_bytes());
            assert_eq!(MasterKey::from_text(text).unwrap().id(), master().id());
            assert_eq!(from_file.unwrap().id(), master().id());
        }
        assert_eq!(MasterKey::from_file_content(&raw).unwrap().id(), master().id());
    }

    #[test]
    fn what_is_no_key_is_refused_with_advice() {
        use MasterKeyError::{Empty, Length, NotText, TooLong};

        let refused = |content: &[u8]| MasterKey::from_file_content(content).unwrap_err();
        assert_eq!(refused(b" \n"), Empty);
        assert_eq!(refused(b"correct horse"), NotText);
        assert_eq!(refused(&HEX.as_bytes()[..32]), Length { bytes: 24 });
        assert_eq!(refused(&[0xff; 31]), Length { bytes: 31 });
        assert_eq!(refused(&[b'A'; 2000]), TooLong);
        assert_eq!(refused(&[0xff; 2000]), TooLong);
        assert_eq!(refused(b"correct-horse-battery-staple-42!"), NotText);
    }

    #[test]
    fn two_keys_are_two_and_neither_is_shown() {
        let (a, b) = (MasterKey::generate().unwrap(), MasterKey::generate().unwrap());
        assert_ne!((a.id(), a.to_base64()), (b.id(), b.to_base64()));
        assert_eq!(format!("{:?}", master()), format!("MasterKey({})", master().id()));
        assert_eq!(master().id().len(), 16);
    }

    /// As Python's `cryptography` (HKDF, AESGCMSIV) makes it of the nonce 0 to 11.
    #[test]
    fn other_implementations_seal_the_same_way() {
        let sealed = "AQABAgMEBQYHCAkKC_GjbanLcC0GlXnDZKUKVNZpcVg4Jw";
        let sealed = Base64UrlUnpadded::decode_vec(sealed).unwrap();
        assert_eq!(master().open("a/b", &sealed).unwrap().as_slice(), b"plain");
        assert_eq!(master().id(), "de53a6d5414cca48");
    }

    #[test]
    fn the_same_is_never_sealed_the_same_way_twice() {
        assert_ne!(master().seal("a", b"x").unwrap(), master().seal("a", b"x").unwrap());
    }

    #[test]
    fn another_version_is_said_to_be_one() {
        let mut sealed = master().seal("a", b"x").unwrap();
        sealed[0] = 2;
        assert_eq!(master().open("a", &sealed).unwrap_err(), SealedError::UnknownVersion);
    }

    proptest! {
        #[test]
        fn what_was_sealed_opens_in_its_context_alone(
            plain: Vec<u8>,
            context: String,
            other: String,
        ) {
            let sealed = master().seal(&context, &plain).unwrap();
            let opened = master().open(&context, &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), plain.as_slice());
            if other != context {
                prop_assert_eq!(master().open(&other, &sealed), Err(SealedError::Broken));
            }
            let stranger = MasterKey::generate().unwrap();
            prop_assert_eq!(stranger.open(&context, &sealed), Err(SealedError::Broken));
        }

        #[test]
        fn no_changed_bit_and_no_missing_byte_goes_unnoticed(
            plain in proptest::collection::vec(any::<u8>(), 0..200),
            place: prop::sample::Index,
            bit in 0..8u8,
        ) {
            let sealed = master().seal("a", &plain).unwrap();
            let mut changed = sealed.clone();
            changed[place.index(sealed.len())] ^= 1 << bit;
            prop_assert!(master().open("a", &changed).is_err());
            prop_assert!(master().open("a", &sealed[..place.index(sealed.len())]).is_err());
            changed.clone_from(&sealed);
            changed.push(0);
            prop_assert!(master().open("a", &changed).is_err());
        }

        #[test]
        fn junk_is_refused_without_panic(junk: Vec<u8>) {
            prop_assert!(master().open("a", &junk).is_err());
            let _ = MasterKey::from_file_content(&junk);
        }
    }
}
