use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;

use acme_proto::{ChallengeType, Identifier, Proof};

/// Why a proof could not be set up or taken down.
#[derive(Debug)]
#[non_exhaustive]
pub struct SolverError {
    /// The identifier whose proof it is about; the order's first where all are concerned.
    pub identifier: Identifier,
    /// What went wrong.
    pub kind: SolverErrorKind,
}

/// What went wrong with a proof.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SolverErrorKind {
    /// A proof came to a solver that does not [support](crate::Solver::supports) its type.
    #[error("this solver sets up no {0} proofs; choose one that does, or another challenge")]
    Unsupported(ChallengeType),
    /// No server could be started at this address.
    #[error("cannot listen on {address}: {}", advice(.source))]
    #[non_exhaustive]
    Bind {
        /// Where the server should have listened.
        address: SocketAddr,
        /// What the operating system said at the last attempt.
        source: io::Error,
    },
    /// The proof's token already stands with another value: two accounts were given the same
    /// random token, which an honest server does not do.
    #[error("another account's proof stands under the same token; start a new order")]
    Conflict,
    /// As many proofs as the solver holds stand already.
    #[error("{limit} proofs stand already, which is the limit; wait for other orders to end")]
    #[non_exhaustive]
    Full {
        /// The limit.
        limit: usize,
    },
    /// A failure that only the solver knows.
    #[error("{message}")]
    #[non_exhaustive]
    Other {
        /// What happened and what to do next; it must hold no secret.
        message: String,
        /// The cause.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl SolverError {
    /// An error of `kind` about `identifier`.
    pub fn new(identifier: Identifier, kind: SolverErrorKind) -> Self {
        Self { identifier, kind }
    }

    /// The error for a `proof` of a type that the solver does not support.
    pub fn unsupported(proof: &Proof) -> Self {
        let kind = SolverErrorKind::Unsupported(proof.challenge_type());
        Self::new(proof.identifier.clone(), kind)
    }

    /// A failure of a solver's own kind: `message` says what happened and what to do next, and
    /// `source` is its cause, a text or an error. Neither may hold a secret.
    pub fn other(
        identifier: Identifier,
        message: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        let kind = SolverErrorKind::Other { message: message.into(), source: source.into() };
        Self::new(identifier, kind)
    }
}

impl fmt::Display for SolverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.identifier, self.kind)
    }
}

impl Error for SolverError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.kind.source()
    }
}

fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "another program listens there; stop it, or have it pass the server's requests on to \
             an address of ours"
        }
        io::ErrorKind::PermissionDenied => {
            "this user may not; ports below 1024 need root or CAP_NET_BIND_SERVICE"
        }
        io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
        _ => "the operating system refused",
    }
}
