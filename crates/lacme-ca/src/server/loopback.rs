//! A server with nothing set up, for demos and tests.

use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::SystemTime;

use acme_proto::{Identifier, Problem, Url};
use acme_store::Store;
use async_trait::async_trait;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::config::ServerConfig;
use super::core::AcmeServer;
use super::service::{Service, ServiceError};
use crate::authority::{Authority, AuthorityError, AuthorityOptions};
#[cfg(feature = "testing")]
use crate::testing::FaultScript;
use crate::validation::{Validation, Validator};

/// How a server on loopback is to be. By default it has a new authority, remembers nothing, takes
/// a free port, and believes every client that it controls what it asks for.
#[derive(Default)]
pub struct LoopbackOptions {
    port: u16,
    authority: Option<Arc<Authority>>,
    validator: Option<Arc<dyn Validator>>,
    store: Option<Store>,
    configure: Option<Box<dyn FnOnce(ServerConfig) -> ServerConfig + Send>>,
    #[cfg(feature = "testing")]
    faults: Option<FaultScript>,
}

/// Why no server could be started on loopback.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SpawnError {
    /// The port cannot be had.
    #[error("the ACME server cannot listen on 127.0.0.1:{port}: {error}")]
    Listen {
        /// The port that was asked for; 0 for any.
        port: u16,
        /// Why not.
        error: io::Error,
    },
    /// The authority failed.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The service cannot start.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl LoopbackOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// A port of 127.0.0.1; default 0, which is any free one.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// The authority that issues; default a new one, gone with the server.
    #[must_use]
    pub fn authority(mut self, authority: Arc<Authority>) -> Self {
        self.authority = Some(authority);
        self
    }

    /// Who decides about challenges; default nobody, and every challenge is valid at once.
    #[must_use]
    pub fn validator(mut self, validator: Arc<dyn Validator>) -> Self {
        self.validator = Some(validator);
        self
    }

    /// Where the server's state is kept; default nowhere.
    #[must_use]
    pub fn store(mut self, store: Store) -> Self {
        self.store = Some(store);
        self
    }

    /// Changes what the configuration for the server's own address says.
    #[must_use]
    pub fn configure(
        mut self,
        configure: impl FnOnce(ServerConfig) -> ServerConfig + Send + 'static,
    ) -> Self {
        self.configure = Some(Box::new(configure));
        self
    }

    /// Misbehaviour on request; default none.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn faults(mut self, script: FaultScript) -> Self {
        self.faults = Some(script);
        self
    }
}

/// A server at work; dropping it stops it.
#[derive(Debug)]
pub struct Running {
    /// Where its directory is.
    pub directory_url: Url,
    /// The root certificate, which its clients have to trust.
    pub root_pem: String,
    service: Service,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Running {
    /// The service, to look into it.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// Finishes the requests at hand and stops. The port is free afterwards.
    pub async fn shutdown(mut self) {
        drop(self.stop.take());
        // A panic inside was reported where it happened.
        let _ = (&mut self.serving).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.stop.is_some() {
            self.serving.abort();
            self.service.abort();
        }
    }
}

impl AcmeServer {
    /// Starts a server on 127.0.0.1, reached as `https://localhost:PORT/directory`, with a
    /// certificate of its own authority for localhost and the loopback addresses.
    ///
    /// ```
    /// use lacme_ca::{AcmeServer, LoopbackOptions};
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let server = AcmeServer::spawn_on_loopback(LoopbackOptions::new()).await?;
    /// println!("an ACME client may order at {}", server.directory_url);
    /// println!("if it trusts\n{}", server.root_pem);
    /// server.shutdown().await;
    /// # Ok::<(), lacme_ca::SpawnError>(()) })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the port is taken, or authority or store fail.
    pub async fn spawn_on_loopback(options: LoopbackOptions) -> Result<Running, SpawnError> {
        let port = options.port;
        let listen = |error| SpawnError::Listen { port, error };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(listen)?;
        let port = listener.local_addr().map_err(listen)?.port();
        let base =
            Url::parse(format!("https://localhost:{port}")).expect("a host and a port make a URL");
        let config = ServerConfig::new(base).expect("the URL is short and has no query");
        let config = match options.configure {
            Some(configure) => configure(config),
            None => config,
        };
        let authority = match options.authority {
            Some(authority) => authority,
            None => Arc::new(Authority::generate(AuthorityOptions::new(), SystemTime::now())?),
        };
        let directory_url =
            Url::parse(config.directory_url()).expect("a base URL has room for the directory");
        let root_pem = authority.root_pem();
        let validator = options.validator.unwrap_or_else(|| Arc::new(Trusting));
        let mut builder = Service::builder(config, authority, validator);
        if let Some(store) = options.store {
            builder = builder.store(store);
        }
        #[cfg(feature = "testing")]
        if let Some(script) = options.faults {
            builder = builder.faults(script);
        }
        let service = builder.build().await?;
        let names = ["localhost", "127.0.0.1", "::1"];
        let names = names.map(|name| Identifier::parse(name).expect("these are names"));
        let (stop, told_to_stop) = oneshot::channel::<()>();
        let serving = service.clone().serve(listener, names.to_vec(), async {
            // It comes to an end when the sender is dropped.
            let _ = told_to_stop.await;
        });
        let serving = tokio::spawn(async {
            if let Err(error) = serving.await {
                tracing::error!(%error, "the ACME server cannot serve");
            }
        });
        Ok(Running { directory_url, root_pem, service, stop: Some(stop), serving })
    }
}

/// Believes everything.
struct Trusting;

#[async_trait]
impl Validator for Trusting {
    async fn validate(&self, _: &Validation) -> Result<(), Problem> {
        Ok(())
    }
}

impl fmt::Debug for LoopbackOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoopbackOptions").field("port", &self.port).finish_non_exhaustive()
    }
}
