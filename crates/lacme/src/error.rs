use std::fmt;
use std::time::{Duration, SystemTime};

use acme_challenges::{SolverError, SolverErrorKind};
use acme_crypto::{ChainError, CsrError, KeyError};
use acme_proto::{
    CallError, ChallengeType, Identifier, InvalidName, IssuanceError, Problem, Refusal, Resource,
    Unsupported, Url,
};
use acme_store::StoreError;
use acme_transport::ConfigError;

/// Why something did not work; [`kind`](Self::kind) says who is to blame.
///
/// The text is one line, says what to do next where that is known, and is safe to print: what a
/// server sent stands in it with control characters escaped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was asked for cannot work.
    #[error("{0}")]
    Usage(String),
    /// A name cannot stand in a certificate.
    #[error(transparent)]
    Name(#[from] InvalidName),
    /// The challenge cannot prove this name.
    #[error("{}", unprovable(.identifier, .challenge))]
    Unprovable {
        /// The name.
        identifier: Identifier,
        /// The challenge that was chosen for it.
        challenge: ChallengeType,
    },
    /// No solver was given for the challenge of a name.
    #[error("no solver sets up {challenge} for {identifier}: give the client one")]
    NoSolver {
        /// The name.
        identifier: Identifier,
        /// The challenge that was chosen for it.
        challenge: ChallengeType,
    },
    /// The CA creates accounts only for those who agree to its terms.
    #[error("the CA asks for agreement to its terms of service ({}): read them, then agree (--agree-tos)", acme_proto::printable(.url))]
    TermsRequired {
        /// Where the terms are.
        url: String,
    },
    /// The CA creates accounts only with an external account binding.
    #[error(
        "the CA asks for an external account: get a key identifier and HMAC key from it (--eab-kid, --eab-hmac-key)"
    )]
    ExternalAccountRequired,
    /// The CA has no such profile.
    #[error("the CA has no profile {profile:?}; {}", profiles(.offered))]
    UnknownProfile {
        /// What was asked for.
        profile: String,
        /// What there is.
        offered: Vec<String>,
    },
    /// The CA lacks the resource.
    #[error(transparent)]
    Unsupported(#[from] Unsupported),
    /// A key cannot be made or read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A certificate signing request cannot be made or read.
    #[error(transparent)]
    Csr(#[from] CsrError),
    /// The certificate's key is the account's (RFC 8555 §11.1).
    #[error("the certificate's key is the account's key: use another one (RFC 8555 section 11.1)")]
    SharedKey,
    /// The transport cannot be set up.
    #[error(transparent)]
    Transport(#[from] ConfigError),
    /// No certificate or account of that name is stored.
    #[error("nothing is stored under the name {0:?}: `lacme list` shows what is")]
    NotStored(String),
    /// No account is known here, and none may be created.
    #[error("there is no account {name:?} for {directory} in the store: create one first")]
    NoAccount {
        /// The account's name.
        name: String,
        /// The CA.
        directory: Url,
    },
    /// The account was deactivated, which is for good.
    #[error(
        "the account {name:?} at {directory} is deactivated, for good: use another account name (--account)"
    )]
    AccountDeactivated {
        /// The account's name.
        name: String,
        /// The CA.
        directory: Url,
    },
    /// There is no ACME directory at the URL.
    #[error("there is no ACME directory at {url}: {reason}")]
    NoDirectory {
        /// The URL.
        url: Url,
        /// What was found instead.
        reason: String,
    },
    /// A request failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// An issuance failed.
    #[error(transparent)]
    Issuance(IssuanceError),
    /// A proof could not be set up.
    #[error(transparent)]
    Solver(#[from] SolverError),
    /// The CA delivered something else than what was ordered; nothing was stored.
    #[error("the CA delivered a wrong certificate, which was not stored: {0}")]
    Chain(#[from] ChainError),
    /// The key change is in doubt, and both keys are kept.
    #[error(
        "the CA answered the key change, but does not know the new key; the old key stays in use: {0}"
    )]
    RolloverIneffective(String),
    /// The time for the whole operation is over.
    #[error("{}", too_late(*.within, *.asked_for))]
    Deadline {
        /// The time it had.
        within: Duration,
        /// What the CA was asked for last.
        asked_for: Option<Resource>,
    },
    /// The work was called off.
    #[error("interrupted; proofs were taken down, and the next run goes on where this one stopped")]
    Cancelled,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A bug in lacme, or in a plugin.
    #[error("internal error: {0}")]
    Internal(String),
}

