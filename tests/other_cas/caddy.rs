//! Caddy's ACME server: another code base (smallstep), which validates on port 80 only, answers
//! finalize with the certificate at once, knows no key change, and leaves a failed challenge and its
//! order pending.

use std::process::Stdio;
use std::time::{Duration, Instant};

use harness::{Caddy, pem};
use serde_json::Value;
use tempfile::TempDir;

const NAMES: [(&str, &str); 3] = [
    ("a.example", "127.0.0.1"),
    ("b.example", "127.0.0.1"),
    // Nobody listens there.
    ("elsewhere.example", "127.0.0.66"),
];

/// Somebody in Caddy's network, with a store.
struct User {
    caddy: Caddy,
    home: TempDir,
}

impl User {
    fn new() -> Option<Self> {
        let caddy = Caddy::start_or_skip(&NAMES)?;
        Some(Self { caddy, home: tempfile::tempdir().unwrap() })
    }

    /// Runs the `lacme` command, which must end soon: its exit status and its document.
    fn lacme(&self, args: &[&str]) -> (Option<i32>, Value) {
        let mut command = self.caddy.inside(lacme_tests::binary());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("LACME_") {
                command.env_remove(name);
            }
        }
        command.env("HOME", self.home.path()).arg("--store").arg(self.home.path().join("store"));
        command.args(["--json", "--directory", self.caddy.directory_url()]);
        command.arg("--ca-bundle").arg(self.caddy.root()).args(["--contact", "a@b.example"]);
        command.args(["--agree-tos", "--timeout", "60"]).args(args);
        let output = command.stdin(Stdio::null()).stderr(Stdio::piped()).output().unwrap();
        let document = serde_json::from_slice(&output.stdout);
        let document = document.unwrap_or_else(|error| panic!("{error}: {output:?}"));
        (output.status.code(), document)
    }

    #[track_caller]
    fn succeeds(&self, args: &[&str]) -> Value {
        let (status, document) = self.lacme(args);
        assert_eq!(status, Some(0), "{document:#}\n{}", self.caddy.log());
        document
    }

    fn chain(&self, name: &str) -> String {
        let path = self.home.path().join("store/certs").join(name).join("fullchain.pem");
        std::fs::read_to_string(path).unwrap()
    }
}

#[test]
fn caddy_certifies_names_renews_and_revokes() {
    let Some(user) = User::new() else {
        return;
    };
    let root = std::fs::read_to_string(user.caddy.root()).unwrap();
    user.succeeds(&["issue", "a.example", "b.example"]);
    let first = user.chain("a.example");
    for name in ["a.example", "b.example"] {
        pem::check_chain(&root, &first, name).unwrap();
    }
    user.succeeds(&["issue", "a.example", "b.example", "--force"]);
    let second = user.chain("a.example");
    pem::check_chain(&root, &second, "a.example").unwrap();
    assert_ne!(first, second);
    user.succeeds(&["revoke", "a.example"]);
}

#[test]
fn a_failed_challenge_is_told_soon_though_caddy_leaves_its_order_pending() {
    let Some(user) = User::new() else {
        return;
    };
    lacme_tests::binary(); // building it is not what is timed
    let start = Instant::now();
    let address = ["--http-addr", "127.0.0.1:80"];
    let both = ["issue", "a.example", "elsewhere.example"];
    let (status, document) = user.lacme(&[&both[..], &address].concat());
    assert!(start.elapsed() < Duration::from_secs(5), "after {:?}", start.elapsed());
    let error = &document["error"];
    assert_ne!(status, Some(0));
    assert_eq!(error["kind"], "challenge", "{document:#}");
    let text = error.to_string();
    assert!(text.contains("elsewhere.example"), "{document:#}");
    // Caddy's own words.
    assert!(text.contains("urn:ietf:params:acme:error:connection"), "{document:#}");
    // Another try, without the name that cannot be proven, works.
    user.succeeds(&["issue", "a.example"]);
}

#[test]
fn a_key_change_that_caddy_does_not_know_leaves_the_account_as_it_was() {
    let Some(user) = User::new() else {
        return;
    };
    user.succeeds(&["issue", "a.example"]);
    let (status, document) = user.lacme(&["account", "rollover"]);
    assert_ne!(status, Some(0), "{document:#}");
    assert_eq!(document["error"]["kind"], "ca", "{document:#}");
    user.succeeds(&["issue", "b.example"]);
}
