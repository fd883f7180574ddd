//! A whole issuance against a CA that says whatever it likes: it never panics, every proof that was
//! set up is taken down before the end, and once the CA keeps saying the same, the end comes.
#![no_main]

use std::time::{Duration, SystemTime};

use acme_crypto::AwsLc;
use acme_proto::{
    Action, Call, ChallengeType, Delivery, Event, HttpResponse, Identifier, Issuance, NewOrder,
    Plan, Proof, Reply, Resource,
};
use lacme_fuzz::{ACCOUNT, directory, exchange, is_shown_safely, now, response};
use libfuzzer_sys::arbitrary::{self, Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

/// More than the most patient run takes.
const MAX_STEPS: usize = 20_000;
const PATIENCE: Duration = Duration::from_secs(20);
const MAX_WAIT: Duration = Duration::from_secs(600);

/// All that happens to one issuance.
#[derive(Arbitrary, Debug)]
struct Script<'a> {
    names: [Option<Name>; 3],
    turns: Vec<Turn<'a>>,
    /// What the CA says when the turns are over, for ever.
    ending: Answer<'a>,
}

#[derive(Arbitrary, Debug)]
enum Turn<'a> {
    /// The calls are answered, or whatever else was to be done is done.
    Go(Answer<'a>),
    /// The same, but what was to be done fails.
    Fail,
    Cancel,
    Resume,
    /// The process dies; another one reads the journal.
    Die,
    /// An event that answers nothing.
    Misfit,
}

#[derive(Arbitrary, Clone, Copy, Debug)]
enum Answer<'a> {
    /// What a CA says, with these states, of all that it may say.
    Fitting(States),
    Problem {
        kind: Problem,
        status: Status,
        retry_after: Option<u16>,
    },
    /// This response, as text.
    Verbatim(&'a [u8]),
    Lost {
        sent: bool,
    },
}

#[derive(Arbitrary, Clone, Copy, Debug)]
struct States {
    order: Order,
    authorization: Authorization,
    challenge: ChallengeState,
    offered: [Challenge; 2],
    authorizations: Option<u8>,
    error: bool,
    swapped: bool,
    certificate: bool,
    retry_after: Option<u16>,
}

/// An enum whose variants have a text each.
macro_rules! texts {
    ($name:ident: $($variant:ident = $text:literal),*) => {
        #[derive(Arbitrary, Clone, Copy, Debug)]
        enum $name { $($variant),* }
        impl $name {
            fn text(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }
        }
    };
}

texts!(Name: Plain = "a.example", Wildcard = "*.a.example", Address = "192.0.2.1", Other = "b.example");
texts!(Challenge: Http01 = "http-01", Dns01 = "dns-01", TlsAlpn01 = "tls-alpn-01",
    DnsAccount01 = "dns-account-01", DnsPersist01 = "dns-persist-01", Other = "other-01");
texts!(Order: Pending = "pending", Ready = "ready", Processing = "processing", Valid = "valid",
    Invalid = "invalid", Odd = "odd");
texts!(Authorization: Pending = "pending", Valid = "valid", Invalid = "invalid",
    Deactivated = "deactivated", Expired = "expired", Revoked = "revoked", Odd = "odd");
texts!(ChallengeState: Pending = "pending", Processing = "processing", Valid = "valid",
    Invalid = "invalid", Odd = "odd");
texts!(Problem: BadNonce = "badNonce", RateLimited = "rateLimited", Malformed = "malformed",
    OrderNotReady = "orderNotReady", AlreadyReplaced = "alreadyReplaced",
    Unauthorized = "unauthorized", ServerInternal = "serverInternal");
texts!(Status: S400 = "400", S403 = "403", S404 = "404", S409 = "409", S429 = "429", S500 = "500",
    S503 = "503", S200 = "200");

fuzz_target!(|bytes: &[u8]| {
    if let Ok(script) = Script::arbitrary_take_rest(Unstructured::new(bytes)) {
        run(&script);
    }
});

fn run(script: &Script<'_>) {
    let mut world = World::new(script);
    for turn in &script.turns {
        match turn {
            Turn::Go(answer) => world.go(answer, false),
            Turn::Fail => world.go(&Answer::Lost { sent: true }, true),
            Turn::Cancel => world.tell(Event::Cancel),
            Turn::Resume => world.tell(Event::Resume),
            Turn::Die => world.die(),
            Turn::Misfit => world.misfit(),
        }
    }
    for _ in 0..MAX_STEPS {
        if world.is_done() {
            return;
        }
        world.go(&script.ending, false);
    }
    panic!("the issuance does not end");
}

/// The issuance and what stands outside of it.
struct World {
    issuance: Issuance,
    names: Vec<Identifier>,
    now: SystemTime,
    standing: Vec<Proof>,
}

impl World {
    fn new(script: &Script<'_>) -> Self {
        let names = script.names.iter().flatten().map(|name| name.text().parse());
        let names: Vec<Identifier> = names.map(|name| name.expect("a name")).collect();
        let kind = |name: &Identifier| match name {
            _ if name.is_wildcard() => ChallengeType::Dns01,
            Identifier::Ip(_) => ChallengeType::TlsAlpn01,
            _ => ChallengeType::Http01,
        };
        let mut plan = Plan::new(
            directory(),
            ACCOUNT.url.clone(),
            ACCOUNT.thumbprint.clone(),
            NewOrder::new(names.clone()),
            names.iter().map(kind).collect(),
            b"csr".to_vec(),
        );
        plan.patience = PATIENCE;
        plan.order.replaces = Some(acme_proto::CertificateId::new(b"issuer", b"serial"));
        Self { issuance: Issuance::new(plan), names, now: now(), standing: Vec::new() }
    }

