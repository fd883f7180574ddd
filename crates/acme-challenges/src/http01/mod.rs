//! http-01: a file at `http://<identifier>/.well-known/acme-challenge/<token>` (RFC 8555 §8.3).
//!
//! Where nothing listens on port 80, [`Standalone`] runs a server of its own for as long as proofs
//! stand. Where your own server listens, [`Embedded`] fills a shelf of [`Responses`] from which that
//! server answers: by [`Responses::respond`] in a handler, or by a middleware (features `hyper` and
//! `tower`).

mod embedded;
mod responses;
mod server;
#[cfg(any(feature = "hyper", feature = "tower"))]
mod service;
mod standalone;

pub use embedded::Embedded;
pub use responses::{Answer, Responses};
#[cfg(feature = "tower")]
pub use service::Layer;
#[cfg(any(feature = "hyper", feature = "tower"))]
pub use service::{Body, ResponseFuture, Service};
pub use standalone::Standalone;
