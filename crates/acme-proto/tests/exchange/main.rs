//! One call to its answer: nonces (RFC 8555 §6.5), waits (§6.6), failures (§6.7), and what is sent
//! (§6.1-6.4).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod failing;
mod misuse;
mod nonces;
mod waiting;
mod what_is_sent;

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use acme_proto::{
    Call, CallError, DeactivateAccount, Delivery, Exchange, GetCertificate, GetDirectory, GetOrder,
    HttpResponse, Identifier, NewAccount, NewOrder, NoncePool, ParseError, Problem, ProblemType,
    Reply, Request as _, Resource, RetryLimits, Step, printable,
};
use proptest::prelude::*;
use serde_json::json;
use support::play::{Played, Sent, credentials, play, sign};
use support::{With as _, account, at, directory, jwk, problem, reply, url};

/// A URL that any normalisation would change.
const ODD_URL: &str = "https://CA.example:443/acme/../order/%7e1?x=%2F";

fn read_order() -> Call {
    GetOrder { url: url(ODD_URL) }.call(&directory()).unwrap()
}

fn new_order() -> Call {
    let names = [Identifier::parse("a.example").unwrap()];
    NewOrder::new(names).call(&directory()).unwrap()
}

fn pool(nonces: &[&str]) -> NoncePool {
    let mut pool = NoncePool::new();
    for nonce in nonces {
        pool.harvest(reply(200, json!({})).with("replay-nonce", nonce).headers());
    }
    pool
}

fn ok() -> Reply {
    Reply::Response(reply(200, json!({})))
}

/// Answers with `script`, one after another, the last one for ever.
fn verbatim(script: Vec<HttpResponse>) -> impl FnMut(&Sent, SystemTime) -> Reply {
    let mut count = 0;
    move |_, _| {
        count += 1;
        Reply::Response(script[count.min(script.len()) - 1].clone())
    }
}

/// The same, with a nonce in every answer that has none.
fn scripted(script: Vec<HttpResponse>) -> impl FnMut(&Sent, SystemTime) -> Reply {
    let (mut answer, mut count) = (verbatim(script), 0);
    move |sent, now| match answer(sent, now) {
        Reply::Response(response) if !response.headers().contains_key("replay-nonce") => {
            count += 1;
            Reply::Response(response.with("replay-nonce", &format!("s{count}")))
        }
        reply => reply,
    }
}

fn played(call: Call, script: Vec<HttpResponse>) -> Played {
    play(call, RetryLimits::default(), &mut pool(&["n1"]), scripted(script))
}

fn played_until(seconds: u64, script: Vec<HttpResponse>) -> Played {
    let limits = RetryLimits::until(at(seconds));
    play(read_order(), limits, &mut pool(&["n1"]), scripted(script))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_a_server_answers_the_exchange_ends(
        answers in prop::collection::vec((200_u16..600, any::<bool>(), "[0-9]{0,3}"), 1..8)
    ) {
        let mut count = 0;
        let server = |_: &Sent, _| {
            let (status, is_problem, ref wait) = answers[count % answers.len()];
            count += 1;
            let response = match is_problem {
                true => problem(status, if status % 2 == 0 { "badNonce" } else { "malformed" }),
                false => reply(status, json!({})),
            };
            let nonce = format!("n{count}");
            Reply::Response(response.with("retry-after", wait).with("replay-nonce", &nonce))
        };
        play(read_order(), RetryLimits::until(at(600)), &mut pool(&[]), server);
    }
}
