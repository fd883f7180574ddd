use acme_proto::{HttpResponse, Url};
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, LINK, LOCATION, RETRY_AFTER,
};
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::Value;

use super::problem::Refusal;

/// What a handler answers with.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Body,
    headers: Vec<(HeaderName, HeaderValue)>,
}

#[derive(Debug)]
pub(super) enum Body {
    Empty,
    Json(Value),
    /// `application/pem-certificate-chain` (RFC 8555 §9.1).
    Chain(String),
}

impl Answer {
    pub(super) fn new(status: StatusCode, body: Body) -> Self {
        let headers = Vec::new();
        Self { status, body, headers }
    }

    pub(super) fn ok(object: Value) -> Self {
        Self::new(StatusCode::OK, Body::Json(object))
    }

    pub(super) fn created(object: Value, location: &Url) -> Self {
        Self::new(StatusCode::CREATED, Body::Json(object)).with_location(location)
    }

    pub(super) fn with_location(self, location: &Url) -> Self {
        self.with(LOCATION, location.as_str())
    }

    pub(super) fn with_link(self, target: &Url, relation: &str) -> Self {
        self.with(LINK, &format!("<{target}>;rel=\"{relation}\""))
    }

    /// Seconds from now.
    pub(super) fn with_retry_after(self, seconds: u64) -> Self {
        self.with(RETRY_AFTER, &seconds.to_string())
    }

    pub(super) fn with_retry_after_if(self, unfinished: bool, seconds: u64) -> Self {
        match unfinished {
            true => self.with_retry_after(seconds),
            false => self,
        }
    }

    fn with(mut self, name: HeaderName, value: &str) -> Self {
        // Our own URLs and numbers are always good header values.
        self.headers.extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
        self
    }

    pub(super) fn into_response(self) -> HttpResponse {
        let (kind, body) = match self.body {
            Body::Empty => (None, Vec::new()),
            Body::Json(value) => (Some("application/json"), value.to_string().into_bytes()),
            Body::Chain(pem) => (Some("application/pem-certificate-chain"), pem.into_bytes()),
        };
        response(self.status, kind, body, self.headers)
    }
}

impl Refusal {
    pub(super) fn into_response(self) -> HttpResponse {
        let (status, problem, headers) = self.into_parts();
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        response(status, Some("application/problem+json"), body, headers)
    }
}

fn response(
    status: StatusCode,
    content_type: Option<&'static str>,
    body: Vec<u8>,
    headers: Vec<(HeaderName, HeaderValue)>,
) -> HttpResponse {
    let mut response = HttpResponse::new(body);
    *response.status_mut() = status;
    let all = response.headers_mut();
    if let Some(kind) = content_type {
        all.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    // §7.2 for nonces; nothing else of ours is worth caching either.
    all.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // §6.1: clients may be pages of another origin.
    all.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    for (name, value) in headers {
        all.append(name, value);
    }
    response
}
