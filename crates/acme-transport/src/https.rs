use std::fmt;
use std::time::Duration;

use acme_proto::{HttpRequest, HttpResponse};
use async_trait::async_trait;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderName, PROXY_AUTHORIZATION, TRANSFER_ENCODING,
    USER_AGENT,
};
use http::uri::Scheme;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Bytes, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::capture_connection;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::config::{ConfigError, TransportConfig};
use crate::connect::{Connector, host};
use crate::proxy::Proxies;
use crate::{ProxyProblem, Transport, TransportError, tls};

/// Idle connections are kept this long: an issuance's polls come closer together.
const IDLE: Duration = Duration::from_secs(60);
/// How many idle HTTP/1.1 connections are kept for one server; HTTP/2 needs one.
const MAX_IDLE: usize = 10;
/// How often an HTTP/2 connection with open requests is asked for a sign of life, and how long that
/// may take. Else a connection that a firewall forgot would eat one request after the other.
const PING: Duration = Duration::from_secs(10);
/// The largest header block of a response, in bytes; in HTTP/1.1 one read more may pass.
const MAX_HEAD: u32 = 64 * 1024;

/// The [`Transport`] over TLS 1.2 and 1.3, HTTP/2 and HTTP/1.1.
///
/// The server's choice decides between the two (ALPN). Connections are kept for about a minute and
/// shared by all clones; a request that meets a kept connection the server just closed is sent
/// again on a fresh one only when none of it had left. Key exchange prefers X25519MLKEM768.
///
/// Requests need a tokio runtime with I/O and time enabled; connections live in the runtime that
/// opened them, so use one transport for each runtime.
#[derive(Clone)]
pub struct HttpsTransport {
    client: Client<Connector, Full<Bytes>>,
    proxies: Proxies,
    user_agent: HeaderValue,
    allow_insecure: bool,
    timeout: Duration,
    max_body: usize,
}

impl HttpsTransport {
    /// Checks `config` and makes ready; nothing is connected yet.
    ///
    /// Reads the proxy variables of the environment and the platform's roots where `config` asks for
    /// them.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a PEM input, the proxy's URL or the user agent cannot be used, or the
    /// platform has no roots.
    pub fn new(config: TransportConfig) -> Result<Self, ConfigError> {
        let tls = tls::client_config(&config)?;
        let proxies = Proxies::new(&config.proxy, |name| std::env::var(name).ok())?;
        let connector = Connector::new(tls, proxies.clone(), config.connect_timeout);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MAX_IDLE)
            .retry_canceled_requests(true)
            .http1_max_buf_size(MAX_HEAD as usize)
            .http2_max_header_list_size(MAX_HEAD)
            .http2_keep_alive_interval(PING)
            .http2_keep_alive_timeout(PING)
            .build(connector);
        Ok(Self {
            client,
            proxies,
            user_agent: user_agent(config.user_agent.as_deref())?,
            allow_insecure: config.allow_insecure,
            timeout: config.timeout,
            max_body: config.max_body,
        })
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<HttpResponse, TransportError> {
        let uri = request.uri().clone();
        let lost = |error| TransportError::exchange(host(&uri), error);
        let response = self.client.request(request).await.map_err(lost)?;
        self.refuse_proxy_login(&uri, response.status())?;
        let (mut parts, body) = response.into_parts();
        parts.extensions.clear();
        let body = self.read(&uri, body).await?;
        Ok(Response::from_parts(parts, body))
    }

    async fn read(&self, uri: &Uri, mut body: Incoming) -> Result<Vec<u8>, TransportError> {
        let limit = self.max_body;
        let too_large = || TransportError::BodyTooLarge { host: host(uri), limit };
        if body.size_hint().lower() > limit as u64 {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| TransportError::body(host(uri), error))?;
            // Trailers mean nothing in ACME.
            let Ok(data) = frame.into_data() else {
                continue;
            };
            if bytes.len() + data.len() > limit {
                return Err(too_large());
            }
            bytes.extend_from_slice(&data);
        }
        Ok(bytes)
    }

    /// The request as hyper is to send it.
    fn prepare(&self, request: HttpRequest) -> Result<Request<Full<Bytes>>, TransportError> {
        self.check(request.uri())?;
        let (mut parts, body) = request.into_parts();
        // The connection decides.
        parts.version = Version::HTTP_11;
        // What the connection, not the caller, has to say.
        for name in [CONNECTION, HOST, PROXY_AUTHORIZATION, TRANSFER_ENCODING, CONTENT_LENGTH] {
            parts.headers.remove::<HeaderName>(name);
        }
        parts.headers.insert(USER_AGENT, self.user_agent.clone());
        // Some servers refuse a POST without it, even one without a body.
        if parts.method != Method::GET && parts.method != Method::HEAD {
            parts.headers.insert(CONTENT_LENGTH, body.len().into());
        }
        if parts.uri.scheme() == Some(&Scheme::HTTP) {
            let authorization = self.proxies.upstream(&parts.uri).and_then(|p| p.authorization);
            parts.headers.extend(authorization.map(|value| (PROXY_AUTHORIZATION, value)));
        }
        Ok(Request::from_parts(parts, Full::from(body)))
    }

    fn check(&self, uri: &Uri) -> Result<(), TransportError> {
        let invalid =
            |reason: &str| Err(TransportError::InvalidRequest { reason: reason.to_owned() });
        let Some(authority) = uri.authority() else {
            return invalid("its URL has no host");
        };
        if authority.as_str().contains('@') {
            return invalid("its URL holds credentials");
        }
        match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => Ok(()),
            Some(scheme) if *scheme == Scheme::HTTP => match self.allow_insecure {
                true => Ok(()),
                false => Err(TransportError::InsecureUrl { host: host(uri) }),
            },
            _ => invalid("its URL is neither http nor https"),
        }
    }

    /// In absolute form the proxy answers in the server's place (RFC 9110 §15.5.8).
    fn refuse_proxy_login(&self, uri: &Uri, status: StatusCode) -> Result<(), TransportError> {
        let absolute_form = uri.scheme() == Some(&Scheme::HTTP);
        match self.proxies.upstream(uri) {
            Some(proxy) if absolute_form && status == StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                Err(proxy.error(ProxyProblem::AuthenticationRequired))
            }
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Transport for HttpsTransport {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let mut request = self.prepare(request)?;
        let host = host(request.uri());
        // Known from the moment before the request is written.
        let connection = capture_connection(&mut request);
        let after = self.timeout;
        match tokio::time::timeout(after, self.exchange(request)).await {
            Ok(result) => result,
            Err(_) if connection.connection_metadata().is_none() => {
                Err(TransportError::ConnectTimeout { host, after })
            }
            Err(_) => Err(TransportError::Timeout { host, after }),
        }
    }
}

impl fmt::Debug for HttpsTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpsTransport")
            .field("user_agent", &self.user_agent)
            .field("allow_insecure", &self.allow_insecure)
            .field("timeout", &self.timeout)
            .field("max_body", &self.max_body)
            .finish_non_exhaustive()
    }
}

fn user_agent(product: Option<&str>) -> Result<HeaderValue, ConfigError> {
    const OURS: &str = concat!("acme-transport/", env!("CARGO_PKG_VERSION"));
    let text = match product.map(str::trim) {
        None | Some("") => OURS.to_owned(),
        Some(product) => format!("{product} {OURS}"),
    };
    HeaderValue::from_str(&text).map_err(|_| ConfigError::UserAgent)
}
