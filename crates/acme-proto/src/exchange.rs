//! One call to its answer: nonce, signature, delivery, and the retries that RFC 8555 asks for.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header;

use crate::crypto::{SignError, Signer};
use crate::error::{CallError, Delivery, Misuse, ParseError, failure, is_success, is_trouble};
use crate::jose::{Algorithm, Jwk, KeyId, Unsigned};
use crate::nonce::NoncePool;
use crate::objects::{Directory, ProblemType, Url};
use crate::requests::{Call, KeyRef, Payload, Resource};
use crate::retry::{Backoff, RetryAfter};
use crate::{HttpRequest, HttpResponse};

/// What to do next. A pure function of the exchange's state: asking twice changes nothing.
#[derive(Debug)]
pub enum Step<'a> {
    /// Sign these bytes with the account's (or, for [`KeyRef::Key`], the given) key.
    Sign(&'a [u8]),
    /// Send this request, add a `User-Agent` (RFC 8555 §6.1), follow no redirect.
    Send(&'a HttpRequest),
    /// Come back at this time with [`Reply::Woken`].
    WaitUntil(SystemTime),
    /// The end: the successful response, or why there is none.
    Done(&'a Result<HttpResponse, CallError>),
}

/// How the last step went.
#[derive(Debug)]
pub enum Reply {
    /// The JWS form of the signature.
    Signature(Vec<u8>),
    /// The key could not sign, in words for a person.
    SignFailed(String),
    /// A response, whatever its status.
    Response(HttpResponse),
    /// No response.
    Unreachable {
        /// Why, in words for a person.
        reason: String,
        /// Whether the server may have acted on the request.
        delivery: Delivery,
        /// Whether another try may go better; a certificate that is not trusted stays so.
        temporary: bool,
    },
    /// The time has come.
    Woken,
}

impl From<Result<Vec<u8>, SignError>> for Reply {
    fn from(signed: Result<Vec<u8>, SignError>) -> Self {
        signed.map_or_else(|error| Self::SignFailed(error.to_string()), Self::Signature)
    }
}

/// With what the requests of one account are signed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Credentials {
    /// The directory's `newNonce`.
    pub new_nonce: Url,
    /// The public key.
    pub jwk: Jwk,
    /// The signer's algorithm.
    pub algorithm: Algorithm,
    /// The account's URL; `None` before the account is known.
    pub account: Option<Url>,
}

impl Credentials {
    /// For the holder of this key at the CA of this directory, whose account is not known yet.
    pub fn of(directory: &Directory, signer: &dyn Signer) -> Self {
        let (jwk, algorithm) = (signer.jwk().clone(), signer.algorithm());
        Self::new(directory.new_nonce.clone(), jwk, algorithm, None)
    }

    /// The same key, now that its account's URL is known.
    #[must_use]
    pub fn with_account(mut self, account: Url) -> Self {
        self.account = Some(account);
        self
    }

    /// For the holder of a key whose account, if any, has this URL.
    pub fn new(new_nonce: Url, jwk: Jwk, algorithm: Algorithm, account: Option<Url>) -> Self {
        Self { new_nonce, jwk, algorithm, account }
    }
}

/// How often and how long one call is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryLimits {
    /// Tries that `badNonce` may cost (RFC 8555 §6.5). Default 20: where a server refuses
    /// every second nonce, one call in a million fails.
    pub nonce_tries: u32,
    /// Tries that a lost connection or a failing server may cost. Default 3.
    pub failure_tries: u32,
    /// The moment after which nobody waits any more. A wait that would end later ends the call at
    /// once with the answer that asked for it. Waits that a busy server asks for (429, 503) are
    /// limited by this alone; without it (default) they count as failures.
    pub deadline: Option<SystemTime>,
}

impl Default for RetryLimits {
    fn default() -> Self {
        Self { nonce_tries: 20, failure_tries: 3, deadline: None }
    }
}

impl RetryLimits {
    /// The defaults with a deadline.
    pub fn until(deadline: SystemTime) -> Self {
        Self { deadline: Some(deadline), ..Self::default() }
    }
}

/// One [`Call`] on its way to an answer.
///
/// The driver asks [`step`](Self::step), does it, tells [`reply`](Self::reply), until the step is
/// [`Step::Done`]. It may stop between any two steps. The pool is shared by all exchanges with one
/// server.
#[derive(Debug)]
pub struct Exchange {
    call: Call,
    /// `None` for an unsigned call.
    credentials: Option<Arc<Credentials>>,
    limits: RetryLimits,
    nonce_tries: u32,
    failures: u32,
    backoff: Backoff,
    slow_backoff: Backoff,
    state: State,
}

