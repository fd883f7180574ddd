//! The clock, the queue of what is going to happen, and everything that outlives a process.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use acme_proto::{Directory, HttpRequest, Url};

use crate::dice::Dice;
use crate::fault::Fault;
use crate::network::{Delivery, Received};
use crate::scenario::{Scenario, beginning};
use crate::server::{Finished, Server};
use crate::tally::Tally;
use crate::watch::Watch;

/// What a client has on its disk.
#[derive(Default)]
pub(crate) struct Disk {
    pub(crate) directory: Option<Directory>,
    pub(crate) account: Option<Url>,
    pub(crate) wishes: Vec<Shelf>,
}

/// What it has of one wish.
#[derive(Clone, Default)]
pub(crate) struct Shelf {
    pub(crate) journal: Option<String>,
    /// The certificate in PEM and its order's URL.
    pub(crate) certificate: Option<(String, Url)>,
}

/// What happens at some moment.
pub(crate) enum Happening {
    ClientStarts(usize),
    Wakes(Slot<()>),
    Arrives(Delivery),
    Returns(Slot<Received>, Received),
    Finishes(Finished),
    ServerDies(Duration),
    ServerStarts,
    ClockJumps(Duration),
    Forgery,
}

pub(crate) struct World {
    pub(crate) now: SystemTime,
    queue: BTreeMap<(SystemTime, u64), Happening>,
    sequence: u64,
    pub(crate) dice: Dice,
    pub(crate) scenario: Scenario,
    pub(crate) server: Server,
    pub(crate) disks: Vec<Disk>,
    /// The proofs that stand, and who set them up.
    pub(crate) proofs: BTreeMap<String, usize>,
    pub(crate) watch: Watch,
    pub(crate) tally: Tally,
    /// `badNonce` is what so many requests to come are answered with.
    pub(crate) bad_nonces: u64,
    /// Requests that the server has seen, newest last, for those who replay them.
    pub(crate) overheard: VecDeque<HttpRequest>,
    pub(crate) trace: Option<Vec<String>>,
}

impl World {
    pub(crate) fn new(seed: u64, is_traced: bool) -> Self {
        let mut dice = Dice::new(seed);
        let scenario = Scenario::draw(&mut dice);
        let disk = |wishes: &Vec<_>| {
            let wishes = vec![Shelf::default(); wishes.len()];
            Disk { wishes, ..Disk::default() }
        };
        let mut world = Self {
            now: beginning(),
            queue: BTreeMap::new(),
            sequence: 0,
            server: Server::new(&scenario, &mut dice),
            disks: scenario.clients.iter().map(disk).collect(),
            proofs: BTreeMap::new(),
            watch: Watch::new(&scenario.clients),
            tally: Tally { runs: 1, ..Tally::default() },
            bad_nonces: 0,
            overheard: VecDeque::new(),
            trace: is_traced.then(Vec::new),
            scenario,
            dice,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        for client in 0..self.disks.len() {
            let delay = self.dice.millis(0..=5_000);
            self.schedule(delay, Happening::ClientStarts(client));
        }
        for (at, distance) in self.scenario.jumps.clone() {
            self.schedule_at(at, Happening::ClockJumps(distance));
        }
        if self.scenario.rates.contains_key(&Fault::Forged) {
            for _ in 0..20 {
                let delay = self.dice.millis(100..=30_000);
                self.schedule(delay, Happening::Forgery);
            }
        }
        if let Some(rate) = self.scenario.rates.get(&Fault::ServerRestarts).copied() {
            for _ in 0..1 + rate / 5 {
                let delay = self.dice.millis(100..=60_000);
                let down = self.dice.millis(0..=5_000);
                self.schedule(delay, Happening::ServerDies(down));
            }
        }
    }

    pub(crate) fn schedule(&mut self, delay: Duration, what: Happening) {
        self.schedule_at(self.now + delay, what);
    }

    pub(crate) fn schedule_at(&mut self, at: SystemTime, what: Happening) {
        self.sequence += 1;
        self.queue.insert((at, self.sequence), what);
    }

    /// What happens next. The clock never goes back: what a jump overtook happens now.
    pub(crate) fn next(&mut self) -> Option<Happening> {
        let ((at, _), what) = self.queue.pop_first()?;
        self.now = self.now.max(at);
        self.tally.events += 1;
        Some(what)
    }

    pub(crate) fn is_calm(&self) -> bool {
        self.now >= self.scenario.calm_from
    }

    /// Whether a fault is met now; it is counted.
    pub(crate) fn meets(&mut self, fault: Fault) -> bool {
        let rate = self.scenario.rates.get(&fault).copied().unwrap_or_default();
        let met = rate > 0 && !self.is_calm() && self.dice.chance(rate);
        if met {
            self.count(fault);
        }
        met
    }

    pub(crate) fn count(&mut self, fault: Fault) {
        *self.tally.faults.entry(fault).or_default() += 1;
    }

    /// A line of the trace.
    pub(crate) fn tell(&mut self, line: impl FnOnce() -> String) {
        let millis = self.now.duration_since(beginning()).unwrap_or_default().as_millis();
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>10}.{:03} {}", millis / 1000, millis % 1000, line()));
        }
    }
}

/// Where a process waits for something; filled once.
pub(crate) struct Slot<T>(Rc<Waiting<T>>);

struct Waiting<T> {
    client: usize,
    value: RefCell<Option<T>>,
}

impl<T> Slot<T> {
    pub(crate) fn new(client: usize) -> Self {
        Self(Rc::new(Waiting { client, value: RefCell::new(None) }))
    }

    /// Fills the slot, unless it was already, and says whose it is.
    pub(crate) fn fill(&self, value: T) -> usize {
        self.0.value.borrow_mut().get_or_insert(value);
        self.0.client
    }
}

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<T> Future for Slot<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<T> {
        self.0.value.borrow_mut().take().map_or(Poll::Pending, Poll::Ready)
    }
}
