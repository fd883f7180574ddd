use std::sync::Arc;
use std::time::SystemTime;

use acme_proto::{HttpRequest, HttpResponse, Problem, ProblemType, Resource, Token};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use http::{HeaderValue, Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::answer::{Answer, Body};
use super::authenticate::{Sender, Signed};
use super::config::ServerConfig;
use super::id::Id;
use super::jobs::{ChallengeId, IssuedCertificate, Job, OrderId};
use super::jws::Payload;
use super::limits::signed;
use super::nonces::Nonces;
use super::problem::{Refusal, problem};
use super::records::Progress;
use super::routes::{Route, Urls};
use super::state::{Change, Collection, State};
use super::verify::Verify;

/// An ACME server (RFC 8555, RFC 9773) without I/O: requests go in, answers come out, and what
/// takes time comes out as [`Job`]s whose results are told later.
///
/// It has no clock and no randomness of its own: `now` is an argument, and random bytes come from
/// a function, so that the same requests at the same times get the same answers in every run. A
/// driver sends [`Outcome::response`] only after [`Outcome::changes`] are written where a restart
/// finds them; [`Service`](super::Service) is such a driver.
///
/// ```
/// use std::sync::Arc;
/// use std::time::SystemTime;
/// use acme_proto::{HttpRequest, Url};
/// use lacme_ca::{AcmeServer, RealCrypto, ServerConfig};
///
/// let config = ServerConfig::new(Url::parse("https://ca.example")?)?;
/// let mut dice = 0;
/// let random = move |bytes: &mut [u8]| bytes.fill_with(|| { dice += 1; dice });
/// let mut server = AcmeServer::new(config, Arc::new(RealCrypto), Box::new(random));
///
/// let request = http::Request::head("https://ca.example/new-nonce").body(Vec::new())?;
/// let outcome = server.handle(&request, SystemTime::now());
/// assert_eq!(outcome.response.headers()["replay-nonce"], "AQIDBAUGBwgJCgsMDQ4PEA");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AcmeServer {
    pub(super) config: Arc<ServerConfig>,
    pub(super) urls: Urls,
    pub(super) state: State,
    pub(super) nonces: Nonces,
    pub(super) verify: Arc<dyn Verify>,
    random: Random,
    /// What the request at hand gives to do.
    pub(super) jobs: Vec<Job>,
}

/// Fills a buffer with random bytes. Nonces, tokens and the names of objects are made of them, so
/// outside of tests they have to be unpredictable.
pub type Random = Box<dyn FnMut(&mut [u8]) + Send>;

/// What came of a request, or of a job.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// The answer.
    pub response: HttpResponse,
    /// What is to be done, now or later.
    pub jobs: Vec<Job>,
    /// What is to be written before the answer leaves; empty unless
    /// [`keep_changes`](AcmeServer::keep_changes) was asked for.
    pub changes: Vec<Change>,
}

/// A stored document that is none of this server's.
#[derive(Debug, thiserror::Error)]
#[error("the stored document {collection}/{id} cannot be read: {reason}")]
pub struct RestoreError {
    collection: &'static str,
    id: String,
    reason: String,
}

impl AcmeServer {
    /// A server that knows no account yet.
    pub fn new(config: ServerConfig, verify: Arc<dyn Verify>, random: Random) -> Self {
        let retention = signed(config.retention);
        let order_window = config.limits.order_window();
        Self {
            urls: Urls::new(&config.base_url),
            state: State::new(retention, order_window),
            nonces: Nonces::new(config.limits.nonces, signed(config.nonce_lifetime)),
            verify,
            random,
            jobs: Vec::new(),
            config: Arc::new(config),
        }
    }

    /// From now on, what changes is reported in [`Outcome::changes`].
    pub fn keep_changes(&mut self) {
        self.state.keep_changes();
    }

    /// Takes back a document that a former run reported as a [`Change`].
    ///
    /// # Errors
    /// If it is none, or of a version that this one does not read.
    pub fn restore(
        &mut self,
        collection: Collection,
        id: &str,
        document: Value,
    ) -> Result<(), RestoreError> {
        let damaged = |reason: String| RestoreError {
            collection: collection.as_str(),
            id: acme_proto::printable(id),
            reason,
        };
        let id = id.parse().map_err(|()| damaged("its name is odd".to_owned()))?;
        let restored = self.state.restore(collection, id, document);
        restored.map_err(|error| damaged(error.to_string()))
    }

    /// After everything is restored: the jobs that the former run began and did not finish.
    pub fn unfinished_jobs(&mut self) -> Vec<Job> {
        self.resume_validations();
        self.resume_orders();
        std::mem::take(&mut self.jobs)
    }

    /// Which resource a request is for; `None` if there is nothing at its path.
    pub fn resource(&self, request: &HttpRequest) -> Option<Resource> {
        let (route, _) = self.urls.route(path(request))?;
        Some(route.resource())
    }

