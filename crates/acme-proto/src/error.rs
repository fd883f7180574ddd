//! What can go wrong, by blame: the server broke the protocol, the server refused, the network
//! failed, the caller's key failed.

use std::time::SystemTime;

use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};

use crate::link::link;
use crate::objects::{Problem, ProblemType, Url};
use crate::printable::printable;
use crate::requests::Resource;
use crate::retry::RetryAfter;

/// The CA's directory lacks what the request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// No `newAuthz`: identifiers cannot be authorized ahead of an order (RFC 8555 §7.4.1).
    #[error("this CA offers no authorization ahead of an order (newAuthz)")]
    NewAuthorization,
    /// No `keyChange` (§7.3.5).
    #[error("this CA offers no key change; create a new account instead")]
    KeyChange,
    /// No `revokeCert` (§7.6).
    #[error("this CA offers no revocation by ACME")]
    RevokeCertificate,
    /// No `renewalInfo` (RFC 9773 §4.1).
    #[error("this CA offers no renewal information")]
    RenewalInfo,
}

/// A response that is not what RFC 8555 promises: the server is to blame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// A header that must be there is not.
    #[error("the server's answer has no {0} header")]
    MissingHeader(String),
    /// A header does not hold what it should.
    #[error("the server's answer has an unusable {0} header")]
    InvalidHeader(String),
    /// The body is of another media type.
    #[error("the server answered {found:?} where {expected} was expected")]
    ContentType {
        /// The type that RFC 8555 promises.
        expected: String,
        /// The type that came, without parameters.
        found: String,
    },
    /// What came is no usable HTTP response: truncated, oversized, or something else.
    #[error("the server's answer is no usable HTTP response: {0}")]
    Http(String),
    /// The body is not the JSON object that was expected.
    #[error("the server's answer cannot be read: {0}")]
    Json(String),
    /// The object misses a field that its state promises.
    #[error("the server's answer has no {0:?}, though its state promises it")]
    MissingField(String),
    /// A list is longer than anything that makes sense.
    #[error("the server's answer lists too many {0}")]
    TooMany(String),
    /// The state is none that RFC 8555 allows here.
    #[error("the server reports the state {0:?}, which is not allowed here")]
    UnexpectedState(String),
}

/// A failed answer: what the server said, and what stood in its headers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Refusal {
    /// What was asked.
    pub resource: Resource,
    /// The status of the response, which counts more than the document's own.
    pub status: u16,
    /// The whole problem document.
    pub problem: Problem,
    /// When to try again.
    pub retry_after: Option<RetryAfter>,
    /// The terms to agree to, with `userActionRequired` (RFC 8555 §7.3.3).
    pub terms_of_service: Option<Url>,
    /// A page with help (`help` link).
    pub help: Option<Url>,
    /// The `Location`; after a key change with 409 the account that has the key (§7.3.5).
    pub location: Option<Url>,
}

impl Refusal {
    /// Whether the CA says "not so fast" (RFC 8555 §6.6).
    pub fn is_rate_limit(&self) -> bool {
        self.problem.kind == ProblemType::RateLimited || self.status == 429
    }

    /// The moment to try again, for an answer that came at `now`.
    pub fn retry_at(&self, now: SystemTime) -> Option<SystemTime> {
        now.checked_add(self.retry_after?.delay(now))
    }
}

/// Why a call brought no result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The server refused with a problem document (RFC 8555 §6.7).
    #[error("the CA refused {}: {}", .0.resource, .0.problem)]
    Refused(Box<Refusal>),
    /// The server failed without one: a proxy's or a CDN's page.
    #[error("the server answered {resource} with HTTP status {status}{}", start_of(.body))]
    Http {
        /// What was asked.
        resource: Resource,
        /// The status.
        status: u16,
        /// The start of the body, printable.
        body: String,
        /// When to try again.
        retry_after: Option<RetryAfter>,
    },
    /// The server broke the protocol.
    #[error("{resource}: {error}")]
    Protocol {
        /// What was asked.
        resource: Resource,
        /// How.
        error: ParseError,
    },
    /// The server could not be reached, or the answer was lost.
    #[error("the CA could not be reached for {resource}: {reason}")]
    Unreachable {
        /// What was asked.
        resource: Resource,
        /// The driver's words.
        reason: String,
        /// Whether the request may have been carried out all the same.
        delivery: Delivery,
    },
    /// The key could not sign.
    #[error("{0}")]
    Signature(String),
    /// The driver broke the core's rules: a bug on this side.
    #[error("internal error: {0}")]
    Misuse(String),
    /// The time set for the work is over.
    #[error("no answer to {0} within the time set")]
    Deadline(Resource),
}

