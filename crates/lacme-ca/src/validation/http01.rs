//! http-01 (RFC 8555 §8.3, for addresses RFC 8738).

use std::net::IpAddr;

use acme_proto::{Identifier, Url};
use bytes::Bytes;
use http::header::{ACCEPT, CONNECTION, HOST, LOCATION, USER_AGENT};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::problems::{self, Failure};
use super::tls::{self, Hello};
use super::{NetworkValidator, Validation, addresses};

const MAX_REDIRECTS: usize = 10;
/// A key authorization has some 90 characters, and at most some 300.
const MAX_BODY: usize = 4 * 1024;
const MAX_HEAD: usize = 16 * 1024;
const MAX_HEADERS: usize = 64;

pub(super) async fn validate(
    validator: &NetworkValidator,
    validation: &Validation,
) -> Result<(), Failure> {
    let token = validation.token.as_ref();
    let token = token.ok_or_else(|| problems::malformed("an http-01 challenge needs a token"))?;
    let host = bracketed(&validation.identifier);
    let path = format!("/.well-known/acme-challenge/{token}");
    let mut url = Url::parse(format!("http://{host}{path}"))
        .map_err(|_| problems::malformed("the challenge's URL cannot be written"))?;
    for _ in 0..=MAX_REDIRECTS {
        let target = Target::of(&url, validator)?;
        match fetch(validator, &target).await? {
            Answer::Redirect(location) => url = follow(&url, &location)?,
            Answer::Body(body) => return check(&body, validation, &url),
            Answer::Status(status) => {
                let detail = format!("{url} answered {status} where 200 is expected");
                return Err(problems::incorrect(detail));
            }
        }
    }
    let detail = format!("http-01 for {host} was redirected more than {MAX_REDIRECTS} times");
    Err(problems::connection(detail))
}

/// RFC 8555 §8.3: "The server SHOULD ignore whitespace characters at the end of the body."
fn check(body: &[u8], validation: &Validation, url: &Url) -> Result<(), Failure> {
    if body.trim_ascii_end() == validation.key_authorization.as_bytes() {
        return Ok(());
    }
    let found = problems::excerpt(body);
    let detail = format!("{url} does not hold the key authorization: found {found}");
    Err(problems::incorrect(detail))
}

/// Whom to connect to, and what to ask for.
struct Target {
    host: Identifier,
    port: u16,
    is_tls: bool,
    /// As it stands in the URL: host, and port if one is written.
    authority: String,
    /// Path and query.
    path: String,
}

impl Target {
    /// Ports 80 and 443, written or not, are those that the validator has for them; no other port
    /// is connected to, so that a redirect does not lead into all kinds of services.
    fn of(url: &Url, validator: &NetworkValidator) -> Result<Self, Failure> {
        let refused =
            |reason: &str| problems::connection(format!("{url} is not fetched: {reason}"));
        let uri: http::Uri = url.as_str().parse().map_err(|_| refused("it is no URL"))?;
        let is_tls = url.is_https();
        let (usual, set) = match is_tls {
            false => (80, validator.http_port),
            true => (443, validator.tls_port),
        };
        let port = match uri.port_u16() {
            Some(port) if port != usual && port != set => {
                return Err(refused("its port is neither 80 nor 443"));
            }
            _ => set,
        };
        let host = uri.host().unwrap_or_default();
        let host = Identifier::parse(host).map_err(|_| refused("its host is no DNS name"))?;
        if host.is_wildcard() {
            return Err(refused("its host is a wildcard"));
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            host,
            port,
            is_tls,
            authority: url.authority().to_owned(),
            path: path.to_owned(),
        })
    }
}

enum Answer {
    Body(Vec<u8>),
    Redirect(String),
    Status(StatusCode),
}

async fn fetch(validator: &NetworkValidator, target: &Target) -> Result<Answer, Failure> {
    let stream = addresses::connect(validator, &target.host, target.port).await?;
    if target.is_tls {
        let stream = tls::connect(validator, stream, &target.host, Hello::Https).await?;
        exchange(stream, target).await
    } else {
        exchange(stream, target).await
    }
}

/// One request and its answer on a connection of its own.
async fn exchange<S>(stream: S, target: &Target) -> Result<Answer, Failure>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let failed = |error: hyper::Error| {
        let host = &target.host;
        let reason = problems::excerpt(error.to_string().as_bytes());
        problems::connection(format!("{host} does not answer in HTTP: {reason}"))
    };
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    let exchange = async {
        let response = sender.send_request(request(target)?).await.map_err(failed)?;
        read(response).await.map_err(failed)
    };
    // The connection only works while it is looked after; when the answer is there, it is closed.
    tokio::pin!(exchange, connection);
    tokio::select! {
        biased;
        answer = &mut exchange => return answer,
        _ = &mut connection => {}
    }
    exchange.await
}

fn request(target: &Target) -> Result<Request<Empty<Bytes>>, Failure> {
    let agent = concat!("lacme-ca/", env!("CARGO_PKG_VERSION"));
    Request::get(&target.path)
        .header(HOST, &target.authority)
        .header(USER_AGENT, agent)
        .header(ACCEPT, "*/*")
        .header(CONNECTION, "close")
        .body(Empty::new())
        .map_err(|_| problems::connection("a redirect led to an odd URL"))
}

async fn read(response: Response<Incoming>) -> Result<Answer, hyper::Error> {
    let (head, mut body) = response.into_parts();
    let location = head.headers.get(LOCATION).and_then(|at: &HeaderValue| at.to_str().ok());
    match (head.status.as_u16(), location) {
        (301 | 302 | 303 | 307 | 308, Some(location)) => {
            return Ok(Answer::Redirect(location.to_owned()));
        }
        (200, _) => {}
        _ => return Ok(Answer::Status(head.status)),
    }
    let mut bytes = Vec::new();
    // What comes after the limit cannot make it right.
    while let Some(frame) = body.frame().await {
        if let Some(data) = frame?.data_ref() {
            bytes.extend_from_slice(data);
        }
        if bytes.len() > MAX_BODY {
            bytes.truncate(MAX_BODY);
            break;
        }
    }
    Ok(Answer::Body(bytes))
}

fn follow(from: &Url, location: &str) -> Result<Url, Failure> {
    let (location, _fragment) = location.split_once('#').unwrap_or((location, ""));
    from.join(location).map_err(|_| {
        let location = problems::excerpt(location.as_bytes());
        problems::connection(format!("{from} redirects to {location}, which cannot be followed"))
    })
}

/// As in a URL, where an IPv6 address stands in brackets.
fn bracketed(identifier: &Identifier) -> String {
    match identifier {
        Identifier::Ip(IpAddr::V6(ip)) => format!("[{ip}]"),
        other => other.value(),
    }
}
