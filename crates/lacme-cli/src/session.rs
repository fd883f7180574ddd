//! One run of the command: what all of its parts share.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use lacme::{Cancel, MasterKey, SealScope, Sealing, Store};

use crate::args::Global;
use crate::exit::Failure;
use crate::files::{self, absolute};
use crate::output::{Console, Progress};
use crate::signals::Ending;

/// Options, store and signals of this run.
pub(crate) struct Session {
    pub(crate) global: Global,
    pub(crate) console: Console,
    pub(crate) progress: Arc<Progress>,
    pub(crate) cancel: Cancel,
    pub(crate) ending: Ending,
    pub(crate) store: Store,
    /// The store's folder, as an absolute path: it stands in documents and hooks.
    pub(crate) folder: PathBuf,
    begun: Instant,
}

impl Session {
    pub(crate) fn new(
        global: Global,
        console: Console,
        cancel: Cancel,
        ending: Ending,
    ) -> Result<Self, Failure> {
        let folder = folder(&global)?;
        let store = sealed(&global, Store::open(&folder)?)?;
        let progress = Arc::new(console.progress());
        let begun = Instant::now();
        Ok(Self { global, console, progress, cancel, ending, store, folder, begun })
    }

    /// What is left of the command's time; at least a moment, so that everything is tried.
    pub(crate) fn time_left(&self) -> Duration {
        let whole = Duration::from_secs(self.global.timeout);
        whole.saturating_sub(self.begun.elapsed()).max(Duration::from_secs(1))
    }
}

/// The store with the seal that was asked for, if one was.
fn sealed(global: &Global, store: Store) -> Result<Store, Failure> {
    const OPTION: &str = "--master-key-file";
    let Some(file) = &global.master_key_file else {
        return Ok(store);
    };
    let master_key = MasterKey::from_file_content(&files::read(file, OPTION)?)
        .map_err(|error| Failure::usage(format!("{OPTION}: {error}")))?;
    let scope = if global.seal_certificates { SealScope::All } else { SealScope::Accounts };
    Ok(Sealing::new(master_key).scope(scope).seal(store))
}

fn folder(global: &Global) -> Result<PathBuf, Failure> {
    if let Some(store) = &global.store {
        return Ok(absolute(store));
    }
    match std::env::home_dir().filter(|home| !home.as_os_str().is_empty()) {
        Some(home) => Ok(absolute(&home.join(".lacme"))),
        None => {
            Err(Failure::usage("there is no home folder for the store: choose one (--store DIR)"))
        }
    }
}
