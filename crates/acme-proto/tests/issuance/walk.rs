//! Every state that can be reached, by every kind of event: none is a dead end, none leaves a proof
//! behind, and nothing goes round in circles without a pause.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use acme_proto::{
    Action, CallError, CertificateId, ChallengeType, Event, Identifier, Issuance, OrderStatus,
    Phase, Resource,
};
use serde_json::{Value, json};

use crate::support::ca::{Outcome, PEM, lost};
use crate::support::run::plan;
use crate::support::{Sha256, With as _, at, refused, reply};

const NAMES: [&str; 3] = ["a.example", "b.example", "c.example"];
/// Beyond the first inspection, beyond the patience.
const LATER: [Duration; 3] = [Duration::ZERO, Duration::from_secs(15), Duration::from_secs(400)];

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// The world's answer to the action.
    Answer,
    /// The same, and time passed.
    Pause,
    Cancel,
    Resume,
}

struct Edge {
    to: usize,
    kind: Kind,
}

#[derive(Default)]
struct Walk {
    known: HashMap<String, usize>,
    edges: Vec<Vec<Edge>>,
    done: Vec<bool>,
}

#[test]
fn from_every_state_there_is_a_way_to_the_end_past_the_cleanup() {
    for names in 1..=NAMES.len() {
        let walk = Walk::through(names);
        let stuck = walk.states_without_a_way_to_the_end();
        assert_eq!(stuck, Vec::<usize>::new());
        assert!(!walk.has_a_circle_without_a_pause());
        let edges: usize = walk.edges.iter().map(Vec::len).sum();
        println!("{names} names: {} states, {edges} transitions", walk.edges.len());
        assert!(walk.edges.len() > 100);
    }
}

impl Walk {
    fn through(names: usize) -> Self {
        let mut plan = plan(&NAMES[..names], ChallengeType::Http01);
        plan.order.replaces = Some(CertificateId::new(b"aki", b"serial"));
        let mut walk = Self::default();
        let mut open = vec![(Issuance::new(plan), at(0))];
        walk.number(&open[0].0, at(0));
        while let Some((from, now)) = open.pop() {
            let (index, _) = walk.number(&from, now);
            for (event, now, kind) in events(&from, now, names) {
                let mut to = from.clone();
                let is_cleanup = matches!(event, Event::CleanedUp);
                to.handle(event, now, &Sha256).unwrap();
                check(&from, &to, is_cleanup);
                let (number, is_new) = walk.number(&to, now);
                walk.edges[index].push(Edge { to: number, kind });
                if is_new {
                    open.push((to, now));
                }
            }
        }
        walk
    }

    /// The state's number, and whether it is new.
    fn number(&mut self, issuance: &Issuance, now: SystemTime) -> (usize, bool) {
        let next = self.edges.len();
        let number = *self.known.entry(canonical(issuance, now)).or_insert(next);
        if number == next {
            self.edges.push(Vec::new());
            self.done.push(issuance.phase() == Phase::Done);
        }
        (number, number == next)
    }

    fn states_without_a_way_to_the_end(&self) -> Vec<usize> {
        let mut back = vec![Vec::new(); self.edges.len()];
        for (from, edges) in self.edges.iter().enumerate() {
            let own = |edge: &&Edge| matches!(edge.kind, Kind::Answer | Kind::Pause);
            edges.iter().filter(own).for_each(|edge| back[edge.to].push(from));
        }
        let mut leads_on = self.done.clone();
        let mut open: Vec<_> = (0..leads_on.len()).filter(|at| leads_on[*at]).collect();
        while let Some(at) = open.pop() {
            for &from in &back[at] {
                if !std::mem::replace(&mut leads_on[from], true) {
                    open.push(from);
                }
            }
        }
        (0..leads_on.len()).filter(|at| !leads_on[*at]).collect()
    }

