use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::{CallError, Misuse};
use crate::objects::{AuthorizationStatus, ChallengeType, Identifier, Problem};
use crate::proof::ProofError;

/// Why an issuance brought no certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum IssuanceError {
    /// A call failed.
    #[error(transparent)]
    Call(CallError),
    /// Challenges failed, one or several.
    #[error("{}", join(.0))]
    Challenges(Vec<FailedChallenge>),
    /// The CA does not offer the challenge that was planned for a name.
    #[error("the CA offers no {wanted} challenge for {identifier}; it offers {}", list(.offered))]
    ChallengeNotOffered {
        /// The name.
        identifier: Identifier,
        /// What was planned.
        wanted: ChallengeType,
        /// What there is.
        offered: Vec<ChallengeType>,
    },
    /// A challenge cannot be turned into a proof.
    #[error("{identifier}: {error}")]
    Proof {
        /// The name.
        identifier: Identifier,
        /// Why not.
        error: ProofError,
    },
    /// The solver could not set up the proofs, in its own words.
    #[error("the proofs could not be set up: {0}")]
    Provision(String),
    /// An authorization was given up, withdrawn or too old.
    #[error("the authorization for {identifier} is {status:?}")]
    AuthorizationLost {
        /// The name.
        identifier: Identifier,
        /// Its state.
        status: AuthorizationStatus,
    },
    /// The order failed without a failed challenge that explains it.
    #[error("the CA gave the order up{}", because(.0))]
    OrderInvalid(Option<Box<Problem>>),
    /// The order did not move for the time set.
    #[error(
        "the CA did not get on with the order within {seconds} seconds; it will be taken up again by the next run"
    )]
    Stalled {
        /// How long it was watched.
        seconds: u64,
    },
    /// The caller called it off.
    #[error("the issuance was called off")]
    Cancelled,
}

/// A challenge that failed, with the CA's reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FailedChallenge {
    /// The name that was to be proven; a wildcard as it was asked for.
    pub identifier: Identifier,
    /// The challenge's type, where one of them is known to have failed.
    pub kind: Option<ChallengeType>,
    /// What the CA says.
    pub problem: Option<Problem>,
}

impl From<Misuse> for IssuanceError {
    fn from(misuse: Misuse) -> Self {
        Self::Call(misuse.into())
    }
}

impl IssuanceError {
    /// Whether the CA may still have the order in a state to go on with: then the journal is worth
    /// keeping.
    ///
    /// An answer that cannot be read says nothing about the order, which may have its certificate
    /// already: it is no reason to place another one.
    pub fn is_resumable(&self) -> bool {
        match self {
            Self::Call(CallError::Protocol { .. } | CallError::Http { .. }) => true,
            Self::Call(error) => error.is_temporary(),
            Self::Provision(_) | Self::Stalled { .. } | Self::Cancelled => true,
            _ => false,
        }
    }
}

impl fmt::Display for FailedChallenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.identifier)?;
        match &self.kind {
            Some(kind) => write!(f, "{kind} failed")?,
            None => f.write_str("its authorization failed")?,
        }
        match &self.problem {
            Some(problem) => write!(f, ": {problem}"),
            None => f.write_str(", and the CA gives no reason"),
        }
    }
}

fn join(failed: &[FailedChallenge]) -> String {
    failed.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn list(kinds: &[ChallengeType]) -> String {
    match kinds {
        [] => "none".to_owned(),
        kinds => kinds.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

fn because(problem: &Option<Box<Problem>>) -> String {
    problem.as_ref().map(|problem| format!(": {problem}")).unwrap_or_default()
}
