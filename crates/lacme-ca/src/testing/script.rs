use std::time::Duration;

use acme_proto::{HttpResponse, ProblemType, Resource};
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use super::certificates;
use super::faults::{BodyFault, Fault, StatusFault};

/// Which requests meet which faults. Rules are looked at in their sequence, and all that match
/// apply.
#[derive(Clone, Debug)]
pub struct FaultScript {
    rules: Vec<Rule>,
    random: Random,
    /// A nonce that went out, to be repeated.
    nonce: Option<HeaderValue>,
    met: Vec<(Resource, Fault)>,
}

#[derive(Clone, Debug)]
struct Rule {
    resource: Option<Resource>,
    when: When,
    fault: Fault,
    /// Requests of this kind so far.
    seen: u64,
}

#[derive(Clone, Copy, Debug)]
enum When {
    Always,
    First(u64),
    Nth(u64),
    Sometimes(f64),
}

impl FaultScript {
    /// No faults yet. `seed` decides what [`sometimes`](Self::sometimes) means.
    pub fn new(seed: u64) -> Self {
        Self { rules: Vec::new(), random: Random(seed), nonce: None, met: Vec::new() }
    }

    /// Every request of this kind; `None` is any kind.
    #[must_use]
    pub fn every(self, kind: impl Into<Option<Resource>>, fault: impl Into<Fault>) -> Self {
        self.rule(kind.into(), When::Always, fault.into())
    }

    /// The first so many requests of this kind.
    #[must_use]
    pub fn first(
        self,
        count: u64,
        kind: impl Into<Option<Resource>>,
        fault: impl Into<Fault>,
    ) -> Self {
        self.rule(kind.into(), When::First(count), fault.into())
    }

    /// The request of this kind with this number, counted from 1.
    #[must_use]
    pub fn nth(self, n: u64, kind: impl Into<Option<Resource>>, fault: impl Into<Fault>) -> Self {
        self.rule(kind.into(), When::Nth(n), fault.into())
    }

    /// A part of all requests of this kind: 0.1 is one in ten.
    #[must_use]
    pub fn sometimes(
        self,
        probability: f64,
        kind: impl Into<Option<Resource>>,
        fault: impl Into<Fault>,
    ) -> Self {
        self.rule(kind.into(), When::Sometimes(probability), fault.into())
    }

    fn rule(mut self, resource: Option<Resource>, when: When, fault: Fault) -> Self {
        self.rules.push(Rule { resource, when, fault, seen: 0 });
        self
    }

    /// Counts a request and says what it meets.
    pub fn meet(&mut self, resource: Resource) -> Encounter {
        let mut faults = Vec::new();
        for rule in &mut self.rules {
            if rule.resource.is_none_or(|kind| kind == resource) {
                rule.seen += 1;
                let hit = match rule.when {
                    When::Always => true,
                    When::First(count) => rule.seen <= count,
                    When::Nth(n) => rule.seen == n,
                    When::Sometimes(probability) => self.random.chance(probability),
                };
                faults.extend(hit.then(|| rule.fault.clone()));
            }
        }
        self.met.extend(faults.iter().map(|fault| (resource, fault.clone())));
        let fresh = format!("{:016x}{:016x}", self.random.next(), self.random.next());
        Encounter { faults, resource, repeated: self.nonce.clone(), stale: fresh }
    }

    /// Remembers the nonce of an answer, for [`Fault::RepeatedNonce`].
    pub fn note(&mut self, response: &HttpResponse) {
        if self.nonce.is_none() {
            self.nonce = response.headers().get("replay-nonce").cloned();
        }
    }

    /// The faults that requests met so far, in their sequence.
    pub fn met(&self) -> &[(Resource, Fault)] {
        &self.met
    }
}

/// What one request meets.
#[derive(Clone, Debug)]
pub struct Encounter {
    faults: Vec<Fault>,
    resource: Resource,
    repeated: Option<HeaderValue>,
    stale: String,
}

/// What happens to a request instead of reaching the server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Interruption {
    /// The connection is cut.
    Dropped,
    /// This answer comes; [`AcmeServer::add_nonce`](crate::AcmeServer::add_nonce) completes it.
    Answered(HttpResponse),
}

impl Encounter {
    /// Whether nothing happens.
    pub fn is_harmless(&self) -> bool {
        self.faults.is_empty()
    }

    /// How long the request waits.
    pub fn delay(&self) -> Duration {
        let delays = self.faults.iter().filter_map(|fault| match fault {
            Fault::Delay(delay) => Some(*delay),
            _ => None,
        });
        delays.sum()
    }

