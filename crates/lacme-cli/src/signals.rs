//! Ctrl-C and SIGTERM: the first ends the work in an orderly way, the second at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use lacme::Cancel;

use crate::output::Console;

/// The status of an interrupted command.
const INTERRUPTED: i32 = 130;

/// Which signal ended the work. It makes a difference to commands that run until they are told to
/// stop: SIGTERM is how the system tells them so.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ending(Arc<AtomicBool>);

impl Ending {
    /// Whether SIGTERM came first.
    pub(crate) fn is_termination(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Calls work off through `cancel` from now on. To be called inside the runtime.
#[cfg(unix)]
pub(crate) fn watch(cancel: Cancel, console: Console) -> std::io::Result<Ending> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let ending = Ending::default();
    let told = ending.clone();
    tokio::spawn(async move {
        for first in [true, false] {
            let terminated = tokio::select! {
                _ = interrupt.recv() => false,
                _ = terminate.recv() => true,
            };
            told.0.store(terminated, Ordering::Relaxed);
            on_signal(first, &cancel, &console);
        }
    });
    Ok(ending)
}

/// Calls work off through `cancel` from now on. To be called inside the runtime.
#[cfg(not(unix))]
pub(crate) fn watch(cancel: Cancel, console: Console) -> std::io::Result<Ending> {
    tokio::spawn(async move {
        for first in [true, false] {
            if tokio::signal::ctrl_c().await.is_ok() {
                on_signal(first, &cancel, &console);
            }
        }
    });
    Ok(Ending::default())
}

fn on_signal(first: bool, cancel: &Cancel, console: &Console) {
    if !first {
        std::process::exit(INTERRUPTED);
    }
    cancel.cancel();
    console.note("interrupted: cleaning up; once more ends at once");
}
