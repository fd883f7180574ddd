//! The server core with its disk, its jobs, and its deaths.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use acme_proto::{HttpRequest, HttpResponse, Issued, Problem, ProblemType, Url};
use lacme_ca::{
    AcmeServer, ChallengeId, Change, Collection, IssueRequest, Issuer as _, Job, Limits, OrderId,
    ServerConfig, Validation,
};
use serde_json::Value;

use crate::crypto::Cheap;
use crate::dice::Dice;
use crate::fault::Fault;
use crate::proofs::key_of_validation;
use crate::scenario::Scenario;
use crate::watch::Wish;
use crate::world::{Happening, World};

pub(crate) const BASE: &str = "https://ca.example";

pub(crate) type Documents = BTreeMap<(Collection, String), Value>;

pub(crate) struct Server {
    config: ServerConfig,
    /// `None` while it is down.
    core: Option<AcmeServer>,
    documents: Documents,
    /// How often it was started: jobs of a former life bring nothing.
    life: u64,
    dice: Dice,
}

/// A job that is done.
pub(crate) struct Finished {
    life: u64,
    job: Done,
}

enum Done {
    Validation(ChallengeId, Box<Validation>),
    Issuance(OrderId, Box<IssueRequest>),
}

impl Server {
    pub(crate) fn new(scenario: &Scenario, dice: &mut Dice) -> Self {
        let base = Url::parse(BASE).expect("a constant");
        let mut limits = Limits::default().nonces(scenario.nonces);
        if let Some(most) = scenario.new_orders {
            limits = limits.new_orders(most, Duration::from_secs(60));
        }
        let config = ServerConfig::new(base).expect("a short URL");
        let config = config
            .challenges([scenario.challenge.clone()])
            .order_lifetime(scenario.order_lifetime)
            .nonce_lifetime(scenario.nonce_lifetime)
            .retention(Duration::from_secs(30 * 86_400))
            .retry_after(scenario.retry_after)
            .reuse_authorizations(scenario.reuses_authorizations)
            .limits(limits);
        let documents = Documents::new();
        let mut server = Self { config, core: None, documents, life: 0, dice: dice.fork() };
        server.start();
        server
    }

    pub(crate) fn is_up(&self) -> bool {
        self.core.is_some()
    }

    pub(crate) fn add_nonce(&mut self, answer: &mut HttpResponse, now: SystemTime) {
        if let Some(core) = &mut self.core {
            core.add_nonce(answer, now);
        }
    }

    /// Starts with what a former life wrote down, and returns what that one left undone.
    fn start(&mut self) -> Vec<Job> {
        let mut dice = self.dice.fork();
        let random = move |bytes: &mut [u8]| dice.fill(bytes);
        let mut core = AcmeServer::new(self.config.clone(), Arc::new(Cheap), Box::new(random));
        core.keep_changes();
        for ((collection, id), document) in &self.documents {
            core.restore(*collection, id, document.clone()).expect("it wrote that itself");
        }
        self.life += 1;
        let jobs = core.unfinished_jobs();
        self.core = Some(core);
        jobs
    }

    fn write(&mut self, changes: Vec<Change>) {
        for Change { collection, id, document, .. } in changes {
            match document {
                Some(document) => self.documents.insert((collection, id), document),
                None => self.documents.remove(&(collection, id)),
            };
        }
    }
}

impl World {
    /// The server's answer; `None` if it is down.
    pub(crate) fn serve(&mut self, request: &HttpRequest) -> Option<HttpResponse> {
        let outcome = self.server.core.as_mut()?.handle(request, self.now);
        self.keep(outcome.changes);
        outcome.jobs.into_iter().for_each(|job| self.begin_job(job));
        self.watch.answered(request, &outcome.response);
        self.overheard.push_back(request.clone());
        if self.overheard.len() > 16 {
            self.overheard.pop_front();
        }
        let answer = &outcome.response;
        self.tell(|| format!("    server {} {}", answer.status().as_u16(), request.uri().path()));
        Some(outcome.response)
    }

