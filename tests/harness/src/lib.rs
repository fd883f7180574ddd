//! Real servers for tests and demos: found, installed, started on free ports, ended.
//!
//! ```no_run
//! use harness::Pebble;
//!
//! let pebble = Pebble::builder().nonce_reject(50).start();
//! println!("{} trusted by {}", pebble.directory_url(), pebble.ca_bundle().display());
//! pebble.dns().add_txt("_acme-challenge.a.example", "value")?;
//! # Ok::<(), harness::Error>(())
//! ```
//!
//! Each handle owns its server: its own folder, ports, certificate authority and DNS server. The
//! processes end with the handle, when the test panics, and when the whole test process is killed.
//! Everything listens on loopback only. Unix only: processes are watched by `sh`.
//!
//! Where a part cannot be had, a test is skipped by name (see [`skip`]) unless
//! `LACME_REQUIRE_ALL=1` asks for a failure instead.

mod caddy;
mod dns;
mod error;
mod http;
mod local_ca;
pub mod namespace;
mod pebble;
pub mod pem;
mod ports;
mod process;
mod skip;
pub mod tools;
pub mod workspace;

pub use caddy::Caddy;
pub use dns::Dns;
pub use error::Error;
pub use pebble::{CertificateStatus, Pebble, PebbleBuilder, Profile};
pub use ports::Ports;
pub use process::output_within;
pub use skip::{REQUIRE_ALL, SKIP_LOG, skip};
pub use tools::{Capability, Tool};
