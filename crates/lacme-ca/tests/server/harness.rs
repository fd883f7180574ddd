//! A core on a clock that the test sets, and clients with real keys.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use acme_crypto::{CsrOptions, KeyType, PrivateKey, certificate_signing_request};
use acme_proto::{
    HttpRequest, HttpResponse, Identifier, KeyId, Problem, ProblemType, Signer as _, Unsigned, Url,
};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use lacme_ca::{
    AcmeServer, Authority, AuthorityOptions, Change, Issuer as _, Job, RealCrypto, ServerConfig,
};
use serde_json::{Value, json};

pub(crate) const BASE: &str = "https://ca.example/acme";

/// A server with an authority, and the time.
pub(crate) struct World {
    pub(crate) server: AcmeServer,
    pub(crate) authority: Arc<Authority>,
    pub(crate) now: SystemTime,
    pub(crate) jobs: Vec<Job>,
    pub(crate) changes: Vec<Change>,
}

/// Somebody with a key and perhaps an account.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) key: PrivateKey,
    pub(crate) account: Option<String>,
}

pub(crate) struct Answer(pub(crate) HttpResponse);

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|config| config)
    }

    pub(crate) fn with(configure: impl FnOnce(ServerConfig) -> ServerConfig) -> Self {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let options = AuthorityOptions::new().alternate_root(true);
        let authority = Arc::new(Authority::generate(options, now).unwrap());
        Self {
            server: core(configure(config())),
            authority,
            now,
            jobs: Vec::new(),
            changes: Vec::new(),
        }
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    pub(crate) fn send(&mut self, request: &HttpRequest) -> Answer {
        let outcome = self.server.handle(request, self.now);
        self.jobs.extend(outcome.jobs);
        self.changes.extend(outcome.changes);
        Answer(outcome.response)
    }

    pub(crate) fn get(&mut self, url: &str) -> Answer {
        self.send(&http::Request::get(url).body(Vec::new()).unwrap())
    }

    pub(crate) fn nonce(&mut self) -> String {
        let head = http::Request::head(url("new-nonce")).body(Vec::new()).unwrap();
        self.send(&head).header("replay-nonce")
    }

    /// A signed POST; `Value::Null` is a POST-as-GET.
    pub(crate) fn post(&mut self, client: &Client, url: &str, payload: Value) -> Answer {
        let nonce = self.nonce();
        self.send(&post(url, client.sign(url, Some(&nonce), &payload)))
    }

    pub(crate) fn read(&mut self, client: &Client, url: &str) -> Answer {
        self.post(client, url, Value::Null)
    }

    /// A new client with an account.
    pub(crate) fn client(&mut self) -> Client {
        let mut client = Client::new();
        let answer = self.post(&client, &url("new-account"), json!({"termsOfServiceAgreed": true}));
        assert_eq!(answer.status(), 201, "{answer:?}");
        client.account = Some(answer.header("location"));
        client
    }

    /// A new order for these names: its URL and itself.
    pub(crate) fn order(&mut self, client: &Client, names: &[&str]) -> (String, Value) {
        let answer = self.post(client, &url("new-order"), order(names));
        assert_eq!(answer.status(), 201, "{answer:?}");
        (answer.header("location"), answer.json())
    }

    /// Answers one challenge of every pending authorization of an order, and has it succeed.
    pub(crate) fn prove(&mut self, client: &Client, order: &Value) {
        for authorization in texts(&order["authorizations"]) {
            let authorization = self.read(client, &authorization).json();
            if authorization["status"] == "pending" {
                let challenge = authorization["challenges"][0]["url"].as_str().unwrap();
                assert_eq!(self.post(client, challenge, json!({})).status(), 200);
            }
        }
        self.validate(Ok(()));
    }

    /// Does the jobs that are waiting; every validation has this result.
    pub(crate) fn validate(&mut self, result: Result<(), Problem>) {
        for job in std::mem::take(&mut self.jobs) {
            let changes = match job {
                Job::Validate { challenge, .. } => {
                    self.server.finish_validation(&challenge, result.clone(), self.now)
                }
                Job::Issue { order, request } => {
                    let issued = self.authority.certify(&request, self.now);
                    self.server.finish_issuance(order, issued, self.now)
                }
                other => panic!("{other:?}"),
            };
            self.changes.extend(changes);
        }
    }

    /// From nothing to a certificate: the order, the URL of the certificate, and its key.
    pub(crate) fn issue(&mut self, client: &Client, names: &[&str]) -> (Value, String, PrivateKey) {
        let (url, order) = self.order(client, names);
        self.prove(client, &order);
        let (key, csr) = csr(names);
        let finalize = order["finalize"].as_str().unwrap();
        let answer = self.post(client, finalize, csr);
        assert_eq!((answer.status(), &answer.json()["status"]), (200, &json!("processing")));
        self.validate(Ok(()));
        let order = self.read(client, &url).json();
        assert_eq!(order["status"], "valid", "{order}");
        let certificate = order["certificate"].as_str().unwrap().to_owned();
        (order, certificate, key)
    }

    /// The server as a process would find it that starts now, from what this one wrote down.
    pub(crate) fn restart(&mut self) {
        let mut server = core(config());
        server.keep_changes();
        let mut documents = std::collections::BTreeMap::new();
        for change in &self.changes {
            documents.insert((change.collection, change.id.clone()), change.document.clone());
        }
        for ((collection, id), document) in documents {
            if let Some(document) = document {
                server.restore(collection, &id, document).unwrap();
            }
        }
        self.jobs = server.unfinished_jobs();
        self.server = server;
    }
}

