//! Every request's payload and every response's reading, by section of its RFC.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod proofs;
mod rfc7638;
mod rfc8555_7_1_1_directory;
mod rfc8555_7_1_2_accounts;
mod rfc8555_7_3_4_external_account_binding;
mod rfc8555_7_3_5_key_change;
mod rfc8555_7_4_2_certificates;
mod rfc8555_7_4_orders;
mod rfc8555_7_5_authorizations;
mod rfc8555_7_6_revocation;
mod rfc9773_renewal_info;

use acme_proto::{Call, Directory, HttpResponse, KeyRef, Payload, Request};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use support::{With as _, account, at, directory, jwk, reply, url};

fn call(request: &impl Request) -> Call {
    request.call(&directory()).unwrap()
}

fn payload(call: &Call) -> &Value {
    match &call.payload {
        Payload::Post(json) => json,
        other => panic!("{other:?} has no JSON"),
    }
}

/// What `request` makes of `response`.
fn read<R: Request>(request: &R, response: &HttpResponse) -> R::Response {
    request.parse(&call(request), response).unwrap()
}

/// A JWS' protected header and payload.
fn opened(jws: &Value) -> (Value, String) {
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(jws[name].as_str().unwrap()).unwrap();
    let header = serde_json::from_slice(&bytes("protected")).unwrap();
    (header, String::from_utf8(bytes("payload")).unwrap())
}

fn dns(name: &str) -> acme_proto::Identifier {
    acme_proto::Identifier::parse(name).unwrap()
}
