//! One run from its seed to its verdict, and many of them.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use crate::call::Process;
use crate::fault::Fault;
use crate::tally::Tally;
use crate::world::{Happening, World};

/// More events than any run needs.
const MAX_EVENTS: u64 = 100_000;
/// Once nothing goes wrong any more, everything is done in this time.
const MAX_CALM: Duration = Duration::from_secs(3 * 3600);
/// A client does not die more often than this.
const MAX_DEATHS: u32 = 12;

/// A promise that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The seed of the run.
    pub seed: u64,
    /// What was found.
    pub reason: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, reason } = self;
        write!(f, "seed {seed}: {reason}\nto see it: cargo xtask simulate --seed {seed}")
    }
}

/// Runs one seed.
///
/// # Errors
/// If a promise does not hold, or anything panics.
pub fn run(seed: u64) -> Result<Tally, Broken> {
    let world = World::new(seed, false);
    play(seed, &Rc::new(RefCell::new(world)))
}

/// Runs one seed and tells everything that happens, a line an event. The same text every time.
pub fn trace(seed: u64) -> (Vec<String>, Result<Tally, Broken>) {
    let world = Rc::new(RefCell::new(World::new(seed, true)));
    let result = play(seed, &world);
    let lines = world.borrow_mut().trace.take().unwrap_or_default();
    (lines, result)
}

/// Runs the seeds from 0 on, on as many threads as there are processors.
///
/// # Errors
/// The broken promise with the lowest seed among those found.
pub fn run_all(runs: u64) -> Result<Tally, Broken> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let (next, total) =
        (AtomicU64::new(0), std::sync::Mutex::new(Ok::<_, Broken>(Tally::default())));
    let work = || {
        let mut own = Tally::default();
        let broken = loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= runs {
                break None;
            }
            match run(seed) {
                Ok(tally) => own.add(tally),
                Err(broken) => {
                    next.store(runs, Ordering::Relaxed);
                    break Some(broken);
                }
            }
        };
        let mut total = total.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        match (&mut *total, broken) {
            (Ok(all), None) => all.add(own),
            (Err(former), Some(broken)) if former.seed < broken.seed => {}
            (total, Some(broken)) => *total = Err(broken),
            (Err(_), None) => {}
        }
    };
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    total.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn play(seed: u64, world: &Rc<RefCell<World>>) -> Result<Tally, Broken> {
    let played = catch_unwind(AssertUnwindSafe(|| Stage::new(world).play()));
    played.map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
        Broken { seed, reason: text.unwrap_or_else(|| "a panic".to_owned()) }
    })
}

/// The world with the processes that live in it.
struct Stage {
    world: Rc<RefCell<World>>,
    processes: Vec<Life>,
}

#[derive(Default)]
struct Life {
    process: Option<Pin<Box<dyn Future<Output = ()>>>>,
    is_restless: Rc<Cell<bool>>,
    deaths: u32,
    is_done: bool,
}

impl Stage {
    fn new(world: &Rc<RefCell<World>>) -> Self {
        let clients = world.borrow().disks.len();
        let processes = (0..clients).map(|_| Life::default()).collect();
        Self { world: Rc::clone(world), processes }
    }

    fn play(mut self) -> Tally {
        while self.processes.iter().any(|life| !life.is_done) {
            let happening = self.world.borrow_mut().next();
            let happening = happening.expect("nothing happens any more, and not all is done");
            if let Some(client) = self.happen(happening) {
                self.go_on(client);
            }
            let world = self.world.borrow();
            let calm = world.now.duration_since(world.scenario.calm_from).unwrap_or_default();
            assert!(calm < MAX_CALM, "not done after {} s without faults", calm.as_secs());
            assert!(world.tally.events < MAX_EVENTS, "it does not end");
        }
        self.verdict()
    }

    /// Lets it happen, and says which client takes notice.
    fn happen(&mut self, happening: Happening) -> Option<usize> {
        let mut world = self.world.borrow_mut();
        match happening {
            Happening::ClientStarts(client) => {
                world.tell(|| format!("client {client} starts"));
                let life = &mut self.processes[client];
                let restless = Rc::clone(&life.is_restless);
                let process = Process::new(Rc::clone(&self.world), client, life.deaths, restless);
                life.process = Some(Box::pin(async move { process.run().await }));
                return Some(client);
            }
            Happening::Wakes(slot) => return Some(slot.fill(())),
            Happening::Returns(slot, received) => return Some(slot.fill(received)),
            Happening::Arrives(delivery) => world.arrive(delivery),
            Happening::Finishes(job) => world.finish(job),
            Happening::ServerDies(down) if !world.is_calm() => {
                world.count(Fault::ServerRestarts);
                world.die(down);
            }
            Happening::ServerDies(_) => {}
            Happening::ServerStarts => world.start_server(),
            Happening::ClockJumps(distance) => {
                world.count(Fault::ClockJumps);
                world.now += distance;
                world.scenario.calm_from += distance;
                world.tell(|| format!("    the clock jumped by {} s", distance.as_secs()));
            }
            Happening::Forgery => world.forge(),
        }
        None
    }

    /// A client goes on with what it got, or dies before it can.
    fn go_on(&mut self, client: usize) {
        let life = &mut self.processes[client];
        if life.process.is_some()
            && life.deaths < MAX_DEATHS
            && self.world.borrow_mut().meets(Fault::ClientDies)
        {
            life.deaths += 1;
            life.process = None;
            return self.world.borrow_mut().bury(client);
        }
        let Some(process) = &mut life.process else {
            return;
        };
        let mut context = Context::from_waker(Waker::noop());
        loop {
            life.is_restless.set(false);
            if process.as_mut().poll(&mut context).is_ready() {
                life.process = None;
                life.is_done = true;
                return;
            }
            if !life.is_restless.get() {
                return;
            }
        }
    }

    /// The end: everybody has what they wished for, and nothing is left behind.
    fn verdict(self) -> Tally {
        let mut world = self.world.borrow_mut();
        let shelves: Vec<_> = world.disks.iter().flat_map(|disk| &disk.wishes).cloned().collect();
        for shelf in &shelves {
            assert!(shelf.certificate.is_some(), "a wish is not fulfilled");
        }
        assert_eq!(world.proofs, Default::default(), "proofs are left standing");
        world.tally.certificates = shelves.len() as u64;
        assert!(world.tally.faults_met() > 0, "nothing went wrong");
        std::mem::take(&mut world.tally)
    }
}

impl World {
    /// What a process leaves behind when it dies.
    fn bury(&mut self, client: usize) {
        self.tell(|| format!("client {client} dies"));
        for wish in 0..self.disks[client].wishes.len() {
            if self.scenario.proofs_die {
                self.watch.disturbs((client, wish));
            }
        }
        if self.scenario.proofs_die {
            self.proofs.retain(|_, owner| *owner != client);
        }
        let pause = self.dice.millis(100..=60_000);
        self.schedule(pause, Happening::ClientStarts(client));
    }
}
