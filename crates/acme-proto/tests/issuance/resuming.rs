//! Death at any moment: the next process goes on with the same order.

use std::time::Duration;

use acme_proto::{Event, IssuanceError, Resource};

use crate::support::ca::{Ca, Outcome, edited};
use crate::support::refused;
use crate::support::run::{More, Run};

const NAMES: &[&str] = &["a.example", "*.b.example"];

/// What a run leaves at the CA, whatever happened on the way.
fn assert_one_certificate(run: &Run, orders: usize) {
    let ca = &run.ca;
    assert_eq!(ca.orders.len(), orders, "{:?}", run.trace);
    let finalizations: u32 = ca.orders.iter().map(|order| order.finalizations).sum();
    assert_eq!(finalizations, 1, "{:?}", run.trace);
    for authorization in ca.orders.iter().flat_map(|order| &order.authorizations) {
        assert!(authorization.answers <= 1, "{:?}", run.trace);
    }
}

fn run() -> Run {
    let mut run = Run::of(crate::support::run::plan(NAMES, acme_proto::ChallengeType::Dns01));
    run.ca.looks = 1;
    // Answering a challenge twice, and finalizing too early, would be mistakes of ours.
    run.ca.hook(|ca, call, _| match call.resource {
        Resource::Challenge | Resource::Finalize => {
            let answer = ca.usual(call);
            assert!(answer.is_ok(), "{}: {answer:?}", call.resource);
            Some(answer)
        }
        _ => None,
    });
    run
}

/// Runs `steps` steps; then the process dies: before the next action, or after it was done in
/// the world but before anybody noted it. Gives back whether newOrder was what it died over.
fn die_after(run: &mut Run, steps: usize, over_action: bool, keep_all: bool) -> bool {
    let mut journal = run.journal();
    for _ in 0..steps {
        if run.step() == More::No {
            break;
        }
        if keep_all || run.issuance.is_worth_keeping() {
            journal = run.journal();
        }
    }
    let is_ordering = run.ca.orders.is_empty();
    if over_action {
        run.act();
    }
    let order_is_lost = is_ordering && !run.ca.orders.is_empty();
    run.die_and_resume_from(&journal);
    order_is_lost
}

#[test]
fn a_death_at_any_moment_costs_neither_a_second_order_nor_a_second_certificate() {
    let steps = run().steps();
    for nth in 0..=steps {
        for over_action in [false, true] {
            for keep_all in [false, true] {
                let mut run = run();
                let order_is_lost = die_after(&mut run, nth, over_action, keep_all);
                let issued = run.finish().unwrap_or_else(|error| panic!("{nth}: {error}"));
                assert_one_certificate(&run, 1 + usize::from(order_is_lost));
                let last = run.ca.orders.len() - 1;
                assert_eq!(issued.certificate.as_str(), format!("https://ca.example/cert/{last}"));
            }
        }
    }
}

#[test]
fn two_deaths_are_no_worse_than_one() {
    let steps = run().steps();
    for first in 1..=steps {
        for second in 0..=steps {
            let mut run = run();
            let mut orders = 1;
            orders += usize::from(die_after(&mut run, first, true, false));
            orders += usize::from(die_after(&mut run, second, true, false));
            run.finish().unwrap();
            assert_one_certificate(&run, orders);
        }
    }
}

#[test]
fn what_is_done_stays_done() {
    let mut run = run();
    let issued = run.finish().unwrap();
    let journal = run.journal();
    run.die_and_resume_from(&journal);
    assert_eq!(run.finish().unwrap(), issued);
    assert_eq!(run.ca.downloads, 1);
}

type Loss = fn(&mut Run);

