use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use acme_proto::Delivery;
use rustls::{AlertDescription, CertificateError};
use rustls_pki_types::InvalidDnsNameError;

/// What lies beneath a [`TransportError`]; shared, so that errors can be cloned.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// Why there is no response.
///
/// Each message is one line that ends with the root cause and carries no secret. `host` is the
/// server's host and, where the URL gives one, its port.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// An `http` URL, and those are not allowed.
    #[error(
        "refused to talk to {host} without TLS: use an https:// URL, or allow insecure URLs \
         (--allow-insecure) if this network is yours"
    )]
    InsecureUrl {
        /// The server.
        host: String,
    },
    /// The request cannot be expressed in HTTP.
    #[error("the request cannot be sent: {reason}")]
    InvalidRequest {
        /// What is wrong with it.
        reason: String,
    },
    /// The host's name has no address, or the resolver failed.
    #[error("cannot resolve the name of {host}: {}", root_cause(.source))]
    Resolve {
        /// The server.
        host: String,
        /// The resolver's error.
        source: Cause,
    },
    /// No address of the host accepted a connection.
    #[error("cannot connect to {host}: {}", root_cause(.source))]
    Connect {
        /// The server.
        host: String,
        /// The operating system's error.
        source: Cause,
    },
    /// The server's certificate is not acceptable.
    #[error(
        "the TLS certificate of {host} is not acceptable: {}; {}",
        root_cause(.source),
        advice(.source)
    )]
    Certificate {
        /// The server.
        host: String,
        /// The verifier's verdict.
        source: Cause,
    },
    /// The server refused our client certificate, or wants one.
    #[error(
        "{host} wants a TLS client certificate it accepts: {}; give one with --client-cert and \
         --client-key",
        root_cause(.source)
    )]
    ClientCertificate {
        /// The server.
        host: String,
        /// The alert.
        source: Cause,
    },
    /// The TLS handshake failed for another reason.
    #[error("no TLS connection to {host}: {}", root_cause(.source))]
    Tls {
        /// The server.
        host: String,
        /// The TLS error.
        source: Cause,
    },
    /// The proxy stands in the way.
    #[error("the proxy {proxy} {problem}")]
    Proxy {
        /// The proxy's host and port, without credentials.
        proxy: String,
        /// What happened.
        #[source]
        problem: ProxyProblem,
    },
    /// The connection was not ready in time, be it the time for connecting or for the request.
    #[error("no connection to {host} within {after:?}")]
    ConnectTimeout {
        /// The server.
        host: String,
        /// The limit.
        after: Duration,
    },
    /// The whole response was not there in time.
    #[error("no complete response from {host} within {after:?}")]
    Timeout {
        /// The server.
        host: String,
        /// The limit.
        after: Duration,
    },
    /// The response's body is larger than allowed.
    #[error("the response of {host} is larger than the allowed {limit} bytes")]
    BodyTooLarge {
        /// The server.
        host: String,
        /// The limit, in bytes.
        limit: usize,
    },
    /// The connection was lost before the response, or was reset within it.
    #[error("the connection to {host} broke before the response was complete: {}", root_cause(.source))]
    ConnectionLost {
        /// The server.
        host: String,
        /// How it broke.
        source: Cause,
    },
    /// The server closed the connection, or an HTTP/2 stream, in the middle of the response's body.
    #[error("{host} sent only a part of its response: {}", root_cause(.source))]
    Truncated {
        /// The server.
        host: String,
        /// How it ended.
        source: Cause,
    },
    /// What came back is not HTTP, or its headers are too large.
    #[error("{host} sent no valid HTTP response: {}", root_cause(.source))]
    BrokenResponse {
        /// The server.
        host: String,
        /// What is wrong with it.
        source: Cause,
    },
    /// A failure that only another implementation of [`Transport`](crate::Transport) knows.
    #[error("request to {host} failed: {}", root_cause(.source))]
    Other {
        /// The server.
        host: String,
        /// Whether the server may have acted on the request.
        delivery: Delivery,
        /// The implementation's own error.
        source: Cause,
    },
}

