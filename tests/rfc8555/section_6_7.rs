//! RFC 8555 §6.7: errors.

use lacme::proto::Resource;
use lacme::{ErrorKind, Problem, ProblemType};
use lacme_ca::testing::{Fault, FaultScript};
use serde_json::{Value, json};

use crate::ours::{Ours, name};
use crate::world::{World, identifiers, order, url};

/// §6.7: errors are problem documents, with a type of the ACME namespace and the status again.
#[test]
fn every_refusal_is_a_problem_document() {
    let mut world = World::new();
    let client = world.client();
    let answers = [
        world.get(&url("nothing")),
        world.get(&url("new-order")),
        world.post(&client, &url("new-order"), json!({})),
        world.post(&client.impostor(), &client.url(), Value::Null),
        world.read(&client, &url("order/00000000000000000000")),
    ];
    for answer in answers {
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let problem = answer.json();
        let kind = problem["type"].as_str().unwrap();
        assert!(kind.starts_with("urn:ietf:params:acme:error:"), "{kind}");
        assert_eq!(problem["status"], answer.status());
        assert!(!problem["detail"].as_str().unwrap().is_empty());
    }
}

/// §6.7.1: with several failures each stands in a subproblem with its identifier; types that
/// differ are a compound.
#[test]
fn several_bad_identifiers_are_named_one_by_one() {
    let mut world = World::with(|config| {
        config.policy(|identifier| match identifier.value().ends_with("bad.example") {
            true => Err("not here".to_owned()),
            false => Ok(()),
        })
    });
    let client = world.client();
    let names = order(&["1.bad.example", "good.example", "2.bad.example"]);
    let problem = world.post(&client, &url("new-order"), names);
    let problem = problem.refused(400, ProblemType::RejectedIdentifier);
    let about: Vec<_> =
        problem.subproblems.iter().map(|sub| sub.identifier.clone().unwrap()).collect();
    assert_eq!(about, identifiers(&["1.bad.example", "2.bad.example"]));

    let mixed = json!({"identifiers": [
        {"type": "dns", "value": "1.bad.example"}, {"type": "email", "value": "a@b.example"},
    ]});
    let problem = world.post(&client, &url("new-order"), mixed);
    let problem = problem.refused(400, ProblemType::Compound);
    let kinds: Vec<_> = problem.subproblems.iter().map(|sub| sub.kind.clone()).collect();
    assert_eq!(kinds, [ProblemType::RejectedIdentifier, ProblemType::UnsupportedIdentifier]);
}

/// §6.7, our side: the whole document reaches the caller.
#[tokio::test]
async fn our_client_keeps_the_whole_problem() {
    let refusal = Fault::status(403).problem(ProblemType::RejectedIdentifier, "not \u{7} here");
    let ours = Ours::faulty(FaultScript::new(7).every(Resource::NewOrder, refusal)).await;
    let error = ours.client().issue(name("a.example")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ca);
    let problem: &Problem = error.problem().unwrap();
    assert_eq!(problem.detail.as_deref(), Some("not \u{7} here"));
    assert_eq!(error.refusal().unwrap().status, 403);
    assert!(!error.to_string().contains('\u{7}'), "what is shown is escaped");
}

/// §6.7: a type that a client does not know is no reason to stumble.
#[tokio::test]
async fn our_client_reads_types_that_it_does_not_know() {
    let odd = Fault::status(400).problem(
        serde_json::from_value(json!("https://ca.example/problems/moon")).unwrap(),
        "the moon is wrong",
    );
    let ours = Ours::faulty(FaultScript::new(7).every(Resource::NewOrder, odd)).await;
    let error = ours.client().issue(name("a.example")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ca);
    assert!(error.to_string().contains("the moon is wrong"), "{error}");
}
