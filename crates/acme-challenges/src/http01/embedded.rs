use acme_proto::{ChallengeType, Proof};
use async_trait::async_trait;

use super::Responses;
use crate::{Solver, SolverError};

/// Solves http-01 through a server that runs already: it only fills the shelf of
/// [`responses`](Self::responses) from which that server answers.
///
/// A proof counts as visible as soon as it is on the shelf, so the server must answer from it, on
/// port 80 of the names to prove, before the first order is started.
#[derive(Debug, Default)]
pub struct Embedded {
    responses: Responses,
}

impl Embedded {
    /// A solver with an empty shelf.
    pub fn new() -> Self {
        Self::default()
    }

    /// The shelf, for the server to answer from.
    pub fn responses(&self) -> Responses {
        self.responses.clone()
    }
}

#[async_trait]
impl Solver for Embedded {
    fn supports(&self, challenge: &ChallengeType) -> bool {
        *challenge == ChallengeType::Http01
    }

    async fn provision(&self, proofs: &[Proof]) -> Result<(), SolverError> {
        self.responses.put_up(proofs)
    }

    async fn cleanup(&self, proofs: &[Proof]) -> Result<(), SolverError> {
        self.responses.take_down(proofs);
        Ok(())
    }
}
