//! Drives an [`Issuance`] against a [`Ca`] on a virtual clock, and can die at any moment.

use std::time::SystemTime;

use acme_proto::{
    Action, Call, ChallengeType, Event, Identifier, Issuance, IssuanceError, Issued, NewOrder,
    Plan, Proof, Resource,
};

use super::ca::{Ca, Outcome};
use super::{Sha256, account, at, directory, thumbprint};

pub(crate) struct Run {
    pub(crate) issuance: Issuance,
    pub(crate) ca: Ca,
    pub(crate) now: SystemTime,
    /// The proofs that stand in the world.
    pub(crate) standing: Vec<Proof>,
    /// What was done, in words.
    pub(crate) trace: Vec<String>,
}

/// Whether there is more to do.
#[derive(PartialEq)]
pub(crate) enum More {
    Yes,
    No,
}

pub(crate) fn plan(names: &[&str], kind: ChallengeType) -> Plan {
    let names: Vec<_> = names.iter().map(|name| Identifier::parse(name).unwrap()).collect();
    let kinds = vec![kind; names.len()];
    let order = NewOrder::new(names);
    Plan::new(directory(), account(), thumbprint(), order, kinds, b"csr".to_vec())
}

impl Run {
    /// http-01 for each name, from second 0 on.
    pub(crate) fn new(names: &[&str]) -> Self {
        Self::of(plan(names, ChallengeType::Http01))
    }

    pub(crate) fn of(plan: Plan) -> Self {
        Self {
            issuance: Issuance::new(plan),
            ca: Ca::default(),
            now: at(0),
            standing: Vec::new(),
            trace: Vec::new(),
        }
    }

    /// With a CA that looks at every call first through `hook`.
    pub(crate) fn hooked(
        mut self,
        hook: impl FnMut(&mut Ca, &Call, usize) -> Option<Outcome> + 'static,
    ) -> Self {
        self.ca.hook(hook);
        self
    }

    /// The same for one resource.
    pub(crate) fn answering(
        self,
        resource: Resource,
        mut hook: impl FnMut(&mut Ca, &Call, usize) -> Option<Outcome> + 'static,
    ) -> Self {
        self.hooked(move |ca, call, n| match call.resource == resource {
            true => hook(ca, call, n),
            false => None,
        })
    }

    /// Does in the world what is to be done; the issuance does not learn of it yet.
    pub(crate) fn act(&mut self) -> Option<Event> {
        Some(match self.issuance.action() {
            Action::Calls(calls) => {
                let several =
                    if calls.len() > 1 { format!(" x{}", calls.len()) } else { String::new() };
                self.trace.push(format!("{}{several}", calls[0].resource));
                Event::Answered(calls.iter().map(|call| self.ca.answer(call)).collect())
            }
            Action::Provision(proofs) => {
                self.trace.push("provision".into());
                self.standing = proofs.to_vec();
                Event::Provisioned(Ok(()))
            }
            Action::WaitUntil(until) => {
                assert!(until >= self.now, "never into the past");
                self.trace.push("wait".into());
                self.now = until;
                Event::Woken
            }
            Action::Cleanup(proofs) => {
                self.trace.push("cleanup".into());
                self.standing.retain(|proof| !proofs.contains(proof));
                Event::CleanedUp
            }
            Action::Done(_) => return None,
        })
    }

    pub(crate) fn tell(&mut self, event: Event) {
        self.issuance.handle(event, self.now, &Sha256).unwrap();
    }

    pub(crate) fn step(&mut self) -> More {
        match self.act() {
            Some(event) => {
                self.tell(event);
                More::Yes
            }
            None => More::No,
        }
    }

    /// The process dies and another one reads what was written down.
    pub(crate) fn die_and_resume_from(&mut self, journal: &str) {
        self.issuance = serde_json::from_str(journal).unwrap();
        self.tell(Event::Resume);
    }

    pub(crate) fn journal(&self) -> String {
        serde_json::to_string(&self.issuance).unwrap()
    }

    /// Goes on to the end, which leaves no proof behind.
    pub(crate) fn finish(&mut self) -> Result<Issued, IssuanceError> {
        for _ in 0..5_000 {
            if self.step() == More::No {
                assert_eq!(self.standing, [], "every proof is taken down");
                assert_eq!(self.issuance.standing(), []);
                let Action::Done(result) = self.issuance.action() else { unreachable!() };
                return result.clone();
            }
        }
        panic!("the issuance does not end: {:?}", &self.trace[self.trace.len() - 20..]);
    }

    /// The number of steps of an undisturbed run.
    pub(crate) fn steps(mut self) -> usize {
        self.finish().unwrap();
        self.trace.len()
    }
}
