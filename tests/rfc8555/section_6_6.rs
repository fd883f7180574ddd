//! RFC 8555 §6.6: rate limits.

use std::time::{Duration, Instant};

use lacme::proto::Resource;
use lacme::{ErrorKind, ProblemType};
use lacme_ca::Limits;
use lacme_ca::testing::{Fault, FaultScript};
use serde_json::json;

use crate::ours::{Ours, name};
use crate::world::{Client, World, order, url};

/// §6.6: too many requests are rateLimited, with the time to come back in Retry-After.
#[test]
fn a_client_above_its_limit_is_told_when_to_come_back() {
    let hour = Duration::from_secs(3600);
    let limits = Limits::default().new_orders(2, hour).new_accounts(2, hour);
    let mut world = World::with(|config| config.limits(limits));
    let (client, other) = (world.client(), world.client());
    world.pass(600);
    for name in ["a.example", "b.example"] {
        world.order(&client, &[name]);
    }
    let refused = world.post(&client, &url("new-order"), order(&["c.example"]));
    refused.refused(429, ProblemType::RateLimited);
    assert_eq!(refused.header("retry-after"), "3600");
    let refused = world.post(&Client::stranger(), &url("new-account"), json!({}));
    refused.refused(429, ProblemType::RateLimited);
    assert_eq!(refused.header("retry-after"), "3000");
    world.order(&other, &["a.example"]);
    world.pass(3600);
    world.order(&client, &["c.example"]);
}

fn limited(seconds: u64) -> Fault {
    Fault::status(429).problem(ProblemType::RateLimited, "slowly").retry_after(seconds).into()
}

/// §6.6, our side: a short Retry-After is waited out.
#[tokio::test]
async fn our_client_comes_back_when_it_is_told_to() {
    let ours = Ours::faulty(FaultScript::new(6).first(1, Resource::NewOrder, limited(2))).await;
    let begun = Instant::now();
    ours.client().issue(name("a.example")).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(2));
    assert_eq!(ours.sent_to("new-order").len(), 2);
}

/// §6.6, our side: a Retry-After beyond the time for the operation is told at once.
#[tokio::test]
async fn our_client_passes_a_long_wait_on_to_its_caller() {
    let ours = Ours::faulty(FaultScript::new(6).every(Resource::NewOrder, limited(7200))).await;
    let begun = Instant::now();
    let error = ours.client().issue(name("a.example")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimit);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(7200)));
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert_eq!(ours.sent_to("new-order").len(), 1);
}
