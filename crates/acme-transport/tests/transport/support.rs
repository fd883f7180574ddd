//! Certificates, servers and requests for the tests.

use std::convert::Infallible;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use acme_proto::HttpResponse;
use acme_transport::{HttpsTransport, Proxy, Transport, TransportConfig, TransportError, Trust};
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair,
};
use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

/// A certificate authority that lives for one test.
pub(crate) struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    /// An authority with a name of its own.
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        Self::named(&format!("Root {}", COUNT.fetch_add(1, Ordering::SeqCst)))
    }

    pub(crate) fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn root_pem(&self) -> String {
        self.0.pem()
    }

    /// What a server shows for `names`, in date.
    pub(crate) fn server(&self, names: &[&str]) -> Leaf {
        self.server_with(names, |_| {})
    }

    pub(crate) fn server_with(
        &self,
        names: &[&str],
        edit: impl Fn(&mut CertificateParams),
    ) -> Leaf {
        let names: Vec<_> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        edit(&mut params);
        self.sign(params, KeyPair::generate().unwrap())
    }

    pub(crate) fn client(&self, key: KeyPair) -> Leaf {
        let mut params = CertificateParams::new(vec!["client.example".into()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params, key)
    }

    fn sign(&self, params: CertificateParams, key: KeyPair) -> Leaf {
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Leaf { pem: certificate.pem(), der: certificate.der().clone(), key }
    }
}

pub(crate) struct Leaf {
    pub(crate) pem: String,
    pub(crate) der: CertificateDer<'static>,
    pub(crate) key: KeyPair,
}

/// An HTTPS server with `leaf` that prefers HTTP/2.
pub(crate) fn tls(leaf: &Leaf) -> ServerConfig {
    server_config(leaf, None, &[b"h2", b"http/1.1"])
}

/// An HTTPS server with `leaf` that speaks HTTP/1.1 alone.
pub(crate) fn tls_http1(leaf: &Leaf) -> ServerConfig {
    server_config(leaf, None, &[b"http/1.1"])
}

/// An HTTPS server with `leaf` that wants client certificates of `clients`.
pub(crate) fn tls_with_clients(leaf: &Leaf, clients: &Ca) -> ServerConfig {
    server_config(leaf, Some(clients), &[b"h2", b"http/1.1"])
}

fn server_config(leaf: &Leaf, clients: Option<&Ca>, protocols: &[&[u8]]) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(ca.0.der().clone()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.unwrap())
        }
    };
    let key = PrivateKeyDer::Pkcs8(leaf.key.serialize_der().into());
    let mut config = builder.with_single_cert(vec![leaf.der.clone()], key).unwrap();
    config.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
    config
}

/// A server that ends with the test.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Server {
    /// Gives each accepted connection to `serve`.
    pub(crate) async fn raw<F, S>(serve: F) -> Self
    where
        F: Fn(TcpStream) -> S + Send + Sync + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = connections.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream));
            }
        });
        Self { address, connections, task }
    }

    /// An HTTPS server that answers as [`answer`] says.
    pub(crate) async fn https(config: ServerConfig) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::raw(move |tcp| {
            let accept = acceptor.accept(tcp).into_fallible();
            async move {
                match accept.await {
                    Ok(stream) => {
                        let service = service_fn(answer);
                        let server =
                            hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                        let _ = server.serve_connection(TokioIo::new(stream), service).await;
                    }
                    // Closing with unread input would reset the connection and lose the alert.
                    Err((_, mut tcp)) => {
                        let _ = tcp.shutdown().await;
                        let _ = tokio::io::copy(&mut tcp, &mut tokio::io::sink()).await;
                    }
                }
            }
        })
        .await
    }

    /// A plain HTTP server that answers as [`answer`] says.
    pub(crate) async fn http() -> Self {
        Self::raw(|tcp| async move {
            let server = hyper::server::conn::http1::Builder::new();
            let _ = server.serve_connection(TokioIo::new(tcp), service_fn(answer)).await;
        })
        .await
    }

    /// A plain server that reads one request's head and writes `response`, then closes.
    pub(crate) async fn says(response: impl Into<Vec<u8>>) -> Self {
        let response = response.into();
        Self::raw(move |mut tcp| {
            let response = response.clone();
            async move {
                read_head(&mut tcp).await;
                let _ = tcp.write_all(&response).await;
                let _ = tcp.shutdown().await;
            }
        })
        .await
    }

    pub(crate) fn https_url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.address.port())
    }

    pub(crate) fn http_url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.address.port())
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// `/redirect` redirects, `/large` answers 2 MiB, `/slow` never; the rest tells the request's head.
async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let body = |text: String| Full::from(Bytes::from(text));
    Ok(match request.uri().path() {
        "/redirect" => {
            let redirect = Response::builder().status(302).header("location", "/elsewhere");
            redirect.body(body(String::new())).unwrap()
        }
        "/large" => Response::new(body("x".repeat(2 * 1024 * 1024))),
        "/slow" => std::future::pending().await,
        _ => {
            let mut text = format!("{} {}\n", request.method(), request.uri());
            for (name, value) in request.headers() {
                text += &format!("{name}: {}\n", value.to_str().unwrap());
            }
            Response::new(body(text))
        }
    })
}

/// An address that refuses connections for as long as its socket is held: bound, not listening.
pub(crate) fn refusing() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// Reads up to the empty line after a request's headers.
pub(crate) async fn read_head(tcp: &mut (impl AsyncRead + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match tcp.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// Trusts `ca` alone and goes straight.
pub(crate) fn trusting(ca: &Ca) -> TransportConfig {
    TransportConfig::default().with_trust(Trust::only(ca.root_pem())).with_proxy(Proxy::none())
}

/// Allows `http` URLs and goes straight.
pub(crate) fn plain() -> TransportConfig {
    TransportConfig::default()
        .with_trust(Trust::webpki_roots())
        .with_proxy(Proxy::none())
        .allow_insecure(true)
        .with_timeout(Duration::from_secs(20))
}

pub(crate) async fn get(
    config: TransportConfig,
    url: &str,
) -> Result<HttpResponse, TransportError> {
    get_with(&HttpsTransport::new(config).unwrap(), url).await
}

pub(crate) async fn get_with(
    transport: &HttpsTransport,
    url: &str,
) -> Result<HttpResponse, TransportError> {
    transport.send(Request::get(url).body(Vec::new()).unwrap()).await
}

pub(crate) fn text(response: &HttpResponse) -> &str {
    std::str::from_utf8(response.body()).unwrap()
}

/// An error's message, after checking that it is one clean line.
pub(crate) fn message(error: &TransportError) -> String {
    let text = error.to_string();
    assert!(!text.contains(char::is_control), "{text:?}");
    assert!(!text.ends_with('.') && text.len() < 500, "{text:?}");
    text
}