    /// The configuration.
    pub fn config(&self) -> &ServerConfig {
        &self.config
    }

    /// Answers a request that arrived at `now`. Only the path and query of its URI count, its
    /// method, its `Content-Type` and its body.
    pub fn handle(&mut self, request: &HttpRequest, now: SystemTime) -> Outcome {
        let now = seconds(now);
        self.state.forget(now);
        let mut response = match self.answer(request, now) {
            Ok(answer) => answer.into_response(),
            Err(refusal) => refusal.into_response(),
        };
        let route = self.urls.route(path(request)).map(|(route, _)| route);
        self.add_common_headers(&mut response, request, route.as_ref(), now);
        Outcome {
            response,
            jobs: std::mem::take(&mut self.jobs),
            changes: self.state.take_changes(),
        }
    }

    /// Tells what came of [`Job::Validate`]. A result that nobody waits for any more is ignored.
    pub fn finish_validation(
        &mut self,
        challenge: &ChallengeId,
        result: Result<(), Problem>,
        now: SystemTime,
    ) -> Vec<Change> {
        self.settle_challenge(challenge, result, seconds(now));
        self.state.take_changes()
    }

    /// Tells what came of [`Job::Issue`]. A result that nobody waits for any more is ignored.
    pub fn finish_issuance(
        &mut self,
        order: OrderId,
        result: Result<IssuedCertificate, Box<Problem>>,
        _now: SystemTime,
    ) -> Vec<Change> {
        self.settle_order(order.0, result);
        self.state.take_changes()
    }

    /// An order as its owner would read it now: the body of an answer that waited for
    /// [`finish_issuance`](Self::finish_issuance). `None` if it is forgotten.
    pub fn order_body(&self, order: OrderId, now: SystemTime) -> Option<Vec<u8>> {
        let record = self.state.orders().get(&order.0)?;
        let object = self.order_object(order.0, record, seconds(now));
        Some(object.to_string().into_bytes())
    }

    /// Puts a fresh nonce into an answer that was not the core's: one of a fault script.
    #[cfg(feature = "testing")]
    pub fn add_nonce(&mut self, response: &mut HttpResponse, now: SystemTime) {
        self.put_nonce(response, seconds(now));
    }

    fn answer(&mut self, request: &HttpRequest, now: Timestamp) -> Result<Answer, Refusal> {
        let (route, url) =
            self.urls.route(path(request)).ok_or_else(|| Refusal::not_found("resource"))?;
        match (request.method(), &route) {
            (&Method::GET | &Method::HEAD, Route::Directory) => Ok(self.directory()),
            // §7.2: 204 to GET, 200 to HEAD.
            (&Method::GET, Route::NewNonce) => Ok(Answer::new(StatusCode::NO_CONTENT, Body::Empty)),
            (&Method::HEAD, Route::NewNonce) => Ok(Answer::new(StatusCode::OK, Body::Empty)),
            (&Method::GET | &Method::HEAD, Route::RenewalInfo(id)) => self.renewal_info(id, now),
            (&Method::POST, _) => {
                let signed = self.authenticate(request, &url, &route, now)?;
                self.dispatch(&route, signed, &url, now)
            }
            _ => Err(Refusal::method_not_allowed(route.methods())),
        }
    }

    fn dispatch(
        &mut self,
        route: &Route,
        signed: Signed,
        url: &str,
        now: Timestamp,
    ) -> Result<Answer, Refusal> {
        let Signed { sender, payload, .. } = signed;
        let sender = match (route, sender) {
            (Route::NewAccount, Sender::Key(key)) => {
                return self.new_account(key, object(payload)?, url, now);
            }
            (Route::RevokeCert, sender) => {
                return self.revoke_certificate(sender, object(payload)?, now);
            }
            (_, Sender::Account(account)) => account,
            (_, Sender::Key(_)) => return Err(Refusal::malformed("kid is expected, not jwk")),
        };
        match route {
            Route::Directory => empty(payload).map(|()| self.directory()),
            Route::NewNonce => {
                empty(payload).map(|()| Answer::new(StatusCode::NO_CONTENT, Body::Empty))
            }
            Route::RenewalInfo(id) => {
                empty(payload)?;
                self.renewal_info(id, now)
            }
            Route::Account(id) => self.account(*id, sender, payload),
            Route::Orders { account, after } => {
                empty(payload)?;
                self.orders(*account, *after, sender, now)
            }
            Route::KeyChange => self.key_change(sender, object(payload)?, url),
            Route::NewOrder => self.new_order(sender, object(payload)?, now),
            Route::Order(id) => {
                empty(payload)?;
                self.order(*id, sender, now)
            }
            Route::Finalize(id) => self.finalize(*id, sender, object(payload)?, now),
            Route::NewAuthz => self.new_authorization(sender, object(payload)?, now),
            Route::Authorization(id) => self.authorization(*id, sender, payload, now),
            Route::Challenge(id, kind) => self.challenge(*id, kind, sender, payload, now),
            Route::Certificate(id, chain) => {
                empty(payload)?;
                self.certificate(*id, *chain, sender)
            }
            // Handled above.
            Route::NewAccount | Route::RevokeCert => {
                Err(Refusal::malformed("jwk is expected, not kid"))
            }
        }
    }

