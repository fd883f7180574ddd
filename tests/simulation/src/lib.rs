//! The client core, many clients, the server core and a faulty network, on one virtual clock and
//! one seed.
//!
//! A run is a pure function of its seed: the same requests, the same faults, the same trace. Its
//! clients register, order several certificates each, lose their connections and their processes,
//! and go on with what is on their disks; the server dies and goes on with what it wrote down.
//! After a while the faults stop, and then every wish has to be fulfilled.
//!
//! What is promised is asserted from outside, in `watch.rs` and beside the client's loop: one
//! certificate for a wish, no order in vain, no nonce twice, no proof left behind, no end without
//! an end.

mod call;
mod client;
mod crypto;
mod dice;
mod fault;
mod forger;
mod network;
mod proofs;
mod run;
mod scenario;
mod server;
mod tally;
mod watch;
mod world;

pub use fault::Fault;
pub use run::{Broken, run, run_all, trace};
pub use tally::Tally;
