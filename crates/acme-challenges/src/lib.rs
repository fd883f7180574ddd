//! Solvers that set up the proofs an ACME server asks for.
//!
//! A [`Solver`] puts [`Proof`](acme_proto::Proof)s where the server looks for them and takes them
//! down again; its documentation is the contract that own solvers keep. Those of this crate:
//!
//! - [`http01`]: files below `/.well-known/acme-challenge/`, served by a small server of their own
//!   ([`http01::Standalone`]) or by yours ([`http01::Embedded`]).

mod error;
pub mod http01;
mod solver;

pub use error::{SolverError, SolverErrorKind};
pub use solver::Solver;