    fn is_done(&self) -> bool {
        let Action::Done(result) = self.issuance.action() else { return false };
        assert!(self.standing.is_empty(), "every proof is taken down before the end");
        assert!(self.issuance.standing().is_empty());
        if let Err(error) = result {
            is_shown_safely(error);
        }
        true
    }

    /// Does what is to be done and tells of it.
    fn go(&mut self, answer: &Answer<'_>, fail: bool) {
        let event = match self.issuance.action() {
            Action::Calls(calls) => {
                assert!((1..=100).contains(&calls.len()));
                let answers = calls.iter().map(|call| exchange(call, || self.answer(call, answer)));
                Event::Answered(answers.collect())
            }
            Action::Provision(proofs) => {
                self.standing.extend_from_slice(proofs);
                Event::Provisioned(if fail { Err("no".to_owned()) } else { Ok(()) })
            }
            Action::WaitUntil(until) => {
                let wait = until.duration_since(self.now).expect("waits lie in the future");
                assert!(wait <= MAX_WAIT, "{wait:?}");
                self.now = until;
                Event::Woken
            }
            Action::Cleanup(proofs) => {
                self.standing.retain(|standing| !proofs.contains(standing));
                Event::CleanedUp
            }
            Action::Done(_) => return,
        };
        self.tell(event);
    }

    fn tell(&mut self, event: Event) {
        self.issuance.handle(event, self.now, &AwsLc).expect("the event fits the action");
    }

    fn die(&mut self) {
        let journal = serde_json::to_string(&self.issuance).expect("a journal can be written");
        self.issuance = serde_json::from_str(&journal).expect("and read");
        assert_eq!(serde_json::to_string(&self.issuance).ok(), Some(journal));
        self.tell(Event::Resume);
    }

    fn misfit(&mut self) {
        let before = format!("{:?}", self.issuance);
        let event = match self.issuance.action() {
            Action::Calls(_) => Event::Answered(Vec::new()),
            Action::WaitUntil(_) => Event::CleanedUp,
            _ => Event::Woken,
        };
        assert!(self.issuance.handle(event, self.now, &AwsLc).is_err());
        assert_eq!(format!("{:?}", self.issuance), before, "a misfit changes nothing");
    }

    fn answer(&self, call: &Call, answer: &Answer<'_>) -> Reply {
        let (status, kind, retry_after, body) = match answer {
            Answer::Fitting(states) => {
                ("200", "application/json", states.retry_after, self.body(call, states))
            }
            Answer::Problem { kind, status, retry_after } => {
                let kind = format!("urn:ietf:params:acme:error:{}", kind.text());
                let body = json!({ "type": kind, "detail": "because" });
                (status.text(), "application/problem+json", *retry_after, body)
            }
            Answer::Verbatim(text) => return Reply::Response(response(text).unwrap_or_default()),
            Answer::Lost { sent } => {
                let delivery = if *sent { Delivery::Unknown } else { Delivery::NotSent };
                let reason = "lost".to_owned();
                return Reply::Unreachable { reason, delivery, temporary: *sent };
            }
        };
        let is_chain = call.resource == Resource::Certificate && status == "200";
        let kind = if is_chain { "application/pem-certificate-chain" } else { kind };
        let mut response = http::Response::builder()
            .status(status)
            .header("content-type", kind)
            .header("location", "https://ca.example/order/1");
        if let Some(seconds) = retry_after {
            response = response.header("retry-after", seconds);
        }
        let response: HttpResponse =
            response.body(body.to_string().into_bytes()).expect("a response");
        Reply::Response(response)
    }

    /// What the resource looks like in these states.
    fn body(&self, call: &Call, states: &States) -> Value {
        let error = states.error.then(|| json!({ "type": "urn:ietf:params:acme:error:dns" }));
        match call.resource {
            Resource::Authorization => {
                let place = call.url.as_str().rsplit('/').next().and_then(|n| n.parse().ok());
                let place: usize = place.unwrap_or(0) + usize::from(states.swapped);
                let name = self.names.get(place % self.names.len().max(1));
                let challenge = |kind: &Challenge| {
                    json!({
                        "type": kind.text(),
                        "url": format!("https://ca.example/challenge/{place}"),
                        "token": "token",
                        "status": states.challenge.text(),
                        "issuerDomainNames": ["ca.example"],
                        "error": error,
                    })
                };
                json!({
                    "identifier": name.map(Identifier::without_wildcard),
                    "wildcard": name.is_some_and(Identifier::is_wildcard),
                    "status": states.authorization.text(),
                    "challenges": states.offered.iter().map(challenge).collect::<Vec<_>>(),
                })
            }
            Resource::Challenge => json!({
                "type": "http-01",
                "url": call.url,
                "token": "token",
                "status": states.challenge.text(),
                "error": error,
            }),
            _ => {
                let count = states.authorizations.map_or(self.names.len(), usize::from);
                let urls = (0..count).map(|n| format!("https://ca.example/authorization/{n}"));
                json!({
                    "status": states.order.text(),
                    "authorizations": urls.collect::<Vec<_>>(),
                    "finalize": "https://ca.example/finalize/1",
                    "certificate": states.certificate.then_some("https://ca.example/chain/1"),
                    "error": error,
                })
            }
        }
    }
}
