//! The ACME server on a socket: TLS, background work, stored state, fault scripts.

#![allow(clippy::unwrap_used, reason = "these are tests, their helpers too")]

mod client;

mod faults;
mod serving;
mod storing;
