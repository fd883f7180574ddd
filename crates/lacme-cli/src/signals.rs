//! Ctrl-C and SIGTERM: the first ends the work in an orderly way, the second at once.

use lacme::Cancel;

use crate::output::Console;

/// The status of an interrupted command.
const INTERRUPTED: i32 = 130;

/// Calls work off through `cancel` from now on. To be called inside the runtime.
#[cfg(unix)]
pub(crate) fn watch(cancel: Cancel, console: Console) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        for first in [true, false] {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            on_signal(first, &cancel, &console);
        }
    });
    Ok(())
}

/// Calls work off through `cancel` from now on. To be called inside the runtime.
#[cfg(not(unix))]
pub(crate) fn watch(cancel: Cancel, console: Console) -> std::io::Result<()> {
    tokio::spawn(async move {
        for first in [true, false] {
            if tokio::signal::ctrl_c().await.is_ok() {
                on_signal(first, &cancel, &console);
            }
        }
    });
    Ok(())
}

fn on_signal(first: bool, cancel: &Cancel, console: &Console) {
    if !first {
        std::process::exit(INTERRUPTED);
    }
    cancel.cancel();
    console.note("interrupted: cleaning up; once more ends at once");
}
