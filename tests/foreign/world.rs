//! A server of ours, names that lead to this machine, and a folder for a client.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::{Dns, Ports, pem, tools};
use lacme::transport::HttpsTransport;
use lacme::{Certificate, HmacKey, Transport as _, TransportConfig, Trust};
use lacme_ca::{AcmeServer, LoopbackOptions, NetworkValidator, Running, ServerConfig};
use tempfile::TempDir;

/// The external account that [`World::with_external_accounts`] asks for. Dehydrated 0.7.0 can only
/// use keys whose length is a multiple of 16.
pub(crate) const KID: &str = "kid-1";
pub(crate) const MAC_KEY: &str = "bGFjbWUtdGVzdHMtbGFjbWUtdGVzdHMtbGFjbWUtdGU";

/// The longest that a client may take for one command.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct World {
    server: Running,
    pub(crate) dns: Dns,
    home: TempDir,
    ports: Ports,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|config| config).await
    }

    /// A server that takes only accounts that are bound to [`KID`].
    pub(crate) async fn with_external_accounts() -> Self {
        let key = HmacKey::from_base64url(MAC_KEY).unwrap();
        Self::with(|config| config.external_account(KID, key).require_external_account(true)).await
    }

    async fn with(configure: impl FnOnce(ServerConfig) -> ServerConfig + Send + 'static) -> Self {
        let dns = Dns::alone().unwrap();
        let ports = Ports::reserve().unwrap();
        let [http, tls, ..] = ports.all();
        let validator = NetworkValidator::builder()
            .http_port(http)
            .tls_port(tls)
            .resolver(dns.address())
            .build()
            .unwrap();
        let options = LoopbackOptions::new().validator(Arc::new(validator)).configure(|config| {
            // Otherwise an order for the same name is ready at once, and nothing is proven again.
            configure(config)
                .reuse_authorizations(false)
                .terms_of_service("https://ca.example/terms")
        });
        let server = AcmeServer::spawn_on_loopback(options).await.unwrap();
        let home = tempfile::Builder::new().prefix("foreign-").tempdir().unwrap();
        fs::write(home.path().join("root.pem"), &server.root_pem).unwrap();
        Self { server, dns, home, ports }
    }

    pub(crate) fn directory(&self) -> &str {
        self.server.directory_url.as_str()
    }

    /// A PEM file with the root that a client has to trust.
    pub(crate) fn root(&self) -> PathBuf {
        self.path("root.pem")
    }

    /// A path in the client's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Where http-01 is looked for, for every name.
    pub(crate) fn http_port(&self) -> u16 {
        self.ports.all()[0]
    }

    /// Where tls-alpn-01 is looked for, for every name.
    pub(crate) fn tls_port(&self) -> u16 {
        self.ports.all()[1]
    }

    /// A shell script in the client's folder.
    pub(crate) fn script(&self, name: &str, lines: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, format!("#!/bin/sh\nset -e\n{lines}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        path
    }

    /// Runs a client's command, which has to succeed, and returns what it prints.
    #[track_caller]
    pub(crate) fn run(&self, command: &mut Command) -> String {
        let (succeeds, printed) = self.outcome(command);
        assert!(succeeds, "{command:?} fails:\n{printed}");
        printed
    }

    /// Runs a client's command, which has to fail, and returns what it prints.
    #[track_caller]
    pub(crate) fn fails(&self, command: &mut Command) -> String {
        let (succeeds, printed) = self.outcome(command);
        assert!(!succeeds, "{command:?} succeeds:\n{printed}");
        printed
    }

    #[track_caller]
    fn outcome(&self, command: &mut Command) -> (bool, String) {
        let log = self.path("log");
        let file = File::create(&log).unwrap();
        command.env("HOME", self.home.path()).current_dir(self.home.path());
        command.stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let mut child = command.spawn().unwrap();
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if Instant::now() > deadline {
                child.kill().unwrap();
                child.wait().unwrap();
                break None;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let printed = String::from_utf8_lossy(&fs::read(&log).unwrap()).into_owned();
        let status = status.unwrap_or_else(|| panic!("{command:?} does not end:\n{printed}"));
        (status.success(), printed)
    }

    /// The certificate in a PEM file, whose chain leads to the server's root and is for `name`.
    #[track_caller]
    pub(crate) fn certificate(&self, chain: &Path, name: &str) -> Certificate {
        let text = fs::read_to_string(chain).unwrap();
        self.check(&text, name)
    }

    #[track_caller]
    pub(crate) fn check(&self, chain: &str, name: &str) -> Certificate {
        pem::check_chain(&self.server.root_pem, chain, name).unwrap();
        Certificate::from_pem(chain.as_bytes()).unwrap()
    }

    /// Whether the server's list of revoked certificates has this one.
    pub(crate) async fn is_revoked(&self, certificate: &Certificate) -> bool {
        let trust = Trust::only(self.server.root_pem.as_bytes());
        let way = HttpsTransport::new(TransportConfig::default().with_trust(trust)).unwrap();
        let url = self.directory().replace("/directory", "/crl");
        let list = way.send(http::Request::get(url).body(Vec::new()).unwrap()).await.unwrap();
        assert_eq!(list.status(), 200);
        // The serial number as it stands there: an INTEGER.
        let serial = certificate.serial();
        let entry = [&[2, u8::try_from(serial.len()).unwrap()], serial].concat();
        list.body().windows(entry.len()).any(|window| window == entry)
    }
}

/// A client's program; without it the calling test is skipped.
pub(crate) fn client(tool: tools::Tool) -> Option<PathBuf> {
    tools::find_or_skip(tool).map(|found| found.path().to_owned())
}
