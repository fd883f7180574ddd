use acme_proto::{Identifier, Problem, ProblemType, Subproblem, Url};
use http::header::{ALLOW, LINK, LOCATION, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};
use jiff::SignedDuration;

/// A refusal: a problem document (RFC 8555 §6.7) with its status and headers.
#[derive(Debug)]
pub(super) struct Refusal(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    problem: Problem,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, kind: ProblemType, detail: impl Into<String>) -> Self {
        Self(Box::new(Parts { status, problem: problem(kind, detail), headers: Vec::new() }))
    }

    /// 400 `malformed`.
    pub(super) fn malformed(detail: impl Into<String>) -> Self {
        Self::bad_request(ProblemType::Malformed, detail)
    }

    /// 400 with a type of its own.
    pub(super) fn bad_request(kind: ProblemType, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, kind, detail)
    }

    /// 401 `unauthorized`: who asks may not ask at all.
    pub(super) fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, ProblemType::Unauthorized, detail)
    }

    /// 403 `unauthorized`: who asks may not ask for this.
    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, ProblemType::Unauthorized, detail)
    }

    /// 404 `malformed`, as no better type is registered.
    pub(super) fn not_found(what: &str) -> Self {
        let detail = format!("there is no such {what}");
        Self::new(StatusCode::NOT_FOUND, ProblemType::Malformed, detail)
    }

    /// 405 `malformed` (RFC 8555 §6.3).
    pub(super) fn method_not_allowed(allowed: &'static str) -> Self {
        let detail = format!("this resource answers {allowed} only");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, ProblemType::Malformed, detail)
            .with(ALLOW, HeaderValue::from_static(allowed))
    }

    /// 429 `rateLimited` (§6.6).
    pub(super) fn rate_limited(detail: impl Into<String>, wait: SignedDuration) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, ProblemType::RateLimited, detail)
            .with(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)))
    }

    /// 403 `userActionRequired` with a link to the terms (§7.3.3).
    pub(super) fn terms(url: &str, detail: &str) -> Self {
        let mut refusal = Self::new(StatusCode::FORBIDDEN, ProblemType::UserActionRequired, detail);
        refusal.0.problem.instance = Some(url.to_owned());
        match HeaderValue::try_from(format!("<{url}>;rel=\"terms-of-service\"")) {
            Ok(link) => refusal.with(LINK, link),
            Err(_) => refusal,
        }
    }

    /// One refusal for all identifiers that were refused, each with its reason (§6.7.1).
    pub(super) fn identifiers(mut refused: Vec<(Identifier, ProblemType, String)>) -> Self {
        if refused.len() == 1 {
            let (identifier, kind, reason) = refused.remove(0);
            return Self::bad_request(kind, format!("{identifier}: {reason}"));
        }
        let first = refused.first().map(|(_, kind, _)| kind.clone());
        let alike = refused.iter().all(|(_, kind, _)| Some(kind) == first.as_ref());
        let kind = first.filter(|_| alike).unwrap_or(ProblemType::Compound);
        let mut refusal = Self::bad_request(kind, "several identifiers cannot be ordered");
        let parts = refused.into_iter().map(|(identifier, kind, reason)| {
            let mut part = Subproblem::default();
            (part.kind, part.detail, part.identifier) = (kind, Some(reason), Some(identifier));
            part
        });
        refusal.0.problem.subproblems = parts.collect();
        refusal
    }

    pub(super) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    pub(super) fn with_location(self, url: &Url) -> Self {
        match HeaderValue::from_str(url.as_str()) {
            Ok(value) => self.with(LOCATION, value),
            Err(_) => self,
        }
    }

    /// The algorithms that would have been accepted (§6.2).
    pub(super) fn with_algorithms(mut self, algorithms: Vec<String>) -> Self {
        self.0.problem.algorithms = algorithms;
        self
    }

    pub(super) fn into_parts(self) -> (StatusCode, Problem, Vec<(HeaderName, HeaderValue)>) {
        let Parts { status, mut problem, headers } = *self.0;
        problem.status = Some(status.as_u16());
        (status, problem, headers)
    }
}

/// A problem document of a type with a sentence for a person.
pub(super) fn problem(kind: ProblemType, detail: impl Into<String>) -> Problem {
    let mut problem = Problem::default();
    problem.kind = kind;
    problem.detail = Some(detail.into());
    problem
}