/// What went wrong at a proxy.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyProblem {
    /// No connection to the proxy itself.
    #[error("cannot be reached: {}", root_cause(.source))]
    Unreachable {
        /// The resolver's or the operating system's error.
        source: Cause,
    },
    /// The proxy answered 407.
    #[error("wants a user name and password it accepts (http://user:password@host:port)")]
    AuthenticationRequired,
    /// The proxy answered the CONNECT with another status than 2xx.
    #[error("refused the tunnel with status {status}")]
    Refused {
        /// Its status code.
        status: u16,
    },
    /// The proxy's answer to the CONNECT is not HTTP.
    #[error("did not answer like an HTTP proxy")]
    NoProxy,
}

impl TransportError {
    /// Whether the server may have acted on the request.
    ///
    /// ```
    /// # use acme_transport::{Delivery, TransportError};
    /// let error = TransportError::InsecureUrl { host: "ca.example".into() };
    /// assert_eq!(error.delivery(), Delivery::NotSent);
    /// ```
    pub fn delivery(&self) -> Delivery {
        match self {
            Self::InsecureUrl { .. }
            | Self::InvalidRequest { .. }
            | Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Certificate { .. }
            | Self::ClientCertificate { .. }
            | Self::Tls { .. }
            | Self::Proxy { .. }
            | Self::ConnectTimeout { .. } => Delivery::NotSent,
            Self::Timeout { .. }
            | Self::BodyTooLarge { .. }
            | Self::ConnectionLost { .. }
            | Self::Truncated { .. }
            | Self::BrokenResponse { .. } => Delivery::Unknown,
            Self::Other { delivery, .. } => *delivery,
        }
    }

    /// Whether the same request may succeed later without anybody changing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::InsecureUrl { .. }
            | Self::InvalidRequest { .. }
            | Self::Certificate { .. }
            | Self::ClientCertificate { .. }
            | Self::BodyTooLarge { .. } => false,
            Self::Proxy { problem, .. } => matches!(problem, ProxyProblem::Unreachable { .. }),
            Self::Resolve { .. }
            | Self::Connect { .. }
            | Self::Tls { .. }
            | Self::ConnectTimeout { .. }
            | Self::Timeout { .. }
            | Self::ConnectionLost { .. }
            | Self::Truncated { .. }
            | Self::BrokenResponse { .. }
            | Self::Other { .. } => true,
        }
    }

    /// A failure of the connector: our own from beneath TLS, or the handshake's.
    pub(crate) fn connecting(host: String, error: Box<dyn Error + Send + Sync>) -> Self {
        if let Some(ours) = find::<Self>(&*error) {
            return ours.clone();
        }
        if find::<InvalidDnsNameError>(&*error).is_some() {
            return Self::InvalidRequest { reason: format!("{host:?} is no host name") };
        }
        let verdict = find::<rustls::Error>(&*error);
        let bad_certificate = matches!(verdict, Some(rustls::Error::InvalidCertificate(_)));
        let wants_certificate = verdict.is_some_and(is_about_our_certificate);
        let source = Cause::from(error);
        if bad_certificate {
            Self::Certificate { host, source }
        } else if wants_certificate {
            Self::ClientCertificate { host, source }
        } else {
            Self::Tls { host, source }
        }
    }

    /// A failure after the connection was handed to hyper.
    pub(crate) fn exchange(host: String, error: impl Error + Send + Sync + 'static) -> Self {
        if let Some(ours) = find::<Self>(&error) {
            return ours.clone();
        }
        if find::<io::Error>(&error).is_some_and(is_marked_refusal) {
            return Self::ClientCertificate { host, source: Arc::new(error) };
        }
        // What hyper blames on its user is here a connection whose runtime has ended.
        let lost = find::<hyper::Error>(&error).is_some_and(|e| {
            e.is_incomplete_message()
                || e.is_closed()
                || e.is_canceled()
                || e.is_timeout()
                || e.is_user()
        });
        let lost = lost || find::<io::Error>(&error).is_some();
        let source = Arc::new(error);
        if lost {
            Self::ConnectionLost { host, source }
        } else {
            Self::BrokenResponse { host, source }
        }
    }

    /// A failure after the response's headers.
    pub(crate) fn body(host: String, error: hyper::Error) -> Self {
        use io::ErrorKind::{BrokenPipe, InvalidData, InvalidInput, UnexpectedEof};
        let broken_off = find::<h2::Error>(&error).is_some_and(h2::Error::is_remote);
        let of_tls = find::<rustls::Error>(&error).is_some();
        match find::<io::Error>(&error).map(io::Error::kind) {
            // The one is HTTP/1.1's word for a connection that was closed, the other HTTP/2's.
            Some(UnexpectedEof | BrokenPipe) => Self::Truncated { host, source: Arc::new(error) },
            None if broken_off => Self::Truncated { host, source: Arc::new(error) },
            // The framing of chunks (RFC 9112 §7.1).
            Some(InvalidInput | InvalidData) if !of_tls => {
                Self::BrokenResponse { host, source: Arc::new(error) }
            }
            _ => Self::exchange(host, error),
        }
    }
}

