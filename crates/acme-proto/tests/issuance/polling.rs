//! How an order is watched.

use std::time::Duration;

use acme_proto::{Action, Event, IssuanceError, Phase, Resource};

use crate::support::run::{More, Run};
use crate::support::{With as _, reply};

/// Runs to the end and gives back the waits.
fn waits(run: &mut Run) -> Vec<Duration> {
    let mut waits = Vec::new();
    loop {
        if let Action::WaitUntil(until) = run.issuance.action() {
            waits.push(until.duration_since(run.now).unwrap());
        }
        if run.step() == More::No {
            return waits;
        }
    }
}

#[test]
fn the_first_look_comes_soon_and_later_ones_at_five_seconds_at_most() {
    let mut run = Run::new(&["a.example"]);
    run.ca.looks = 30;
    let waits = waits(&mut run);
    assert!(waits[0] <= Duration::from_millis(100));
    assert!(waits.windows(2).take(5).all(|pair| pair[0] < pair[1]), "{waits:?}");
    assert!(waits.iter().all(|wait| *wait <= Duration::from_secs(5)));
    assert!(matches!(run.issuance.action(), Action::Done(Ok(_))));
}

#[test]
fn the_servers_retry_after_is_honoured_and_an_absurd_one_is_not() {
    for (value, at_least, at_most) in [
        ("7", 7_000, 7_000),
        ("0", 75, 1_000),
        ("600", 600_000, 600_000),
        ("86400", 75, 1_000),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 75, 1_000),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 75, 1_000),
    ] {
        let mut run = Run::new(&["a.example"]).answering(Resource::Finalize, move |ca, call, _| {
            Some(ca.usual(call).map(|response| response.with("retry-after", value)))
        });
        let last = *waits(&mut run).last().unwrap();
        assert!((at_least..=at_most).contains(&last.as_millis()), "{value}: {last:?}");
    }
}

#[test]
fn an_order_that_does_not_move_stalls_after_the_patience_and_can_be_taken_up() {
    for (resource, phase) in
        [(Resource::Challenge, Phase::Validating), (Resource::Finalize, Phase::Finalizing)]
    {
        let mut run = Run::new(&["a.example"]).hooked(move |ca, call, _| {
            let is_stuck = call.resource == Resource::Order && ca.count(resource) > 0;
            is_stuck.then(|| Ok(reply(200, ca.order(0))))
        });
        let began = run.now;
        while run.issuance.phase() != phase {
            run.step();
        }
        let error = run.finish().unwrap_err();
        assert!(matches!(error, IssuanceError::Stalled { seconds: 300..=306 }), "{error}");
        assert!(error.is_resumable());
        assert!(run.now.duration_since(began).unwrap() < Duration::from_secs(310));
        let looks = run.ca.count(Resource::Authorization);
        assert!(looks <= 8, "inspections come at doubling intervals: {looks}");
        run.ca.hook(|_, _, _| None);
        run.tell(Event::Resume);
        run.finish().unwrap();
        assert_eq!(run.ca.orders.len(), 1);
    }
}

#[test]
fn a_clock_that_jumps_back_ends_nothing() {
    let mut run = Run::new(&["a.example"]);
    run.ca.looks = 3;
    for _ in 0..4 {
        run.step();
    }
    run.now -= Duration::from_secs(86_400);
    let Action::WaitUntil(until) = run.issuance.action() else { panic!("a wait") };
    assert!(until > run.now);
    run.tell(Event::Woken); // a driver that sleeps by another clock
    run.finish().unwrap();
}