    /// Takes away states that lead nowhere but to states taken away already; a circle remains.
    fn has_a_circle_without_a_pause(&self) -> bool {
        let moves = |edge: &&Edge| matches!(edge.kind, Kind::Answer);
        let mut out: Vec<usize> = Vec::new();
        let mut back = vec![Vec::new(); self.edges.len()];
        for (from, edges) in self.edges.iter().enumerate() {
            out.push(edges.iter().filter(moves).count());
            edges.iter().filter(moves).for_each(|edge| back[edge.to].push(from));
        }
        let mut open: Vec<_> = (0..out.len()).filter(|at| out[*at] == 0).collect();
        let mut gone = 0;
        while let Some(at) = open.pop() {
            gone += 1;
            for &from in &back[at] {
                out[from] -= 1;
                if out[from] == 0 {
                    open.push(from);
                }
            }
        }
        gone < out.len()
    }
}

/// What must hold over any transition.
fn check(from: &Issuance, to: &Issuance, is_cleanup: bool) {
    let is_kept = |proof| to.standing().contains(proof);
    assert!(is_cleanup || from.standing().iter().all(is_kept), "a proof got lost: {from:?}");
    match to.action() {
        Action::Done(_) => assert!(to.standing().is_empty(), "proofs are left: {from:?}"),
        Action::Calls(calls) => {
            assert!(!calls.is_empty(), "nothing to do: {to:?}");
            let is_finalize = calls[0].resource == Resource::Finalize;
            let is_ready = to.order().is_some_and(|order| order.status == OrderStatus::Ready);
            assert!(!is_finalize || is_ready, "too early: {from:?}");
        }
        Action::Provision(proofs) | Action::Cleanup(proofs) => assert!(!proofs.is_empty()),
        Action::WaitUntil(_) => {}
    }
}

/// What tells a state from others as far as the future goes.
fn canonical(issuance: &Issuance, now: SystemTime) -> String {
    let mut end = issuance.clone();
    if issuance.phase() == Phase::CleaningUp {
        end.handle(Event::CleanedUp, now, &Sha256).unwrap();
    }
    match end.action() {
        // Which error it is decides nothing but whether the order is taken up again.
        Action::Done(result) => {
            let is_resumable = result.as_ref().map_err(|error| error.is_resumable());
            let has_hint = issuance.plan().order.replaces.is_some();
            let (order, standing) = (issuance.order_url(), issuance.standing());
            format!("end {is_resumable:?} {has_hint} {order:?} {standing:?}")
        }
        _ => without_times(issuance, now),
    }
}

