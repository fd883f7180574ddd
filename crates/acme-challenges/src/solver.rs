use acme_proto::{ChallengeType, Proof};
use async_trait::async_trait;

use crate::SolverError;

/// Sets up proofs where an ACME server looks for them, and takes them down again.
///
/// # The contract
///
/// The caller
/// - MUST hand over only proofs whose type the solver [`supports`](Self::supports);
/// - MUST hand over all proofs of one order that this solver sets up in one call of `provision`;
/// - MUST call `cleanup` with the same proofs after `provision` was called, whether that succeeded,
///   failed or was dropped half way. After a crash, that may happen in another process;
/// - MAY call `provision` again for proofs that already stand, as when an order is resumed;
/// - MAY call `cleanup` more than once, and for proofs that never stood;
/// - MAY have calls for different orders run at the same time.
///
/// `provision`
/// - MUST return `Ok` only when the server can see every one of the proofs, from wherever it looks;
/// - MUST succeed for proofs that already stand, and leave the values of others alone;
/// - MAY leave some of its proofs standing when it fails.
///
/// `cleanup`
/// - MUST be idempotent, and succeed for proofs that were never provisioned or that a process
///   provisioned which is dead now;
/// - MUST remove exactly the values of its proofs: a value that another order needs too stays, and
///   so does what others put at the same place;
/// - MUST try all proofs even when one fails, and then return one of the errors.
///
/// Both
/// - MUST be cancel safe: dropping the future at any point leaves a state that `cleanup` can clear;
/// - MUST end by themselves within a bounded time;
/// - MUST NOT log secrets, such as the credentials of a DNS provider, nor put them in an error;
/// - SHOULD name in an error the identifier whose proof failed.
///
/// # Example
///
/// ```
/// use acme_challenges::{Solver, SolverError, SolverErrorKind};
/// use acme_proto::{ChallengeType, Proof, ProofKind};
/// use async_trait::async_trait;
///
/// /// Writes http-01 proofs into the folder that a web server serves.
/// struct Folder(std::path::PathBuf);
///
/// #[async_trait]
/// impl Solver for Folder {
///     fn supports(&self, challenge: &ChallengeType) -> bool {
///         *challenge == ChallengeType::Http01
///     }
///
///     async fn provision(&self, proofs: &[Proof]) -> Result<(), SolverError> {
///         for proof in proofs {
///             let ProofKind::Http01 { token, key_authorization } = &proof.kind else {
///                 return Err(SolverError::unsupported(proof));
///             };
///             std::fs::write(self.0.join(token.as_str()), key_authorization).map_err(|e| {
///                 SolverError::other(proof.identifier.clone(), "cannot write the proof's file", e)
///             })?;
///         }
///         Ok(())
///     }
///
///     async fn cleanup(&self, proofs: &[Proof]) -> Result<(), SolverError> {
///         for proof in proofs {
///             if let ProofKind::Http01 { token, .. } = &proof.kind {
///                 let _absent_is_fine = std::fs::remove_file(self.0.join(token.as_str()));
///             }
///         }
///         Ok(())
///     }
/// }
/// # let _: &dyn Solver = &Folder(".".into());
/// ```
#[async_trait]
pub trait Solver: Send + Sync {
    /// Whether proofs for challenges of this type can be handed to this solver.
    fn supports(&self, challenge: &ChallengeType) -> bool;

    /// Sets up `proofs`, all those of one order, and returns when the server can see them.
    async fn provision(&self, proofs: &[Proof]) -> Result<(), SolverError>;

    /// Takes down `proofs`, as far as they stand.
    async fn cleanup(&self, proofs: &[Proof]) -> Result<(), SolverError>;
}