impl Client {
    pub(crate) fn new() -> Self {
        Self { key: PrivateKey::generate(KeyType::EcdsaP256).unwrap(), account: None }
    }

    pub(crate) fn sign(&self, url: &str, nonce: Option<&str>, payload: &Value) -> Value {
        let key = match &self.account {
            Some(account) => KeyId::Kid(account),
            None => KeyId::Jwk(self.key.jwk()),
        };
        let payload = match payload {
            Value::Null => String::new(),
            payload => payload.to_string(),
        };
        let url = Url::parse(url).unwrap();
        let algorithm = self.key.algorithm().as_str();
        let jws = Unsigned::new(algorithm, key, nonce, &url, payload.as_bytes());
        let signature = self.key.sign_now(jws.signing_input()).unwrap();
        jws.with_signature(&signature)
    }

    /// Signs a header that says anything.
    pub(crate) fn sign_header(&self, header: &Value, payload: &str) -> Value {
        let encode = |text: String| Base64UrlUnpadded::encode_string(text.as_bytes());
        let (protected, payload) = (encode(header.to_string()), encode(payload.to_owned()));
        let signature = self.key.sign_now(format!("{protected}.{payload}").as_bytes()).unwrap();
        let signature = Base64UrlUnpadded::encode_string(&signature);
        json!({ "protected": protected, "payload": payload, "signature": signature })
    }
}

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    pub(crate) fn header(&self, name: &str) -> String {
        let value = self.0.headers().get(name);
        let value = value.unwrap_or_else(|| panic!("no {name} in {self:?}"));
        value.to_str().unwrap().to_owned()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.0.headers().contains_key(name)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.body().clone()).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(self.0.body()).unwrap()
    }

    /// The targets of links with a relation.
    pub(crate) fn links(&self, relation: &str) -> Vec<String> {
        let links = self.0.headers().get_all("link").iter().map(|link| link.to_str().unwrap());
        let end = format!(">;rel=\"{relation}\"");
        links.filter_map(|l| Some(l.strip_prefix('<')?.strip_suffix(&end)?.to_owned())).collect()
    }

    /// Checks that this is a problem document of this type, and gives its detail.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, kind: ProblemType) -> String {
        assert_eq!(self.status(), status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem: Problem = serde_json::from_slice(self.0.body()).unwrap();
        assert_eq!(problem.kind, kind, "{self:?}");
        assert_eq!(problem.status, Some(status));
        problem.detail.unwrap()
    }
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let body = String::from_utf8_lossy(self.0.body());
        write!(f, "{} {:?} {body}", self.0.status(), self.0.headers())
    }
}

pub(crate) fn url(name: &str) -> String {
    format!("{BASE}/{name}")
}

pub(crate) fn post(url: &str, body: Value) -> HttpRequest {
    let request = http::Request::post(url).header("content-type", "application/jose+json");
    request.body(body.to_string().into_bytes()).unwrap()
}

pub(crate) fn order(names: &[&str]) -> Value {
    let names: Vec<_> = names.iter().map(|name| Identifier::parse(name).unwrap()).collect();
    json!({ "identifiers": names })
}

/// A key and the payload that finalizes an order for these names with it.
pub(crate) fn csr(names: &[&str]) -> (PrivateKey, Value) {
    let key = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    let payload = csr_of(&key, names);
    (key, payload)
}

pub(crate) fn csr_of(key: &PrivateKey, names: &[&str]) -> Value {
    let names: Vec<_> = names.iter().map(|name| Identifier::parse(name).unwrap()).collect();
    let der = certificate_signing_request(key, &names, &CsrOptions::default()).unwrap();
    json!({ "csr": Base64UrlUnpadded::encode_string(&der) })
}

pub(crate) fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn config() -> ServerConfig {
    ServerConfig::new(Url::parse(BASE).unwrap()).unwrap()
}

fn core(config: ServerConfig) -> AcmeServer {
    let mut dice: u64 = 0x5eed;
    let random = move |bytes: &mut [u8]| {
        for byte in bytes {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
            *byte = (dice >> 56) as u8;
        }
    };
    let mut server = AcmeServer::new(config, Arc::new(RealCrypto), Box::new(random));
    server.keep_changes();
    server
}