/// Who is to blame, in the words of the command's contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller asked for what cannot work.
    Usage,
    /// The CA refused.
    Ca,
    /// A challenge failed.
    Challenge,
    /// The CA could not be talked to.
    Network,
    /// The CA's answer breaks the protocol.
    Protocol,
    /// The store failed.
    Store,
    /// The CA says "not so fast".
    RateLimit,
    /// The work was called off.
    Interrupted,
    /// Anything else.
    Internal,
}

impl ErrorKind {
    /// The name in machine-readable output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "usage",
            Self::Ca => "ca",
            Self::Challenge => "challenge",
            Self::Network => "network",
            Self::Protocol => "protocol",
            Self::Store => "store",
            Self::RateLimit => "rate_limit",
            Self::Interrupted => "interrupted",
            Self::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Error {
    /// Who is to blame.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Usage(_)
            | Self::Name(_)
            | Self::Unprovable { .. }
            | Self::NoSolver { .. }
            | Self::TermsRequired { .. }
            | Self::ExternalAccountRequired
            | Self::UnknownProfile { .. }
            | Self::Unsupported(_)
            | Self::Key(_)
            | Self::Csr(_)
            | Self::SharedKey
            | Self::Transport(_) => ErrorKind::Usage,
            Self::AccountDeactivated { .. } | Self::RolloverIneffective(_) => ErrorKind::Ca,
            Self::NoDirectory { .. } | Self::Deadline { .. } => ErrorKind::Network,
            Self::Call(error) => call_kind(error),
            Self::Issuance(error) => match error {
                IssuanceError::Call(error) => call_kind(error),
                IssuanceError::OrderInvalid(_) => ErrorKind::Ca,
                IssuanceError::Stalled { .. } => ErrorKind::Network,
                IssuanceError::Cancelled => ErrorKind::Interrupted,
                _ => ErrorKind::Challenge,
            },
            Self::Solver(_) => ErrorKind::Challenge,
            Self::Chain(_) => ErrorKind::Protocol,
            // The name was given, not read from the store.
            Self::Store(StoreError::InvalidName { .. } | StoreError::NameTaken { .. }) => {
                ErrorKind::Usage
            }
            Self::Store(_) => ErrorKind::Store,
            Self::Cancelled => ErrorKind::Interrupted,
            Self::NotStored(_) | Self::NoAccount { .. } | Self::Internal(_) => ErrorKind::Internal,
        }
    }

    /// The CA's problem document, whole; with several failed challenges, the first one's.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Call(error) | Self::Issuance(IssuanceError::Call(error)) => error.problem(),
            Self::Issuance(IssuanceError::Challenges(failed)) => {
                failed.iter().find_map(|challenge| challenge.problem.as_ref())
            }
            Self::Issuance(IssuanceError::OrderInvalid(problem)) => problem.as_deref(),
            _ => None,
        }
    }

    /// The name it is about, where it is about one.
    pub fn identifier(&self) -> Option<&Identifier> {
        match self {
            Self::Unprovable { identifier, .. } | Self::NoSolver { identifier, .. } => {
                Some(identifier)
            }
            Self::Solver(error) => Some(&error.identifier),
            Self::Issuance(error) => match error {
                IssuanceError::Challenges(failed) => {
                    failed.first().map(|failed| &failed.identifier)
                }
                IssuanceError::ChallengeNotOffered { identifier, .. }
                | IssuanceError::Proof { identifier, .. }
                | IssuanceError::AuthorizationLost { identifier, .. } => Some(identifier),
                IssuanceError::Call(error) => {
                    let subproblems = &error.problem()?.subproblems;
                    subproblems.iter().find_map(|sub| sub.identifier.as_ref())
                }
                _ => None,
            },
            Self::Chain(ChainError::MissingName(name) | ChainError::UnaskedName(name)) => {
                Some(name)
            }
            _ => None,
        }
    }

    /// How long the CA asks to wait before another try.
    pub fn retry_after(&self) -> Option<Duration> {
        let retry_after = match self {
            Self::Call(CallError::Http { retry_after, .. })
            | Self::Issuance(IssuanceError::Call(CallError::Http { retry_after, .. })) => {
                *retry_after
            }
            error => error.refusal()?.retry_after,
        };
        retry_after.map(|retry| retry.delay(SystemTime::now()))
    }

    /// The CA's refusal with the headers that came with it.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Call(CallError::Refused(refusal))
            | Self::Issuance(IssuanceError::Call(CallError::Refused(refusal))) => Some(refusal),
            _ => None,
        }
    }

    /// Whether the CA refused with this problem.
    pub(crate) fn is_problem(&self, kind: &acme_proto::ProblemType) -> bool {
        self.problem().is_some_and(|problem| problem.kind == *kind)
    }

    /// Whether the error is about a port that another program holds.
    pub fn is_busy_port(&self) -> bool {
        matches!(self, Self::Solver(error) if matches!(error.kind, SolverErrorKind::Bind { .. }))
    }
}