    /// The server dies while it answers: before or after it wrote down what changed.
    pub(crate) fn die_over(&mut self, request: &HttpRequest) -> crate::network::Received {
        if self.dice.chance(500) {
            self.serve(request);
        } else if let Some(core) = &mut self.server.core {
            core.handle(request, self.now);
        }
        let down = self.dice.millis(0..=20_000);
        self.die(down);
        let reason = "the connection was reset";
        let sureness = acme_proto::Delivery::Unknown;
        Err(crate::network::Lost { reason, sureness, is_broken: false })
    }

    pub(crate) fn die(&mut self, down: Duration) {
        if self.server.core.take().is_some() {
            self.tell(|| "    server dies".to_owned());
            self.schedule(down, Happening::ServerStarts);
        }
    }

    pub(crate) fn start_server(&mut self) {
        if self.server.core.is_none() {
            self.tell(|| "    server starts".to_owned());
            for job in self.server.start() {
                self.begin_job(job);
            }
        }
    }

    fn begin_job(&mut self, job: Job) {
        let (slow, job) = match job {
            Job::Validate { challenge, validation } => {
                (Fault::ValidationSlow, Done::Validation(challenge, validation))
            }
            Job::Issue { order, request } => (Fault::IssuingSlow, Done::Issuance(order, request)),
            other => panic!("a job of an unknown kind: {other:?}"),
        };
        let delay = match self.meets(slow) {
            true => self.dice.seconds(5..=600),
            false => self.dice.millis(1..=2_000),
        };
        let life = self.server.life;
        self.schedule(delay, Happening::Finishes(Finished { life, job }));
    }

    pub(crate) fn finish(&mut self, Finished { life, job }: Finished) {
        if life != self.server.life || !self.server.is_up() {
            return;
        }
        match job {
            Done::Validation(challenge, validation) => self.validate(&challenge, &validation),
            Done::Issuance(order, request) => self.issue(order, &request),
        }
    }

    fn validate(&mut self, challenge: &ChallengeId, validation: &Validation) {
        let key = key_of_validation(validation);
        let stands = self.proofs.contains_key(&key);
        let fails = self.meets(Fault::ValidationFails);
        if !stands {
            self.watch.looked_in_vain(&key, validation);
        }
        let result: Result<(), _> = match stands && !fails {
            true => Ok(()),
            false => Err(problem(ProblemType::Unauthorized)),
        };
        self.tell(|| {
            let verdict = if result.is_ok() { "valid" } else { "invalid" };
            format!("    server finds {} {verdict}", validation.identifier)
        });
        if let Some(core) = &mut self.server.core {
            let changes = core.finish_validation(challenge, result, self.now);
            self.keep(changes);
        }
    }

    fn issue(&mut self, order: OrderId, request: &IssueRequest) {
        let result = match self.meets(Fault::IssuingFails) {
            true => Err(problem(ProblemType::ServerInternal).into()),
            false => Cheap.certify(request, self.now),
        };
        self.tell(|| {
            let verdict = if result.is_ok() { "issues" } else { "cannot issue" };
            format!("    server {verdict} {}", request.identifiers[0])
        });
        if let Some(core) = &mut self.server.core {
            let changes = core.finish_issuance(order, result, self.now);
            self.keep(changes);
        }
    }

    /// A client is about to order.
    pub(crate) fn watch_order(&mut self, wish: Wish) {
        self.watch.orders(wish, &self.server.documents, self.now);
    }

    /// A client is about to store what it got.
    pub(crate) fn watch_certificate(&mut self, wish: Wish, issued: &Issued) {
        self.watch.holds(wish, issued, &self.server.documents);
    }

    /// Writes down what changed, and looks whether it may have.
    fn keep(&mut self, changes: Vec<Change>) {
        for change in &changes {
            self.watch.changed(change, &self.server.documents, &mut self.tally);
        }
        self.server.write(changes);
    }
}

fn problem(kind: ProblemType) -> Problem {
    let mut problem = Problem::default();
    problem.kind = kind;
    problem.detail = Some("a fault".to_owned());
    problem
}