    fn directory(&self) -> Answer {
        let config = &self.config;
        let mut directory = json!({
            "newNonce": self.urls.named("new-nonce"),
            "newAccount": self.urls.named("new-account"),
            "newOrder": self.urls.named("new-order"),
            "revokeCert": self.urls.named("revoke-cert"),
            "keyChange": self.urls.named("key-change"),
        });
        if config.new_authz {
            directory["newAuthz"] = json!(self.urls.named("new-authz"));
        }
        if config.renewal_info {
            directory["renewalInfo"] = json!(self.urls.named("renewal-info"));
        }
        let mut meta = json!({ "externalAccountRequired": config.external_account_required });
        if let Some(terms) = &config.terms {
            meta["termsOfService"] = json!(terms);
        }
        if let Some(website) = &config.website {
            meta["website"] = json!(website);
        }
        if !config.caa_identities.is_empty() {
            meta["caaIdentities"] = json!(config.caa_identities);
        }
        if !config.profiles.is_empty() {
            let profiles = config.profiles.iter();
            meta["profiles"] = profiles
                .map(|(name, profile)| (name.clone(), json!(profile.description)))
                .collect::<Map<_, _>>()
                .into();
        }
        directory["meta"] = meta;
        Answer::ok(directory)
    }

    /// A nonce wherever one belongs, and the way back to the directory.
    fn add_common_headers(
        &mut self,
        response: &mut HttpResponse,
        request: &HttpRequest,
        route: Option<&Route>,
        now: Timestamp,
    ) {
        // §6.5: in every answer to a POST, and in those of newNonce.
        if request.method() == Method::POST || route == Some(&Route::NewNonce) {
            self.put_nonce(response, now);
        }
        // §7.1: "index" on every resource but the directory.
        if route != Some(&Route::Directory) {
            let link = format!("<{}>;rel=\"index\"", self.urls.named("directory"));
            if let Ok(link) = HeaderValue::from_str(&link) {
                response.headers_mut().append(http::header::LINK, link);
            }
        }
    }

    fn put_nonce(&mut self, response: &mut HttpResponse, now: Timestamp) {
        let nonce = self.nonces.issue(draw(&mut self.random), now);
        if let Ok(nonce) = HeaderValue::from_str(&nonce) {
            response.headers_mut().insert("replay-nonce", nonce);
        }
    }

    /// A name for a new object.
    pub(super) fn draw_id(&mut self) -> Id {
        Id::new(draw(&mut self.random))
    }

    /// A challenge's token, of 128 random bits (§8.3).
    pub(super) fn draw_token(&mut self) -> Token {
        let bytes: [u8; 16] = draw(&mut self.random);
        Token::parse(Base64UrlUnpadded::encode_string(&bytes))
            .expect("22 characters of base64url are a token")
    }

    fn resume_orders(&mut self) {
        let open = self.state.orders().iter();
        let processing =
            open.filter(|(_, order)| matches!(order.progress, Progress::Processing(_)));
        let processing: Vec<Id> = processing.map(|(id, _)| *id).collect();
        for id in processing {
            self.begin_issuance(id);
        }
    }
}

impl std::fmt::Debug for AcmeServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AcmeServer").field("config", &self.config).finish_non_exhaustive()
    }
}

/// The payload of a request that only reads (§6.3).
pub(super) fn empty(payload: Payload) -> Result<(), Refusal> {
    match payload {
        Payload::Empty => Ok(()),
        Payload::Object(_) => Err(Refusal::malformed(
            "this resource can only be read: the payload has to be empty (POST-as-GET)",
        )),
    }
}

/// The payload of a request that changes something.
pub(super) fn object(payload: Payload) -> Result<Map<String, Value>, Refusal> {
    match payload {
        Payload::Object(members) => Ok(members),
        Payload::Empty => Err(Refusal::malformed("the payload is empty: there is nothing to read")),
    }
}

/// 500 for what should never happen.
pub(super) fn internal(detail: impl Into<String>) -> Problem {
    problem(ProblemType::ServerInternal, detail)
}

/// Times on the wire, in records and in certificates have whole seconds.
pub(super) fn seconds(time: SystemTime) -> Timestamp {
    let time = Timestamp::try_from(time).unwrap_or(Timestamp::MAX);
    time - SignedDuration::from_nanos(i64::from(time.subsec_nanosecond()))
}

fn draw<const N: usize>(random: &mut Random) -> [u8; N] {
    let mut bytes = [0; N];
    random(&mut bytes);
    bytes
}

fn path(request: &HttpRequest) -> &str {
    request.uri().path_and_query().map_or("/", |path| path.as_str())
}
