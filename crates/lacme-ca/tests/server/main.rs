//! The ACME server's core, driven in-process with real keys and signatures.

#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

mod harness;

mod accounts;
mod authorizations;
mod certificates;
mod issuance;
mod key_change;
mod orders;
mod refusals;
mod restart;
