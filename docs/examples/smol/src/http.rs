//! The way to the CA: TLS over smol's sockets, and HTTP/1.1 from [`ureq_proto`], which is sans-IO
//! like the core. One connection a request keeps this short; the session tickets that all
//! connections share keep it tolerable. A program with much to do keeps connections open.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use acme_proto::{Delivery, HttpRequest, HttpResponse, Reply};
use futures_rustls::TlsConnector;
use futures_rustls::client::TlsStream;
use http::HeaderValue;
use http::header::{CONNECTION, CONTENT_LENGTH, USER_AGENT};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use smol::Timer;
use smol::future::FutureExt;
use smol::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use smol::net::TcpStream;
use ureq_proto::BodyMode;
use ureq_proto::client::state::{RecvBody, RecvResponse};
use ureq_proto::client::{Call, RecvResponseResult, SendRequestResult};

/// Larger answers are none: a long certificate chain has some 20 KiB.
const MAX_RESPONSE: usize = 1024 * 1024;
const TIME_TO_CONNECT: Duration = Duration::from_secs(10);
const TIME_TO_ANSWER: Duration = Duration::from_secs(30);

pub(crate) struct HttpClient(TlsConnector);

impl HttpClient {
    /// Trusts the certificates in the PEM file `ca_bundle` and no others.
    pub(crate) fn new(ca_bundle: &str) -> Result<Self, Box<dyn Error>> {
        let failed = |error: &dyn Error| format!("{ca_bundle}: {error}");
        let mut roots = RootCertStore::empty();
        for root in CertificateDer::pem_file_iter(ca_bundle).map_err(|error| failed(&error))? {
            roots.add(root.map_err(|error| failed(&error))?)?;
        }
        if roots.is_empty() {
            return Err(format!("{ca_bundle}: no certificate in it").into());
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self(Arc::new(config).into()))
    }

    /// One request to the reply that the exchange waits for.
    pub(crate) async fn send(&self, request: &HttpRequest) -> Reply {
        let connected = within(TIME_TO_CONNECT, self.connect(request)).await;
        let mut connection = match connected {
            Ok(connection) => connection,
            Err(error) => return unreachable(&error, Delivery::NotSent),
        };
        match within(TIME_TO_ANSWER, exchange(&mut connection, request)).await {
            Ok(response) => Reply::Response(response),
            // Where in doubt the CA has seen it: an order that was placed twice counts twice
            // against the CA's limits.
            Err(error) => unreachable(&error, Delivery::Unknown),
        }
    }

    async fn connect(&self, request: &HttpRequest) -> io::Result<TlsStream<TcpStream>> {
        let uri = request.uri();
        // RFC 8555 §6.1
        if uri.scheme_str() != Some("https") {
            return Err(broken("the CA's URL does not begin with https"));
        }
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']'); // around IPv6
        let name = ServerName::try_from(host.to_owned()).map_err(broken)?;
        let socket = TcpStream::connect((host, uri.port_u16().unwrap_or(443))).await?;
        socket.set_nodelay(true)?;
        self.0.connect(name, socket).await
    }
}

/// A certificate that is not trusted, and an answer that is no HTTP, stay so.
fn unreachable(error: &io::Error, delivery: Delivery) -> Reply {
    Reply::Unreachable {
        reason: error.to_string(),
        delivery,
        temporary: error.kind() != ErrorKind::InvalidData,
    }
}

async fn within<T>(time: Duration, work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    let late = async {
        Timer::after(time).await;
        Err(ErrorKind::TimedOut.into())
    };
    work.or(late).await
}

async fn exchange(
    connection: &mut TlsStream<TcpStream>,
    request: &HttpRequest,
) -> io::Result<HttpResponse> {
    let (bytes, receiving) = written(request)?;
    connection.write_all(&bytes).await?;
    connection.flush().await?;
    receive(connection, receiving).await
}

