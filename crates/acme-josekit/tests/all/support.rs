//! Keys of both libraries, and what lacme would send.

use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use acme_crypto::{KeyType, PrivateKey};
use acme_josekit::josekit::jwk::{Jwk, KeyPair as _};
use acme_josekit::josekit::jws::{
    ES256, ES384, ES512, EdDSA, HS256, HS384, HS512, JwsContext, JwsHeaderSet, JwsSigner,
    JwsVerifier, PS256, RS256,
};
use acme_josekit::{JosekitSigner, from_private_key};
use acme_proto::{
    Algorithm, Call, Credentials, Directory, Exchange, MacAlgorithm, NoncePool, Reply, RetryLimits,
    Signer, Step, Url,
};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde_json::{Value, json};

pub(crate) const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::Es512,
    Algorithm::Rs256,
    Algorithm::Ps256,
    Algorithm::EdDsa,
];

pub(crate) const MACS: [MacAlgorithm; 3] =
    [MacAlgorithm::Hs256, MacAlgorithm::Hs384, MacAlgorithm::Hs512];

/// A nonce.
pub(crate) const NONCE: &str = "oFvnlFP1wIhRlYS2jTaXbA";

static RSA: LazyLock<PrivateKey> =
    LazyLock::new(|| PrivateKey::generate(KeyType::Rsa2048).unwrap());

/// A new key for the algorithm; RSA keys take long to make, so there is one.
pub(crate) fn key(algorithm: Algorithm) -> PrivateKey {
    let key_type = match algorithm {
        Algorithm::Es256 => KeyType::EcdsaP256,
        Algorithm::Es384 => KeyType::EcdsaP384,
        Algorithm::Es512 => KeyType::EcdsaP521,
        Algorithm::EdDsa => KeyType::Ed25519,
        _ => return RSA.clone(),
    };
    PrivateKey::generate(key_type).unwrap()
}

/// Two dozen keys for the algorithm, or the one RSA key.
pub(crate) fn keys(algorithm: Algorithm) -> impl Iterator<Item = PrivateKey> {
    let count = match algorithm {
        Algorithm::Rs256 | Algorithm::Ps256 => 1,
        _ => 24,
    };
    (0..count).map(move |_| key(algorithm))
}

/// A signer of ours and one of josekit's for every algorithm that there is.
pub(crate) fn signers() -> Vec<Box<dyn Signer>> {
    let ours = ALGORITHMS
        .into_iter()
        .filter(|algorithm| *algorithm != Algorithm::Ps256) // for which only HSMs ask
        .map(|algorithm| Box::new(key(algorithm)) as Box<dyn Signer>);
    let theirs =
        ALGORITHMS.into_iter().map(|algorithm| Box::new(adapted(algorithm)) as Box<dyn Signer>);
    ours.chain(theirs).collect()
}

/// A josekit signer, adapted.
pub(crate) fn adapted(algorithm: Algorithm) -> JosekitSigner {
    let jwk = from_private_key(&key(algorithm)).unwrap();
    JosekitSigner::new(josekit_signer(algorithm, &jwk), &jwk).unwrap()
}

pub(crate) fn josekit_signer(algorithm: Algorithm, jwk: &Jwk) -> Box<dyn JwsSigner> {
    match algorithm {
        Algorithm::Es256 => Box::new(ES256.signer_from_jwk(jwk).unwrap()),
        Algorithm::Es384 => Box::new(ES384.signer_from_jwk(jwk).unwrap()),
        Algorithm::Es512 => Box::new(ES512.signer_from_jwk(jwk).unwrap()),
        Algorithm::Rs256 => Box::new(RS256.signer_from_jwk(jwk).unwrap()),
        Algorithm::Ps256 => Box::new(PS256.signer_from_jwk(jwk).unwrap()),
        _ => Box::new(EdDSA.signer_from_jwk(jwk).unwrap()),
    }
}

pub(crate) fn josekit_verifier(algorithm: &str, jwk: &Jwk) -> Box<dyn JwsVerifier> {
    match algorithm {
        "ES256" => Box::new(ES256.verifier_from_jwk(jwk).unwrap()),
        "ES384" => Box::new(ES384.verifier_from_jwk(jwk).unwrap()),
        "ES512" => Box::new(ES512.verifier_from_jwk(jwk).unwrap()),
        "RS256" => Box::new(RS256.verifier_from_jwk(jwk).unwrap()),
        "PS256" => Box::new(PS256.verifier_from_jwk(jwk).unwrap()),
        "EdDSA" => Box::new(EdDSA.verifier_from_jwk(jwk).unwrap()),
        "HS256" => Box::new(HS256.verifier_from_jwk(jwk).unwrap()),
        "HS384" => Box::new(HS384.verifier_from_jwk(jwk).unwrap()),
        "HS512" => Box::new(HS512.verifier_from_jwk(jwk).unwrap()),
        other => panic!("{other} is none of ours"),
    }
}

