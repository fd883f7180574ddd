#![cfg(unix)]

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::support::{Lacme, free_port, verify};

const KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

/// `lacme ca serve --json`, ended with the test.
pub(crate) struct Serving {
    child: Child,
    stdout: BufReader<ChildStdout>,
    announced: Value,
}

impl Serving {
    pub(crate) fn start(lacme: &Lacme, options: &str) -> Self {
        let mut command = lacme.command(&format!("ca serve --json {options}"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let announced = serde_json::from_str(&line).unwrap_or_else(|error| {
            let mut complaint = String::new();
            child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
            panic!("{error}: {line:?}: {complaint}")
        });
        Self { child, stdout, announced }
    }

    /// The options that a client needs.
    pub(crate) fn way(&self) -> String {
        let text = |field: &str| self.announced[field].as_str().unwrap().to_owned();
        format!("--json --directory {} --ca-bundle {}", text("directory"), text("root"))
    }

    /// Sends the signal; the exit status, and what was printed after the first line.
    pub(crate) fn stop(mut self, signal: &str) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap().code(), rest)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _it_may_have_ended = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_served_ca_goes_on_after_a_restart_with_the_accounts_it_had() {
    let (ca, client) = (Lacme::new(), Lacme::new());
    let (port, http) = (free_port(), free_port());
    let options = format!("--listen 127.0.0.1:{port} --http-port {http}");

    let serving = Serving::start(&ca, &options);
    let directory = format!("https://127.0.0.1:{port}/directory");
    assert_eq!(serving.announced["directory"], directory.as_str());
    let way = serving.way();
    let line = format!("issue a.localhost 127.0.0.1 {way} --http-addr 127.0.0.1:{http}");
    let ran = client.run(&line);
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let issued = ran.json();
    let root = ca.home().join(".lacme/ca/root.pem");
    let chain = issued["certificate"]["paths"]["fullchain"].as_str().unwrap().to_owned();
    verify(&root, chain.as_ref(), "sslserver");
    let account = client.run(&format!("account show {way}")).json();
    assert_eq!(account["account"]["status"], "valid");
    assert_eq!(serving.stop("-TERM"), (Some(0), String::new()));

    let serving = Serving::start(&ca, &options);
    let renewed = client.run("renew --force --json");
    assert_eq!(renewed.status(), 0, "{}", renewed.stderr());
    assert_eq!(renewed.json()["certificates"][0]["action"], "renewed");
    verify(&root, chain.as_ref(), "sslserver");
    assert_eq!(client.run(&format!("account show {way}")).json(), account);
    let revoked = client.run("revoke a.localhost --reason superseded --json");
    assert_eq!(revoked.status(), 0, "{}", revoked.stderr());
    assert_eq!(serving.stop("-INT"), (Some(130), String::new()));
}

#[test]
fn a_ca_is_made_by_the_first_serve_and_its_server_shows_its_name() {
    let lacme = Lacme::new();
    assert!(!lacme.home().join(".lacme").exists());
    let serving = Serving::start(&lacme, "--listen localhost:0");
    let directory = serving.announced["directory"].as_str().unwrap();
    assert!(directory.starts_with("https://localhost:") && !directory.contains(":0/"));
    let root = serving.announced["root"].as_str().unwrap();
    assert_eq!(fs::read(root).unwrap(), fs::read(lacme.home().join(".lacme/ca/root.pem")).unwrap());
    // The client checks the server's name: all of these are in its certificate.
    let port = directory.split([':', '/']).nth(4).unwrap();
    for host in ["localhost", "127.0.0.1"] {
        let url = format!("https://{host}:{port}/directory");
        let ran = lacme.run(&format!("account create --json --directory {url} --ca-bundle {root}"));
        assert_eq!(ran.status(), 0, "{host}: {}", ran.stderr());
    }
}

#[test]
fn two_servers_do_not_share_a_port() {
    let lacme = Lacme::new();
    let serving = Serving::start(&lacme, "--listen 127.0.0.1:0");
    let directory = serving.announced["directory"].as_str().unwrap();
    let address = directory.trim_start_matches("https://").trim_end_matches("/directory");
    let message = lacme.run(&format!("ca serve --json --listen {address}")).failed(1, "internal");
    assert!(message.contains(address), "{message}");
}

#[test]
fn only_customers_are_let_in_where_external_accounts_are_asked_for() {
    let (ca, client) = (Lacme::new(), Lacme::new());
    fs::write(ca.home().join("lines"), format!("# ours\nkid-1 {KEY}\n")).unwrap();
    fs::write(ca.home().join("json"), format!(r#"{{"kid-1": "{KEY}"}}"#)).unwrap();
    for file in ["lines", "json"] {
        let serving = Serving::start(&ca, &format!("--listen 127.0.0.1:0 --eab-file {file}"));
        let create = format!("account create {}", serving.way());
        assert!(client.run(&create).failed(2, "usage").contains("external account"));
        let wrong = KEY.replace('z', "y");
        client.run(&format!("{create} --eab-kid kid-1 --eab-hmac-key {wrong}")).failed(3, "ca");
        client.run(&format!("{create} --eab-kid kid-2 --eab-hmac-key {KEY}")).failed(3, "ca");
        let ran = client.run(&format!("{create} --eab-kid kid-1 --eab-hmac-key {KEY}"));
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
        assert_eq!(ran.json()["account"]["status"], "valid");
    }
}
