//! What the crate promises, checked with real keys, with files that OpenSSL wrote, and with the
//! examples of the RFCs.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod certificates;
mod chains;
mod challenge_certificates;
mod csrs;
mod junk;
mod keys;
mod signatures;
mod support;
