//! Which solver proves which name.

use std::collections::HashMap;
use std::sync::Arc;

use acme_challenges::{Solver, SolverError};
use acme_proto::{ChallengeType, Identifier, Proof};
use futures_util::future::join_all;

use crate::Error;

/// A challenge type and who sets its proofs up.
#[derive(Clone)]
pub(crate) struct Route {
    pub(crate) challenge: ChallengeType,
    pub(crate) solver: Arc<dyn Solver>,
}

/// A solver and the proofs that fall to it.
type Part = (Arc<dyn Solver>, Vec<Proof>);

/// The default route, and those of single names.
#[derive(Clone, Default)]
pub(crate) struct Solvers {
    pub(crate) challenge: Option<ChallengeType>,
    pub(crate) default: Option<Arc<dyn Solver>>,
    pub(crate) names: HashMap<Identifier, Route>,
}

impl Solvers {
    /// The challenge for a name; http-01 where nothing was chosen.
    pub(crate) fn challenge_for(&self, identifier: &Identifier) -> ChallengeType {
        let route = self.names.get(identifier).map(|route| route.challenge.clone());
        route.or_else(|| self.challenge.clone()).unwrap_or(ChallengeType::Http01)
    }

    /// Fails where a name has no solver that can set its proof up.
    pub(crate) fn check(&self, identifiers: &[Identifier]) -> Result<(), Error> {
        for identifier in identifiers {
            let challenge = self.challenge_for(identifier);
            let solver = self.solver_for(identifier);
            if !solver.is_some_and(|solver| solver.supports(&challenge)) {
                return Err(Error::NoSolver { identifier: identifier.clone(), challenge });
            }
        }
        Ok(())
    }

    /// Sets all proofs up, each solver at its part at the same time.
    pub(crate) async fn provision(&self, proofs: &[Proof]) -> Result<(), SolverError> {
        let (parts, unroutable) = self.split(proofs);
        if let Some(proof) = unroutable.first() {
            return Err(SolverError::unsupported(proof));
        }
        let parts = parts.iter().map(|(solver, proofs)| solver.provision(proofs));
        join_all(parts).await.into_iter().collect()
    }

    /// Takes all proofs down, as far as that is possible, and says what was not.
    pub(crate) async fn cleanup(&self, proofs: &[Proof]) -> Vec<SolverError> {
        let (parts, unroutable) = self.split(proofs);
        let parts: Vec<_> = parts.iter().map(|(solver, proofs)| solver.cleanup(proofs)).collect();
        let failed = join_all(parts).await.into_iter().filter_map(Result::err);
        failed.chain(unroutable.iter().map(SolverError::unsupported)).collect()
    }

    fn solver_for(&self, identifier: &Identifier) -> Option<&Arc<dyn Solver>> {
        self.names.get(identifier).map(|route| &route.solver).or(self.default.as_ref())
    }

    /// The proofs by solver, and those that none supports.
    fn split(&self, proofs: &[Proof]) -> (Vec<Part>, Vec<Proof>) {
        let mut parts: Vec<Part> = Vec::new();
        let mut unroutable = Vec::new();
        for proof in proofs {
            let name = ordered_name(proof);
            let solver = self.solver_for(&name);
            match solver.filter(|solver| solver.supports(&proof.challenge_type())) {
                None => unroutable.push(proof.clone()),
                Some(solver) => {
                    match parts.iter_mut().find(|(known, _)| Arc::ptr_eq(known, solver)) {
                        Some((_, part)) => part.push(proof.clone()),
                        None => parts.push((solver.clone(), vec![proof.clone()])),
                    }
                }
            }
        }
        (parts, unroutable)
    }
}

/// The name as it was ordered: a wildcard's proof names only its base.
fn ordered_name(proof: &Proof) -> Identifier {
    match &proof.identifier {
        Identifier::Dns(base) if proof.wildcard => {
            Identifier::parse(&format!("*.{base}")).unwrap_or_else(|_| proof.identifier.clone())
        }
        identifier => identifier.clone(),
    }
}
