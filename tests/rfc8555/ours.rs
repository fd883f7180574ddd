//! Our client over a wire that notes every request, against a server in the same process.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use lacme::proto::{HttpRequest, HttpResponse};
use lacme::transport::{Delivery, TransportError};
use lacme::{Client, ClientBuilder, Identifier, Store, Transport, Url};
use lacme_ca::testing::FaultScript;
use lacme_ca::{Authority, AuthorityOptions, ServerConfig, Service};
use lacme_tests::Shelf;
use serde_json::Value;

use crate::world::{BASE, decode};

/// A server that our client can reach, and what passed between them.
pub(crate) struct Ours {
    pub(crate) service: Service,
    notes: Mutex<Vec<Sent>>,
    shelf: Arc<Shelf>,
}

/// A request of our client, and how it was answered.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) request: HttpRequest,
    /// The JWS, null for an unsigned request.
    pub(crate) jws: Value,
    /// Its protected header.
    pub(crate) protected: Value,
    /// Its payload as text.
    pub(crate) payload: String,
    pub(crate) answer: Option<HttpResponse>,
}

impl Sent {
    pub(crate) fn url(&self) -> String {
        self.request.uri().to_string()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.payload).unwrap()
    }

    pub(crate) fn answered_header(&self, name: &str) -> Option<String> {
        let value = self.answer.as_ref()?.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    }
}

impl Ours {
    pub(crate) async fn new() -> Arc<Self> {
        Self::with(|config| config).await
    }

    pub(crate) async fn with(configure: impl FnOnce(ServerConfig) -> ServerConfig) -> Arc<Self> {
        Self::set_up(configure, None).await
    }

    pub(crate) async fn faulty(script: FaultScript) -> Arc<Self> {
        Self::set_up(|config| config, Some(script)).await
    }

    pub(crate) async fn set_up(
        configure: impl FnOnce(ServerConfig) -> ServerConfig,
        script: Option<FaultScript>,
    ) -> Arc<Self> {
        let config = configure(ServerConfig::new(Url::parse(BASE).unwrap()).unwrap());
        let options = AuthorityOptions::new().alternate_root(true);
        let authority = Arc::new(Authority::generate(options, SystemTime::now()).unwrap());
        let shelf = Arc::new(Shelf::default());
        let mut builder = Service::builder(config, authority, shelf.clone());
        if let Some(script) = script {
            builder = builder.faults(script);
        }
        let service = builder.build().await.unwrap();
        Arc::new(Self { service, notes: Mutex::default(), shelf })
    }

    /// Our client, set up as a user would.
    pub(crate) fn builder(self: &Arc<Self>) -> ClientBuilder {
        Client::builder()
            .directory(Url::parse(format!("{BASE}/directory")).unwrap())
            .transport(self.clone())
            .store(Store::memory())
            .contact(["admin@example.com"])
            .agree_to_terms(true)
            .solver(self.shelf.clone())
            .timeout(Duration::from_secs(10))
    }

    pub(crate) fn client(self: &Arc<Self>) -> Client {
        self.builder().build().unwrap()
    }

    /// Everything that our client sent so far.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.notes.lock().unwrap().clone()
    }

    /// What it sent to URLs whose path below the base begins so.
    pub(crate) fn sent_to(&self, start: &str) -> Vec<Sent> {
        let start = format!("{BASE}/{start}");
        let mut sent = self.sent();
        sent.retain(|sent| sent.url().starts_with(&start));
        sent
    }

    /// The signed ones.
    pub(crate) fn signed(&self) -> Vec<Sent> {
        let mut sent = self.sent();
        sent.retain(|sent| !sent.jws.is_null());
        sent
    }
}

#[async_trait]
impl Transport for Ours {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let jws: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let (mut protected, mut payload) = (Value::Null, String::new());
        if !jws.is_null() {
            protected = serde_json::from_slice(&decode(&jws["protected"])).unwrap();
            payload = String::from_utf8(decode(&jws["payload"])).unwrap();
        }
        let answer = self.service.respond(&request).await;
        let sent = Sent { request, jws, protected, payload, answer: answer.clone() };
        self.notes.lock().unwrap().push(sent);
        answer.ok_or_else(|| TransportError::Other {
            host: "ca.example".to_owned(),
            delivery: Delivery::Unknown,
            source: Arc::new(std::io::Error::other("cut")),
        })
    }
}

pub(crate) fn name(text: &str) -> [Identifier; 1] {
    [Identifier::parse(text).unwrap()]
}
