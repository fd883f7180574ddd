//! newOrder to certificate (RFC 8555 §7.1, §7.4), against a CA that can behave in any way.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "../support/mod.rs"]
mod support;

mod failing;
mod polling;
mod resuming;
mod succeeding;
mod walk;
