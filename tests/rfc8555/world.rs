//! The server's core on a clock that the test sets, and clients that sign whatever they like.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lacme::crypto::{CsrOptions, certificate_signing_request};
use lacme::proto::{HttpRequest, HttpResponse};
use lacme::{Identifier, KeyType, PrivateKey, Problem, ProblemType, Signer as _, Url};
use lacme_ca::{
    AcmeServer, Authority, AuthorityOptions, Issuer as _, Job, RealCrypto, ServerConfig,
};
use serde_json::{Map, Value, json};

pub(crate) const BASE: &str = "https://ca.example/acme";

/// A server, its authority, and the time.
pub(crate) struct World {
    pub(crate) server: AcmeServer,
    pub(crate) now: SystemTime,
    /// What the server still has to do.
    pub(crate) jobs: Vec<Job>,
    authority: Authority,
}

/// Somebody with a key, and perhaps an account.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) key: PrivateKey,
    pub(crate) account: Option<String>,
}

/// What the server answered.
pub(crate) struct Answer(pub(crate) HttpResponse);

impl World {
    pub(crate) fn new() -> Self {
        Self::with(|config| config)
    }

    pub(crate) fn with(configure: impl FnOnce(ServerConfig) -> ServerConfig) -> Self {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let options = AuthorityOptions::new().alternate_root(true);
        let config = ServerConfig::new(Url::parse(BASE).unwrap()).unwrap();
        let mut dice: u64 = 0x5eed;
        let random = move |bytes: &mut [u8]| {
            for byte in bytes {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040);
                *byte = (dice >> 56) as u8;
            }
        };
        Self {
            server: AcmeServer::new(configure(config), Arc::new(RealCrypto), Box::new(random)),
            now,
            jobs: Vec::new(),
            authority: Authority::generate(options, now).unwrap(),
        }
    }

    pub(crate) fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    pub(crate) fn send(&mut self, request: &HttpRequest) -> Answer {
        let outcome = self.server.handle(request, self.now);
        self.jobs.extend(outcome.jobs);
        Answer(outcome.response)
    }

    /// A request without body.
    pub(crate) fn plain(&mut self, method: &str, url: &str) -> Answer {
        self.send(&http::Request::builder().method(method).uri(url).body(Vec::new()).unwrap())
    }

    pub(crate) fn get(&mut self, url: &str) -> Answer {
        self.plain("GET", url)
    }

    pub(crate) fn nonce(&mut self) -> String {
        self.plain("HEAD", &url("new-nonce")).header("replay-nonce")
    }

    /// A signed POST, as it should be; `Value::Null` is a POST-as-GET.
    pub(crate) fn post(&mut self, client: &Client, url: &str, payload: Value) -> Answer {
        self.post_with(client, url, payload, |_| {})
    }

    /// A signed POST whose protected header was changed before it was signed.
    pub(crate) fn post_with(
        &mut self,
        client: &Client,
        url: &str,
        payload: Value,
        change: impl FnOnce(&mut Map<String, Value>),
    ) -> Answer {
        let mut header = client.header(url, &self.nonce());
        change(&mut header);
        self.send(&post(url, &client.sign(&header, &text(&payload))))
    }

    /// A signed POST whose JWS was changed after it was signed.
    pub(crate) fn post_tampered(
        &mut self,
        client: &Client,
        url: &str,
        payload: Value,
        tamper: impl FnOnce(&mut Value),
    ) -> Answer {
        let mut jws = client.sign(&client.header(url, &self.nonce()), &text(&payload));
        tamper(&mut jws);
        self.send(&post(url, &jws))
    }

    /// A POST-as-GET.
    pub(crate) fn read(&mut self, client: &Client, url: &str) -> Answer {
        self.post(client, url, Value::Null)
    }

    /// Somebody with a new account.
    pub(crate) fn client(&mut self) -> Client {
        self.client_with(PrivateKey::generate(KeyType::EcdsaP256).unwrap())
    }

    /// Somebody with a new account for this key.
    pub(crate) fn client_with(&mut self, key: PrivateKey) -> Client {
        let mut client = Client { key, account: None };
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

    /// An order whose names are all proven.
    pub(crate) fn ready_order(&mut self, client: &Client, names: &[&str]) -> (String, Value) {
        let (url, order) = self.order(client, names);
        for authorization in texts(&order["authorizations"]) {
            let challenge = self.challenge(client, &authorization);
            assert_eq!(self.post(client, &challenge, json!({})).status(), 200);
        }
        self.work(Ok(()));
        (url.clone(), self.read(client, &url).json())
    }

    /// The URL of an authorization's first challenge.
    pub(crate) fn challenge(&mut self, client: &Client, authorization: &str) -> String {
        let authorization = self.read(client, authorization).json();
        authorization["challenges"][0]["url"].as_str().unwrap().to_owned()
    }

    /// Does what is to be done; validations have this result.
    pub(crate) fn work(&mut self, result: Result<(), Problem>) {
        for job in std::mem::take(&mut self.jobs) {
            match job {
                Job::Validate { challenge, .. } => {
                    self.server.finish_validation(&challenge, result.clone(), self.now);
                }
                Job::Issue { order, request } => {
                    let issued = self.authority.certify(&request, self.now);
                    self.server.finish_issuance(order, issued, self.now);
                }
                other => panic!("{other:?}"),
            }
        }
    }

    /// From nothing to a certificate: its URL, its chain and its key.
    pub(crate) fn issue(
        &mut self,
        client: &Client,
        names: &[&str],
    ) -> (String, String, PrivateKey) {
        let (url, order) = self.ready_order(client, names);
        let key = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
        let finalize = order["finalize"].as_str().unwrap();
        assert_eq!(self.post(client, finalize, csr(&key, names)).status(), 200);
        self.work(Ok(()));
        let order = self.read(client, &url).json();
        let certificate = order["certificate"].as_str().unwrap().to_owned();
        let chain = self.read(client, &certificate).text();
        (certificate, chain, key)
    }
}

