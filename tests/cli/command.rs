//! Running the real binary against a Pebble of the test's own.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use harness::Pebble;
use serde_json::Value;
use tempfile::TempDir;

/// A user with a home and a store of their own.
pub(crate) struct User {
    home: TempDir,
}

/// What a command ended with.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The exit status; `None` where a signal ended it.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl User {
    pub(crate) fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        Self { home }
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.home.path().join("store")
    }

    /// A file in the user's home.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> String {
        let path = self.home.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// The command without any option but the store, and `--json`.
    pub(crate) fn bare(&self, args: &[&str]) -> Command {
        let mut command = Command::new(lacme_tests::binary());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("LACME_") {
                command.env_remove(name);
            }
        }
        command
            .env("HOME", self.home.path())
            .arg("--store")
            .arg(self.store())
            .arg("--json")
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// The command with what it takes to get on with this Pebble.
    pub(crate) fn at(&self, pebble: &Pebble, args: &[&str]) -> Command {
        let mut command = self.bare(&["--directory", &pebble.directory_url()]);
        command
            .arg("--ca-bundle")
            .arg(pebble.ca_bundle())
            .args(["--agree-tos", "--contact", "a@b.example"])
            .args(args);
        command
    }

    /// `issue` at this Pebble.
    pub(crate) fn issue(&self, pebble: &Pebble, args: &[&str]) -> Command {
        let mut command = self.at(pebble, &["issue"]);
        command
            .arg("--http-addr")
            .arg(lacme_tests::validation_address(pebble).to_string())
            .args(args);
        command
    }
}

/// Runs a command to its end, which must come soon.
pub(crate) fn run(mut command: Command) -> Outcome {
    end(command.spawn().unwrap())
}

/// Waits for a process that must end soon.
pub(crate) fn end(mut child: Child) -> Outcome {
    let deadline = Instant::now() + Duration::from_secs(60);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("it does not end: {:?}", child.wait_with_output());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    Outcome {
        status: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Outcome {
    /// The one document on stdout.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("not exactly one document: {error}\n{self:?}"))
    }

    /// The document of a success.
    #[track_caller]
    pub(crate) fn success(&self) -> Value {
        assert_eq!(self.status, Some(0), "{self:?}");
        self.json()
    }

    /// The `error` of a failure with this status and kind.
    #[track_caller]
    pub(crate) fn failure(&self, status: i32, kind: &str) -> Value {
        assert_eq!(self.status, Some(status), "{self:?}");
        let error = self.json()["error"].clone();
        assert_eq!(error["kind"], kind, "{self:?}");
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()));
        error
    }
}
