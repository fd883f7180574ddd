use std::io;
use std::net::{Ipv6Addr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use acme_proto::{ChallengeType, Proof};
use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use super::Responses;
use super::server::{Limits, Server, bind};
use crate::{Solver, SolverError, SolverErrorKind};

/// Solves http-01 with a small server of its own, which runs only while proofs stand.
///
/// The first order to provision starts the server, concurrent orders share it, and it has stopped,
/// its port free again, when the `cleanup` of the last one returns. So one `Standalone` serves a
/// whole process; put it in an `Arc`.
///
/// A busy port is [waited for](Self::port_wait), so that two programs on one machine may renew at
/// once. The server answers challenges and nothing else, closes every connection after one request,
/// and bounds their size, time and number. Needs a tokio runtime.
///
/// ```
/// use std::time::Duration;
/// use acme_challenges::http01::Standalone;
///
/// let solver = Standalone::new()
///     .address("127.0.0.1:8080".parse()?) // behind a proxy, say
///     .port_wait(Duration::from_secs(10));
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug)]
pub struct Standalone {
    address: SocketAddr,
    port_wait: Duration,
    limits: Limits,
    responses: Responses,
    server: Mutex<Option<Server>>,
}

const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl Standalone {
    /// A solver on `[::]:80` that waits five minutes for a busy port.
    pub fn new() -> Self {
        Self {
            address: SocketAddr::from((Ipv6Addr::UNSPECIFIED, 80)),
            port_wait: Duration::from_secs(300),
            limits: Limits { connections: 256, connection_time: Duration::from_secs(10) },
            responses: Responses::default(),
            server: Mutex::new(None),
        }
    }

    /// Listens on `address` (default `[::]:80`). The address `[::]` takes IPv4 too, and means
    /// `0.0.0.0` on a machine without IPv6. The server that validates always asks on port 80: choose
    /// another one only if something forwards port 80 to it.
    #[must_use]
    pub fn address(mut self, address: SocketAddr) -> Self {
        self.address = address;
        self
    }

    /// Waits this long for a busy port to become free (default: 300 s); zero tries once.
    #[must_use]
    pub fn port_wait(mut self, port_wait: Duration) -> Self {
        self.port_wait = port_wait;
        self
    }

    /// Keeps at most this many connections open (default: 256, at least 1). One more closes the
    /// oldest: idle clients cannot shut the validating server out.
    #[must_use]
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.limits.connections = connections.max(1);
        self
    }

    /// Closes a connection after this time (default: 10 s), answered or not.
    #[must_use]
    pub fn connection_time(mut self, connection_time: Duration) -> Self {
        self.limits.connection_time = connection_time;
        self
    }

    /// Where the server listens right now, if it does. With port 0 in
    /// [`address`](Self::address), this has the port that the system chose.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.server().as_ref().filter(|server| server.is_running()).map(Server::address)
    }

    /// Has the server run, waiting for its port where another program holds it.
    async fn listen(&self) -> Result<(), SolverErrorKind> {
        let begin = Instant::now();
        let mut pause = SHORTEST_PAUSE;
        loop {
            let Err(source) = self.try_listen() else {
                return Ok(());
            };
            let left = self.port_wait.saturating_sub(begin.elapsed());
            if source.kind() != io::ErrorKind::AddrInUse || left.is_zero() {
                return Err(SolverErrorKind::Bind { address: self.address, source });
            }
            if pause == SHORTEST_PAUSE {
                tracing::info!(address = %self.address, wait = ?left, "waiting for a busy port");
            }
            sleep(pause.min(left)).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn try_listen(&self) -> io::Result<()> {
        let mut server = self.server();
        if !server.as_ref().is_some_and(Server::is_running) {
            *server =
                Some(Server::start(bind(self.address)?, self.responses.clone(), self.limits)?);
        }
        Ok(())
    }

    fn server(&self) -> MutexGuard<'_, Option<Server>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Standalone {
    fn default() -> Self {
        Self::new()
    }
}

// Proofs go up before the server is looked at, and come down before; and the server is stopped only
// if, with its lock held, no proof stands. So whoever finds it running finds it running for good.
#[async_trait]
impl Solver for Standalone {
    fn supports(&self, challenge: &ChallengeType) -> bool {
        *challenge == ChallengeType::Http01
    }

    async fn provision(&self, proofs: &[Proof]) -> Result<(), SolverError> {
        let Some(first) = proofs.first() else {
            return Ok(());
        };
        self.responses.put_up(proofs)?;
        self.listen().await.map_err(|kind| SolverError::new(first.identifier.clone(), kind))
    }

    async fn cleanup(&self, proofs: &[Proof]) -> Result<(), SolverError> {
        self.responses.take_down(proofs);
        let stopped = match &*self.server() {
            Some(server) if self.responses.is_empty() => server.stop(),
            _ => return Ok(()),
        };
        stopped.await;
        Ok(())
    }
}
