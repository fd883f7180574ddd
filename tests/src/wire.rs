use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harness::Pebble;
use lacme::Transport;
use lacme::proto::{HttpRequest, HttpResponse, Resource};
use lacme::transport::{Delivery, HttpsTransport, TransportError};
use serde_json::Value;
use tokio::sync::Notify;

/// The way to a Pebble, with somebody on it.
///
/// Everything that passes is noted. A closure that is asked twice for each request, before it
/// leaves and when its answer has come, says what happens to it.
pub struct Wire {
    way: HttpsTransport,
    sent: Mutex<Vec<Sent>>,
    meddle: Box<dyn Fn(Moment<'_>) -> Act + Send + Sync>,
    hanging: Notify,
}

/// A request, as it was sent.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Its number on this wire, counted from 1.
    pub number: usize,
    /// What it is about.
    pub resource: Resource,
    /// Where it went.
    pub url: String,
    /// The JWS's protected header; null for a request that is not signed.
    pub protected: Value,
    /// The JWS's payload; null for an empty one.
    pub payload: Value,
    /// The answer's status, once one came.
    pub status: Option<u16>,
}

/// When the closure is asked.
#[derive(Debug)]
pub enum Moment<'a> {
    /// The request has not left.
    Before(&'a Sent),
    /// The server has answered; the answer may be changed.
    After(&'a Sent, &'a mut HttpResponse),
}

/// What happens to a request.
#[derive(Debug)]
pub enum Act {
    /// It goes on as if nobody were there.
    Pass,
    /// The client gets this, and the server no request that it has not got already.
    Answer(HttpResponse),
    /// The client gets no answer.
    Fail(TransportError),
    /// Nothing happens any more: see [`Wire::hangs`].
    Hang,
}

impl Wire {
    /// A wire that only notes.
    pub fn to(pebble: &Pebble) -> Self {
        Self::meddling(pebble, |_| Act::Pass)
    }

    /// A wire with somebody on it.
    pub fn meddling(
        pebble: &Pebble,
        meddle: impl Fn(Moment<'_>) -> Act + Send + Sync + 'static,
    ) -> Self {
        let way = HttpsTransport::new(crate::way_to(pebble)).expect("Pebble's root is usable");
        Self { way, sent: Mutex::default(), meddle: Box::new(meddle), hanging: Notify::new() }
    }

    /// All requests so far.
    pub fn sent(&self) -> Vec<Sent> {
        self.notes().clone()
    }

    /// All requests so far about one resource.
    pub fn sent_about(&self, resource: Resource) -> Vec<Sent> {
        let mut sent = self.sent();
        sent.retain(|sent| sent.resource == resource);
        sent
    }

    /// How many requests about one resource there were.
    pub fn count(&self, resource: Resource) -> usize {
        self.sent_about(resource).len()
    }

    /// Returns once a request hangs: the moment to kill the client.
    pub async fn hangs(&self) {
        self.hanging.notified().await;
    }

    fn notes(&self) -> MutexGuard<'_, Vec<Sent>> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, request: &HttpRequest) -> Sent {
        let mut notes = self.notes();
        let jws: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let sent = Sent {
            number: notes.len() + 1,
            resource: resource_at(request.uri().path()),
            url: request.uri().to_string(),
            protected: decoded(&jws["protected"]),
            payload: decoded(&jws["payload"]),
            status: None,
        };
        notes.push(sent.clone());
        sent
    }

    async fn act(&self, act: Act) -> Option<Result<HttpResponse, TransportError>> {
        match act {
            Act::Pass => None,
            Act::Answer(response) => Some(Ok(response)),
            Act::Fail(error) => Some(Err(error)),
            Act::Hang => {
                self.hanging.notify_one();
                std::future::pending().await
            }
        }
    }
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let mut sent = self.note(&request);
        let act = (self.meddle)(Moment::Before(&sent));
        if let Some(outcome) = self.act(act).await {
            return outcome;
        }
        let mut response = self.way.send(request).await?;
        sent.status = Some(response.status().as_u16());
        self.notes()[sent.number - 1].status = sent.status;
        let act = (self.meddle)(Moment::After(&sent, &mut response));
        self.act(act).await.unwrap_or(Ok(response))
    }
}

/// An answer made up.
pub fn answer(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> HttpResponse {
    http::Response::builder()
        .status(status)
        .header("content-type", content_type)
        .body(body.into())
        .expect("a test's answer is HTTP")
}

/// The failure of a connection that broke.
pub fn lost(delivery: Delivery) -> TransportError {
    TransportError::Other {
        host: "the wire".to_owned(),
        delivery,
        source: std::sync::Arc::new(std::io::Error::other("cut")),
    }
}

fn decoded(part: &Value) -> Value {
    let bytes = part.as_str().and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

/// Pebble's paths.
fn resource_at(path: &str) -> Resource {
    let known = [
        ("/dir", Resource::Directory),
        ("/nonce-plz", Resource::NewNonce),
        ("/sign-me-up", Resource::NewAccount),
        ("/my-account/", Resource::Account),
        ("/list-orderz/", Resource::Orders),
        ("/rollover-account-key", Resource::KeyChange),
        ("/order-plz", Resource::NewOrder),
        ("/my-order/", Resource::Order),
        ("/finalize-order/", Resource::Finalize),
        ("/authZ/", Resource::Authorization),
        ("/chalZ/", Resource::Challenge),
        ("/certZ/", Resource::Certificate),
        ("/revoke-cert", Resource::RevokeCert),
    ];
    let found = known.iter().find(|(start, _)| path.starts_with(start));
    match found {
        Some((_, resource)) => *resource,
        None if path.contains("/renewalInfo") => Resource::RenewalInfo,
        None => panic!("Pebble has no {path}"),
    }
}