/// Marks a server's refusal of our certificate in what is read from a connection.
///
/// A TLS 1.3 server judges the certificate when the first request is already under way, so the alert
/// arrives in place of a response (RFC 8446 §4.4.2.4). It still ends the handshake: the server read
/// nothing of the request. Of an error that passes through HTTP/2 only kind and text survive, hence
/// the kind.
pub(crate) fn mark_refusal(error: io::Error) -> io::Error {
    match find::<rustls::Error>(&error) {
        Some(alert) if is_about_our_certificate(alert) => io::Error::new(REFUSED, error),
        _ => error,
    }
}

const REFUSED: io::ErrorKind = io::ErrorKind::PermissionDenied;

fn is_marked_refusal(error: &io::Error) -> bool {
    // A firewall's refusal has a number of the operating system.
    error.kind() == REFUSED && error.raw_os_error().is_none()
}

/// Alerts with which a server ends a handshake over the client's certificate (RFC 8446 §6.2).
fn is_about_our_certificate(error: &rustls::Error) -> bool {
    use AlertDescription as Alert;
    let rustls::Error::AlertReceived(alert) = error else {
        return false;
    };
    matches!(
        alert,
        Alert::CertificateRequired
            | Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
    )
}

/// What a person can do about a certificate that was not accepted.
fn advice(cause: &Cause) -> &'static str {
    let Some(rustls::Error::InvalidCertificate(verdict)) = find::<rustls::Error>(&**cause) else {
        return "ask who runs the server";
    };
    match verdict {
        // A bad signature: a trusted root of the same name, with another key.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            "if the server belongs to a private CA, give that CA's root certificate (--ca-bundle FILE)"
        }
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => {
            "check this machine's clock, then ask who runs the server"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "check the host name in the directory URL"
        }
        _ => "ask who runs the server",
    }
}

/// The last error of the chain in one short line: the ones above it only say "client error".
fn root_cause(error: &(dyn Error + 'static)) -> String {
    const MAX_CHARS: usize = 300;
    let last = chain(error).last().map(ToString::to_string).unwrap_or_default();
    // Parts of the text may come from the other side.
    last.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_CHARS).collect()
}

/// The first `T` of the chain.
pub(crate) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    chain(error).find_map(|e| e.downcast_ref::<T>())
}

fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| below(*error))
}

/// The next error of a chain. `source` leaves out what an [`io::Error`], a [`Cause`] or HTTP/2
/// wraps.
fn below<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    if let Some(shared) = error.downcast_ref::<Cause>() {
        return Some(&**shared);
    }
    if let Some(http2) = error.downcast_ref::<h2::Error>() {
        return http2.get_io().map(|io| io as _);
    }
    let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    match wrapped {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}
