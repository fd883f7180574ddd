//! The adapter: which signers it takes, and what it does when they misbehave.

use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use acme_crypto::{VerifyError, verify};
use acme_josekit::josekit::jwk::Jwk;
use acme_josekit::josekit::jwk::alg::ec::EcCurve;
use acme_josekit::josekit::jws::{ES256, ES256K, HS256, JwsAlgorithm, JwsSigner, PS512, RS384};
use acme_josekit::josekit::{JoseError, jws};
use acme_josekit::{JosekitSigner, JwkError, SignerError, from_private_key};
use acme_proto::{Algorithm, SignError, Signer as _};

use crate::support::{ALGORITHMS, adapted, josekit_signer, key};

#[tokio::test]
async fn every_algorithm_of_acme_signs() {
    for algorithm in ALGORITHMS {
        let signer = adapted(algorithm);
        assert_eq!(signer.algorithm(), algorithm);
        let signature = signer.sign(b"message").await.unwrap();
        verify(signer.jwk(), algorithm, b"message", &signature).unwrap();
    }
}

#[test]
fn other_algorithms_are_refused_with_the_names_of_those_that_do() {
    let rsa = from_private_key(&key(Algorithm::Rs256)).unwrap();
    let koblitz = Jwk::generate_ec_key(EcCurve::Secp256k1).unwrap();
    let others: [(Box<dyn JwsSigner>, &str); 4] = [
        (Box::new(HS256.signer_from_bytes([7; 32]).unwrap()), "HS256"),
        (Box::new(RS384.signer_from_jwk(&rsa).unwrap()), "RS384"),
        (Box::new(PS512.signer_from_jwk(&rsa).unwrap()), "PS512"),
        (Box::new(ES256K.signer_from_jwk(&koblitz).unwrap()), "ES256K"),
    ];
    for (signer, name) in others {
        let error = JosekitSigner::new(signer, &rsa).unwrap_err().to_string();
        assert!(error.starts_with(&format!("the signer makes \"{name}\"")), "{error}");
        assert!(ALGORITHMS.iter().all(|known| error.contains(known.as_str())), "{error}");
    }
}

#[test]
fn a_public_key_that_cannot_go_with_the_algorithm_is_refused_at_once() {
    let (p256, _) = hsm();
    let p384 = from_private_key(&key(Algorithm::Es384)).unwrap();
    let refused = |jwk: &Jwk| {
        let signer = Box::new(ES256.signer_from_jwk(&p256).unwrap());
        JosekitSigner::new(signer, jwk).unwrap_err()
    };
    let algorithm = Algorithm::Es256;
    let wrong = SignerError::PublicKey(VerifyError::WrongAlgorithm { algorithm });
    assert_eq!(refused(&p384), wrong);
    assert_eq!(refused(&Jwk::new("EC")), SignerError::Jwk(JwkError::Missing { member: "crv" }));
    let mut no_point = p256.clone();
    no_point.set_parameter("x", Some("A".repeat(43).into())).unwrap();
    let error = refused(&no_point).to_string();
    assert!(error.contains("no point of its curve"), "{error}");
}

#[tokio::test]
async fn another_keys_public_half_shows_in_the_first_signature() {
    for algorithm in [Algorithm::Es256, Algorithm::EdDsa] {
        let [one, other] = [(); 2].map(|()| from_private_key(&key(algorithm)).unwrap());
        let signer = JosekitSigner::new(josekit_signer(algorithm, &one), &other).unwrap();
        let error = signer.sign(b"message").await.unwrap_err().to_string();
        assert!(error.contains("does not fit the public key"), "{error}");
    }
}

#[tokio::test]
async fn a_device_that_answers_in_der_is_told_apart() {
    // What PKCS#11 wrappers and OpenSSL give for ECDSA, and JWS does not take.
    let (jwk, signer) = misbehaving(|_| Ok(b"\x30\x06\x02\x01\x01\x02\x01\x01".to_vec()));
    let signer = JosekitSigner::new(signer, &jwk).unwrap();
    let error = signer.sign(b"message").await.unwrap_err().to_string();
    assert!(error.contains("in the form of JWS"), "{error}");
}