#[derive(Debug)]
enum State {
    FetchingNonce(HttpRequest),
    Signing(Unsigned),
    Sending(HttpRequest),
    Waiting(SystemTime),
    Done(Result<HttpResponse, CallError>),
}

impl Exchange {
    /// Begins a call. `credentials` may be absent for an unsigned one ([`Payload::Get`]);
    /// [`KeyRef::Account`] needs those of a known account. `seed` is for jitter.
    pub fn new(
        call: Call,
        credentials: Option<Arc<Credentials>>,
        limits: RetryLimits,
        seed: u64,
        pool: &mut NoncePool,
    ) -> Result<Self, Misuse> {
        let credentials = match (&call.payload, call.key, credentials) {
            (Payload::Get, ..) => None,
            (_, _, None) => return Err(Misuse("a signed call needs credentials")),
            (_, KeyRef::Account, Some(c)) if c.account.is_none() => {
                return Err(Misuse("a call by an account needs the account's URL"));
            }
            (_, _, signed) => signed,
        };
        let mut exchange = Self {
            call,
            credentials,
            limits,
            nonce_tries: 0,
            failures: 0,
            backoff: Backoff::new(Duration::from_millis(250), Duration::from_secs(10), seed),
            slow_backoff: Backoff::new(Duration::from_secs(1), Duration::from_secs(30), !seed),
            state: State::Waiting(SystemTime::UNIX_EPOCH),
        };
        exchange.begin(pool);
        Ok(exchange)
    }