/// Ways in which the CA can have lost an order.
fn losses() -> [(&'static str, Loss); 3] {
    [
        ("forgotten", |run| run.ca.orders[0].is_gone = true),
        ("invalid", |run| run.ca.orders[0].status = "invalid"),
        ("expired", |run| {
            run.ca.orders[0].expires = Some(run.now + Duration::from_secs(60));
            run.now += Duration::from_secs(3600);
        }),
    ]
}

#[test]
fn an_order_that_the_ca_has_lost_meanwhile_is_placed_once_more() {
    let steps = run().steps();
    for (loss, lose) in losses() {
        // From the order on, up to before it is valid.
        for nth in 1..steps - 4 {
            let mut run = run();
            (0..nth).for_each(|_| assert!(run.step() == More::Yes));
            let journal = run.journal();
            // Its certificate is under way: time does not end that.
            let is_safe = loss == "expired" && run.ca.orders[0].finalizations > 0;
            lose(&mut run);
            run.die_and_resume_from(&journal);
            run.finish().unwrap_or_else(|error| panic!("{loss} after {nth}: {error}"));
            assert_eq!(run.ca.orders.len(), if is_safe { 1 } else { 2 }, "{loss} after {nth}");
            assert_eq!(run.ca.orders.last().unwrap().finalizations, 1);
        }
    }
}

#[test]
fn a_refusal_that_may_pass_does_not_cost_the_order() {
    for (status, kind) in [(503, "serverInternal"), (429, "rateLimited"), (400, "badNonce")] {
        let mut run = run();
        (0..3).for_each(|_| assert!(run.step() == More::Yes));
        let journal = run.journal();
        run.ca.hook(move |_, _, _| Some(Err(refused(Resource::Order, status, kind))));
        run.die_and_resume_from(&journal);
        assert!(run.finish().unwrap_err().is_resumable(), "{kind}");
        run.ca.hook(|_, _, _| None);
        let journal = run.journal();
        run.die_and_resume_from(&journal);
        run.finish().unwrap();
        assert_eq!(run.ca.orders.len(), 1);
    }
}

#[test]
fn an_answer_that_cannot_be_read_costs_neither_the_order_nor_the_certificate() {
    let steps = run().steps();
    for nth in 1..steps {
        let mut run = run();
        (0..nth).for_each(|_| assert!(run.step() == More::Yes));
        run.ca.hook(|ca, call, _| {
            let _ = ca.usual(call); // the CA has acted on it
            Some(Ok(http::Response::new(b"<html>".to_vec())))
        });
        let error = match run.finish() {
            Ok(_) => continue, // nothing was left to ask for
            Err(error) => error,
        };
        assert!(error.is_resumable(), "{error}");
        run.ca.hook(|_, _, _| None);
        let journal = run.journal();
        run.die_and_resume_from(&journal);
        run.finish().unwrap();
        assert_one_certificate(&run, 1);
    }
}

#[test]
fn an_account_that_is_gone_is_not_mistaken_for_a_lost_order() {
    let mut run = run();
    run.step();
    let journal = run.journal();
    let gone = || refused(Resource::Order, 400, "accountDoesNotExist");
    run.ca.hook(move |_, _, _| Some(Err(gone())));
    run.die_and_resume_from(&journal);
    assert_eq!(run.finish(), Err(IssuanceError::Call(gone())));
    assert_eq!(run.ca.orders.len(), 1);
}

#[test]
fn an_order_that_fails_by_what_an_earlier_run_did_is_replaced_and_a_second_failure_is_final() {
    let fail_first = |also_second: bool| {
        move |ca: &mut Ca, call: &acme_proto::Call, _: usize| -> Option<Outcome> {
            let number = if call.url.as_str().ends_with("/0") { 0 } else { 1 };
            let fails = call.resource == Resource::Order && (number == 0 || also_second);
            (fails
                && ca.orders[number].authorizations[0].answers > 0
                && ca.count(Resource::Order) > 1)
                .then(|| {
                    ca.orders[number].status = "invalid";
                    edited(ca.usual(call), |_| ())
                })
        }
    };
    for also_second in [false, true] {
        let mut run = run();
        (0..4).for_each(|_| assert!(run.step() == More::Yes));
        assert_eq!(run.trace.last().unwrap(), "challenge x2");
        run.ca.looks = 5;
        run.ca.hook(fail_first(also_second));
        let journal = run.journal();
        run.die_and_resume_from(&journal);
        match also_second {
            false => drop(run.finish().unwrap()),
            true => assert_eq!(run.finish(), Err(IssuanceError::OrderInvalid(None))),
        }
        assert_eq!(run.ca.orders.len(), 2, "{:?}", run.trace);
    }
}

#[test]
fn a_final_failure_is_not_resumed_but_ordered_anew() {
    let mut run = Run::new(&["a.example"]).answering(Resource::Finalize, |_, _, n| {
        (n == 0).then(|| Err(refused(Resource::Finalize, 400, "badCSR")))
    });
    run.finish().unwrap_err();
    let journal = run.journal();
    run.die_and_resume_from(&journal);
    run.finish().unwrap();
    assert_eq!(run.ca.orders.len(), 2);
}

#[test]
fn a_cancelled_issuance_can_be_taken_up_with_its_order() {
    let steps = run().steps();
    for nth in 1..steps {
        let mut run = run();
        (0..nth).for_each(|_| assert!(run.step() == More::Yes));
        run.tell(Event::Cancel);
        assert_eq!(run.finish(), Err(IssuanceError::Cancelled));
        let journal = run.journal();
        run.die_and_resume_from(&journal);
        run.finish().unwrap();
        assert_one_certificate(&run, 1);
    }
}

#[test]
fn a_journal_holds_no_secret_and_survives_being_written_twice() {
    let mut run = run();
    while run.step() == More::Yes {
        let once = run.journal();
        let again: acme_proto::Issuance = serde_json::from_str(&once).unwrap();
        assert_eq!(serde_json::to_string(&again).unwrap(), once);
    }
}
