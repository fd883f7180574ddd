//! The ways to a certificate.

use acme_proto::{
    Action, CertificateId, ChallengeType, Event, Identifier, IssuanceError, Phase, Proof,
    ProofKind, Resource,
};
use serde_json::json;

use crate::support::ca::{PEM, edited, lost};
use crate::support::run::{More, Run, plan};
use crate::support::{at, problem, refused};

#[test]
fn a_certificate_takes_no_call_more_than_it_needs() {
    let mut run = Run::new(&["a.example", "b.example"]);
    let issued = run.finish().unwrap();
    assert_eq!(
        run.trace,
        [
            "newOrder",
            "authorization x2",
            "provision",
            "challenge x2",
            "wait",
            "order",
            "cleanup",
            "finalize",
            "wait",
            "order",
            "certificate"
        ]
    );
    assert_eq!(issued.pem, PEM);
    assert_eq!(issued.certificate.as_str(), "https://ca.example/cert/0");
    assert_eq!(issued.order.as_str(), "https://ca.example/order/0");
    assert_eq!(issued.alternates[0].as_str(), "https://ca.example/cert/0/1");
    assert!(run.now < at(1), "the waits are short: {:?}", run.now);
}

#[test]
fn the_action_is_a_pure_function_of_the_state() {
    let mut run = Run::new(&["a.example"]);
    while run.step() == More::Yes {
        let ask = || format!("{:?}", run.issuance.action());
        assert_eq!(ask(), ask());
    }
}

#[test]
fn an_event_that_answers_another_action_changes_nothing() {
    let mut run = Run::new(&["a.example"]);
    loop {
        let action = format!("{:?}", run.issuance.action());
        let before = run.journal();
        let wrong = vec![
            ("Calls", Event::Answered(vec![])),
            ("", Event::Answered(vec![Err(lost(Resource::Order)); 2])),
            ("Provision", Event::Provisioned(Ok(()))),
            ("Provision", Event::Provisioned(Err("no".into()))),
            ("WaitUntil", Event::Woken),
            ("Cleanup", Event::CleanedUp),
        ];
        for (fits, event) in wrong {
            let is_right = !fits.is_empty() && fits != "Calls" && action.starts_with(fits);
            if !is_right {
                let said = run.issuance.handle(event, run.now, &crate::support::Sha256);
                assert!(said.is_err(), "{action}");
                assert_eq!(run.journal(), before);
            }
        }
        if run.step() == More::No {
            break;
        }
    }
}

#[test]
fn the_phases_come_in_their_sequence() {
    let mut run = Run::new(&["a.example"]);
    let mut phases = vec![run.issuance.phase()];
    while run.step() == More::Yes {
        phases.push(run.issuance.phase());
    }
    phases.dedup();
    use Phase::*;
    let expected = [
        Ordering,
        Authorizing,
        Provisioning,
        Validating,
        CleaningUp,
        Finalizing,
        Downloading,
        Done,
    ];
    assert_eq!(phases, expected);
}

#[test]
fn an_order_that_is_ready_at_once_needs_no_proof() {
    let mut run = Run::new(&["a.example"]);
    run.ca.reuses_authorizations = true;
    run.finish().unwrap();
    assert_eq!(run.trace, ["newOrder", "finalize", "wait", "order", "certificate"]);
}

#[test]
fn an_order_that_is_valid_at_once_from_finalize_needs_no_poll() {
    let mut run = Run::new(&["a.example"]).answering(Resource::Finalize, |ca, call, _| {
        ca.usual(call).unwrap();
        ca.orders[0].status = "valid";
        Some(Ok(crate::support::reply(200, ca.order(0))))
    });
    run.ca.reuses_authorizations = true;
    run.finish().unwrap();
    assert_eq!(run.trace, ["newOrder", "finalize", "certificate"]);
}

#[test]
fn reused_authorizations_are_not_proven_again() {
    let mut run =
        Run::new(&["a.example", "b.example"]).answering(Resource::NewOrder, |ca, call, _| {
            let answer = ca.usual(call);
            ca.orders[0].authorizations[0].status = "valid";
            ca.orders[0].authorizations[0].challenge = "valid";
            Some(answer)
        });
    run.finish().unwrap();
    assert_eq!(run.ca.count(Resource::Challenge), 1);
    assert_eq!(run.ca.orders[0].authorizations[1].answers, 1);
}

