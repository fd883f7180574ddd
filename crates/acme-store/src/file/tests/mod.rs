//! Real folders, real modes, real processes; see `conformance` for what all backends share.

mod crash;
mod folders;
mod layout;
mod processes;
mod sealing;

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

use zeroize::Zeroizing;

use super::FileBackend;
use crate::{CertificateMeta, Store, StoreError, StoredCertificate};

/// Lets the disk fail as it does when a process ends: from one step on, nothing is done any more.
#[derive(Clone, Debug)]
pub(super) struct Faults(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    steps_left: AtomicI64,
    cannot_exchange: AtomicBool,
    error: io::ErrorKind,
}

impl Default for Faults {
    fn default() -> Self {
        Self::with(io::ErrorKind::Interrupted)
    }
}

impl Faults {
    fn with(error: io::ErrorKind) -> Self {
        let (steps_left, cannot_exchange) = (AtomicI64::new(i64::MAX), AtomicBool::new(false));
        Self(Arc::new(Inner { steps_left, cannot_exchange, error }))
    }

    fn stop_after(&self, steps: i64) {
        self.0.steps_left.store(steps, Ordering::SeqCst);
    }

    fn steps_left(&self) -> i64 {
        self.0.steps_left.load(Ordering::SeqCst)
    }

    pub(super) fn step(&self) -> io::Result<()> {
        let left = self.0.steps_left.fetch_sub(1, Ordering::SeqCst);
        if left > 0 { Ok(()) } else { Err(self.0.error.into()) }
    }

    pub(super) fn cannot_exchange(&self) -> bool {
        self.0.cannot_exchange.load(Ordering::SeqCst)
    }
}

/// A store whose disk can be made to fail.
fn faulty_store(folder: &Path, error: io::ErrorKind) -> (Store, Faults) {
    let mut backend = FileBackend::open(folder).unwrap();
    let faults = Faults::with(error);
    Arc::get_mut(&mut backend.files).unwrap().disk.faults = faults.clone();
    (Store::with_backend(backend), faults)
}

/// A certificate whose parts all say which one it is.
fn certificate(name: &str, content: &str) -> StoredCertificate {
    let mut meta = CertificateMeta::new(name);
    meta.serial = Some(content.to_owned());
    let text = |part: &str| format!("{part} {content}\n");
    let key_pem = Some(Zeroizing::new(text("key")));
    StoredCertificate::new(meta, text("cert"), text("chain"), key_pem)
}

/// Which certificate is stored; fails if its parts belong to different ones.
async fn content(store: &Store, name: &str) -> Result<Option<String>, StoreError> {
    Ok(store.certificate(name).await?.map(|stored| {
        let content = stored.meta.serial.clone().expect("every test certificate has one");
        assert_eq!(stored, certificate(name, &content), "a mix of versions");
        content
    }))
}

/// What the Python library leaves, with its modes.
fn python_folder(folder: &Path, name: &str, content: &str) {
    std::fs::create_dir_all(folder).unwrap();
    for part in ["cert", "fullchain", "key"] {
        let word = if part == "fullchain" { "chain" } else { part };
        std::fs::write(folder.join(format!("{part}.pem")), format!("{word} {content}\n")).unwrap();
    }
    let meta = serde_json::json!({
        "domain": name,
        "domains": [name],
        "issued_at": "2026-01-02T03:04:05.678901+00:00",
        "expires_at": "2026-04-02T03:04:05+00:00",
        "serial": content,
    });
    std::fs::write(folder.join("meta.json"), meta.to_string()).unwrap();
}
