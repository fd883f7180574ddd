use std::sync::Arc;

use tokio::sync::watch;

/// Calls running work off: proofs are taken down, what was begun is written down for the next run,
/// and the work ends with [`ErrorKind::Interrupted`](crate::ErrorKind::Interrupted).
///
/// ```
/// let cancel = lacme::Cancel::new();
/// let button = cancel.clone();
/// // hand `cancel` to a client's builder; elsewhere, on Ctrl-C:
/// button.cancel();
/// assert!(cancel.is_cancelled());
/// ```
#[derive(Clone, Debug)]
pub struct Cancel(Arc<watch::Sender<bool>>);

impl Cancel {
    /// Nothing is called off yet.
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// Calls all work off that was given a clone of this, for good.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }

    /// Whether it was called off.
    pub fn is_cancelled(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is called off.
    pub async fn cancelled(&self) {
        // The sender lives in `self`, so the channel cannot close meanwhile.
        let _ = self.0.subscribe().wait_for(|cancelled| *cancelled).await;
    }
}

impl Default for Cancel {
    fn default() -> Self {
        Self::new()
    }
}
