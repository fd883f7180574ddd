//! Executes ACME requests over HTTPS with tokio, hyper and rustls.
//!
//! The protocol core turns what it wants into [`acme_proto::HttpRequest`] values; a [`Transport`]
//! carries them to the server and brings the [`acme_proto::HttpResponse`] back. [`HttpsTransport`]
//! is the one lacme uses; any other HTTP client can stand in by implementing the trait.
//!
//! ```no_run
//! use acme_transport::{HttpsTransport, Transport, TransportConfig, Trust};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let root = std::fs::read("private-ca.pem")?;
//! let config = TransportConfig::default()
//!     .with_trust(Trust::only(root))
//!     .with_user_agent("example/1.0");
//! let transport = HttpsTransport::new(config)?;
//!
//! let request = http::Request::get("https://ca.example/directory").body(Vec::new())?;
//! let response = transport.send(request).await?;
//! println!("{}", response.status());
//! # Ok(()) }
//! ```

mod config;
mod connect;
mod error;
mod https;
mod proxy;
mod tls;
mod transport;

pub use acme_proto::Delivery;
pub use config::{ConfigError, Proxy, TransportConfig, Trust};
pub use error::{Cause, ProxyProblem, TransportError};
pub use https::HttpsTransport;
pub use transport::Transport;
