//! As much of an HTTP client as the servers' management interfaces need: one request a connection.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};

use crate::Error;

/// An answer larger than this is cut, and then refused for its length.
const LIMIT: u64 = 4 << 20;
const PATIENCE: Duration = Duration::from_secs(10);

/// A client of one server on loopback.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    port: u16,
    tls: Option<Arc<ClientConfig>>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Client {
    pub(crate) fn plain(port: u16) -> Self {
        Self { port, tls: None }
    }

    /// Speaks HTTPS, and trusts only the certificates in the PEM text `roots`.
    pub(crate) fn trusting(roots: &str, port: u16) -> Result<Self, Error> {
        let invalid = |why: String| Error::unexpected("the CA bundle", why);
        let mut store = RootCertStore::empty();
        for root in CertificateDer::pem_slice_iter(roots.as_bytes()) {
            let root = root.map_err(|error| invalid(error.to_string()))?;
            store.add(root).map_err(|error| invalid(error.to_string()))?;
        }
        let tls = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| invalid(error.to_string()))?
            .with_root_certificates(store)
            .with_no_client_auth();
        Ok(Self { port, tls: Some(Arc::new(tls)) })
    }

    /// The same trust, another port.
    pub(crate) fn at(&self, port: u16) -> Self {
        Self { port, ..self.clone() }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        format!("{scheme}://localhost:{}{path}", self.port)
    }

    /// Any answer, whatever its status.
    pub(crate) fn get(&self, path: &str) -> Result<Response, Error> {
        self.send("GET", path, "")
    }

    /// The body of an answer with a status of 2xx.
    pub(crate) fn get_ok(&self, path: &str) -> Result<String, Error> {
        self.get(path)?.ok("GET", self.url(path))
    }

    /// Posts JSON; the body of an answer with a status of 2xx.
    pub(crate) fn post(&self, path: &str, json: &serde_json::Value) -> Result<String, Error> {
        self.send("POST", path, &json.to_string())?.ok("POST", self.url(path))
    }

    fn send(&self, method: &str, path: &str, body: &str) -> Result<Response, Error> {
        // HTTP/1.0: the answer is never chunked and ends with the connection.
        let request = format!(
            "{method} {path} HTTP/1.0\r\nHost: localhost:{}\r\nUser-Agent: lacme-harness\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.port,
            body.len(),
        );
        let answer = self.exchange(request.as_bytes());
        let answer = answer.map_err(Error::io(format!("{method} {}", self.url(path))))?;
        parse(&answer).map_err(|why| Error::unexpected(self.url(path), why))
    }

    fn exchange(&self, request: &[u8]) -> std::io::Result<Vec<u8>> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let socket = TcpStream::connect_timeout(&address, PATIENCE)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        match &self.tls {
            None => converse(socket, request),
            Some(tls) => {
                let name = ServerName::try_from("localhost").expect("a valid name");
                let session = ClientConnection::new(Arc::clone(tls), name);
                let session = session.map_err(std::io::Error::other)?;
                converse(StreamOwned::new(session, socket), request)
            }
        }
    }
}

impl Response {
    fn ok(self, method: &'static str, url: String) -> Result<String, Error> {
        match self.status {
            200..=299 => Ok(self.body),
            status => {
                let body = self.body.chars().take(500).collect();
                Err(Error::Refused { method, url, status, body })
            }
        }
    }
}

fn converse(mut stream: impl Read + Write, request: &[u8]) -> std::io::Result<Vec<u8>> {
    stream.write_all(request)?;
    stream.flush()?;
    let mut answer = Vec::new();
    match stream.take(LIMIT).read_to_end(&mut answer) {
        // A TLS server that just closes; Content-Length tells whether something is missing.
        Err(error) if error.kind() != ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(answer),
    }
}

fn parse(answer: &[u8]) -> Result<Response, &'static str> {
    let text = str::from_utf8(answer).map_err(|_| "the answer is not UTF-8")?;
    let (head, body) = text.split_once("\r\n\r\n").ok_or("the answer has no end of headers")?;
    let mut lines = head.lines();
    let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
    let status = status.ok_or("the answer has no status")?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    if length.is_some_and(|(_, value)| value.trim().parse() != Ok(body.len())) {
        return Err("the answer's body is cut");
    }
    Ok(Response { status, body: body.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let response = parse(b"HTTP/1.0 404 Not Found\r\nContent-Length: 2\r\n\r\nno").unwrap();
        assert_eq!((response.status, response.body.as_str()), (404, "no"));
    }

    #[test]
    fn a_cut_or_shapeless_answer_is_an_error() {
        for answer in
            ["", "HTTP/1.0", "HTTP/1.0 x\r\n\r\n", "HTTP/1.0 200\r\nContent-Length: 9\r\n\r\nno"]
        {
            assert!(parse(answer.as_bytes()).is_err(), "{answer:?}");
        }
    }
}
