mod builder;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::Client;
use crate::process::{Process, tail};
use crate::tools::{Capability, Found};
use crate::{Dns, Error, Ports, skip};

pub use builder::{PebbleBuilder, Profile};

/// A running Pebble with its own DNS server, on ports of its own.
///
/// Ended when dropped. If the test panics, the end of its log is printed.
#[derive(Debug)]
pub struct Pebble {
    // In this order: the servers end before their folder and their ports are given back.
    process: Mutex<Process>,
    dns: Dns,
    program: Found,
    acme: Client,
    management: Client,
    http_port: u16,
    tls_port: u16,
    ca_bundle: PathBuf,
    _folder: TempDir,
    _ports: Ports,
}

/// What Pebble knows about a certificate it issued.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateStatus {
    /// Whether it is revoked.
    pub revoked: bool,
    /// The reason given when it was revoked (RFC 5280, section 5.3.1).
    pub reason: Option<u8>,
}

impl Pebble {
    /// Settings for a Pebble to be started; the defaults are in [`PebbleBuilder`].
    #[must_use]
    pub fn builder() -> PebbleBuilder {
        PebbleBuilder::default()
    }

    /// Starts a Pebble with the default settings.
    ///
    /// # Panics
    ///
    /// As [`PebbleBuilder::start`].
    #[must_use]
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// The URL of the ACME directory.
    #[must_use]
    pub fn directory_url(&self) -> String {
        self.acme.url("/dir")
    }

    /// A PEM file with the certificate that a client has to trust to talk to this Pebble.
    ///
    /// It signs only Pebble's HTTPS: for the issuer of the certificates it hands out see [`Self::root`].
    #[must_use]
    pub fn ca_bundle(&self) -> &Path {
        &self.ca_bundle
    }

    /// The port that http-01 is validated on, for every name: reserved, for the test to listen on.
    #[must_use]
    pub fn http_port(&self) -> u16 {
        self.http_port
    }

    /// The port that tls-alpn-01 is validated on, for every name: reserved, for the test to listen on.
    #[must_use]
    pub fn tls_port(&self) -> u16 {
        self.tls_port
    }

    /// The base URL of the management interface, without a slash at its end.
    #[must_use]
    pub fn management_url(&self) -> String {
        self.management.url("")
    }

    /// The DNS server that Pebble asks.
    #[must_use]
    pub fn dns(&self) -> &Dns {
        &self.dns
    }

    /// The program that runs.
    #[must_use]
    pub fn program(&self) -> &Found {
        &self.program
    }

    /// Whether this version of Pebble can do something. If not, that is recorded as the reason for
    /// which the calling test is skipped.
    ///
    /// ```no_run
    /// # use harness::{Capability, Pebble};
    /// let pebble = Pebble::start();
    /// if !pebble.offers(Capability::Profiles) {
    ///     return;
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// When a skip is a failure: see [`skip`].
    #[must_use = "a test that goes on without it fails"]
    pub fn offers(&self, capability: Capability) -> bool {
        let offered = !self.program.missing().contains(&capability);
        if !offered {
            let version = self.program.version().unwrap_or("of unknown version");
            skip(&format!("pebble {version} has no {capability}"));
        }
        offered
    }

    /// The root certificate of chain `n`, as PEM. 0 is the default chain; alternates count from 1.
    ///
    /// # Errors
    ///
    /// When there is no such chain, or Pebble does not answer.
    pub fn root(&self, n: usize) -> Result<String, Error> {
        self.management.get_ok(&format!("/roots/{n}"))
    }

    /// The certificate that issues the leaves of chain `n`, as PEM.
    ///
    /// # Errors
    ///
    /// When there is no such chain, or Pebble does not answer.
    pub fn intermediate(&self, n: usize) -> Result<String, Error> {
        self.management.get_ok(&format!("/intermediates/{n}"))
    }

    /// The status of the certificate with this serial number, in hexadecimal; `None` for one that
    /// this Pebble has not issued.
    ///
    /// # Errors
    ///
    /// When Pebble does not answer.
    pub fn certificate_status(&self, serial: &str) -> Result<Option<CertificateStatus>, Error> {
        let path = format!("/cert-status-by-serial/{serial}");
        let response = self.management.get(&path)?;
        if response.status == 404 {
            return Ok(None);
        }
        let from = self.management.url(&path);
        let body: Value = serde_json::from_str(&response.body)
            .map_err(|error| Error::unexpected(from.clone(), error))?;
        let revoked = match body["Status"].as_str() {
            Some("Revoked") => true,
            Some("Valid") => false,
            _ => {
                return Err(Error::unexpected(from, format!("the status is {}", body["Status"])));
            }
        };
        let reason = body["Reason"].as_u64().and_then(|reason| u8::try_from(reason).ok());
        Ok(Some(CertificateStatus { revoked, reason }))
    }

    /// What renewalInfo answers from now on for a certificate: any text, JSON or not.
    ///
    /// `certificate` is PEM; the first certificate in it counts.
    ///
    /// # Errors
    ///
    /// When this Pebble has not issued the certificate, or has no renewalInfo.
    pub fn set_renewal_info(&self, certificate: &str, answer: &str) -> Result<(), Error> {
        let body = json!({"certificate": certificate, "ariResponse": answer});
        self.management.post("/set-renewal-info/", &body).map(drop)
    }

    /// Sets the window that renewalInfo suggests for a certificate; both times in RFC 3339.
    ///
    /// # Errors
    ///
    /// As [`Self::set_renewal_info`].
    pub fn set_renewal_window(
        &self,
        certificate: &str,
        start: &str,
        end: &str,
    ) -> Result<(), Error> {
        let window = json!({"suggestedWindow": {"start": start, "end": end}});
        self.set_renewal_info(certificate, &window.to_string())
    }

    /// Whether Pebble still does its work: its directory is served and its database is not stuck.
    ///
    /// Pebble 2.10.1 can deadlock under many concurrent orders; this tells its hang from ours.
    #[must_use]
    pub fn is_answering(&self) -> bool {
        let directory = self.acme.get("/dir").is_ok_and(|response| response.status == 200);
        directory && self.certificate_status("0").is_ok()
    }

    /// Everything Pebble has printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process().log()
    }

    /// Pebble's process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process().pid()
    }

    /// Ends Pebble at once, as `kill -9` does; its DNS server goes on.
    pub fn kill(&self) {
        self.process().kill();
    }

    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pebble {
    #[expect(clippy::print_stderr, reason = "the server's last words explain a failed test")]
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- the end of Pebble's log ---\n{}", tail(&self.log(), 40));
        }
        self.process().kill();
        self.dns.kill();
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_its_own_certificate_authority_vouches_for_it() {
        let (one, two) = (Pebble::start(), Pebble::start());
        let fetch = |bundle: &Path| {
            let roots = fs::read_to_string(bundle).unwrap();
            let port = one.directory_url().split(['/', ':']).nth(4).unwrap().parse().unwrap();
            Client::trusting(&roots, port).unwrap().get_ok("/dir")
        };
        assert!(fetch(one.ca_bundle()).unwrap().contains("newNonce"));
        let error = fetch(two.ca_bundle()).unwrap_err();
        assert!(format!("{error}").contains("certificate"), "{error}");
    }
}
