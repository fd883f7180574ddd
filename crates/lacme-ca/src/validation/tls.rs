//! TLS connections whose server need not be trusted: what it shows is the proof, or it is where a
//! redirect of http-01 led.

use std::sync::Arc;

use acme_proto::{Identifier, proof};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::NetworkValidator;
use super::problems::{self, Failure};

/// How a server is asked for.
pub(super) enum Hello {
    /// As browsers do: an address has no SNI.
    Https,
    /// RFC 8737 §3 and RFC 8738 §6: its ALPN, and the reverse name for an address.
    TlsAlpn01,
}

const ACME_TLS_1: &[u8] = b"acme-tls/1";

pub(super) async fn connect(
    validator: &NetworkValidator,
    stream: TcpStream,
    host: &Identifier,
    hello: Hello,
) -> Result<TlsStream<TcpStream>, Failure> {
    let failed = |reason: String| problems::tls(format!("TLS with {host} failed: {reason}"));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    let server_name = match hello {
        Hello::Https => host.value(),
        Hello::TlsAlpn01 => {
            config.alpn_protocols = vec![ACME_TLS_1.to_vec()];
            match host {
                Identifier::Ip(ip) => proof::reverse_name(*ip),
                name => name.value(),
            }
        }
    };
    let server_name = ServerName::try_from(server_name)
        .map_err(|_| failed("the name cannot stand in a TLS handshake".to_owned()))?;
    let handshake = TlsConnector::from(Arc::new(config)).connect(server_name, stream);
    match timeout(validator.attempt_timeout(), handshake).await {
        Ok(Ok(stream)) => {
            let agreed = stream.get_ref().1.alpn_protocol();
            if matches!(hello, Hello::TlsAlpn01) && agreed != Some(ACME_TLS_1) {
                let reason = "the server did not agree to the protocol acme-tls/1 (ALPN)";
                return Err(failed(reason.to_owned()));
            }
            Ok(stream)
        }
        Ok(Err(error)) => Err(failed(problems::excerpt(error.to_string().as_bytes()))),
        Err(_) => Err(failed("the server did not answer in time".to_owned())),
    }
}

/// Lets everybody in. Who holds a challenge certificate's key proves nothing more than what the
/// certificate says, which is checked after the handshake.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
