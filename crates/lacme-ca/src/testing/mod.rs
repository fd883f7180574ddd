//! Misbehaviour on request: a server that fails the way no real CA will when asked to.
//!
//! A [`FaultScript`] says which requests meet which [`Fault`]: every one of a kind, the third, the
//! first two, one in ten. It is seeded, so a run can be repeated. The server itself is never
//! broken: a script only delays, drops and distorts, and what the server did is what it would have
//! done.
//!
//! ```
//! use std::time::Duration;
//! use acme_proto::Resource;
//! use lacme_ca::testing::{Fault, FaultScript};
//! use lacme_ca::{AcmeServer, LoopbackOptions};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! let script = FaultScript::new(42)
//!     .first(1, Resource::NewOrder, Fault::status(503).retry_after(1))
//!     .nth(2, Resource::Finalize, Fault::DropAfter)
//!     .sometimes(0.05, None, Fault::BadNonce)
//!     .every(Resource::Authorization, Fault::Delay(Duration::from_millis(20)));
//! let server = AcmeServer::spawn_on_loopback(LoopbackOptions::new().faults(script)).await?;
//! // ... run the program under test against server.directory_url ...
//! server.shutdown().await;
//! # Ok::<(), lacme_ca::SpawnError>(()) })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A simulation without sockets asks the same questions itself: [`FaultScript::meet`] for each
//! request, then [`Encounter::before`] and [`Encounter::after`] around
//! [`AcmeServer::handle`](crate::AcmeServer::handle).

mod certificates;
mod faults;
mod script;

pub use faults::{BodyFault, CertificateFault, Fault, StatusFault};
pub use script::{Encounter, FaultScript, Interruption};
