use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::http::Client;
use crate::process::{Process, tail};
use crate::{Error, Ports, Tool, tools};

/// A DNS server whose records a test sets: pebble-challtestsrv.
///
/// Every name has the address 127.0.0.1 and no IPv6 address, unless told otherwise.
#[derive(Debug)]
pub struct Dns {
    process: Process,
    management: Client,
    port: u16,
    /// Of a server that runs by itself.
    _home: Option<(TempDir, Ports)>,
}

impl Dns {
    /// Starts a server that belongs to no Pebble.
    ///
    /// # Errors
    ///
    /// When the program cannot be had, or does not come up.
    pub fn alone() -> Result<Self, Error> {
        let folder = tempfile::tempdir().map_err(Error::io("create a folder for DNS"))?;
        let ports = Ports::reserve()?;
        let [port, management, ..] = ports.all();
        let dns = Self::start(folder.path(), port, management)?;
        Ok(Self { _home: Some((folder, ports)), ..dns })
    }

    pub(crate) fn start(folder: &Path, port: u16, management: u16) -> Result<Self, Error> {
        let program = tools::find(Tool::PebbleChallTestSrv)?;
        let log = folder.join("dns.log");
        let address = format!("127.0.0.1:{port}");
        let start = |flags: &[&str]| {
            let mut command = Command::new(program.path());
            command
                .args(["-http01", "", "-https01", "", "-tlsalpn01", ""])
                .args(["-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""])
                .args(["-management", &format!("127.0.0.1:{management}")])
                .args(flags);
            let process = Process::start(&command, log.clone())?;
            let dns = Self { process, management: Client::plain(management), port, _home: None };
            dns.wait_until_up(management).map(|()| dns)
        };
        match start(&["-dnsserver", &address, "-doh", ""]) {
            // Version 2.4.0 has no DNS over HTTPS to turn off, and another name for the address.
            Err(Error::NotUp { why, .. }) if why.contains("flag provided but not defined") => {
                start(&["-dns01", &address])
            }
            outcome => outcome,
        }
    }

    /// Where it answers, over UDP and TCP.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// The base URL of the interface by which other programs set records, without a slash at its end.
    #[must_use]
    pub fn management_url(&self) -> String {
        self.management.url("")
    }

    /// Adds a TXT record beside those that `host` has.
    ///
    /// # Errors
    ///
    /// This and every other method fails only when the server is gone or refuses the value.
    pub fn add_txt(&self, host: &str, value: &str) -> Result<(), Error> {
        self.set("/set-txt", json!({"host": absolute(host), "value": value}))
    }

    /// Removes every TXT record of `host`.
    pub fn clear_txt(&self, host: &str) -> Result<(), Error> {
        self.set("/clear-txt", json!({"host": absolute(host)}))
    }

    /// Adds IPv4 addresses; the first replaces the default 127.0.0.1.
    pub fn add_a(&self, host: &str, addresses: &[&str]) -> Result<(), Error> {
        self.set("/add-a", json!({"host": absolute(host), "addresses": addresses}))
    }

    /// Removes the IPv4 addresses of `host`: it has the default one again.
    pub fn clear_a(&self, host: &str) -> Result<(), Error> {
        self.set("/clear-a", json!({"host": absolute(host)}))
    }

    /// Adds IPv6 addresses.
    pub fn add_aaaa(&self, host: &str, addresses: &[&str]) -> Result<(), Error> {
        self.set("/add-aaaa", json!({"host": absolute(host), "addresses": addresses}))
    }

    /// Removes the IPv6 addresses of `host`.
    pub fn clear_aaaa(&self, host: &str) -> Result<(), Error> {
        self.set("/clear-aaaa", json!({"host": absolute(host)}))
    }

    /// Adds CAA records, each a tag and a value (`("issue", "pebble.letsencrypt.org")`).
    pub fn add_caa(&self, host: &str, policies: &[(&str, &str)]) -> Result<(), Error> {
        let policies: Vec<_> =
            policies.iter().map(|(tag, value)| json!({"tag": tag, "value": value})).collect();
        self.set("/add-caa", json!({"host": absolute(host), "policies": policies}))
    }

    /// Removes the CAA records of `host`.
    pub fn clear_caa(&self, host: &str) -> Result<(), Error> {
        self.set("/clear-caa", json!({"host": absolute(host)}))
    }

    /// Makes `host` an alias of `target`. The server follows one alias only.
    pub fn set_cname(&self, host: &str, target: &str) -> Result<(), Error> {
        self.set("/set-cname", json!({"host": absolute(host), "target": absolute(target)}))
    }

    /// Removes the alias `host`.
    pub fn clear_cname(&self, host: &str) -> Result<(), Error> {
        self.set("/clear-cname", json!({"host": absolute(host)}))
    }

    /// Answers every question about `host` with SERVFAIL.
    pub fn set_servfail(&self, host: &str) -> Result<(), Error> {
        self.set("/set-servfail", json!({"host": absolute(host)}))
    }

    /// Answers questions about `host` again.
    pub fn clear_servfail(&self, host: &str) -> Result<(), Error> {
        self.set("/clear-servfail", json!({"host": absolute(host)}))
    }

    /// The record types (1 is A, 16 is TXT, 28 is AAAA) that were asked for `host`, in order.
    pub fn queries(&self, host: &str) -> Result<Vec<u16>, Error> {
        let host = host.trim_end_matches('.');
        let history = self.management.post("/dns-request-history", &json!({"host": host}))?;
        let history: Value = serde_json::from_str(&history)
            .map_err(|error| Error::unexpected("pebble-challtestsrv", error))?;
        let asked = |event: &Value| u16::try_from(event["Question"]["Qtype"].as_u64()?).ok();
        Ok(history.as_array().into_iter().flatten().filter_map(asked).collect())
    }

    /// What the server has printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    fn set(&self, path: &str, record: Value) -> Result<(), Error> {
        self.management.post(path, &record).map(drop)
    }

    fn wait_until_up(&self, management: u16) -> Result<(), Error> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.is_up(management) {
            if !self.process.is_running() || Instant::now() >= deadline {
                let why = tail(&self.process.log(), 40);
                return Err(Error::NotUp { server: "pebble-challtestsrv", why });
            }
            sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    fn is_up(&self, management: u16) -> bool {
        let connects = |port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
        connects(management) && connects(self.port) && ask(self.address(), "localhost", 1).is_ok()
    }
}

/// Pebble 2.4.0's server wants the root's dot at the end of every name.
fn absolute(host: &str) -> String {
    format!("{}.", host.trim_end_matches('.'))
}

/// Asks one question over UDP and returns the raw answer.
fn ask(server: SocketAddr, name: &str, record_type: u16) -> std::io::Result<Vec<u8>> {
    // Id 1, recursion desired, one question.
    let mut query = vec![0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).map_err(std::io::Error::other)?);
        query.extend_from_slice(label.as_bytes());
    }
    query.push(0);
    query.extend_from_slice(&record_type.to_be_bytes());
    query.extend_from_slice(&[0, 1]);

    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(Duration::from_millis(500)))?;
    socket.connect(server)?;
    socket.send(&query)?;
    let mut answer = vec![0; 4096];
    let length = socket.recv(&mut answer)?;
    answer.truncate(length);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_answered_once_set_and_gone_once_cleared() {
        let folder = tempfile::tempdir().unwrap();
        let ports = Ports::reserve().unwrap();
        let [port, management, ..] = ports.all();
        let dns = Dns::start(folder.path(), port, management).unwrap();
        let txt = |name| ask(dns.address(), name, 16).unwrap();
        let holds = |answer: &[u8], text: &[u8]| answer.windows(text.len()).any(|w| w == text);

        dns.add_txt("_acme-challenge.a.example", "first value").unwrap();
        dns.add_txt("_acme-challenge.a.example.", "second value").unwrap();
        let answer = txt("_acme-challenge.a.example");
        assert!(holds(&answer, b"first value") && holds(&answer, b"second value"));
        dns.set_cname("alias.example", "_acme-challenge.a.example").unwrap();
        assert!(holds(&txt("alias.example"), b"first value"));
        dns.clear_txt("_acme-challenge.a.example").unwrap();
        assert!(!holds(&txt("_acme-challenge.a.example"), b"first value"));
        assert_eq!(dns.queries("_acme-challenge.a.example").unwrap(), [16, 16]);

        assert!(holds(&ask(dns.address(), "a.example", 1).unwrap(), &[127, 0, 0, 1]));
        dns.add_a("a.example", &["127.0.0.9"]).unwrap();
        assert!(holds(&ask(dns.address(), "a.example", 1).unwrap(), &[127, 0, 0, 9]));
        dns.add_aaaa("a.example", &["fd00::7"]).unwrap();
        dns.add_caa("a.example", &[("issue", "ca.example")]).unwrap();
        assert!(holds(&ask(dns.address(), "a.example", 257).unwrap(), b"ca.example"));
        dns.set_servfail("a.example").unwrap();
        assert_eq!(ask(dns.address(), "a.example", 1).unwrap()[3] & 0x0f, 2);
    }
}
