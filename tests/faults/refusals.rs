//! Refusals, with and without a reason, and redirects.

use lacme::ErrorKind::{Ca, Network, Protocol, RateLimit};
use lacme::ProblemType;
use lacme::proto::Resource;
use lacme_ca::testing::Fault;

use crate::stage::End::{Fails, Issued};
use crate::stage::Next::{Anew, SameKey};
use crate::stage::{ALL, Case, always, left_over, once, play};

pub(crate) fn cases() -> Vec<Case> {
    [
        passing_trouble(),
        lasting_trouble(),
        rate_limits(),
        refusals(),
        strange_successes(),
        bad_nonces(),
        redirects(),
    ]
    .concat()
}

/// A gateway's 502 tells nothing of what became of the request, so that a second newOrder could be
/// a second order; the CA's own 500 says that nothing did.
fn passing_trouble() -> Vec<Case> {
    let own = Fault::status(500).problem(ProblemType::ServerInternal, "oh");
    let ends = |resource| match resource {
        Resource::NewOrder => Fails(Protocol, SameKey),
        _ => Issued,
    };
    let gateway = ALL.map(|resource| once(resource, Fault::status(502), ends(resource)));
    let own = ALL.map(|resource| once(resource, own.clone(), Issued));
    let busy = ALL.map(|resource| once(resource, Fault::status(503).retry_after(1), Issued));
    [gateway, own, busy].concat()
}

fn lasting_trouble() -> Vec<Case> {
    let own: Fault = Fault::status(500).problem(ProblemType::ServerInternal, "oh").into();
    let busy: Fault = Fault::status(503).into();
    let case = |resource, fault: &Fault, kind| {
        // A refused newNonce has a nonce all the same (§6.5).
        let end = match resource {
            Resource::NewNonce => Issued,
            _ => Fails(kind, left_over(resource)),
        };
        always(resource, fault.clone(), end)
    };
    let own = ALL.map(|resource| case(resource, &own, Ca));
    let busy = ALL.map(|resource| case(resource, &busy, Protocol).impatient());
    [own, busy].concat()
}

fn rate_limits() -> Vec<Case> {
    let limited = |wait: &str| {
        Fault::status(429).problem(ProblemType::RateLimited, "slowly").retry_after(wait)
    };
    let short = ALL.map(|resource| once(resource, limited("1"), Issued));
    let long = ["86400", "Fri, 31 Dec 9999 23:59:59 GMT", "99999999999999999999"];
    let long = long.map(|wait| {
        ALL.map(|resource| always(resource, limited(wait), Fails(RateLimit, left_over(resource))))
    });
    [short.to_vec(), long.concat()].concat()
}

/// The answer to HEAD has no body, so no reason either.
fn refusals() -> Vec<Case> {
    let refused = Fault::status(403).problem(ProblemType::Unauthorized, "not \u{1b}[31m you");
    let said = ALL.map(|resource| {
        let kind = if resource == Resource::NewNonce { Protocol } else { Ca };
        always(resource, refused.clone(), Fails(kind, Anew))
    });
    let unsaid = ALL.map(|resource| {
        let kind = if resource == Resource::Directory { Network } else { Protocol };
        always(resource, Fault::status(403), Fails(kind, left_over(resource)))
    });
    [said, unsaid].concat()
}

/// A page of HTML with 200, as a captive portal has it.
fn strange_successes() -> Vec<Case> {
    let others = ALL.into_iter().filter(|resource| *resource != Resource::NewNonce);
    others
        .map(|resource| always(resource, Fault::status(200), Fails(Protocol, left_over(resource))))
        .collect()
}

fn bad_nonces() -> Vec<Case> {
    let signed = ALL.into_iter().skip(2);
    signed
        .flat_map(|resource| {
            let some = once(resource, Fault::BadNonce, Issued).first(3);
            [some, always(resource, Fault::BadNonce, Fails(Ca, left_over(resource)))]
        })
        .collect()
}

fn redirects() -> Vec<Case> {
    let elsewhere = |status| Fault::Redirect(status, "https://evil.example/".to_owned());
    let case = |resource, status| {
        let kind = if resource == Resource::Directory { Network } else { Protocol };
        always(resource, elsewhere(status), Fails(kind, left_over(resource)))
    };
    [302, 308].map(|status| ALL.map(|resource| case(resource, status))).concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_in_trouble_for_a_moment_is_asked_again() {
    play(passing_trouble()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stays_in_trouble_is_given_up_and_gone_on_with_later() {
    play(lasting_trouble()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_is_waited_out_or_told_at_once() {
    play(rate_limits()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_ends_it_and_the_next_run_begins_anew() {
    play(refusals()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_with_status_200_is_no_success() {
    play(strange_successes()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_nonces_are_tried_again_but_not_for_ever() {
    play(bad_nonces()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_not_followed() {
    play(redirects()).await;
}