/// The request as it goes over the wire, and what is to come back.
fn written(request: &HttpRequest) -> io::Result<(Vec<u8>, Call<RecvResponse>)> {
    let body = request.body().as_slice();
    let mut head = request.clone().map(drop);
    let headers = head.headers_mut();
    // RFC 8555 §6.1 asks for it
    headers.insert(USER_AGENT, HeaderValue::from_static("lacme-example-smol/0.1"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    if !body.is_empty() {
        headers.insert(CONTENT_LENGTH, body.len().into());
    }

    let mut sending = Call::new(head).map_err(broken)?.proceed();
    let mut bytes = vec![0; 8 * 1024]; // the URL is the longest part, with 2 KiB at most
    let length = sending.write(&mut bytes).map_err(broken)?;
    bytes.truncate(length);
    let receiving = match sending.proceed().map_err(broken)? {
        Some(SendRequestResult::RecvResponse(receiving)) => Some(receiving),
        Some(SendRequestResult::SendBody(mut sending)) => {
            sending.consume_direct_write(body.len()).map_err(broken)?;
            bytes.extend_from_slice(body); // its length is known, so it goes out as it is
            sending.proceed()
        }
        _ => None,
    };
    let receiving = receiving.ok_or_else(|| broken("the request cannot be written"))?;
    Ok((bytes, receiving))
}

async fn receive(
    connection: &mut (impl AsyncRead + Unpin),
    mut receiving: Call<RecvResponse>,
) -> io::Result<HttpResponse> {
    let mut input = Vec::new();
    let head = loop {
        let (used, head) = receiving.try_response(&input, false).map_err(broken)?;
        input.drain(..used);
        match head {
            Some(head) => break head,
            None if used > 0 => {} // an interim response, 100 to 199
            None if read_more(connection, &mut input).await? => {}
            None => return Err(ErrorKind::UnexpectedEof.into()),
        }
    };
    let body = match receiving.proceed() {
        Some(RecvResponseResult::RecvBody(receiving)) => {
            receive_body(connection, input, receiving).await?
        }
        _ => Vec::new(),
    };
    Ok(head.map(|()| body))
}

async fn receive_body(
    connection: &mut (impl AsyncRead + Unpin),
    mut input: Vec<u8>,
    mut receiving: Call<RecvBody>,
) -> io::Result<Vec<u8>> {
    let (mut body, mut piece) = (Vec::new(), vec![0; 16 * 1024]);
    loop {
        let (used, length) = receiving.read(&input, &mut piece).map_err(broken)?;
        input.drain(..used);
        body.extend_from_slice(&piece[..length]);
        // Without a length the body goes on until the server closes the connection.
        let is_whole = receiving.can_proceed();
        if is_whole && receiving.body_mode() != BodyMode::CloseDelimited {
            return Ok(body);
        } else if body.len() > MAX_RESPONSE {
            return Err(broken("the answer is too large"));
        } else if used == 0 && length == 0 && !read_more(connection, &mut input).await? {
            return match is_whole {
                true => Ok(body),
                false => Err(ErrorKind::UnexpectedEof.into()),
            };
        }
    }
}

/// Whether there was more. A connection that was cut, not closed, is an error: TLS tells.
async fn read_more(
    connection: &mut (impl AsyncRead + Unpin),
    input: &mut Vec<u8>,
) -> io::Result<bool> {
    let mut piece = [0; 16 * 1024];
    let length = connection.read(&mut piece).await?;
    input.extend_from_slice(&piece[..length]);
    match input.len() > MAX_RESPONSE {
        true => Err(broken("the answer is too large")),
        false => Ok(length > 0),
    }
}

fn broken(error: impl Into<Box<dyn Error + Send + Sync>>) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(bytes: &str) -> io::Result<HttpResponse> {
        let request = http::Request::get("https://ca.example/dir").body(Vec::new());
        let (_, receiving) = written(&request.unwrap()).unwrap();
        smol::block_on(receive(&mut bytes.as_bytes(), receiving))
    }

    #[test]
    fn a_body_ends_where_its_server_says() {
        for headers_and_body in [
            "Content-Length: 5\r\n\r\nhello",
            "Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
            "Connection: close\r\n\r\nhello",
        ] {
            let response = answer(&format!("HTTP/1.1 200 OK\r\n{headers_and_body}")).unwrap();
            assert_eq!(response.body(), b"hello", "{headers_and_body}");
        }
    }

    #[test]
    fn an_answer_that_is_cut_off_is_none() {
        let whole = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        for length in 0..whole.len() {
            let error = answer(&whole[..length]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::UnexpectedEof, "{length}");
        }
    }

    #[test]
    fn an_answer_without_end_is_given_up() {
        let body = "x".repeat(2 * MAX_RESPONSE);
        for head in ["", "HTTP/1.1 200 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nX: "] {
            let error = answer(&format!("{head}{body}")).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{head}");
        }
    }
}
