use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use acme_proto::{Identifier, Phase, Resource, Url};
use futures_util::Stream;
use tokio::sync::broadcast;

/// What a client does, as it does it. `certificate` is the stored certificate's name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[allow(missing_docs, reason = "fields that repeat their type")]
pub enum Event {
    /// The CA created an account for us.
    AccountCreated { url: Url },
    /// The CA already had an account for our key.
    AccountFound { url: Url },
    /// An order stands at the CA; `resumed` if an earlier run placed it.
    Ordered { certificate: String, order: Url, resumed: bool },
    /// The next part of the work begins.
    Phase { certificate: String, phase: Phase },
    /// Proofs for these names are being set up.
    Provisioning { certificate: String, identifiers: Vec<Identifier> },
    /// The CA, or politeness, makes us wait before the next request.
    Waiting { resource: Resource, until: SystemTime, reason: String },
    /// The certificate is there, checked and stored.
    Issued { certificate: String, not_after: SystemTime, renewed: bool },
    /// A proof could not be taken down.
    CleanupFailed { certificate: String, message: String },
    /// Something a person should know, which stopped nothing.
    Warning { message: String },
}

/// Called with each event.
pub(crate) type Listener = Arc<dyn Fn(&Event) + Send + Sync>;

/// Hands each event to the listeners and to every stream.
#[derive(Clone)]
pub(crate) struct Events {
    listeners: Vec<Listener>,
    sender: broadcast::Sender<Event>,
}

impl Events {
    pub(crate) fn new(listeners: Vec<Listener>) -> Self {
        Self { listeners, sender: broadcast::Sender::new(1024) }
    }

    pub(crate) fn emit(&self, event: Event) {
        tracing::debug!(?event, "lacme");
        self.listeners.iter().for_each(|listener| listener(&event));
        let _nobody_listens_is_fine = self.sender.send(event);
    }

    pub(crate) fn stream(&self) -> EventStream {
        let receiver = self.sender.subscribe();
        let next = |mut receiver: broadcast::Receiver<Event>| async move {
            loop {
                match receiver.recv().await {
                    Ok(event) => return Some((event, receiver)),
                    // A slow listener loses the oldest events, never the newest.
                    Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        };
        EventStream(Box::pin(futures_util::stream::unfold(receiver, next)))
    }
}

/// A client's events from the moment of subscription on; ends with the client.
///
/// Up to 1024 events wait for a slow reader; beyond that the oldest are dropped.
pub struct EventStream(Pin<Box<dyn Stream<Item = Event> + Send>>);

impl Stream for EventStream {
    type Item = Event;
    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.0.as_mut().poll_next(context)
    }
}

impl std::fmt::Debug for EventStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EventStream")
    }
}
