//! Plays an [`Exchange`] against a server that is a closure, on a virtual clock.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use acme_proto::{
    Algorithm, Call, CallError, Credentials, Digest as _, Exchange, HttpRequest, HttpResponse,
    NoncePool, Reply, RetryLimits, Step,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::{Sha256, account, at, directory, jwk};

/// A request as the server sees it; the JWS, where there is one, taken apart and checked.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: http::HeaderMap,
    /// `null` for a request without signature.
    pub(crate) protected: Value,
    pub(crate) payload: String,
}

impl Sent {
    pub(crate) fn new(request: &HttpRequest) -> Self {
        let (mut protected, mut payload) = (Value::Null, String::new());
        if request.method() == "POST" {
            let jws: Value = serde_json::from_slice(request.body()).unwrap();
            let text = |name: &str| jws[name].as_str().unwrap().to_owned();
            let input = format!("{}.{}", text("protected"), text("payload"));
            let signature = URL_SAFE_NO_PAD.encode(sign(input.as_bytes()));
            assert_eq!(text("signature"), signature, "the signature covers what is sent");
            assert_eq!(jws.as_object().unwrap().len(), 3, "no unprotected header");
            protected = serde_json::from_slice(&decode(&text("protected"))).unwrap();
            payload = String::from_utf8(decode(&text("payload"))).unwrap();
        } else {
            assert!(request.body().is_empty());
        }
        Self {
            method: request.method().to_string(),
            url: request.uri().to_string(),
            headers: request.headers().clone(),
            protected,
            payload,
        }
    }

    pub(crate) fn nonce(&self) -> &str {
        self.protected["nonce"].as_str().unwrap_or_default()
    }
}

/// How a call went.
pub(crate) struct Played {
    pub(crate) result: Result<HttpResponse, CallError>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) waits: Vec<Duration>,
}

impl Played {
    /// The requests as `METHOD last-path-segment`.
    pub(crate) fn trace(&self) -> Vec<String> {
        let last = |url: &str| url.rsplit('/').next().unwrap_or_default().to_owned();
        let line = |sent: &Sent| format!("{} {}", sent.method, last(&sent.url));
        self.sent.iter().map(line).collect()
    }
}

pub(crate) fn credentials() -> Arc<Credentials> {
    let nonce = directory().new_nonce;
    let account = Some(account());
    Arc::new(Credentials::new(nonce, jwk(), Algorithm::Es256, account))
}

/// Plays `call` from second 0 on.
pub(crate) fn play(
    call: Call,
    limits: RetryLimits,
    pool: &mut NoncePool,
    mut server: impl FnMut(&Sent, SystemTime) -> Reply,
) -> Played {
    let mut exchange = Exchange::new(call, Some(credentials()), limits, 7, pool).unwrap();
    let (mut now, mut sent, mut waits) = (at(0), Vec::new(), Vec::new());
    for _ in 0..10_000 {
        assert_eq!(format!("{:?}", exchange.step()), format!("{:?}", exchange.step()));
        let reply = match exchange.step() {
            Step::Sign(input) => Reply::Signature(sign(input)),
            Step::Send(request) => {
                sent.push(Sent::new(request));
                server(&sent[sent.len() - 1], now)
            }
            Step::WaitUntil(until) => {
                waits.push(until.duration_since(now).unwrap());
                now = until;
                Reply::Woken
            }
            Step::Done(_) => {
                let result = exchange.into_result();
                return Played { result, sent, waits };
            }
        };
        exchange.reply(reply, now, pool).unwrap();
    }
    panic!("the exchange does not end");
}

/// Stands for a signature; [`Sent::new`] checks it.
pub(crate) fn sign(input: &[u8]) -> Vec<u8> {
    Sha256.sha256(input).to_vec()
}

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}