fn call_kind(error: &CallError) -> ErrorKind {
    match error {
        CallError::Refused(refusal) if refusal.is_rate_limit() => ErrorKind::RateLimit,
        CallError::Refused(_) => ErrorKind::Ca,
        CallError::Http { status: 429, .. } => ErrorKind::RateLimit,
        CallError::Http { .. } | CallError::Protocol { .. } => ErrorKind::Protocol,
        CallError::Unreachable { .. } | CallError::Deadline(_) => ErrorKind::Network,
        CallError::Signature(_) => ErrorKind::Internal,
        _ => ErrorKind::Internal,
    }
}

fn unprovable(identifier: &Identifier, challenge: &ChallengeType) -> String {
    let advice = match identifier {
        _ if identifier.is_wildcard() => "a wildcard needs a DNS challenge, such as dns-01",
        Identifier::Ip(_) => "an IP address needs http-01 or tls-alpn-01",
        _ => "choose another challenge",
    };
    format!("{challenge} cannot prove {identifier}: {advice}")
}

fn too_late(within: Duration, asked_for: Option<Resource>) -> String {
    let asked_for = asked_for.map(|resource| format!(" (last asked for {resource})"));
    format!(
        "the CA was not done within {:.0} seconds{}; the next run goes on where this one stopped",
        within.as_secs_f64().max(1.0),
        asked_for.unwrap_or_default()
    )
}

fn profiles(offered: &[String]) -> String {
    match offered {
        [] => "it offers none".to_owned(),
        names => format!("it offers {}", acme_proto::printable(&names.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_deadline_names_the_time_it_had_and_the_request_in_hand() {
        let within = Duration::from_millis(2997); // three seconds were given, some went elsewhere
        let error = Error::Deadline { within, asked_for: Some(Resource::NewOrder) };
        let words = error.to_string();
        assert!(words.contains("within 3 seconds (last asked for newOrder)"), "{words}");
        let error = Error::Deadline { within, asked_for: None };
        assert!(error.to_string().contains("within 3 seconds;"), "{error}");
    }

    #[test]
    fn a_name_that_cannot_be_used_is_a_misuse() {
        let error = Error::from(StoreError::InvalidName { reason: "it is empty" });
        assert_eq!(error.kind(), ErrorKind::Usage);
    }
}