    /// What to do next.
    pub fn step(&self) -> Step<'_> {
        match &self.state {
            State::FetchingNonce(request) | State::Sending(request) => Step::Send(request),
            State::Signing(unsigned) => Step::Sign(unsigned.signing_input()),
            State::Waiting(until) => Step::WaitUntil(*until),
            State::Done(result) => Step::Done(result),
        }
    }

    /// Whether the request on its way is for a nonce rather than the call itself.
    pub fn resource(&self) -> Resource {
        match self.state {
            State::FetchingNonce(_) => Resource::NewNonce,
            _ => self.call.resource,
        }
    }

    /// The call.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// Tells how the step went. A reply that does not fit the step changes nothing.
    pub fn reply(
        &mut self,
        reply: Reply,
        now: SystemTime,
        pool: &mut NoncePool,
    ) -> Result<(), Misuse> {
        match (&self.state, reply) {
            (State::Signing(unsigned), Reply::Signature(signature)) => {
                let body = unsigned.with_signature(&signature).to_string();
                self.state = State::Sending(self.post(body));
            }
            (State::Signing(_), Reply::SignFailed(reason)) => {
                self.state = State::Done(Err(CallError::Signature(reason)));
            }
            (State::FetchingNonce(_), Reply::Response(response)) => {
                self.nonce_came(&response, now, pool)
            }
            (State::Sending(_), Reply::Response(response)) => self.answer_came(response, now, pool),
            (
                State::FetchingNonce(_) | State::Sending(_),
                Reply::Unreachable { reason, delivery, temporary },
            ) => {
                let resource = self.resource();
                let again =
                    temporary && (delivery == Delivery::NotSent || resource.is_idempotent());
                let error = CallError::Unreachable { resource, reason, delivery };
                self.fail(error, if again { Again::Soon } else { Again::Never }, now);
            }
            (State::Waiting(_), Reply::Woken) => self.begin(pool),
            _ => return Err(Misuse("a reply to another step")),
        }
        Ok(())
    }

    /// The result, once the step is [`Step::Done`]; before, [`CallError::Misuse`].
    pub fn into_result(self) -> Result<HttpResponse, CallError> {
        match self.state {
            State::Done(result) => result,
            _ => Err(Misuse("the exchange is not done").into()),
        }
    }

    /// Goes for a nonce, from the pool or else from the server; an unsigned call needs none.
    fn begin(&mut self, pool: &mut NoncePool) {
        let nonce = self.credentials.as_ref().and_then(|_| pool.take());
        self.state = match (&self.credentials, nonce) {
            (None, _) => {
                let request = http::Request::get(self.call.url.as_str());
                State::Sending(built(request.header(header::ACCEPT, JSON).body(Vec::new())))
            }
            (Some(credentials), Some(nonce)) => State::Signing(self.lay_out(credentials, &nonce)),
            (Some(credentials), None) => {
                let request = http::Request::head(credentials.new_nonce.as_str());
                State::FetchingNonce(built(request.body(Vec::new())))
            }
        };
    }

    /// The request's JWS, all but its signature.
    fn lay_out(&self, credentials: &Credentials, nonce: &str) -> Unsigned {
        let key = match (self.call.key, &credentials.account) {
            (KeyRef::Account, Some(account)) => KeyId::Kid(account.as_str()),
            _ => KeyId::Jwk(&credentials.jwk),
        };
        let payload = match &self.call.payload {
            Payload::Post(json) => json.to_string(),
            Payload::PostAsGet | Payload::Get => String::new(),
        };
        let alg = credentials.algorithm.as_str();
        Unsigned::new(alg, key, Some(nonce), &self.call.url, payload.as_bytes())
    }

    fn post(&self, body: String) -> HttpRequest {
        let accept = match self.call.resource {
            Resource::Certificate => "application/pem-certificate-chain",
            _ => JSON,
        };
        let request = http::Request::post(self.call.url.as_str())
            .header(header::CONTENT_TYPE, "application/jose+json") // §6.2; no parameter
            .header(header::ACCEPT, accept);
        built(request.body(body.into_bytes()))
    }

    /// §7.2: any success carries a nonce.
    fn nonce_came(&mut self, response: &HttpResponse, now: SystemTime, pool: &mut NoncePool) {
        pool.harvest(response.headers());
        if !is_success(response.status()) {
            return self.refused(response, now);
        }
        match pool.take() {
            Some(nonce) => self.sign(&nonce),
            None => {
                let name = "Replay-Nonce".to_owned();
                let error = match response.headers().contains_key("replay-nonce") {
                    true => ParseError::InvalidHeader(name), // not base64url, or handed out before
                    false => ParseError::MissingHeader(name),
                };
                self.state =
                    State::Done(Err(CallError::Protocol { resource: Resource::NewNonce, error }));
            }
        }
    }

    fn answer_came(&mut self, response: HttpResponse, now: SystemTime, pool: &mut NoncePool) {
        if is_success(response.status()) {
            pool.harvest(response.headers());
            self.state = State::Done(Ok(response));
            return;
        }
        let error = failure(self.call.resource, &self.call.url, &response);
        if error.is_problem(&ProblemType::BadNonce) && self.credentials.is_some() {
            self.nonce_tries += 1;
            if self.nonce_tries < self.limits.nonce_tries {
                // §6.5: try again with the error's own nonce; the pool's may be as stale as the last.
                return match pool.admit(response.headers()) {
                    Some(nonce) => self.sign(&nonce),
                    None => self.begin(pool),
                };
            }
        }
        pool.harvest(response.headers());
        self.refused(&response, now);
    }

    fn sign(&mut self, nonce: &str) {
        if let Some(credentials) = &self.credentials {
            self.state = State::Signing(self.lay_out(credentials, nonce));
        }
    }

    /// A failed answer: is it worth another try?
    fn refused(&mut self, response: &HttpResponse, now: SystemTime) {
        let resource = self.resource();
        let error = failure(resource, &self.call.url, response);
        let again = match &error {
            CallError::Refused(refusal) if refusal.is_rate_limit() || refusal.status == 503 => {
                Again::When(refusal.retry_after)
            }
            CallError::Http { status: 429 | 503, .. } => {
                Again::When(RetryAfter::from_headers(response.headers()))
            }
            CallError::Refused(refusal) if is_trouble(refusal.status) => Again::Soon,
            // A gateway that lost the answer: the server behind it may have acted.
            CallError::Http { status, .. } if is_trouble(*status) && resource.is_idempotent() => {
                Again::Soon
            }
            _ => Again::Never,
        };
        self.fail(error, again, now);
    }

    /// Ends the call with `error`, or waits and tries again where the limits allow it.
    fn fail(&mut self, error: CallError, again: Again, now: SystemTime) {
        let deadline = self.limits.deadline;
        let (delay, counts) = match again {
            Again::Never => return self.state = State::Done(Err(error)),
            Again::Soon => (self.backoff.delay(), true),
            // Sooner than our own backoff would be a hammer, later than the server asks is its right.
            Again::When(asked) => {
                let asked = asked.map_or(Duration::ZERO, |retry| retry.delay(now));
                (self.slow_backoff.delay().max(asked), deadline.is_none())
            }
        };
        self.failures += u32::from(counts);
        let may_try = !counts || self.failures < self.limits.failure_tries;
        let until = now.checked_add(delay).filter(|_| may_try);
        self.state = match until {
            Some(until) if deadline.is_none_or(|deadline| until <= deadline) => {
                State::Waiting(until)
            }
            _ => State::Done(Err(error)),
        };
    }
}

const JSON: &str = "application/json, application/problem+json";

/// When a failed call is worth another try.
enum Again {
    Never,
    /// After a short backoff, a few times.
    Soon,
    /// When the server says, as long as the deadline allows.
    When(Option<RetryAfter>),
}

fn built(request: http::Result<HttpRequest>) -> HttpRequest {
    request.expect("a Url parses as a Uri, and the header values are constants")
}
