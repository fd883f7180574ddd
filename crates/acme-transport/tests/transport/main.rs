//! The transport against real sockets, real TLS and real proxies on this machine.

// Helpers of tests fail as tests do.
#![allow(clippy::unwrap_used)]

mod delivery;
mod garbage;
mod limits;
mod proxy;
mod support;
mod truncation;
mod trust;
mod wire;
