//! What the tests share: SHA-256, a virtual clock, answers of a server, and the drivers.
#![allow(dead_code, reason = "each test binary uses its own part")]

pub(crate) mod ca;
pub(crate) mod play;
pub(crate) mod run;

use std::time::{Duration, SystemTime};

use acme_proto::{
    CallError, Digest, Directory, HttpResponse, Jwk, Refusal, Resource, Thumbprint, Url,
};
use serde_json::{Value, json};

/// SHA-256 by the `sha2` crate.
pub(crate) struct Sha256;

impl Digest for Sha256 {
    fn sha256(&self, data: &[u8]) -> [u8; 32] {
        use sha2::Digest as _;
        sha2::Sha256::digest(data).into()
    }
}

/// A moment on the virtual clock, which begins in 2027.
pub(crate) fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
}

pub(crate) fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

pub(crate) fn directory() -> Directory {
    serde_json::from_value(json!({
        "newNonce": "https://ca.example/new-nonce",
        "newAccount": "https://ca.example/new-account",
        "newOrder": "https://ca.example/new-order",
        "newAuthz": "https://ca.example/new-authz",
        "revokeCert": "https://ca.example/revoke",
        "keyChange": "https://ca.example/key-change",
        "renewalInfo": "https://ca.example/ari"
    }))
    .unwrap()
}

pub(crate) fn account() -> Url {
    url("https://ca.example/account/1")
}

pub(crate) fn jwk() -> Jwk {
    Jwk::p256(&[1; 32], &[2; 32])
}

pub(crate) fn thumbprint() -> Thumbprint {
    jwk().thumbprint(&Sha256)
}

/// A response with a JSON body.
pub(crate) fn reply(status: u16, body: Value) -> HttpResponse {
    let response =
        http::Response::builder().status(status).header("content-type", "application/json");
    response.body(body.to_string().into_bytes()).unwrap()
}

/// A problem document of one of the types of RFC 8555.
pub(crate) fn problem(status: u16, kind: &str) -> HttpResponse {
    let kind = format!("urn:ietf:params:acme:error:{kind}");
    let body = json!({ "type": kind, "detail": "because", "status": status });
    let response =
        http::Response::builder().status(status).header("content-type", "application/problem+json");
    response.body(body.to_string().into_bytes()).unwrap()
}

pub(crate) trait With {
    fn with(self, name: &'static str, value: &str) -> Self;
}

impl With for HttpResponse {
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers_mut().append(name, value.parse().unwrap());
        self
    }
}

/// The error that an exchange makes of a refusal.
pub(crate) fn refused(resource: Resource, status: u16, kind: &str) -> CallError {
    let refusal: Refusal = serde_json::from_value(json!({
        "resource": resource,
        "status": status,
        "problem": { "type": format!("urn:ietf:params:acme:error:{kind}"), "detail": "because" },
        "retry_after": null, "terms_of_service": null, "help": null, "location": null
    }))
    .unwrap();
    CallError::Refused(Box::new(refusal))
}
