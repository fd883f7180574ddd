//! The `lacme` command as its users have it: a process, its exit status, its output, its files.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod accounts;
mod command;
mod deaths;
mod documents;
mod exit_statuses;
mod hooks;
