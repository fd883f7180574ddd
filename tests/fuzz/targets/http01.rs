//! Paths that anybody may ask the http-01 responder for.
#![no_main]

use std::sync::LazyLock;

use acme_challenges::Solver as _;
use acme_challenges::http01::{Answer, Embedded, Responses};
use acme_proto::{Proof, Token};
use libfuzzer_sys::fuzz_target;

const FOLDER: &str = "/.well-known/acme-challenge/";
const TOKEN: &str = "token-of_an_order";
const VALUE: &str = "token-of_an_order.thumbprint";

/// A shelf on which one proof stands.
static RESPONSES: LazyLock<Responses> = LazyLock::new(|| {
    let proof: Proof = serde_json::from_value(serde_json::json!({
        "identifier": { "type": "dns", "value": "a.example" },
        "wildcard": false,
        "kind": { "type": "http-01", "token": TOKEN, "key_authorization": VALUE },
    }))
    .expect("a proof");
    let solver = Embedded::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(solver.provision(&[proof])).expect("there is room on the shelf");
    solver.responses()
});

fuzz_target!(|path: &str| {
    let answer = RESPONSES.response_for(path);
    let expected = match path.strip_prefix(FOLDER) {
        None => Answer::PassOn,
        Some(TOKEN) => Answer::Found(VALUE.to_owned()),
        Some(other) if Token::parse(other).is_ok() => Answer::NotFound,
        Some(_) => Answer::Malformed,
    };
    assert_eq!(answer, expected);
    if let Ok(request) = http::Request::get(path).body(()) {
        let answer = RESPONSES.response_for(request.uri().path());
        assert_eq!(RESPONSES.respond(&request).is_none(), answer == Answer::PassOn);
    }
});
