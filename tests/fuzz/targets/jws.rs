//! Signed requests as the ACME server reads them, with real cryptography. A nonce is at hand, so a
//! request that is signed well gets through.
#![no_main]

use std::sync::Arc;

use acme_proto::{Problem, Url};
use lacme_ca::{AcmeServer, RealCrypto, ServerConfig};
use lacme_fuzz::{is_shown_safely, now};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let base = Url::parse("https://ca.example").expect("a URL");
    let config = ServerConfig::new(base).expect("a base URL");
    let random = |bytes: &mut [u8]| bytes.fill(7);
    let mut server = AcmeServer::new(config, Arc::new(RealCrypto), Box::new(random));

    // The nonce BwcHBwcHBwcHBwcHBwcHBw, which requests in the corpus are signed with.
    let head = http::Request::head("/new-nonce").body(Vec::new()).expect("a request");
    server.handle(&head, now());

    let post = http::Request::post("/new-account").header("content-type", "application/jose+json");
    let response = server.handle(&post.body(body.to_vec()).expect("a request"), now()).response;
    assert!(response.headers().contains_key("replay-nonce"));
    assert!(!response.status().is_server_error());
    if !response.status().is_success() {
        let problem: Problem = serde_json::from_slice(response.body()).expect("a problem document");
        is_shown_safely(&problem);
    }
});