#[tokio::test]
async fn a_device_that_is_away_says_so() {
    let (jwk, signer) = misbehaving(|_| {
        let away = std::io::Error::other("the token is not in its slot");
        Err(JoseError::InvalidSignature(away.into()))
    });
    let signer = JosekitSigner::new(signer, &jwk).unwrap();
    let error = signer.sign(b"message").await.unwrap_err().to_string();
    assert!(error.contains("the token is not in its slot"), "{error}");
}

#[tokio::test]
async fn a_panic_of_the_device_is_an_error_of_the_signature_alone() {
    let (jwk, signer) = misbehaving(|message| match message {
        b"fragile" => panic!("the vendor's library fell over, as this test asks of it"),
        _ => Err(JoseError::InvalidSignature(std::io::Error::other("still here").into())),
    });
    let signer = JosekitSigner::new(signer, &jwk).unwrap();
    let told = |result: Result<Vec<u8>, SignError>| result.unwrap_err().to_string();
    assert!(told(signer.sign(b"fragile").await).contains("panicked"));
    assert!(told(signer.sign(b"sturdy").await).contains("still here"));
}

#[tokio::test]
async fn a_slow_device_holds_up_no_async_thread() {
    // The device waits for a word that only this thread, the runtime's one, can give.
    let (word, waits) = channel();
    let waits: Mutex<Receiver<()>> = Mutex::new(waits);
    let (jwk, inner) = hsm();
    let signer = device(move |message| {
        let patience = Duration::from_secs(10);
        let waited = waits.lock().unwrap().recv_timeout(patience);
        waited.map_err(|error| JoseError::InvalidSignature(error.into()))?;
        inner.sign(message)
    });
    let signer = JosekitSigner::new(signer, &jwk).unwrap();
    let (signature, ()) = tokio::join!(signer.sign(b"message"), async {
        word.send(()).unwrap();
    });
    signature.unwrap();
}

#[test]
fn debug_shows_nothing_that_the_signer_would_show() {
    let (jwk, _) = hsm();
    let signer = Box::new(ES256.signer_from_jwk(&jwk).unwrap());
    let shown = format!("{:?}", JosekitSigner::new(signer, &jwk).unwrap());
    let start = "JosekitSigner { algorithm: Es256, thumbprint: \"";
    assert!(shown.starts_with(start), "{shown}");
    assert!(!shown.contains(jwk.parameter("d").unwrap().as_str().unwrap()));
}

#[test]
fn a_signer_that_is_said_to_cross_threads_is_taken_too() {
    let (jwk, _) = hsm();
    let signer: Box<dyn JwsSigner + Send + Sync> = Box::new(ES256.signer_from_jwk(&jwk).unwrap());
    assert!(JosekitSigner::new(signer, &jwk).is_ok());
}

/// A P-256 key with both halves and josekit's signer for it.
fn hsm() -> (Jwk, jws::alg::ecdsa::EcdsaJwsSigner) {
    let jwk = Jwk::generate_ec_key(EcCurve::P256).unwrap();
    let signer = ES256.signer_from_jwk(&jwk).unwrap();
    (jwk, signer)
}

type Answer = dyn Fn(&[u8]) -> Result<Vec<u8>, JoseError> + Send + Sync;

/// A P-256 device with an answer of its own.
fn device(
    answer: impl Fn(&[u8]) -> Result<Vec<u8>, JoseError> + Send + Sync + 'static,
) -> Box<dyn JwsSigner> {
    Box::new(Device(Arc::new(answer)))
}

fn misbehaving(
    answer: impl Fn(&[u8]) -> Result<Vec<u8>, JoseError> + Send + Sync + 'static,
) -> (Jwk, Box<dyn JwsSigner>) {
    (hsm().0, device(answer))
}

#[derive(Clone)]
struct Device(Arc<Answer>);

impl std::fmt::Debug for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Device")
    }
}

impl JwsSigner for Device {
    fn algorithm(&self) -> &dyn JwsAlgorithm {
        &ES256
    }
    fn key_id(&self) -> Option<&str> {
        None
    }
    fn signature_len(&self) -> usize {
        64
    }
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, JoseError> {
        (self.0)(message)
    }
    fn box_clone(&self) -> Box<dyn JwsSigner> {
        Box::new(self.clone())
    }
}
