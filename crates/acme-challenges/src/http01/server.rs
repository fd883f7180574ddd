//! The server of [`Standalone`](super::Standalone): one task that accepts, one a connection.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{sleep, timeout};

use super::Responses;
use super::responses::{is_read, refusal};

/// A running server; dropping it stops it too.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    /// Its sender goes with the server's task, after the port is free.
    stopped: watch::Receiver<()>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// How many connections are open at a time.
    pub(super) connections: usize,
    /// How long one may last.
    pub(super) connection_time: Duration,
}

/// Bytes of a request's head, and the least that hyper allows; a validating server's has some 300.
const MAX_HEAD: usize = 8192;
const MAX_HEADERS: usize = 64;
/// Connections that the system keeps for us until they are accepted.
const BACKLOG: i32 = 1024;
/// How long to wait after a failed accept, which mostly means that no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl Server {
    pub(super) fn start(
        listener: TcpListener,
        responses: Responses,
        limits: Limits,
    ) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (stop, told_to_stop) = watch::channel(false);
        let (running, stopped) = watch::channel(());
        tokio::spawn(async move {
            serve(listener, responses, limits, told_to_stop).await;
            drop(running);
        });
        Ok(Self { address, stop, stopped })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// False once it was told to stop, or when its runtime is gone.
    pub(super) fn is_running(&self) -> bool {
        !*self.stop.borrow() && self.stopped.has_changed().is_ok()
    }

    /// Tells it to stop; the future is ready when the port is free, and may be dropped.
    pub(super) fn stop(&self) -> impl Future<Output = ()> + use<> {
        self.stop.send_replace(true);
        let mut stopped = self.stopped.clone();
        async move { while stopped.changed().await.is_ok() {} }
    }
}

/// Listens on `address`; `[::]` takes IPv4 too, and gives way to `0.0.0.0` where IPv6 is off.
pub(super) fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    use io::ErrorKind::{AddrInUse, PermissionDenied};
    let any_ipv6 = address.is_ipv6() && address.ip().is_unspecified();
    match bind_exactly(address, any_ipv6) {
        Err(e) if any_ipv6 && !matches!(e.kind(), AddrInUse | PermissionDenied) => {
            bind_exactly(SocketAddr::from((Ipv4Addr::UNSPECIFIED, address.port())), false)
        }
        result => result,
    }
}

fn bind_exactly(address: SocketAddr, dual_stack: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if dual_stack {
        // A system that cannot do both serves IPv6 alone.
        let _ = socket.set_only_v6(false);
    }
    // Old connections in TIME_WAIT do not keep the port; on Windows the option means theft.
    if cfg!(unix) {
        socket.set_reuse_address(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

async fn serve(
    listener: TcpListener,
    responses: Responses,
    limits: Limits,
    mut told_to_stop: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let mut by_age: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        tokio::select! {
            _ = told_to_stop.changed() => break,
            Some(_ended) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    make_room(&mut by_age, limits.connections);
                    let connection = answer(stream, peer, responses.clone());
                    let bounded = timeout(limits.connection_time, connection);
                    by_age.push_back(connections.spawn(async { drop(bounded.await) }));
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    connections.shutdown().await;
}

/// Closes the oldest connection where there is no room for one more.
fn make_room(by_age: &mut VecDeque<AbortHandle>, limit: usize) {
    if by_age.len() >= limit {
        by_age.retain(|connection| !connection.is_finished());
    }
    while by_age.len() >= limit {
        by_age.pop_front().inspect(AbortHandle::abort);
    }
}

/// Answers the one request of a connection.
async fn answer(stream: TcpStream, peer: SocketAddr, responses: Responses) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = respond(&responses, &request);
        tracing::debug!(%peer, status = response.status().as_u16(), "http-01 request");
        ready(Ok::<_, Infallible>(response))
    });
    let connection = http1::Builder::new()
        .keep_alive(false)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    // A client that breaks off harms nobody.
    let _ = connection.await;
}

fn respond(responses: &Responses, request: &Request<Incoming>) -> Response<String> {
    responses.respond(request).unwrap_or_else(|| {
        let known = is_read(request.method());
        refusal(if known { StatusCode::NOT_FOUND } else { StatusCode::METHOD_NOT_ALLOWED })
    })
}
