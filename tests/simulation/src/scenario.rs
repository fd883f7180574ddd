//! What a seed decides before anything happens.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use acme_proto::{ChallengeType, Identifier};

use crate::dice::Dice;
use crate::fault::Fault;

/// The virtual clock begins in 2027.
pub(crate) fn beginning() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}

pub(crate) struct Scenario {
    /// The wishes of each client.
    pub(crate) clients: Vec<Vec<Vec<Identifier>>>,
    pub(crate) challenge: ChallengeType,
    /// How many of a thousand times a fault is met where it can be.
    pub(crate) rates: BTreeMap<Fault, u64>,
    /// The request that something happens to in any case, so that no run is without a fault.
    pub(crate) sure_fault: (u64, Fault),
    /// From then on everything works.
    pub(crate) calm_from: SystemTime,
    pub(crate) jumps: Vec<(SystemTime, Duration)>,
    pub(crate) order_lifetime: Duration,
    pub(crate) nonce_lifetime: Duration,
    pub(crate) nonces: usize,
    pub(crate) retry_after: u64,
    pub(crate) reuses_authorizations: bool,
    /// New orders of an account in a minute.
    pub(crate) new_orders: Option<usize>,
    pub(crate) patience: Duration,
    /// Whether proofs go with the process that set them up, as those of a server within it.
    pub(crate) proofs_die: bool,
    /// Requests of a client in flight at a time.
    pub(crate) concurrency: usize,
}

impl Scenario {
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        let challenge =
            dice.pick(&[ChallengeType::Http01, ChallengeType::Dns01, ChallengeType::TlsAlpn01]);
        let clients = (0..dice.between(1..=3)).map(|client| wishes(client, &challenge, dice));
        let clients = clients.collect();
        let stormy = dice.seconds(30..=600);
        let mut rates = BTreeMap::new();
        for _ in 0..dice.between(1..=5) {
            rates.insert(dice.pick(&Fault::OF_REQUESTS), dice.between(10..=150));
        }
        for _ in 0..dice.between(0..=3) {
            rates.insert(dice.pick(&Fault::OF_OTHERS), dice.between(10..=200));
        }
        // These have a chance at every step, not once a request.
        for often in [Fault::ClientDies, Fault::ServerRestarts] {
            rates.entry(often).and_modify(|rate| *rate = *rate / 8 + 2);
        }
        let jumps = match dice.chance(200) {
            true => {
                let far = [20, 700, 4_000, 90_000];
                let jump = |dice: &mut Dice| {
                    let at = beginning() + dice.millis(0..=stormy.as_millis() as u64);
                    let most = dice.pick(&far);
                    (at, dice.seconds(1..=most))
                };
                (0..dice.between(1..=2)).map(|_| jump(dice)).collect()
            }
            false => Vec::new(),
        };
        Self {
            clients,
            challenge,
            rates,
            sure_fault: (dice.between(1..=8), dice.pick(&Fault::OF_REQUESTS)),
            calm_from: beginning() + stormy,
            jumps,
            order_lifetime: match dice.chance(300) {
                true => dice.seconds(20..=900),
                false => Duration::from_secs(86_400),
            },
            nonce_lifetime: match dice.chance(300) {
                true => dice.seconds(2..=60),
                false => Duration::from_secs(3600),
            },
            nonces: if dice.chance(200) { dice.between(8..=24) as usize } else { 65_536 },
            retry_after: dice.pick(&[0, 1, 1, 5, 30]),
            reuses_authorizations: dice.chance(500),
            new_orders: dice.chance(200).then(|| dice.between(1..=3) as usize),
            patience: Duration::from_secs(dice.pick(&[30, 300, 300])),
            proofs_die: dice.chance(500),
            concurrency: dice.pick(&[1, 2, 10]),
        }
    }
}

/// One to three wishes of one to three names; each wish has a name of its own, and some share one.
fn wishes(client: u64, challenge: &ChallengeType, dice: &mut Dice) -> Vec<Vec<Identifier>> {
    let name = |text: String| Identifier::parse(&text).expect("a plain name");
    let wish = |number: u64, dice: &mut Dice| {
        let mut names = vec![name(format!("w{number}.c{client}.example"))];
        if dice.chance(300) {
            names.push(name(format!("shared.c{client}.example")));
        }
        if dice.chance(300) {
            let star = if *challenge == ChallengeType::Dns01 { "*." } else { "x." };
            names.push(name(format!("{star}w{number}.c{client}.example")));
        }
        names
    };
    (0..dice.between(1..=3)).map(|number| wish(number, dice)).collect()
}
