//! The way to the CA: [`ureq`], set up for ACME.

use std::error::Error;
use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use acme_proto::{Delivery, HttpRequest, Reply};
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};

/// Larger answers are none: a long certificate chain has some 20 KiB.
const MAX_BODY: u64 = 1024 * 1024;

pub(crate) struct HttpClient(Agent);

impl HttpClient {
    /// Trusts the certificates in the PEM file `ca_bundle` and no others.
    pub(crate) fn new(ca_bundle: &str) -> Result<Self, Box<dyn Error>> {
        let pem = fs::read(ca_bundle).map_err(|error| format!("{ca_bundle}: {error}"))?;
        let roots = ureq::tls::parse_pem(&pem)
            .filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(Ok(certificate)),
                Ok(_) => None,
                Err(error) => Some(Err(error)),
            })
            .collect::<Result<Vec<Certificate<'static>>, _>>()?;
        if roots.is_empty() {
            return Err(format!("{ca_bundle}: no certificate in it").into());
        }
        // ureq brings no crypto library here and takes what the process has chosen.
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        provider.install_default().ok(); // fails only where one is chosen already

        let tls = TlsConfig::builder().root_certs(RootCerts::from(roots));
        let config = Agent::config_builder()
            .tls_config(tls.build())
            .user_agent("lacme-example-blocking/0.1") // RFC 8555 §6.1 asks for one
            .https_only(true)
            // A failed answer is an answer: its body says what is wrong.
            .http_status_as_error(false)
            // The URL is part of what is signed, so a request is good for one place only (§6.4).
            .max_redirects(0)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        Ok(Self(Agent::new_with_config(config)))
    }

    /// One request to the reply that the exchange waits for.
    pub(crate) fn send(&self, request: &HttpRequest) -> Reply {
        let answer = self.0.run(request.clone()).and_then(|response| {
            let (parts, mut body) = response.into_parts();
            let body = body.with_config().limit(MAX_BODY).read_to_vec()?;
            Ok(ureq::http::Response::from_parts(parts, body))
        });
        match answer {
            Ok(response) => Reply::Response(response),
            Err(error) => Reply::Unreachable {
                reason: error.to_string(),
                delivery: delivery(&error),
                temporary: is_temporary(&error),
            },
        }
    }
}

/// Whether the CA may have seen the request. Where in doubt it has: an order that was placed twice
/// counts twice against the CA's limits.
fn delivery(error: &ureq::Error) -> Delivery {
    use ureq::{Error, Timeout};
    match error {
        Error::HostNotFound
        | Error::ConnectionFailed
        | Error::Timeout(Timeout::Resolve | Timeout::Connect) => Delivery::NotSent,
        Error::Io(error) if error.kind() == ErrorKind::ConnectionRefused => Delivery::NotSent,
        _ => Delivery::Unknown,
    }
}

/// A certificate that is not trusted, and an answer that is no HTTP, stay so.
fn is_temporary(error: &ureq::Error) -> bool {
    use ureq::Error;
    match error {
        Error::HostNotFound | Error::ConnectionFailed | Error::Timeout(_) => true,
        Error::Io(error) => error.kind() != ErrorKind::InvalidData,
        _ => false,
    }
}
