use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use lacme::challenges::{Solver, SolverError};
use lacme::proto::{Proof, ProofKind};
use lacme::{ChallengeType, Problem, ProblemType};
use lacme_ca::{Validation, Validator};

/// Where http-01 proofs stand in tests that need no network for them: the client puts them there,
/// our own server looks for them.
#[derive(Debug, Default)]
pub struct Shelf(Mutex<HashSet<String>>);

impl Shelf {
    /// Whether no proof stands.
    pub fn is_empty(&self) -> bool {
        self.standing().is_empty()
    }

    fn standing(&self) -> MutexGuard<'_, HashSet<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Solver for Shelf {
    fn supports(&self, challenge: &ChallengeType) -> bool {
        *challenge == ChallengeType::Http01
    }

    async fn provision(&self, proofs: &[Proof]) -> Result<(), SolverError> {
        self.standing().extend(proofs.iter().filter_map(key_authorization));
        Ok(())
    }

    async fn cleanup(&self, proofs: &[Proof]) -> Result<(), SolverError> {
        for gone in proofs.iter().filter_map(key_authorization) {
            self.standing().remove(&gone);
        }
        Ok(())
    }
}

#[async_trait]
impl Validator for Shelf {
    async fn validate(&self, validation: &Validation) -> Result<(), Problem> {
        if self.standing().contains(&validation.key_authorization) {
            return Ok(());
        }
        let mut problem = Problem::default();
        problem.kind = ProblemType::IncorrectResponse;
        Err(problem)
    }
}

fn key_authorization(proof: &Proof) -> Option<String> {
    match &proof.kind {
        ProofKind::Http01 { key_authorization, .. } => Some(key_authorization.clone()),
        _ => None,
    }
}
