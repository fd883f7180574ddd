//! The service on a socket: HTTP/1.1 and HTTP/2, with TLS or without.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use acme_proto::{HttpRequest, HttpResponse, Identifier};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::own_certificate::OwnCertificate;
use super::service::Service;
use crate::authority::AuthorityError;

/// Connections at a time; others wait to be accepted.
const CONNECTIONS: usize = 1024;
/// For a handshake, and for one request to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// For requests at hand when the server is told to stop.
const GRACE: Duration = Duration::from_secs(5);
/// After a failed accept, which mostly means that no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

impl Service {
    /// Serves HTTPS on `listener`, with certificates of the service's own authority for `names`,
    /// until `stop` is ready; then requests at hand are finished. Runs the work in the background
    /// too, and stops it in the end.
    ///
    /// # Errors
    /// If the authority does not certify the names.
    pub async fn serve(
        self,
        listener: TcpListener,
        names: Vec<Identifier>,
        stop: impl Future<Output = ()>,
    ) -> Result<(), AuthorityError> {
        let own = OwnCertificate::new(Arc::clone(self.authority()), names)?;
        let acceptor = TlsAcceptor::from(Arc::new(own.server_config()));
        self.accept(listener, Some(acceptor), stop).await;
        Ok(())
    }

    /// Serves plain HTTP, for servers behind a proxy that speaks TLS.
    pub async fn serve_plain(self, listener: TcpListener, stop: impl Future<Output = ()>) {
        self.accept(listener, None, stop).await;
    }

    async fn accept(
        self,
        listener: TcpListener,
        tls: Option<TlsAcceptor>,
        stop: impl Future<Output = ()>,
    ) {
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        let (stopping, told_to_stop) = watch::channel(());
        let mut connections = JoinSet::new();
        tokio::pin!(stop);
        loop {
            let turn = Arc::clone(&room);
            let next = async {
                // The semaphore is never closed.
                let turn = turn.acquire_owned().await;
                (listener.accept().await, turn)
            };
            tokio::select! {
                () = &mut stop => break,
                Some(_ended) = connections.join_next() => {}
                (accepted, turn) = next => match accepted {
                    Ok((stream, _)) => {
                        let (service, tls) = (self.clone(), tls.clone());
                        let told_to_stop = told_to_stop.clone();
                        connections.spawn(async move {
                            service.greet(stream, tls, told_to_stop).await;
                            drop(turn);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(listener);
        drop(stopping);
        let finished = async { while connections.join_next().await.is_some() {} };
        let _ = timeout(GRACE, finished).await;
        connections.shutdown().await;
        self.stop().await;
    }

    async fn greet(
        self,
        stream: TcpStream,
        tls: Option<TlsAcceptor>,
        told_to_stop: watch::Receiver<()>,
    ) {
        // Without it answers wait for acknowledgements, 40 ms each.
        let _ = stream.set_nodelay(true);
        match tls {
            None => self.converse(stream, told_to_stop).await,
            Some(tls) => match timeout(PATIENCE, tls.accept(stream)).await {
                Ok(Ok(stream)) => self.converse(stream, told_to_stop).await,
                Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
                Err(_) => tracing::debug!("a TLS handshake took too long"),
            },
        }
    }

    async fn converse(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        mut told_to_stop: watch::Receiver<()>,
    ) {
        let mut server = auto::Builder::new(TokioExecutor::new());
        server.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE);
        server.http2().timer(TokioTimer::new()).max_concurrent_streams(128);
        let cut = Arc::new(Notify::new());
        let answer = service_fn(|request| {
            let (service, cut) = (self.clone(), Arc::clone(&cut));
            async move {
                match service.answer(request).await {
                    Some(response) => Ok::<_, Infallible>(response),
                    None => {
                        // An error would end the connection in HTTP/1.1, but in HTTP/2 only the
                        // one stream.
                        cut.notify_one();
                        std::future::pending().await
                    }
                }
            }
        });
        let connection = server.serve_connection(TokioIo::new(stream), answer);
        tokio::pin!(connection);
        let result = tokio::select! {
            biased;
            () = cut.notified() => return,
            result = &mut connection => result,
            // The sender says nothing; it goes.
            _ = told_to_stop.changed() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = result {
            tracing::debug!(error = %error, "a connection ended early");
        }
    }

    /// `None` where the connection is to be cut.
    async fn answer(self, request: Request<Incoming>) -> Option<http::Response<Full<Bytes>>> {
        let (head, body) = request.into_parts();
        let body = timeout(PATIENCE, read(body, self.body_limit())).await.ok()?.ok()?;
        let request = HttpRequest::from_parts(head, body);
        let mut response: HttpResponse = self.respond(&request).await?;
        if request.method() == Method::HEAD {
            // RFC 9110 §9.3.2: no content. hyper takes it away in HTTP/1.1 alone.
            response.body_mut().clear();
        }
        Some(response.map(|body| Full::new(Bytes::from(body))))
    }
}

/// Reads a body up to the first byte above `limit`: the core refuses it by its length.
async fn read(mut body: Incoming, limit: usize) -> Result<Vec<u8>, hyper::Error> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            let room = limit.saturating_add(1) - bytes.len();
            bytes.extend_from_slice(&data[..data.len().min(room)]);
            if bytes.len() > limit {
                break;
            }
        }
    }
    Ok(bytes)
}
