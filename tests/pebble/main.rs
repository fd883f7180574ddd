//! lacme against a real Pebble: one file a theme, a Pebble of its own for each test.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod chains;
mod failures;
mod issuing;
mod nonces;
mod renewal_info;
mod resuming;
mod revocation;
