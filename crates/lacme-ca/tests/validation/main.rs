//! The real validator against real servers on loopback.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod addresses;
mod dns;
mod dns_persist01;
mod http01;
mod support;
mod tls_alpn01;
mod txt;
