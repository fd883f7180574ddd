use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

/// `lacme` with an empty store and none of the caller's variables.
pub(crate) struct Lacme {
    home: TempDir,
}

impl Lacme {
    pub(crate) fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    /// The folder that stands for the user's home and working folder.
    pub(crate) fn home(&self) -> &Path {
        self.home.path()
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lacme"));
        command
            .args(line.split_whitespace())
            .env_clear()
            .env("HOME", self.home())
            .current_dir(self.home())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, line: &str) -> Ran {
        Ran(self.command(line).output().unwrap())
    }
}

/// What a run left behind.
pub(crate) struct Ran(pub(crate) Output);

impl Ran {
    pub(crate) fn status(&self) -> i32 {
        self.0.status.code().expect("it was not ended by a signal")
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8(self.0.stdout.clone()).unwrap()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8(self.0.stderr.clone()).unwrap()
    }

    /// The one document on standard output.
    pub(crate) fn json(&self) -> Value {
        let text = self.stdout();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text:?}"))
    }

    /// Checks status and kind of a failure, and returns its message.
    #[track_caller]
    pub(crate) fn failed(&self, status: i32, kind: &str) -> String {
        let error = &self.json()["error"];
        assert_eq!((self.status(), error["kind"].as_str()), (status, Some(kind)), "{error}");
        let stderr = self.stderr();
        assert!(
            stderr.starts_with("error: ") && stderr.trim_end().lines().count() == 1,
            "{stderr}"
        );
        error["message"].as_str().unwrap().to_owned()
    }
}

/// An HTTP server that answers every request in the same way until the test ends.
pub(crate) struct Server {
    address: SocketAddr,
    requests: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn answering(response: impl Into<Vec<u8>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let (counted, response) = (requests.clone(), response.into());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counted.fetch_add(1, Ordering::Relaxed);
                let _the_client_may_go = answer(stream, &response);
            }
        });
        Self { address, requests }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/dir", self.address)
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

fn answer(mut stream: TcpStream, response: &[u8]) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let (mut request, mut chunk) = (Vec::new(), [0; 1024]);
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut chunk)? {
            0 => return Ok(()),
            n => request.extend_from_slice(&chunk[..n]),
        }
    }
    stream.write_all(response)
}

/// A port of 127.0.0.1 that nobody listens on, from a range that systems do not give out by
/// themselves; no two tests get the same.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed) + std::process::id() as usize * 16;
        let port = 20_000 + u16::try_from(step % 10_000).unwrap();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

/// Checks that the leaf in `chain` leads to `root`, by OpenSSL where this machine has it. `purpose`
/// is its `sslserver` or `sslclient`.
#[track_caller]
pub(crate) fn verify(root: &Path, chain: &Path, purpose: &str) {
    let text = std::fs::read(chain).unwrap();
    let parsed = lacme::CertificateChain::parse(&text).unwrap();
    assert_eq!(parsed.certificates().len(), 2, "the leaf and its intermediate");
    let mut openssl = Command::new("openssl");
    openssl.arg("verify").args(["-x509_strict", "-purpose", purpose, "-CAfile"]);
    if let Ok(ran) = openssl.arg(root).arg("-untrusted").arg(chain).arg(chain).output() {
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    }
}

/// A whole HTTP response.
pub(crate) fn response(status: &str, content_type: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}