    /// What happens instead of the request; it has no effect then.
    pub fn before(&self) -> Option<Interruption> {
        self.faults.iter().find_map(|fault| match fault {
            Fault::DropBefore => Some(Interruption::Dropped),
            Fault::Status(fault) => Some(Interruption::Answered(refusal(fault))),
            // There is no nonce to be wrong in an unsigned request.
            Fault::BadNonce if !self.is_unsigned() => {
                let detail = "this nonce is refused by a fault script";
                let fault = Fault::status(400).problem(ProblemType::BadNonce, detail);
                Some(Interruption::Answered(refusal(&fault)))
            }
            Fault::Redirect(status, location) => {
                let mut response = refusal(&Fault::status(*status));
                if let Ok(location) = HeaderValue::from_str(location) {
                    response.headers_mut().insert(LOCATION, location);
                }
                Some(Interruption::Answered(response))
            }
            _ => None,
        })
    }

    /// What becomes of the server's answer; `None` cuts the connection.
    pub fn after(&self, mut response: HttpResponse) -> Option<HttpResponse> {
        for fault in &self.faults {
            match fault {
                Fault::DropAfter => return None,
                Fault::ContentType(kind) => set(&mut response, "content-type", kind),
                Fault::Header(name, value) => set(&mut response, name, value),
                Fault::WithoutHeader(name) => {
                    response.headers_mut().remove(name.as_str());
                }
                Fault::RepeatedNonce => {
                    if let Some(nonce) = &self.repeated {
                        response.headers_mut().insert("replay-nonce", nonce.clone());
                    }
                }
                Fault::StaleNonce => set(&mut response, "replay-nonce", &self.stale),
                Fault::Body(fault) => break_body(fault, &mut response),
                Fault::Field(name, value) => change_object(&mut response, |object| {
                    object.insert(name.clone(), value.clone());
                }),
                Fault::WithoutField(name) => change_object(&mut response, |object| {
                    object.remove(name);
                }),
                Fault::State(state) => change_object(&mut response, |object| {
                    object.insert("status".to_owned(), state.as_str().into());
                }),
                Fault::WrongTypes => change_object(&mut response, |object| {
                    object.values_mut().for_each(make_strange);
                }),
                Fault::Certificate(fault) => {
                    let pem = std::str::from_utf8(response.body()).ok();
                    if let Some(pem) = pem.and_then(|pem| certificates::distort(*fault, pem)) {
                        *response.body_mut() = pem.into_bytes();
                    }
                }
                // These stop a request before.
                Fault::Delay(_)
                | Fault::DropBefore
                | Fault::Status(_)
                | Fault::BadNonce
                | Fault::Redirect(..) => {}
            }
        }
        Some(response)
    }

    fn is_unsigned(&self) -> bool {
        matches!(self.resource, Resource::Directory | Resource::NewNonce | Resource::RenewalInfo)
    }
}

fn refusal(fault: &StatusFault) -> HttpResponse {
    let (kind, body) = match &fault.problem {
        Some(problem) => {
            ("application/problem+json", serde_json::to_vec(problem).unwrap_or_default())
        }
        None => ("text/html", b"<html><h1>This is a fault</h1></html>".to_vec()),
    };
    let mut response = HttpResponse::new(body);
    *response.status_mut() =
        StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    let retry_after = fault.retry_after.as_ref().and_then(|v| HeaderValue::from_str(v).ok());
    if let Some(value) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    response
}

fn set(response: &mut HttpResponse, name: &str, value: &str) {
    let header = (HeaderName::try_from(name).ok(), HeaderValue::from_str(value).ok());
    if let (Some(name), Some(value)) = header {
        response.headers_mut().insert(name, value);
    }
}

fn break_body(fault: &BodyFault, response: &mut HttpResponse) {
    let body = response.body_mut();
    match fault {
        BodyFault::Empty => body.clear(),
        BodyFault::Truncated => body.truncate(body.len() / 2),
        BodyFault::Oversized(bytes) => body.resize(body.len().max(*bytes), b' '),
        BodyFault::Nested(depth) => *body = "[".repeat(*depth).into_bytes(),
        BodyFault::Bytes(bytes) => body.clone_from(bytes),
        BodyFault::Html => {
            *body = b"<html><h1>We are improving our service</h1></html>".to_vec();
            *response.status_mut() = StatusCode::OK;
            set(response, "content-type", "text/html");
        }
    }
}

fn change_object(
    response: &mut HttpResponse,
    change: impl FnOnce(&mut serde_json::Map<String, Value>),
) {
    if let Ok(Value::Object(mut object)) = serde_json::from_slice(response.body()) {
        change(&mut object);
        *response.body_mut() = Value::Object(object).to_string().into_bytes();
    }
}

fn make_strange(value: &mut Value) {
    *value = match value {
        Value::String(_) => 7.into(),
        Value::Array(_) => "seven".into(),
        Value::Object(_) => Value::Null,
        _ => serde_json::json!({ "seven": 7 }),
    };
}

/// SplitMix64, which is all the chance that a script needs.
#[derive(Clone, Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn chance(&mut self, probability: f64) -> bool {
        // The upper 53 bits are a number from 0 to 1, as exact as a float can be.
        #[allow(clippy::cast_precision_loss, reason = "53 bits fit into a float")]
        let drawn = (self.next() >> 11) as f64 / (1u64 << 53) as f64;
        drawn < probability
    }
}
