//! One page over HTTPS, served and fetched.

use std::fmt::Display;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use lacme::Certificate;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, ProtocolVersion, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::NAME;
use crate::exit::Failure;

const PATIENCE: Duration = Duration::from_secs(10);
const LARGEST: u64 = 64 * 1024;
const PAGE: &str = "Hello over HTTPS!";

/// What the client saw.
pub(super) struct Fetched {
    pub(super) url: String,
    pub(super) tls: &'static str,
    /// The one that the server showed.
    pub(super) certificate: Certificate,
    status: u16,
    pub(super) body: String,
}

impl Fetched {
    pub(super) fn document(&self) -> Value {
        json!({
            "url": self.url,
            "status": self.status,
            "tls": self.tls,
            "issuer": self.certificate.issuer_common_name(),
            "identifiers": self.certificate.identifiers(),
            "serial": self.certificate.serial_hex(),
            "body": self.body,
        })
    }
}

/// Serves one connection on a free port with this certificate, and fetches a page over it with a
/// client that trusts `root` and nobody besides.
pub(super) async fn serve_and_fetch(
    chain: &str,
    key: &str,
    root: &str,
) -> Result<Fetched, Failure> {
    let server = lacme_ca::server_config(chain, key, None).map_err(failed)?;
    let client = lacme_ca::client_config(root, None).map_err(failed)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let both = async { tokio::try_join!(serve(listener, server), fetch(address, client)) };
    let ((), fetched) = timeout(PATIENCE, both).await.map_err(failed)??;
    Ok(fetched)
}

async fn serve(listener: TcpListener, config: ServerConfig) -> Result<(), Failure> {
    let (stream, _) = listener.accept().await.map_err(failed)?;
    let mut stream = TlsAcceptor::from(Arc::new(config)).accept(stream).await.map_err(failed)?;
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") && (request.len() as u64) < LARGEST {
        match stream.read_buf(&mut request).await.map_err(failed)? {
            0 => break,
            _more => {}
        }
    }
    let length = PAGE.len();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close";
    let response = format!("{head}\r\nContent-Length: {length}\r\n\r\n{PAGE}");
    stream.write_all(response.as_bytes()).await.map_err(failed)?;
    stream.shutdown().await.map_err(failed)
}

async fn fetch(address: SocketAddr, config: ClientConfig) -> Result<Fetched, Failure> {
    let stream = TcpStream::connect(address).await.map_err(failed)?;
    let name = ServerName::try_from(NAME).map_err(failed)?;
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, stream).await.map_err(failed)?;
    let request = format!("GET / HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.map_err(failed)?;

    let (_, session) = stream.get_ref();
    let tls = match session.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "TLS",
    };
    let shown = session.peer_certificates().and_then(<[_]>::first);
    let shown = shown.ok_or_else(|| failed("the server showed no certificate"))?;
    let certificate = Certificate::from_der(shown).map_err(failed)?;
    let (status, body) = read_response(&mut stream).await?;
    let url = format!("https://{NAME}:{}/", address.port());
    Ok(Fetched { url, tls, certificate, status, body })
}

async fn read_response(stream: &mut (impl AsyncRead + Unpin)) -> Result<(u16, String), Failure> {
    let mut response = String::new();
    stream.take(LARGEST).read_to_string(&mut response).await.map_err(failed)?;
    let (head, body) =
        response.split_once("\r\n\r\n").ok_or_else(|| failed("the page came only in part"))?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.ok_or_else(|| failed("what came is not HTTP"))?;
    Ok((status, body.to_owned()))
}

fn failed(error: impl Display) -> Failure {
    Failure::internal(format!("the demo's page was not served as it should be: {error}"))
}
