//! josekit as the second opinion on every JWS and key of lacme's, and lacme's on josekit's.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod jwks;
mod shapes;
mod signatures;
mod signer;
mod support;
mod thumbprints;
