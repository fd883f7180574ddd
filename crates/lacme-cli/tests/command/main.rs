//! The built command, run as scripts run it; nothing here needs a CA.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod demo;
mod environment;
mod output;
mod private_ca;
mod sealed;
mod served_ca;
mod servers;
mod stored;
mod support;
mod usage;
