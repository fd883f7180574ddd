//! Servers that lie, break off, flood or redirect: each a typed error, or the client recovers;
//! nothing is stored and no proof is left standing.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod answers;
mod chains;
mod directories;
mod losses;