#[test]
fn an_order_whose_authorizations_are_all_valid_is_looked_at_again_at_once() {
    let mut run = Run::new(&["a.example"]).answering(Resource::NewOrder, |ca, call, _| {
        let answer = ca.usual(call);
        ca.orders[0].authorizations[0].status = "valid";
        ca.orders[0].authorizations[0].challenge = "valid";
        Some(answer)
    });
    run.finish().unwrap();
    assert_eq!(run.trace[..4], ["newOrder", "authorization", "order", "finalize"]);
}

fn provisioned(run: &mut Run) -> Vec<Proof> {
    loop {
        if let Action::Provision(proofs) = run.issuance.action() {
            return proofs.to_vec();
        }
        assert!(run.step() == More::Yes, "nothing was to be provisioned");
    }
}

#[test]
fn a_wildcard_and_its_base_need_two_values_at_one_name() {
    let mut run = Run::of(plan(&["*.a.example", "a.example"], ChallengeType::Dns01));
    let proofs = provisioned(&mut run);
    let records: Vec<_> = proofs
        .iter()
        .map(|proof| match &proof.kind {
            ProofKind::Dns01 { name, value } => (name.clone(), value.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(records[0].0, "_acme-challenge.a.example");
    assert_eq!(records[0].0, records[1].0);
    assert_ne!(records[0].1, records[1].1);
    assert_eq!((proofs[0].wildcard, proofs[1].wildcard), (true, false));
    run.finish().unwrap();
}

#[test]
fn authorizations_are_matched_by_name_and_not_by_place() {
    let mut plan = plan(&["*.a.example", "a.example", "192.0.2.7"], ChallengeType::Http01);
    plan.challenges[0] = ChallengeType::Dns01;
    let mut run = Run::of(plan).answering(Resource::NewOrder, |ca, call, _| {
        ca.usual(call).unwrap();
        ca.orders[0].authorizations.reverse();
        let location = "https://ca.example/order/0";
        let response = crate::support::reply(201, ca.order(0));
        Some(Ok(crate::support::With::with(response, "location", location)))
    });
    let kinds: Vec<_> = provisioned(&mut run)
        .iter()
        .map(|proof| (proof.identifier.value(), proof.wildcard, proof.challenge_type()))
        .collect();
    let expected = [
        ("192.0.2.7".to_owned(), false, ChallengeType::Http01),
        ("a.example".to_owned(), false, ChallengeType::Http01),
        ("a.example".to_owned(), true, ChallengeType::Dns01),
    ];
    assert_eq!(kinds, expected);
    run.finish().unwrap();
}

#[test]
fn an_authorization_for_the_domain_above_takes_the_names_own_challenge() {
    let mut plan = plan(&["b.example", "x.y.a.example"], ChallengeType::Http01);
    plan.challenges[1] = ChallengeType::Dns01;
    let mut run = Run::of(plan).answering(Resource::NewOrder, |ca, call, _| {
        let answer = ca.usual(call);
        ca.orders[0].authorizations[1].name = Identifier::parse("a.example").unwrap();
        Some(answer)
    });
    let proofs = provisioned(&mut run);
    assert_eq!(proofs[1].challenge_type(), ChallengeType::Dns01);
    run.finish().unwrap();
}

#[test]
fn a_failed_challenge_of_another_type_in_a_valid_authorization_is_history() {
    let mut run = Run::new(&["a.example"]).hooked(|ca, call, n| match call.resource {
        Resource::Authorization => Some(edited(ca.usual(call), |json| {
            json["challenges"][3]["error"] = json!({ "detail": "an earlier try" });
        })),
        // Long enough for inspections.
        Resource::Order if n < 12 => Some(Ok(crate::support::reply(200, ca.order(0)))),
        _ => None,
    });
    run.finish().unwrap();
    assert!(run.ca.count(Resource::Authorization) > 1, "it was inspected");
}

#[test]
fn an_order_that_was_not_ready_after_all_is_fetched_again() {
    let mut run = Run::new(&["a.example"]).answering(Resource::Finalize, |_, _, n| {
        (n < 2).then(|| Err(refused(Resource::Finalize, 403, "orderNotReady")))
    });
    run.finish().unwrap();
    assert_eq!(run.ca.count(Resource::Finalize), 3);
    assert_eq!(run.ca.orders[0].finalizations, 1);
}

#[test]
fn a_finalize_whose_answer_was_lost_shows_as_not_ready_and_goes_on() {
    let mut run = Run::new(&["a.example"]).answering(Resource::Finalize, |ca, call, _| {
        ca.usual(call).unwrap();
        Some(Err(refused(Resource::Finalize, 403, "orderNotReady")))
    });
    run.finish().unwrap();
    assert_eq!(run.ca.count(Resource::Finalize), 1);
}

#[test]
fn an_answer_refused_because_the_challenge_was_done_already_does_no_harm() {
    let mut run =
        Run::new(&["a.example", "b.example"]).answering(Resource::Challenge, |ca, call, n| {
            let answer = ca.usual(call);
            // The other one stays pending for a while, as Boulder's do.
            let second = Some(edited(answer, |json| json["status"] = "pending".into()));
            if n == 1 {
                ca.orders[0].authorizations[1].challenge = "pending";
                return second;
            }
            Some(Err(refused(Resource::Challenge, 400, "malformed")))
        });
    // Once the authorizations were inspected, the CA has looked at the second one too.
    run.ca.looks = 0;
    while run.ca.count(Resource::Authorization) < 4 {
        assert!(run.step() == More::Yes);
    }
    run.ca.orders[0].authorizations[1].challenge = "processing";
    run.finish().unwrap();
}

#[test]
fn a_replacement_that_the_ca_refuses_is_ordered_without_the_hint() {
    for (status, kind) in [(409, "alreadyReplaced"), (500, "serverInternal"), (404, "malformed")] {
        let mut plan = plan(&["a.example"], ChallengeType::Http01);
        plan.order.replaces = Some(CertificateId::new(b"aki", b"serial"));
        let mut run = Run::of(plan).answering(Resource::NewOrder, move |ca, call, n| {
            let acme_proto::Payload::Post(payload) = &call.payload else { panic!("no payload") };
            assert_eq!(payload.get("replaces").is_some(), n == 0);
            let answer = Err(refused(Resource::NewOrder, status, kind));
            Some(if n == 0 { answer } else { ca.usual(call) })
        });
        run.finish().unwrap();
        assert_eq!(run.ca.orders.len(), 1);
    }
}

#[test]
fn a_busy_ca_does_not_cost_the_hint_and_its_place_beyond_the_limits() {
    for (status, kind) in [(429, "rateLimited"), (503, "serverInternal")] {
        let mut plan = plan(&["a.example"], ChallengeType::Http01);
        plan.order.replaces = Some(CertificateId::new(b"aki", b"serial"));
        let mut run = Run::of(plan).answering(Resource::NewOrder, move |_, _, _| {
            Some(Err(refused(Resource::NewOrder, status, kind)))
        });
        assert!(run.finish().unwrap_err().is_resumable());
        assert_eq!(run.ca.count(Resource::NewOrder), 1);
        assert!(run.issuance.plan().order.replaces.is_some());
    }
}

#[test]
fn a_lost_answer_to_new_order_costs_one_more_order_at_most() {
    let mut once = Run::new(&["a.example"]).answering(Resource::NewOrder, |ca, call, n| {
        let answer = ca.usual(call);
        Some(if n == 0 { Err(lost(Resource::NewOrder)) } else { answer })
    });
    once.finish().unwrap();
    assert_eq!(once.ca.orders.len(), 2);
    let mut always = Run::new(&["a.example"])
        .answering(Resource::NewOrder, |_, _, _| Some(Err(lost(Resource::NewOrder))));
    assert_eq!(always.finish(), Err(IssuanceError::Call(lost(Resource::NewOrder))));
    assert_eq!(always.ca.count(Resource::NewOrder), 2);
}

#[test]
fn an_exchange_turns_a_problem_into_the_refusal_that_these_tests_use() {
    let mut pool = acme_proto::NoncePool::new();
    let call = acme_proto::GetDirectory { url: crate::support::account() }.to_call();
    let limits = acme_proto::RetryLimits::default();
    let played = crate::support::play::play(call, limits, &mut pool, |_, _| {
        acme_proto::Reply::Response(problem(403, "orderNotReady"))
    });
    let Err(acme_proto::CallError::Refused(mut real)) = played.result else { panic!("a refusal") };
    real.problem.status = None;
    let ours = refused(Resource::Directory, 403, "orderNotReady");
    assert_eq!(acme_proto::CallError::Refused(real), ours);
}
