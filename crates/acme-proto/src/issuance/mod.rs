//! newOrder to certificate (RFC 8555 §7.1, §7.4): a machine that can be written down and resumed.

mod answer;
mod failure;
mod inspection;
mod transitions;

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::HttpResponse;
use crate::error::CallError;
use crate::jose::Thumbprint;
use crate::objects::{ChallengeType, Directory, Order, Url};
use crate::proof::Proof;
use crate::requests::{Call, Located, NewOrder};
use crate::retry::Backoff;

pub use failure::{FailedChallenge, IssuanceError};
use inspection::{Answers, Cause};

/// What to issue, and how it will be proven. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Plan {
    /// The order to place.
    pub order: NewOrder,
    /// The challenge to answer for each identifier of the order, in the order's sequence.
    pub challenges: Vec<ChallengeType>,
    /// The certificate signing request in DER. Its key must be stored before the plan is acted on.
    #[serde(with = "crate::jose::base64url_bytes")]
    pub csr: Vec<u8>,
    /// The CA's resources.
    pub directory: Directory,
    /// The account's URL.
    pub account: Url,
    /// The thumbprint of the account's key.
    pub thumbprint: Thumbprint,
    /// How long the CA may take over validation, and again over the certificate. Default 300 s.
    pub patience: Duration,
    /// For jitter.
    pub seed: u64,
}

impl Plan {
    /// A plan that proves each identifier by the challenge of the same place.
    pub fn new(
        directory: Directory,
        account: Url,
        thumbprint: Thumbprint,
        order: NewOrder,
        challenges: Vec<ChallengeType>,
        csr: Vec<u8>,
    ) -> Self {
        let patience = Duration::from_secs(300);
        Self { order, challenges, csr, directory, account, thumbprint, patience, seed: 0 }
    }
}

/// What to do next. A pure function of the state: asking twice changes nothing.
#[derive(Debug)]
pub enum Action<'a> {
    /// Make these calls, at once as far as politeness allows, and answer with
    /// [`Event::Answered`], a result for each in the same sequence.
    Calls(&'a [Call]),
    /// Set these proofs up and answer with [`Event::Provisioned`] when the CA can see them. Some
    /// may stand already.
    Provision(&'a [Proof]),
    /// Come back at this time with [`Event::Woken`].
    WaitUntil(SystemTime),
    /// Take these proofs down, whether they stand or not, and answer with [`Event::CleanedUp`].
    Cleanup(&'a [Proof]),
    /// The end.
    Done(&'a Result<Issued, IssuanceError>),
}

/// What happened. The only way to change the state.
#[derive(Debug)]
pub enum Event {
    /// The results of [`Action::Calls`].
    Answered(Vec<Result<HttpResponse, CallError>>),
    /// The proofs stand, or why not.
    Provisioned(Result<(), String>),
    /// The time has come.
    Woken,
    /// The proofs are gone, as far as that was possible.
    CleanedUp,
    /// The caller wants no certificate any more: proofs come down, then it ends. The order can be
    /// taken up again by [`Event::Resume`].
    Cancel,
    /// The state was written down, perhaps by a process that is dead now: look at the order and go
    /// on with it, or with a new one where the CA has lost it.
    Resume,
}

/// How far it has come, for progress displays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names say it")]
pub enum Phase {
    Ordering,
    Authorizing,
    Provisioning,
    Validating,
    CleaningUp,
    Finalizing,
    Downloading,
    Done,
}

impl std::fmt::Display for Phase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ordering => "ordering",
            Self::Authorizing => "reading what is to be proven",
            Self::Provisioning => "setting up proofs",
            Self::Validating => "waiting for the CA to validate",
            Self::CleaningUp => "taking proofs down",
            Self::Finalizing => "waiting for the certificate",
            Self::Downloading => "downloading",
            Self::Done => "done",
        })
    }
}

/// A certificate chain as the CA delivered it; nothing in it is checked yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Issued {
    /// The chain in PEM, leaf first.
    pub pem: String,
    /// Where other chains for the same leaf are.
    pub alternates: Vec<Url>,
    /// Where the certificate is.
    pub certificate: Url,
    /// Where the order is.
    pub order: Url,
}

