use std::time::Duration;

use acme_proto::{Problem, ProblemType};
use serde_json::Value;

/// One way to misbehave.
///
/// What is about a body or a header that an answer does not have, changes nothing there.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// The request waits before it is looked at.
    Delay(Duration),
    /// The connection is cut, and the request has no effect.
    DropBefore,
    /// The request takes effect, and the connection is cut instead of an answer.
    DropAfter,
    /// The request is refused with this status and has no effect; see [`Fault::status`].
    Status(StatusFault),
    /// The request is refused with `badNonce` and a good nonce, and has no effect.
    BadNonce,
    /// The request is redirected with this status to this URL, and has no effect.
    Redirect(u16, String),
    /// The answer has another `Content-Type`.
    ContentType(String),
    /// The answer lacks a header, such as `Location`, `Replay-Nonce`, `Link` or `Retry-After`.
    WithoutHeader(String),
    /// The answer has this value, and no other, in a header: an absurd `Retry-After`, a foreign
    /// `Location`.
    Header(String, String),
    /// The answer's nonce is one that another answer had before.
    RepeatedNonce,
    /// The answer's nonce is one that the server does not know.
    StaleNonce,
    /// The answer's body is broken.
    Body(BodyFault),
    /// A member of the answer's JSON object has this value instead, whether it had one or not.
    Field(String, Value),
    /// A member of the answer's JSON object is missing.
    WithoutField(String),
    /// All texts in the answer's JSON object are numbers, and all lists are texts.
    WrongTypes,
    /// The answer's object is in this state: a `valid` order says `pending` again.
    State(String),
    /// The certificate is not the one that was ordered.
    Certificate(CertificateFault),
}

impl Fault {
    /// A refusal without a problem document, as a proxy sends it. Below 400 it is a strange answer.
    pub fn status(status: u16) -> StatusFault {
        StatusFault { status, problem: None, retry_after: None }
    }
}

/// A refusal before the request takes effect.
#[derive(Clone, Debug, PartialEq)]
pub struct StatusFault {
    pub(super) status: u16,
    pub(super) problem: Option<Box<Problem>>,
    pub(super) retry_after: Option<String>,
}

impl StatusFault {
    /// With a problem document of this type.
    #[must_use]
    pub fn problem(mut self, kind: ProblemType, detail: &str) -> Self {
        let mut problem = Problem::default();
        problem.kind = kind;
        problem.detail = Some(detail.to_owned());
        problem.status = Some(self.status);
        self.problem = Some(Box::new(problem));
        self
    }

    /// With `Retry-After`: seconds, a date, or nonsense.
    #[must_use]
    pub fn retry_after(mut self, value: impl ToString) -> Self {
        self.retry_after = Some(value.to_string());
        self
    }
}

impl From<StatusFault> for Fault {
    fn from(fault: StatusFault) -> Self {
        Self::Status(fault)
    }
}

/// How a body is broken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BodyFault {
    /// There is none.
    Empty,
    /// Only its first half comes; the headers do not betray it.
    Truncated,
    /// It is a page of HTML with status 200.
    Html,
    /// It is blown up with blanks to this many bytes, and is still what it was to a JSON reader
    /// that is willing.
    Oversized(usize),
    /// It is JSON that nests this deep.
    Nested(usize),
    /// It is these bytes.
    Bytes(Vec<u8>),
}

/// What is wrong with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CertificateFault {
    /// It is for another key.
    OtherKey,
    /// It is for the right key and other names.
    OtherNames,
    /// It is for the right key and names, and its time is over.
    Expired,
    /// The PEM has a block in it that is no certificate (RFC 8555 §11.4).
    ForeignBlock,
    /// The chain begins with the issuer.
    Reversed,
    /// The chain has lost everything but the issuers.
    WithoutLeaf,
}