/// A JWS as josekit reads it, once it has verified it.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) header: Value,
    pub(crate) payload: Vec<u8>,
}

impl Read {
    /// Verifies a flattened JWS: that very algorithm, that very key.
    pub(crate) fn verified(jws: &Value, algorithm: &str, jwk: &Jwk) -> Result<Self, String> {
        let members: Vec<_> = jws.as_object().unwrap().keys().collect();
        assert_eq!(members.len(), 3, "nothing unprotected: {members:?}");
        let verifier = josekit_verifier(algorithm, jwk);
        let (payload, header) = JwsContext::new()
            .deserialize_json(jws.to_string(), &*verifier)
            .map_err(|error| error.to_string())?;
        let header = Value::Object(header.into_map());
        Ok(Self { header, payload })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.payload).unwrap()
    }
}

/// A flattened JWS that josekit lays out and signs.
pub(crate) fn josekit_jws(header: &Value, payload: &[u8], signer: &dyn JwsSigner) -> Value {
    let mut laid_out = JwsHeaderSet::new();
    for (name, value) in header.as_object().unwrap() {
        laid_out.set_claim(name, Some(value.clone()), true).unwrap();
    }
    let text = JwsContext::new().serialize_flattened_json(payload, &laid_out, signer).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// The signing input and the signature of a flattened JWS.
pub(crate) fn taken_apart(jws: &Value) -> (String, Vec<u8>) {
    let member = |name: &str| jws[name].as_str().unwrap();
    let input = format!("{}.{}", member("protected"), member("payload"));
    let signature = Base64UrlUnpadded::decode_vec(member("signature")).unwrap();
    (input, signature)
}

/// What goes over the wire for `call`: an exchange with a nonce at hand, up to the first request.
pub(crate) async fn sent(call: Call, signer: &dyn Signer, account: Option<&Url>) -> Value {
    let mut pool = NoncePool::new();
    let mut headers = http::HeaderMap::new();
    headers.insert("replay-nonce", NONCE.parse().unwrap());
    pool.harvest(&headers);

    let credentials = Credentials::new(
        directory().new_nonce,
        signer.jwk().clone(),
        signer.algorithm(),
        account.cloned(),
    );
    let limits = RetryLimits::default();
    let mut exchange =
        Exchange::new(call, Some(Arc::new(credentials)), limits, 7, &mut pool).unwrap();
    let Step::Sign(input) = exchange.step() else { panic!("a nonce is at hand") };
    let signature = signer.sign(input).await.unwrap();
    let now = SystemTime::UNIX_EPOCH;
    exchange.reply(Reply::Signature(signature), now, &mut pool).unwrap();
    let Step::Send(request) = exchange.step() else { panic!("it is signed") };
    serde_json::from_slice(request.body()).unwrap()
}

pub(crate) fn directory() -> Directory {
    serde_json::from_value(json!({
        "newNonce": "https://ca.example/nonce",
        "newAccount": "https://ca.example/account",
        "newOrder": "https://ca.example/order",
        "revokeCert": "https://ca.example/revoke",
        "keyChange": "https://ca.example/key-change",
    }))
    .unwrap()
}

pub(crate) fn account() -> Url {
    Url::parse("https://ca.example/account/1").unwrap()
}

/// The public half by josekit's own reading of the private key's PKCS#8.
pub(crate) fn public_jwk_of(key: &PrivateKey) -> Jwk {
    use acme_josekit::josekit::jwk::alg::{ec::EcKeyPair, ed::EdKeyPair, rsa::RsaKeyPair};
    let der = key.to_pkcs8_der();
    match key.algorithm() {
        Algorithm::Rs256 => RsaKeyPair::from_der(&*der).unwrap().to_jwk_public_key(),
        Algorithm::EdDsa => EdKeyPair::from_der(&*der).unwrap().to_jwk_public_key(),
        _ => EcKeyPair::from_der(&*der, None).unwrap().to_jwk_public_key(),
    }
}