impl CallError {
    /// The problem document, where the server sent one.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Refused(refusal) => Some(&refusal.problem),
            _ => None,
        }
    }

    /// Whether the server refused with this problem.
    pub fn is_problem(&self, kind: &ProblemType) -> bool {
        self.problem().is_some_and(|problem| problem.kind == *kind)
    }

    /// Whether the same call may succeed later, with nothing changed: the network's failures,
    /// rate limits, a server in trouble.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Refused(refusal) => {
                refusal.is_rate_limit()
                    || refusal.problem.kind == ProblemType::BadNonce
                    || is_trouble(refusal.status)
            }
            Self::Http { status, .. } => *status == 429 || is_trouble(*status),
            Self::Unreachable { .. } | Self::Deadline(_) | Self::Signature(_) => true,
            Self::Protocol { .. } | Self::Misuse(_) => false,
        }
    }
}

/// How far a request may have come whose answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Delivery {
    /// It surely never left.
    NotSent,
    /// The server may have acted on it.
    Unknown,
}

/// An input that does not fit what was asked for: the driver is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event does not answer the current step: {0}")]
pub struct Misuse(pub(crate) &'static str);

impl From<Misuse> for CallError {
    fn from(misuse: Misuse) -> Self {
        Self::Misuse(misuse.to_string())
    }
}

/// Turns a failed response into its error.
pub(crate) fn failure(resource: Resource, url: &Url, response: &crate::HttpResponse) -> CallError {
    let headers = response.headers();
    let status = response.status().as_u16();
    let problem = media_type(headers)
        .is_some_and(|kind| kind.eq_ignore_ascii_case("application/problem+json"))
        .then(|| serde_json::from_slice::<Problem>(response.body()).ok())
        .flatten();
    match problem {
        Some(problem) => CallError::Refused(Box::new(Refusal {
            resource,
            status,
            problem,
            retry_after: RetryAfter::from_headers(headers),
            terms_of_service: link(headers, "terms-of-service", url),
            help: link(headers, "help", url),
            location: location(headers, url).ok(),
        })),
        None => CallError::Http {
            resource,
            status,
            body: start(response.body()),
            retry_after: RetryAfter::from_headers(headers),
        },
    }
}

/// Whether a status tells of trouble that may pass; 501 says that the server never will.
pub(crate) fn is_trouble(status: u16) -> bool {
    status >= 500 && status != 501
}

/// Whether a status says that the request was done.
pub(crate) fn is_success(status: StatusCode) -> bool {
    status.is_success()
}

/// The `Content-Type` without its parameters.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(http::header::CONTENT_TYPE)?.to_str().ok()?;
    Some(text.split(';').next().unwrap_or_default().trim())
}

/// The `Location`, resolved against the request's URL.
pub(crate) fn location(headers: &HeaderMap, url: &Url) -> Result<Url, ParseError> {
    let name = || "Location".to_owned();
    let value =
        headers.get(http::header::LOCATION).ok_or_else(|| ParseError::MissingHeader(name()))?;
    let text = value.to_str().map_err(|_| ParseError::InvalidHeader(name()))?;
    url.join(text).map_err(|_| ParseError::InvalidHeader(name()))
}

/// The start of a body that is no problem document, as one printable line.
fn start(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(400)]);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    printable(&line.chars().take(200).collect::<String>())
}

fn start_of(body: &str) -> String {
    if body.is_empty() { String::new() } else { format!(", beginning {body:?}") }
}
