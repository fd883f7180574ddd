use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::dns::{GaiAddrs, GaiResolver, Name};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower_service::Service;

use crate::error::{find, mark_refusal};
use crate::proxy::Proxies;
use crate::{ProxyProblem, TransportError};

/// Opens the connections of hyper's pool: TLS over [`Wire`], in time and with typed errors.
#[derive(Clone)]
pub(crate) struct Connector {
    https: HttpsConnector<Wire>,
    proxies: Proxies,
    timeout: Duration,
}

impl Connector {
    /// `tls` leaves the ALPN protocols open.
    pub(crate) fn new(tls: ClientConfig, proxies: Proxies, timeout: Duration) -> Self {
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            // Whether http is allowed was decided before a request comes here.
            .https_or_http()
            .enable_http1()
            .enable_http2()
            .wrap_connector(Wire::new(proxies.clone()));
        Self { https, proxies, timeout }
    }
}

impl Service<Uri> for Connector {
    type Response = Link;
    type Error = TransportError;
    type Future = BoxFuture<Result<Link, TransportError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        // As ready as `Wire`: always.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        // The other end of a tunnel is the server itself, so requests keep their usual form.
        let proxied = !is_https(&target) && self.proxies.upstream(&target).is_some();
        let (host, after) = (host(&target), self.timeout);
        let connecting = self.https.call(target);
        Box::pin(async move {
            match tokio::time::timeout(after, connecting).await {
                Ok(Ok(io)) => Ok(Link { io, proxied }),
                Ok(Err(error)) => Err(TransportError::connecting(host, error)),
                Err(_) => Err(TransportError::ConnectTimeout { host, after }),
            }
        })
    }
}

/// A connection that is ready for HTTP.
pub(crate) struct Link {
    io: MaybeHttpsStream<TokioIo<TcpStream>>,
    proxied: bool,
}

impl Connection for Link {
    fn connected(&self) -> Connected {
        self.io.connected().proxy(self.proxied)
    }
}

impl Read for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, buffer).map_err(mark_refusal)
    }
}

impl Write for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }
}

/// TCP to the server, or through a proxy's tunnel to it; to the proxy for an `http` URL.
#[derive(Clone)]
struct Wire {
    tcp: HttpConnector<Resolver>,
    proxies: Proxies,
}

impl Wire {
    fn new(proxies: Proxies) -> Self {
        let mut tcp = HttpConnector::new_with_resolver(Resolver(GaiResolver::new()));
        tcp.enforce_http(false);
        // Without it, headers and body in two segments wait for a delayed acknowledgement.
        tcp.set_nodelay(true);
        Self { tcp, proxies }
    }

    async fn connect(mut self, target: Uri) -> Result<TcpStream, TransportError> {
        let Some(proxy) = self.proxies.upstream(&target) else {
            return self.dial(&target).await;
        };
        let mut tcp = self
            .dial(&proxy.uri)
            .await
            .map_err(|error| proxy.error(ProxyProblem::Unreachable { source: Arc::new(error) }))?;
        if is_https(&target) {
            proxy.tunnel(&mut tcp, &target).await?;
        }
        Ok(tcp)
    }

    async fn dial(&mut self, to: &Uri) -> Result<TcpStream, TransportError> {
        let tcp = self.tcp.call(to.clone()).await.map_err(|error| {
            let host = host(to);
            let unresolved = find::<Unresolved>(&error).is_some();
            let source = Arc::new(error);
            if unresolved {
                TransportError::Resolve { host, source }
            } else {
                TransportError::Connect { host, source }
            }
        })?;
        Ok(tcp.into_inner())
    }
}

impl Service<Uri> for Wire {
    type Response = TokioIo<TcpStream>;
    type Error = TransportError;
    type Future = BoxFuture<Result<TokioIo<TcpStream>, TransportError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), TransportError>> {
        // The resolver under `HttpConnector` always is.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let wire = self.clone();
        Box::pin(async move { wire.connect(target).await.map(TokioIo::new) })
    }
}

/// The system's resolver, whose failures can be told from failed connects.
#[derive(Clone)]
struct Resolver(GaiResolver);

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
struct Unresolved(io::Error);

impl Service<Name> for Resolver {
    type Response = GaiAddrs;
    type Error = Unresolved;
    type Future = BoxFuture<Result<GaiAddrs, Unresolved>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Unresolved>> {
        self.0.poll_ready(context).map_err(Unresolved)
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let addresses = self.0.call(name);
        Box::pin(async move { addresses.await.map_err(Unresolved) })
    }
}

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Host and, where given, port, for messages.
pub(crate) fn host(uri: &Uri) -> String {
    uri.authority().map(ToString::to_string).unwrap_or_default()
}

fn is_https(uri: &Uri) -> bool {
    uri.scheme() == Some(&Scheme::HTTPS)
}