impl Client {
    /// Somebody without an account.
    pub(crate) fn stranger() -> Self {
        Self { key: PrivateKey::generate(KeyType::EcdsaP256).unwrap(), account: None }
    }

    /// The same key, not in the name of its account.
    pub(crate) fn by_key(&self) -> Self {
        Self { key: self.key.clone(), account: None }
    }

    /// The same account, with a key that is not its own.
    pub(crate) fn impostor(&self) -> Self {
        Self { account: self.account.clone(), ..Self::stranger() }
    }

    pub(crate) fn url(&self) -> String {
        self.account.clone().expect("a client with an account")
    }

    /// A protected header as it should be.
    pub(crate) fn header(&self, url: &str, nonce: &str) -> Map<String, Value> {
        let mut header = Map::new();
        header.insert("alg".to_owned(), json!(self.key.algorithm().as_str()));
        match &self.account {
            Some(account) => header.insert("kid".to_owned(), json!(account)),
            None => header.insert("jwk".to_owned(), json!(self.key.jwk())),
        };
        header.insert("nonce".to_owned(), json!(nonce));
        header.insert("url".to_owned(), json!(url));
        header
    }

    /// A flattened JWS with any header and any payload.
    pub(crate) fn sign(&self, header: &Map<String, Value>, payload: &str) -> Value {
        let protected = encode(Value::from(header.clone()).to_string());
        let payload = encode(payload);
        let signature = self.key.sign_now(format!("{protected}.{payload}").as_bytes()).unwrap();
        json!({ "protected": protected, "payload": payload, "signature": encode(signature) })
    }

    /// A JWS that stands inside of another's payload: with a key of its own and no nonce.
    pub(crate) fn sign_inner(&self, url: &str, payload: &Value) -> Value {
        let mut header = self.by_key().header(url, "");
        header.remove("nonce");
        self.sign(&header, &payload.to_string())
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
        serde_json::from_slice(self.0.body()).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The targets of links with a relation.
    pub(crate) fn links(&self, relation: &str) -> Vec<String> {
        let links = self.0.headers().get_all("link").iter().map(|link| link.to_str().unwrap());
        let end = format!(">;rel=\"{relation}\"");
        links.filter_map(|l| Some(l.strip_prefix('<')?.strip_suffix(&end)?.to_owned())).collect()
    }

    /// Checks that it is a problem document of this type, and gives it.
    #[track_caller]
    pub(crate) fn refused(&self, status: u16, kind: ProblemType) -> Problem {
        assert_eq!(self.status(), status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem: Problem = serde_json::from_slice(self.0.body()).unwrap();
        assert_eq!(problem.kind, kind, "{self:?}");
        problem
    }

    #[track_caller]
    pub(crate) fn accepted(&self, status: u16) -> Value {
        assert_eq!(self.status(), status, "{self:?}");
        if self.0.body().is_empty() { Value::Null } else { self.json() }
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

pub(crate) fn post(url: &str, body: &Value) -> HttpRequest {
    let request = http::Request::post(url).header("content-type", "application/jose+json");
    request.body(body.to_string().into_bytes()).unwrap()
}

pub(crate) fn order(names: &[&str]) -> Value {
    json!({ "identifiers": identifiers(names) })
}

/// The payload that finalizes an order for these names with this key.
pub(crate) fn csr(key: &PrivateKey, names: &[&str]) -> Value {
    let der = certificate_signing_request(key, &identifiers(names), &CsrOptions::default());
    json!({ "csr": encode(der.unwrap()) })
}

pub(crate) fn identifiers(names: &[&str]) -> Vec<Identifier> {
    names.iter().map(|name| Identifier::parse(name).unwrap()).collect()
}

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn decode(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().expect("a text")).expect("base64url")
}

pub(crate) fn texts(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn text(payload: &Value) -> String {
    match payload {
        Value::Null => String::new(),
        payload => payload.to_string(),
    }
}
