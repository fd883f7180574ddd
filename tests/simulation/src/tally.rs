//! What was met and done, to be added up over many runs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::fault::Fault;

/// Counts of one run or of many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Seeds that were run.
    pub runs: u64,
    /// What happened: requests, answers, validations, sleeps.
    pub events: u64,
    /// Requests that clients sent.
    pub requests: u64,
    /// Orders that the server took.
    pub orders: u64,
    /// Certificates that clients hold.
    pub certificates: u64,
    /// Tries to get one: each process that began or took up an issuance.
    pub tries: u64,
    /// Faults by kind.
    pub faults: BTreeMap<Fault, u64>,
    /// States of the client's issuances: what to do, how far, the order's state, proofs or not.
    pub states: BTreeSet<String>,
}

impl Tally {
    /// All faults.
    pub fn faults_met(&self) -> u64 {
        self.faults.values().sum()
    }

    /// Adds the counts of another run, or of many.
    pub fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.events += other.events;
        self.requests += other.requests;
        self.orders += other.orders;
        self.certificates += other.certificates;
        self.tries += other.tries;
        for (fault, count) in other.faults {
            *self.faults.entry(fault).or_default() += count;
        }
        self.states.extend(other.states);
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = |name: &str, count: u64| writeln!(f, "{name:<28} {count:>10}");
        line("runs", self.runs)?;
        line("events", self.events)?;
        line("requests", self.requests)?;
        line("tries", self.tries)?;
        line("orders", self.orders)?;
        line("certificates", self.certificates)?;
        line("states of the client seen", self.states.len() as u64)?;
        line("faults", self.faults_met())?;
        for (fault, count) in &self.faults {
            line(&format!("  {fault}"), *count)?;
        }
        Ok(())
    }
}