/// The state without its times, but with what they mean. Works on the text, for speed.
fn without_times(issuance: &Issuance, now: SystemTime) -> String {
    let text = serde_json::to_string(issuance).unwrap();
    let after_plan = text.find(r#","order":null,"#).or_else(|| text.find(r#","order":{"url""#));
    let (state, rest) = text[after_plan.unwrap()..].split_once(r#","since":"#).unwrap();
    let (times, counters) = rest.split_once(r#","answered":"#).unwrap();
    let mut times = times.split(r#""secs_since_epoch":"#).skip(1).map(|tail| {
        let digits = tail.split(',').next().unwrap();
        SystemTime::UNIX_EPOCH + Duration::from_secs(digits.parse().unwrap())
    });
    let (since, inspect_at) = (times.next().unwrap(), times.next().unwrap());
    let plan = issuance.plan();
    let is_late = now.duration_since(since).unwrap_or_default() >= plan.patience;
    let is_inspected = now >= inspect_at;
    let has_hint = plan.order.replaces.is_some();
    let state = state.split(r#"{"until""#).next().unwrap();
    format!("{state}{counters}{is_late}{is_inspected}{has_hint}")
}

/// Every kind of event that fits a state.
fn events(issuance: &Issuance, now: SystemTime, names: usize) -> Vec<(Event, SystemTime, Kind)> {
    let mut events = Vec::new();
    let mut answer = |event| events.push((event, now, Kind::Answer));
    match issuance.action() {
        Action::Calls(calls) => {
            let choices = |call: usize| outcomes(calls[call].resource, call, names);
            combined((0..calls.len()).map(choices)).into_iter().for_each(|all| {
                answer(Event::Answered(all));
            });
        }
        Action::Provision(_) => {
            answer(Event::Provisioned(Ok(())));
            answer(Event::Provisioned(Err("no".into())));
        }
        Action::Cleanup(_) => answer(Event::CleanedUp),
        Action::WaitUntil(until) => {
            events.extend(LATER.map(|later| (Event::Woken, until + later, Kind::Pause)));
        }
        Action::Done(_) => {}
    }
    events.push((Event::Cancel, now, Kind::Cancel));
    events.push((Event::Resume, now, Kind::Resume));
    events
}

/// Each choice of the first with each of the second, and so on.
fn combined(calls: impl Iterator<Item = Vec<Outcome>>) -> Vec<Vec<Outcome>> {
    calls.fold(vec![Vec::new()], |all, choices| {
        let with = |former: &Vec<Outcome>| {
            let former = former.clone();
            let all = choices
                .iter()
                .map(move |one| [former.as_slice(), std::slice::from_ref(one)].concat());
            all.collect::<Vec<_>>()
        };
        all.iter().flat_map(with).collect()
    })
}

/// An authorization's own state and its challenge's; several names do with the first four.
const ALL_AUTHORIZATIONS: [(&str, &str); 6] = [
    ("pending", "pending"),
    ("pending", "processing"),
    ("valid", "valid"),
    ("invalid", "invalid"),
    ("pending", "invalid"),
    ("expired", "pending"),
];

/// An order's states; several names do with the first five.
const ALL_ORDERS: [&str; 6] = ["pending", "ready", "processing", "valid", "invalid", "frozen"];

/// Every kind of answer to a call.
fn outcomes(resource: Resource, number: usize, names: usize) -> Vec<Outcome> {
    let refuse = |status, kind| Err(refused(resource, status, kind));
    let late = Err(CallError::Deadline(resource));
    let mut all = match resource {
        Resource::NewOrder => {
            let located = |order: Outcome| order.map(|o| o.with("location", "/order/0"));
            let mut all: Vec<_> = orders(names).into_iter().map(located).collect();
            all.extend([refuse(409, "alreadyReplaced"), Err(lost(resource))]);
            all
        }
        Resource::Order => orders(names),
        Resource::Finalize => {
            let mut all = orders(names);
            all.push(refuse(403, "orderNotReady"));
            all
        }
        Resource::Authorization => {
            let states: &[_] = match names {
                1 => &ALL_AUTHORIZATIONS,
                _ => &ALL_AUTHORIZATIONS[..4],
            };
            let answer = |(own, challenge)| Ok(authorization(number, own, challenge));
            states.iter().copied().map(answer).collect()
        }
        Resource::Challenge => ["pending", "processing", "valid", "invalid"]
            .map(|status| Ok(reply(200, challenge(number, status))))
            .into(),
        _ => vec![Ok(reply(200, json!("PEM"))), {
            let mut pem = http::Response::new(PEM.as_bytes().to_vec());
            let kind = "application/pem-certificate-chain".parse().unwrap();
            pem.headers_mut().insert("content-type", kind);
            Ok(pem)
        }],
    };
    all.push(late);
    // Each choice more makes three calls at once half as many cases more.
    let is_one_of_three =
        names == 3 && matches!(resource, Resource::Authorization | Resource::Challenge);
    if !is_one_of_three {
        all.push(refuse(404, "malformed"));
    }
    all
}

fn orders(names: usize) -> Vec<Outcome> {
    let urls = (0..names).map(|at| format!("https://ca.example/authz/{at}"));
    let order = |status: &str| {
        json!({
            "status": status,
            "authorizations": urls.clone().collect::<Vec<_>>(),
            "finalize": "https://ca.example/finalize"
        })
    };
    let states = if names == 1 { &ALL_ORDERS[..] } else { &ALL_ORDERS[..5] };
    let mut all: Vec<Outcome> = states.iter().map(|one| Ok(reply(200, order(one)))).collect();
    let mut valid = order("valid");
    valid["certificate"] = "https://ca.example/cert".into();
    all.push(Ok(reply(200, valid)));
    all
}

fn challenge(number: usize, status: &str) -> Value {
    json!({
        "type": "http-01", "status": status, "token": format!("token-{number}"),
        "url": format!("https://ca.example/challenge/{number}")
    })
}

fn authorization(number: usize, status: &str, of_challenge: &str) -> acme_proto::HttpResponse {
    let name = Identifier::parse(NAMES[number]).unwrap();
    let challenges = [challenge(number, of_challenge)];
    reply(200, json!({ "identifier": name, "status": status, "challenges": challenges }))
}
