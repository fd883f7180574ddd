//! What the targets share: responses written as text, a fixed account, and the round trip.

use std::fmt::{Debug, Display};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, SystemTime};

use acme_crypto::{AwsLc, KeyType, PrivateKey};
use acme_proto::{
    Call, CallError, Credentials, Directory, Exchange, HttpResponse, NoncePool, Reply, RetryLimits,
    Signer as _, Step, Thumbprint, Url,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The moment at which every run begins, so that an input does the same every time.
pub fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

/// A URL that is known to be one.
///
/// # Panics
/// If it is none.
pub fn url(text: &str) -> Url {
    Url::parse(text).expect("a URL")
}

/// The directory of a CA that offers everything.
pub fn directory() -> Directory {
    serde_json::from_str(include_str!("directory.json")).expect("a directory")
}

/// Reads `json` as a `T`; if it is one, writing and reading it again must give the same.
///
/// # Panics
/// If it does not.
pub fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(json: &[u8]) -> Option<T> {
    let value: T = serde_json::from_slice(json).ok()?;
    let written = serde_json::to_vec(&value).expect("what was read can be written");
    let again: T = serde_json::from_slice(&written).expect("what was written can be read");
    assert_eq!(value, again);
    Some(value)
}

/// What a person reads must carry nothing that steers a terminal.
///
/// # Panics
/// If it does.
pub fn is_shown_safely(what: &impl Display) {
    let text = what.to_string();
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

/// Reads a response as it stands in the corpora: the status, a line for each header, an empty
/// line, the body.
pub fn response(text: &[u8]) -> Option<HttpResponse> {
    let (status, mut rest) = line(text)?;
    let mut response = http::Response::builder().status(status);
    loop {
        let (header, tail) = line(rest)?;
        rest = tail;
        if header.is_empty() {
            return response.body(rest.to_vec()).ok();
        }
        let colon = header.iter().position(|byte| *byte == b':')?;
        response = response.header(&header[..colon], header[colon + 1..].trim_ascii());
    }
}

fn line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|byte| *byte == b'\n')?;
    Some((&text[..end], &text[end + 1..]))
}

/// An account, the same in every run.
pub struct Account {
    /// Its key.
    pub key: PrivateKey,
    /// Its URL.
    pub url: Url,
    /// The thumbprint of its key.
    pub thumbprint: Thumbprint,
    /// What its requests are signed with.
    pub credentials: Arc<Credentials>,
}

/// The one account.
pub static ACCOUNT: LazyLock<Account> = LazyLock::new(|| {
    let key = PrivateKey::generate(KeyType::Ed25519).expect("randomness");
    let account = url("https://ca.example/account/1");
    let (jwk, algorithm) = (key.jwk().clone(), key.algorithm());
    Account {
        thumbprint: jwk.thumbprint(&AwsLc),
        credentials: Arc::new(Credentials::new(
            directory().new_nonce,
            jwk,
            algorithm,
            Some(account.clone()),
        )),
        url: account,
        key,
    }
});

/// Brings `call` to its end, on a clock that waits for nobody, with a server that answers every
/// request as `answer` does.
///
/// # Panics
/// If the exchange does not end, or waits for longer than anybody would.
pub fn exchange(call: &Call, answer: impl Fn() -> Reply) -> Result<HttpResponse, CallError> {
    let mut pool = NoncePool::new();
    let mut first = HttpResponse::default();
    first.headers_mut().insert("replay-nonce", http::HeaderValue::from_static("first"));
    pool.harvest(first.headers());

    let (credentials, mut time) = (Some(ACCOUNT.credentials.clone()), now());
    let mut exchange =
        Exchange::new(call.clone(), credentials, RetryLimits::default(), 7, &mut pool)
            .expect("the account is known");
    for _ in 0..200 {
        let reply = match exchange.step() {
            Step::Sign(_) => Reply::Signature(vec![7; 64]),
            Step::Send(_) => answer(),
            Step::WaitUntil(until) => {
                let wait = until.duration_since(time).expect("waits lie in the future");
                assert!(wait <= acme_proto::RetryAfter::MAX, "{wait:?}");
                time = until;
                Reply::Woken
            }
            Step::Done(_) => return exchange.into_result(),
        };
        exchange.reply(reply, time, &mut pool).expect("every reply fits its step");
    }
    panic!("the exchange does not end");
}