/// An order on its way to a certificate.
///
/// The driver asks [`action`](Self::action), does it, tells [`handle`](Self::handle), until the
/// action is [`Action::Done`]. Written down (serde) at each change, it survives the process: read
/// it back, tell it [`Event::Resume`], go on.
///
/// Invariants: proofs are in the state before anyone sets them up, and leave it only by
/// [`Event::CleanedUp`]; an issuance ends only when none stand; a challenge is answered only while
/// it is pending; the order is finalized only when it is ready (RFC 8555 §7.4).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Issuance {
    plan: Plan,
    /// The order as it was last seen, and the `Location` of newOrder, which no other answer repeats.
    order: Option<Located<Order>>,
    /// Proofs that stand, or are about to.
    standing: Vec<Proof>,
    state: State,
    /// When the CA was last given something to work on.
    since: SystemTime,
    /// When a pending order is looked at more closely.
    inspect_at: SystemTime,
    backoff: Backoff,
    /// Whether the challenges of this order were answered in this run.
    answered: bool,
    /// Whether a new order may take this one's place: it was begun by a run that died.
    second_chance: bool,
    finalize_tries: u8,
    order_tries: u8,
}

/// Where it is, with the calls that are to be made there.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum State {
    Ordering(Call),
    Resuming(Call),
    Authorizing(Vec<Call>),
    Provisioning(Answers),
    Answering(Answers),
    Waiting { until: SystemTime },
    Polling(Call),
    Inspecting { calls: Vec<Call>, cause: Cause },
    CleaningUp { then: Then },
    Finalizing { call: Call, order: Url },
    Downloading { call: Call, order: Url },
    Done(Result<Issued, IssuanceError>),
}

/// What follows a cleanup.
#[derive(Clone, Debug, Serialize, Deserialize)]
enum Then {
    /// Go on as the order's state says.
    Follow,
    /// End.
    Fail(IssuanceError),
    /// Begin anew.
    Reorder,
}

impl Issuance {
    /// Begins with newOrder.
    pub fn new(plan: Plan) -> Self {
        Self {
            state: State::Ordering(plan.order.to_call(&plan.directory)),
            backoff: polling_backoff(plan.seed),
            plan,
            order: None,
            standing: Vec::new(),
            since: SystemTime::UNIX_EPOCH,
            inspect_at: SystemTime::UNIX_EPOCH,
            answered: false,
            second_chance: false,
            finalize_tries: 0,
            order_tries: 0,
        }
    }

    /// What to do next.
    pub fn action(&self) -> Action<'_> {
        match &self.state {
            State::Ordering(call)
            | State::Resuming(call)
            | State::Polling(call)
            | State::Finalizing { call, .. }
            | State::Downloading { call, .. } => Action::Calls(std::slice::from_ref(call)),
            State::Authorizing(calls) | State::Inspecting { calls, .. } => Action::Calls(calls),
            State::Provisioning(_) => Action::Provision(&self.standing),
            State::Answering(answers) => Action::Calls(&answers.calls),
            State::Waiting { until } => Action::WaitUntil(*until),
            State::CleaningUp { .. } => Action::Cleanup(&self.standing),
            State::Done(result) => Action::Done(result),
        }
    }

    /// How far it has come.
    pub fn phase(&self) -> Phase {
        match &self.state {
            State::Ordering(_) | State::Resuming(_) => Phase::Ordering,
            State::Authorizing(_) => Phase::Authorizing,
            State::Provisioning(_) => Phase::Provisioning,
            State::CleaningUp { .. } => Phase::CleaningUp,
            State::Finalizing { .. } => Phase::Finalizing,
            State::Downloading { .. } => Phase::Downloading,
            State::Done(_) => Phase::Done,
            _ if self.finalize_tries > 0 => Phase::Finalizing,
            _ => Phase::Validating,
        }
    }

    /// What is being issued.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The order's URL, once there is one.
    pub fn order_url(&self) -> Option<&Url> {
        self.order.as_ref().map(|order| &order.url)
    }

    /// The order as it was last seen.
    pub fn order(&self) -> Option<&Order> {
        self.order.as_ref().map(|order| &order.object)
    }

    /// The proofs that stand or may stand.
    pub fn standing(&self) -> &[Proof] {
        &self.standing
    }

    /// Whether this state is worth writing down. Waiting and polling are not: a run that resumes
    /// from the state before them reads the order anyway.
    pub fn is_worth_keeping(&self) -> bool {
        !matches!(self.state, State::Waiting { .. } | State::Polling(_))
    }
}

/// From 100 ms to 5 s: a CA on the next desk is done in milliseconds, a public one in seconds.
fn polling_backoff(seed: u64) -> Backoff {
    Backoff::new(Duration::from_millis(100), Duration::from_secs(5), seed)
}
