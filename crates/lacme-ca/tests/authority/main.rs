//! The certificate authority, judged by others: rustls, x509-cert and, where it is installed,
//! OpenSSL.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod chains;
mod facts;
mod lists;
#[cfg(feature = "rustls")]
mod mutual_tls;
mod openssl;
mod refusals;
mod stored;
mod support;
