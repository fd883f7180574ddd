//! Headers that are missing or wrong.

use lacme::ErrorKind::Protocol;
use lacme::proto::Resource;
use lacme_ca::testing::Fault;

use crate::stage::End::{Fails, Issued};
use crate::stage::Next::{Anew, SameOrder};
use crate::stage::{ALL, Case, OBJECTS, always, left_over, play};

pub(crate) fn cases() -> Vec<Case> {
    [media_types(), missing(), locations(), waits(), nonces()].concat()
}

fn header(name: &str, value: &str) -> Fault {
    Fault::Header(name.to_owned(), value.to_owned())
}

fn without(name: &str) -> Fault {
    Fault::WithoutHeader(name.to_owned())
}

fn media_types() -> Vec<Case> {
    let kind = |kind: &str| Fault::ContentType(kind.to_owned());
    let readable = ["application/json; charset=utf-8", "text/plain", "application/octet-stream"];
    let readable =
        readable.map(|text| OBJECTS.map(|resource| always(resource, kind(text), Issued))).concat();
    let html = OBJECTS
        .map(|resource| always(resource, kind("text/html"), Fails(Protocol, left_over(resource))));
    let certificate = [
        ("application/pem-certificate-chain; charset=utf-8", Issued),
        ("application/json", Fails(Protocol, SameOrder)),
        ("text/html", Fails(Protocol, SameOrder)),
    ];
    let certificate = certificate.map(|(text, end)| always(Resource::Certificate, kind(text), end));
    [readable, html.to_vec(), certificate.to_vec()].concat()
}

fn missing() -> Vec<Case> {
    let needless = ["content-type", "link", "retry-after", "cache-control"];
    let needless = needless.map(|name| ALL.map(|resource| always(resource, without(name), Issued)));
    let nonce = ALL.map(|resource| match resource {
        Resource::NewNonce => {
            always(resource, without("replay-nonce"), Fails(Protocol, left_over(resource)))
        }
        _ => always(resource, without("replay-nonce"), Issued),
    });
    let location = ALL.map(|resource| match resource {
        Resource::NewAccount | Resource::NewOrder => {
            always(resource, without("location"), Fails(Protocol, left_over(resource)))
        }
        _ => always(resource, without("location"), Issued),
    });
    [needless.concat(), nonce.to_vec(), location.to_vec()].concat()
}

fn locations() -> Vec<Case> {
    let odd = ["ftp://localhost/1", "https://", "https://u:p@localhost/", "\u{e4}"];
    let created = [Resource::NewAccount, Resource::NewOrder];
    odd.map(|url| {
        created.map(|at| always(at, header("location", url), Fails(Protocol, left_over(at))))
    })
    .concat()
}

/// Absurd ones are clamped or ignored: nobody waits for them.
fn waits() -> Vec<Case> {
    let absurd = ["99999999999999999999", "-1", "soon", "", "Thu, 01 Jan 1970 00:00:00 GMT"];
    let polled =
        [Resource::Authorization, Resource::Challenge, Resource::Order, Resource::Finalize];
    absurd.map(|wait| polled.map(|at| always(at, header("retry-after", wait), Issued))).concat()
}

fn nonces() -> Vec<Case> {
    let answers =
        ALL.into_iter().filter(|at| *at != Resource::NewNonce && *at != Resource::Directory);
    let ignored = answers.flat_map(|at| {
        let odd = ["not base64url!", "", "AAAA=="].map(|nonce| header("replay-nonce", nonce));
        let wrong = [Fault::RepeatedNonce, Fault::StaleNonce];
        odd.into_iter().chain(wrong).map(move |fault| always(at, fault, Issued))
    });
    let mut all: Vec<_> = ignored.collect();
    let no_nonce = header("replay-nonce", "not base64url!");
    all.push(always(Resource::NewNonce, no_nonce, Fails(Protocol, Anew)));
    all.push(always(Resource::NewNonce, Fault::StaleNonce, Issued));
    all.push(always(Resource::NewNonce, Fault::RepeatedNonce, Issued).first(3));
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn json_counts_by_its_shape_but_a_page_is_no_json() {
    play(media_types()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_are_missed_only_where_nothing_can_stand_in_for_them() {
    play(missing()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_location_that_is_no_url_is_refused() {
    play(locations()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_absurd_retry_after_keeps_nobody_waiting() {
    play(waits()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_useless_nonce_costs_a_request_and_nothing_else() {
    play(nonces()).await;
}
