//! RFC 8555 §7.5: authorizing identifiers.

use lacme::proto::Resource;
use lacme::{ErrorKind, Problem, ProblemType};
use lacme_ca::testing::{Fault, FaultScript};
use serde_json::{Value, json};

use crate::ours::{Ours, name};
use crate::world::{World, identifiers, texts};

/// §7.5: an authorization says of what, until when, and by which challenges with URL and status.
#[test]
fn an_authorization_offers_its_challenges() {
    let mut world = World::new();
    let client = world.client();
    let (_, order) = world.order(&client, &["a.example"]);
    let target = texts(&order["authorizations"]).remove(0);
    let authorization = world.read(&client, &target).accepted(200);
    assert_eq!(authorization["status"], "pending");
    assert!(authorization["expires"].is_string());
    for challenge in authorization["challenges"].as_array().unwrap() {
        assert_eq!(challenge["status"], "pending");
        let url = challenge["url"].as_str().unwrap();
        assert_eq!(world.read(&client, url).accepted(200), *challenge);
    }
}

/// §7.5.1: the answer to a response is the challenge, with a link "up" to its authorization.
#[test]
fn a_challenge_links_up_to_its_authorization() {
    let mut world = World::new();
    let client = world.client();
    let (_, order) = world.order(&client, &["a.example"]);
    let authorization = texts(&order["authorizations"]).remove(0);
    let challenge = world.challenge(&client, &authorization);
    for payload in [Value::Null, json!({}), json!({})] {
        let answer = world.post(&client, &challenge, payload);
        assert_eq!(answer.accepted(200)["url"], challenge);
        assert_eq!(answer.links("up"), [authorization.as_str()]);
    }
}

/// §7.5.1: unknown fields of a response are ignored, such as RFC 8555's forerunners sent.
#[test]
fn unknown_fields_of_a_response_are_ignored() {
    let mut world = World::new();
    let client = world.client();
    let (_, order) = world.order(&client, &["a.example"]);
    let challenge = world.challenge(&client, &texts(&order["authorizations"])[0]);
    let payload = json!({"keyAuthorization": "evil.evil", "status": "valid", "type": "x"});
    assert_eq!(world.post(&client, &challenge, payload).accepted(200)["status"], "processing");
    assert_eq!(world.jobs.len(), 1);
}

/// §7.5.1: while the server validates, it says when to look again.
#[test]
fn an_authorization_in_validation_has_a_retry_after() {
    let mut world = World::new();
    let client = world.client();
    let (_, order) = world.order(&client, &["a.example"]);
    let authorization = texts(&order["authorizations"]).remove(0);
    let challenge = world.challenge(&client, &authorization);
    assert!(!world.read(&client, &authorization).has("retry-after"));
    world.post(&client, &challenge, json!({})).accepted(200);
    for target in [&authorization, &challenge] {
        assert_eq!(world.read(&client, target).header("retry-after"), "1");
    }
    world.work(Ok(()));
    assert!(!world.read(&client, &authorization).has("retry-after"));
}

/// §7.5.1, §8.2: however often a client says that it is ready, a challenge is validated once.
#[test]
fn a_response_that_comes_twice_starts_one_validation() {
    let mut world = World::new();
    let client = world.client();
    let (_, order) = world.order(&client, &["a.example"]);
    let challenge = world.challenge(&client, &texts(&order["authorizations"])[0]);
    for _ in 0..3 {
        world.post(&client, &challenge, json!({})).accepted(200);
    }
    assert_eq!(world.jobs.len(), 1);
    world.work(Ok(()));
    assert_eq!(world.post(&client, &challenge, json!({})).accepted(200)["status"], "valid");
    assert!(world.jobs.is_empty());
}

/// §7.5.2: a deactivated authorization authorizes nothing, and takes its pending order with it.
#[test]
fn a_deactivated_authorization_authorizes_nothing() {
    let mut world = World::new();
    let client = world.client();
    let (order_url, ready) = world.ready_order(&client, &["a.example"]);
    let authorization = texts(&ready["authorizations"]).remove(0);
    let answer = world.post(&client, &authorization, json!({"status": "deactivated"}));
    assert_eq!(answer.accepted(200)["status"], "deactivated");
    assert_eq!(world.read(&client, &order_url).json()["status"], "invalid");
    let (_, fresh) = world.order(&client, &["a.example"]);
    assert_eq!(fresh["status"], "pending", "it has to be proven anew");
}

/// §7.5.2: deactivation is the only thing that a client may change about an authorization.
#[test]
fn nothing_else_of_an_authorization_can_be_changed() {
    let mut world = World::new();
    let client = world.client();
    let (_, order) = world.order(&client, &["a.example"]);
    let authorization = texts(&order["authorizations"]).remove(0);
    for payload in [json!({"status": "valid"}), json!({}), json!({"status": 7})] {
        world.post(&client, &authorization, payload).refused(400, ProblemType::Malformed);
    }
    assert_eq!(world.read(&client, &authorization).json()["status"], "pending");
}

/// §7.5.1, our side: one challenge is answered for each authorization, one that was asked for.
#[tokio::test]
async fn our_client_answers_one_challenge_of_each_authorization() {
    let ours = Ours::new().await;
    ours.client().issue(identifiers(&["a.example", "b.example", "c.example"])).await.unwrap();
    let answered: Vec<_> = ours.sent_to("challenge/").iter().map(|sent| sent.url()).collect();
    assert_eq!(answered.len(), 3);
    assert!(answered.iter().all(|url| url.ends_with("/http-01")), "{answered:?}");
}

/// §7.5.1, our side: a failed challenge is told with the CA's reason and the name it is about.
#[tokio::test]
async fn our_client_tells_why_a_challenge_failed() {
    let ours = Ours::new().await;
    let deaf = std::sync::Arc::new(lacme::http01::Embedded::default());
    let client = ours.builder().solver(deaf).build().unwrap();
    let error = client.issue(name("a.example")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Challenge);
    assert_eq!(error.problem().unwrap().kind, ProblemType::IncorrectResponse);
    assert_eq!(error.identifier(), Some(&name("a.example")[0]));
}

/// §7.5.1, our side: a Retry-After while polling is kept to.
#[tokio::test]
async fn our_client_polls_no_sooner_than_it_is_told() {
    let pending = Fault::State("pending".to_owned());
    let later = Fault::Header("retry-after".to_owned(), "1".to_owned());
    let script =
        FaultScript::new(7).first(1, Resource::Order, pending).first(1, Resource::Order, later);
    let ours = Ours::faulty(script).await;
    let begun = std::time::Instant::now();
    ours.client().issue(name("a.example")).await.unwrap();
    assert!(begun.elapsed() >= std::time::Duration::from_secs(1));
    assert_eq!(ours.sent_to("order/").len(), 2);
}

/// §7.5, our side: a problem that nobody knows does not hide the failure.
#[test]
fn a_challenge_with_an_unknown_problem_can_be_read() {
    let problem: Problem = serde_json::from_value(json!({"type": "about:moon"})).unwrap();
    assert_eq!(problem.kind.to_string(), "about:moon");
}
