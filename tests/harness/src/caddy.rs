use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::process::{Process, tail};
use crate::tools::{self, Tool};
use crate::{Error, namespace};

const PATIENCE: Duration = Duration::from_secs(30);

/// Brings up loopback, gives the names of the test their addresses, and becomes Caddy.
const BOOT: &str = r#"
set -e
ip link set lo up
mount --bind "$1" /etc/hosts
shift
exec "$@"
"#;

/// Caddy with an ACME server, which validates on the ports 80 and 443 only: so it lives in a network
/// of its own, where these are free, and where the names given to [`Caddy::start_or_skip`] are in
/// /etc/hosts. Ended when dropped.
#[derive(Debug)]
pub struct Caddy {
    process: Process,
    folder: TempDir,
}

impl Caddy {
    /// Starts Caddy for these names, each with its address on loopback; without it, or without the
    /// right to make a network, the calling test is skipped, see [`skip`](crate::skip).
    ///
    /// # Panics
    ///
    /// When Caddy is there and does not come up.
    #[must_use = "a test that goes on without it fails"]
    pub fn start_or_skip(names: &[(&str, &str)]) -> Option<Self> {
        let program = tools::find_or_skip(Tool::Caddy)?;
        if let Err(why) = namespace::available() {
            crate::skip(&format!("no network namespace for Caddy: {why}"));
            return None;
        }
        let started = Self::start(program.path(), names);
        Some(started.unwrap_or_else(|error| panic!("no Caddy for this test: {error}")))
    }

    fn start(program: &Path, names: &[(&str, &str)]) -> Result<Self, Error> {
        let folder = tempfile::Builder::new().prefix("caddy-").tempdir();
        let folder = folder.map_err(Error::io("create a folder for Caddy"))?;
        let hosts: String =
            names.iter().map(|(name, address)| format!("{address} {name}\n")).collect();
        for (file, text) in
            [("hosts", format!("127.0.0.1 localhost\n{hosts}")), ("Caddyfile", config())]
        {
            let path = folder.path().join(file);
            fs::write(&path, text).map_err(Error::io(format!("write {}", path.display())))?;
        }
        let mut command = namespace::new();
        command.args(["sh", "-c", BOOT, "sh"]).arg(folder.path().join("hosts")).arg(program);
        command.args(["run", "--adapter", "caddyfile", "--config"]);
        command.arg(folder.path().join("Caddyfile"));
        command.env("HOME", folder.path());
        command.env("XDG_DATA_HOME", folder.path()).env("XDG_CONFIG_HOME", folder.path());
        let process = Process::start(&command, folder.path().join("caddy.log"))?;
        let caddy = Self { process, folder };
        caddy.wait_until_up()?;
        Ok(caddy)
    }

    /// The URL of the ACME directory, inside of Caddy's network.
    #[must_use]
    pub fn directory_url(&self) -> &'static str {
        "https://localhost:14000/acme/local/directory"
    }

    /// A PEM file with the root of Caddy's HTTPS and of the certificates that it issues.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("caddy/pki/authorities/local/root.crt")
    }

    /// A command that runs inside of Caddy's network.
    #[must_use]
    pub fn inside(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = namespace::enter(self.process.pid());
        command.arg(program);
        command
    }

    /// What Caddy has printed so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }

    fn wait_until_up(&self) -> Result<(), Error> {
        let deadline = Instant::now() + PATIENCE;
        // Said when all listeners are open and all certificates are made.
        while !(self.log().contains("serving initial configuration") && self.has_certificate()) {
            if !self.process.is_running() || Instant::now() >= deadline {
                return Err(Error::NotUp { server: "caddy", why: tail(&self.log(), 10) });
            }
            sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Its own certificate is made in the background.
    fn has_certificate(&self) -> bool {
        self.folder.path().join("caddy/certificates/local/localhost/localhost.crt").is_file()
    }
}

fn config() -> String {
    "{
	admin off
	skip_install_trust
	auto_https disable_redirects
}
https://localhost:14000 {
	tls internal
	acme_server
}
"
    .to_owned()
}
