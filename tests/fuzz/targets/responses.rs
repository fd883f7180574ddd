//! Whole responses: `Location`, `Link`, `Retry-After`, `Replay-Nonce`, `Content-Type`, status and
//! body, read by every request and by the exchange that decides about retries.
#![no_main]

use acme_proto::{
    AnswerChallenge, CertificateId, GetAccount, GetAuthorization, GetCertificate, GetDirectory,
    GetOrder, GetRenewalInfo, HttpResponse, Identifier, ListOrders, NewAccount, NewAuthorization,
    NewOrder, NoncePool, ParseError, Reply, Request, RetryAfter,
};
use lacme_fuzz::{directory, exchange, is_shown_safely, now, response, url};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &[u8]| {
    let Some(response) = response(text) else { return };
    let name = Identifier::parse("a.example").expect("a name");
    let object = || url("https://ca.example/acme/object/1?page=1");

    read(&NewOrder::new([name.clone()]), &response);
    read(&NewAccount::default(), &response);
    read(&NewAuthorization { identifier: name }, &response);
    read(&GetDirectory { url: object() }, &response);
    read(&GetAccount { url: object() }, &response);
    read(&GetOrder { url: object() }, &response);
    read(&GetAuthorization { url: object() }, &response);
    read(&AnswerChallenge { url: object() }, &response);
    read(&GetRenewalInfo { id: CertificateId::new(b"issuer", b"serial") }, &response);
    if let Some(page) = read(&ListOrders { url: object() }, &response) {
        assert_ne!(page.next, Some(object()), "a page is not its own successor");
    }
    read(&GetCertificate { url: object() }, &response);

    if let Some(retry) = RetryAfter::from_headers(response.headers()) {
        assert!(retry.delay(now()) <= RetryAfter::MAX);
    }
    let mut pool = NoncePool::new();
    pool.harvest(response.headers());
    pool.harvest(response.headers());
    assert!(pool.len() <= 1, "a nonce counts once");
});

/// The response as the answer to `request`: from the wire, and as if it were a success.
fn read<R: Request>(request: &R, response: &HttpResponse) -> Option<R::Response> {
    let call = request.call(&directory()).expect("the directory has everything");
    match exchange(&call, || Reply::Response(response.clone())) {
        Ok(through) => assert!(through.status().is_success()),
        Err(error) => is_shown_safely(&error),
    }
    let parsed: Result<_, ParseError> = request.parse(&call, response);
    parsed.map_err(|error| is_shown_safely(&error)).ok()
}
