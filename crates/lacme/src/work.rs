//! One operation's dealings with the CA: requests, counted and bounded in time.

use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use acme_proto::{
    Call, CallError, Credentials, Exchange, HttpResponse, ParseError, Reply, Request, Resource,
    RetryLimits, Signer, Step, Thumbprint, Url,
};
use acme_transport::TransportError;
use futures_util::{FutureExt as _, StreamExt as _, stream};

use crate::client::Inner;
use crate::{Error, Event};

/// An account's URL and key, ready to sign.
pub(crate) struct Identity {
    pub(crate) url: Url,
    pub(crate) credentials: Arc<Credentials>,
    pub(crate) signer: Arc<dyn Signer>,
    pub(crate) thumbprint: Thumbprint,
}

/// Who signs a call.
#[derive(Clone)]
pub(crate) struct Signature {
    pub(crate) credentials: Arc<Credentials>,
    pub(crate) signer: Arc<dyn Signer>,
}

impl Identity {
    pub(crate) fn signature(&self) -> Signature {
        Signature { credentials: self.credentials.clone(), signer: self.signer.clone() }
    }
}

/// From the caller's wish to the result: counts requests, knows the deadline.
pub(crate) struct Work<'a> {
    pub(crate) client: &'a Inner,
    pub(crate) begun: Instant,
    deadline: SystemTime,
    requests: AtomicU64,
    asked_for: Mutex<Option<Resource>>,
}

impl<'a> Work<'a> {
    pub(crate) fn new(client: &'a Inner) -> Self {
        let now = SystemTime::now();
        // A timeout beyond the calendar is none.
        let deadline =
            now.checked_add(client.timeout).unwrap_or(now + Duration::from_secs(1 << 32));
        Self {
            client,
            begun: Instant::now(),
            deadline,
            requests: AtomicU64::new(0),
            asked_for: Mutex::default(),
        }
    }

    /// How many requests were sent so far, those for nonces included.
    pub(crate) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// What is left of the time for the whole operation.
    pub(crate) fn time_left(&self) -> Duration {
        self.deadline.duration_since(SystemTime::now()).unwrap_or_default()
    }

    /// The result of `future`, unless the time is over or the caller calls it off before.
    pub(crate) async fn bounded<T>(&self, future: impl Future<Output = T>) -> Result<T, Error> {
        tokio::select! {
            biased;
            () = self.client.cancel.cancelled() => Err(Error::Cancelled),
            result = future => Ok(result),
            () = tokio::time::sleep(self.time_left()) => Err(self.too_late()),
        }
    }

    /// A typed request to its typed answer.
    pub(crate) async fn request<R: Request>(
        &self,
        request: &R,
        signature: Option<&Signature>,
        directory: &acme_proto::Directory,
    ) -> Result<R::Response, Error> {
        let call = request.call(directory)?;
        let result = self.bounded(self.call(&call, signature)).await?;
        Ok(request.read(&call, result)?)
    }

    /// Calls that belong together, a bounded number at once; results in the calls' sequence.
    pub(crate) async fn batch(
        &self,
        calls: &[Call],
        signature: &Signature,
    ) -> Vec<Result<HttpResponse, CallError>> {
        // Boxed, and gathered first: the compiler cannot see through a lazy map that it is Send.
        let calls: Vec<_> =
            calls.iter().map(|call| self.call(call, Some(signature)).boxed()).collect();
        stream::iter(calls).buffered(self.client.concurrency).collect().await
    }

    /// One call to its answer: drives an [`Exchange`].
    pub(crate) async fn call(
        &self,
        call: &Call,
        signature: Option<&Signature>,
    ) -> Result<HttpResponse, CallError> {
        let credentials = signature.map(|signature| signature.credentials.clone());
        let limits = RetryLimits::until(self.deadline);
        let mut exchange =
            Exchange::new(call.clone(), credentials, limits, random(), &mut self.pool())?;
        let mut broken = false;
        loop {
            let resource = exchange.resource();
            *self.asked_for() = Some(resource);
            let reply = match (exchange.step(), signature) {
                (Step::Send(request), _) => {
                    let sent = self.send(request.clone()).await;
                    broken = sent.as_ref().is_err_and(breaks_http);
                    sent.map_or_else(unreachable, Reply::Response)
                }
                (Step::Sign(message), Some(signature)) => {
                    signature.signer.sign(message).await.into()
                }
                (Step::Sign(_), None) => Reply::SignFailed("no key was given".to_owned()),
                (Step::WaitUntil(until), _) => {
                    let reason = "the CA, or the way to it, is not ready".to_owned();
                    self.client.events.emit(Event::Waiting { resource, until, reason });
                    sleep_until(until).await;
                    Reply::Woken
                }
                (Step::Done(_), _) => break,
            };
            exchange.reply(reply, SystemTime::now(), &mut self.pool())?;
        }
        exchange.into_result().map_err(|error| blame(error, broken))
    }

    async fn send(&self, request: acme_proto::HttpRequest) -> Result<HttpResponse, TransportError> {
        // The semaphore is never closed.
        let _permit = self.client.permits.acquire().await;
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.client.transport.send(request).await
    }

    fn too_late(&self) -> Error {
        Error::Deadline { within: self.client.timeout, asked_for: *self.asked_for() }
    }

    fn asked_for(&self) -> MutexGuard<'_, Option<Resource>> {
        self.asked_for.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pool(&self) -> MutexGuard<'_, acme_proto::NoncePool> {
        self.client.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for a moment of the wall clock.
pub(crate) async fn sleep_until(until: SystemTime) {
    tokio::time::sleep(until.duration_since(SystemTime::now()).unwrap_or_default()).await;
}

/// Good enough to spread clients out: the seeds of the standard library's hash maps are random.
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(())
}

fn unreachable(error: TransportError) -> Reply {
    Reply::Unreachable {
        reason: acme_proto::printable(&error.to_string()),
        delivery: error.delivery(),
        temporary: error.is_transient(),
    }
}

/// Whether the server is to blame rather than the network.
fn breaks_http(error: &TransportError) -> bool {
    use TransportError::{BodyTooLarge, BrokenResponse, Truncated};
    matches!(error, BodyTooLarge { .. } | BrokenResponse { .. } | Truncated { .. })
}

fn blame(error: CallError, broken: bool) -> CallError {
    match error {
        CallError::Unreachable { resource, reason, .. } if broken => {
            CallError::Protocol { resource, error: ParseError::Http(reason) }
        }
        error => error,
    }
}
