//! What the core changes, written to the store in the sequence of the changes.

use std::collections::BTreeMap;

use acme_store::{Store, StoreError};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::core::AcmeServer;
use super::service::ServiceError;
use super::state::{Change, Collection};

/// Documents that are written at a time.
const AT_ONCE: usize = 8;

/// The sending end of a task that writes.
///
/// Batches that come in while it writes are put together: the last state of each document is
/// written once, and then everybody who waited goes on. What could not be written is tried again
/// with the next batch, and whoever waits for it learns that it failed.
#[derive(Clone, Debug)]
pub(super) struct Writer(mpsc::UnboundedSender<Batch>);

struct Batch {
    changes: Vec<Change>,
    written: oneshot::Sender<bool>,
}

type Pending = BTreeMap<(Collection, String), Option<Value>>;

impl Writer {
    /// Starts the task; it ends with the last sender, after everything is written.
    pub(super) fn start(store: Store) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        tokio::spawn(run(store, receiver));
        Self(sender)
    }

    /// Hands changes over; to be called in the sequence in which they happened. The receiver tells
    /// `true` once these and all former ones are written. Without changes it still waits for the
    /// former ones, since an answer may tell of them.
    pub(super) fn write(&self, changes: Vec<Change>) -> oneshot::Receiver<bool> {
        let (written, told) = oneshot::channel();
        // If the task is gone, `written` goes with the batch, and the receiver learns of it.
        let _ = self.0.send(Batch { changes, written });
        told
    }
}

/// Gives the core everything that a former run wrote.
pub(super) async fn restore(core: &mut AcmeServer, store: &Store) -> Result<(), ServiceError> {
    for collection in Collection::ALL {
        for (id, document) in store.documents::<Value>(&folder(collection)).await? {
            core.restore(collection, &id, document?)?;
        }
    }
    Ok(())
}

async fn run(store: Store, mut batches: mpsc::UnboundedReceiver<Batch>) {
    let mut pending = Pending::new();
    while let Some(first) = batches.recv().await {
        let mut waiting = Vec::new();
        let mut next = Some(first);
        while let Some(batch) = next {
            let changes = batch.changes.into_iter();
            pending.extend(changes.map(|c| ((c.collection, c.id), c.document)));
            waiting.push(batch.written);
            next = batches.try_recv().ok();
        }
        pending = write_all(&store, pending).await;
        for written in waiting {
            // Whoever asked may have given up.
            let _ = written.send(pending.is_empty());
        }
    }
}

/// Writes what it can and gives back the rest.
async fn write_all(store: &Store, pending: Pending) -> Pending {
    let mut failed = Pending::new();
    let mut writing = JoinSet::new();
    let mut pending = pending.into_iter();
    loop {
        while writing.len() < AT_ONCE {
            let Some(((collection, id), document)) = pending.next() else {
                break;
            };
            let store = store.clone();
            writing.spawn(async move {
                let result = write(&store, collection, &id, document.as_ref()).await;
                result.err().map(|error| ((collection, id), document, error))
            });
        }
        match writing.join_next().await {
            None => return failed,
            Some(Ok(None)) => {}
            Some(Ok(Some((key, document, error)))) => {
                tracing::error!(%error, "the ACME server's state cannot be written");
                failed.insert(key, document);
            }
            Some(Err(error)) => tracing::error!(%error, "a write was cut short"),
        }
    }
}

async fn write(
    store: &Store,
    collection: Collection,
    id: &str,
    document: Option<&Value>,
) -> Result<(), StoreError> {
    let folder = folder(collection);
    match document {
        Some(document) => store.save_document(&folder, id, document).await,
        None => store.delete_document(&folder, id).await.map(drop),
    }
}

fn folder(collection: Collection) -> String {
    format!("acme-{}", collection.as_str())
}
