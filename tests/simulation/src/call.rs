//! One call to its answer: drives an [`Exchange`] through the network.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use acme_proto::{
    Algorithm, Call, CallError, Credentials, Exchange, HttpResponse, NoncePool, ParseError, Reply,
    Resource, RetryLimits, Step, Url,
};

use crate::crypto::{decoded, key, sign};
use crate::network::Received;
use crate::world::{Disk, Happening, Slot, World};

/// What a running client has in memory, and its way to the world. Dropped where it dies.
pub(crate) struct Process {
    pub(crate) world: Rc<RefCell<World>>,
    pub(crate) client: usize,
    /// How often the client died before.
    life: u32,
    pub(crate) pool: RefCell<NoncePool>,
    in_flight: Cell<usize>,
    /// Somebody waits for what was just freed: look at everything once more.
    pub(crate) is_restless: Rc<Cell<bool>>,
}

/// More nonces than this are never kept.
const MAX_POOL: usize = 64;

impl Process {
    pub(crate) fn new(
        world: Rc<RefCell<World>>,
        client: usize,
        life: u32,
        is_restless: Rc<Cell<bool>>,
    ) -> Self {
        let (pool, in_flight) = (RefCell::default(), Cell::new(0));
        Self { world, client, life, pool, in_flight, is_restless }
    }

    /// Looks at the world, or changes it; nobody waits meanwhile.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        look(&mut self.world.borrow_mut())
    }

    pub(crate) fn disk<T>(&self, look: impl FnOnce(&mut Disk) -> T) -> T {
        self.with(|world| look(&mut world.disks[self.client]))
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.with(|world| world.now)
    }

    pub(crate) fn tell(&self, line: impl FnOnce() -> String) {
        self.with(|world| world.tell(|| format!("client {} {}", self.client, line())));
    }

    pub(crate) async fn sleep_until(&self, until: SystemTime) {
        let slot = Slot::new(self.client);
        self.with(|world| {
            world.schedule_at(until.max(world.now), Happening::Wakes(slot.clone()));
        });
        slot.await;
    }

    pub(crate) async fn sleep(&self, time: Duration) {
        self.sleep_until(self.now() + time).await;
    }

    /// The result of `future`, unless `until` comes first.
    pub(crate) async fn bounded<T>(
        &self,
        until: SystemTime,
        future: impl Future<Output = T>,
    ) -> Option<T> {
        let alarm = Slot::new(self.client);
        self.with(|world| {
            world.schedule_at(until.max(world.now), Happening::Wakes(alarm.clone()));
        });
        let (mut future, mut alarm) = (Box::pin(future), Box::pin(alarm));
        poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(result) => Poll::Ready(Some(result)),
            Poll::Pending => alarm.as_mut().poll(context).map(|()| None),
        })
        .await
    }

    pub(crate) fn credentials(&self, new_nonce: &Url, account: Option<Url>) -> Arc<Credentials> {
        let jwk = key(self.client as u64);
        Arc::new(Credentials::new(new_nonce.clone(), jwk, Algorithm::Es256, account))
    }

    /// One call to its answer.
    pub(crate) async fn call(
        &self,
        call: &Call,
        credentials: Option<Arc<Credentials>>,
        deadline: SystemTime,
    ) -> Result<HttpResponse, CallError> {
        let limits = RetryLimits::until(deadline);
        let seed = self.with(|world| world.dice.next());
        let pool = || self.pool.borrow_mut();
        let mut exchange = Exchange::new(call.clone(), credentials, limits, seed, &mut pool())?;
        let (mut is_broken, mut tries) = (false, Tries::default());
        loop {
            let reply = match exchange.step() {
                Step::Send(request) => {
                    let received = self.send(request.clone()).await;
                    tries.count(exchange.resource(), &received, &limits);
                    is_broken = received.as_ref().is_err_and(|lost| lost.is_broken);
                    reply(received)
                }
                Step::Sign(message) => {
                    self.with(|world| world.watch.signs(self.client, self.life, &nonce(message)));
                    Reply::Signature(sign(&key(self.client as u64), message))
                }
                Step::WaitUntil(until) => {
                    assert!(until <= deadline, "waits beyond the deadline");
                    self.sleep_until(until).await;
                    Reply::Woken
                }
                Step::Done(_) => break,
            };
            exchange.reply(reply, self.now(), &mut pool())?;
            assert!(pool().len() <= MAX_POOL, "{} nonces in the pool", pool().len());
        }
        exchange.into_result().map_err(|error| blame(error, is_broken))
    }

    async fn send(&self, request: acme_proto::HttpRequest) -> Received {
        let _permit = self.permit().await;
        let answer = self.with(|world| world.send(self.client, request));
        let answer = answer.await;
        self.tell(|| match &answer {
            Ok(answer) => format!("< {}", answer.status().as_u16()),
            Err(lost) => format!("< {}", lost.reason),
        });
        answer
    }

    /// One of the requests that may be in flight.
    async fn permit(&self) -> Permit<'_> {
        let most = self.with(|world| world.scenario.concurrency);
        let in_flight = &self.in_flight;
        poll_fn(|_| match in_flight.get() < most {
            true => Poll::Ready(()),
            false => Poll::Pending,
        })
        .await;
        in_flight.set(in_flight.get() + 1);
        Permit(self)
    }
}

struct Permit<'a>(&'a Process);

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.0.in_flight.set(self.0.in_flight.get() - 1);
        self.0.is_restless.set(true);
    }
}

/// How often one exchange sent, and why again: its limits hold.
#[derive(Default)]
struct Tries {
    bad_nonces: u32,
    failures: u32,
}

impl Tries {
    fn count(&mut self, resource: Resource, received: &Received, limits: &RetryLimits) {
        assert!(self.bad_nonces < limits.nonce_tries, "{resource}: too many tries with nonces");
        assert!(self.failures < limits.failure_tries, "{resource}: too many tries");
        match received {
            Ok(answer) if answer.status() == 400 => {
                let is_bad_nonce = answer.body().windows(8).any(|text| text == b"badNonce");
                self.bad_nonces += u32::from(is_bad_nonce);
            }
            Ok(answer) => {
                let status = answer.status().as_u16();
                self.failures += u32::from(status >= 500 && status != 503);
            }
            Err(_) => self.failures += 1,
        }
    }
}

fn reply(received: Received) -> Reply {
    received.map_or_else(
        |lost| Reply::Unreachable {
            reason: lost.reason.to_owned(),
            delivery: lost.sureness,
            temporary: true,
        },
        Reply::Response,
    )
}

/// An answer that was no usable HTTP to the end is the server's fault, not the network's.
fn blame(error: CallError, is_broken: bool) -> CallError {
    match error {
        CallError::Unreachable { resource, reason, .. } if is_broken => {
            CallError::Protocol { resource, error: ParseError::Http(reason) }
        }
        error => error,
    }
}

/// The nonce of a JWS that is about to be signed.
fn nonce(signing_input: &[u8]) -> String {
    let text = String::from_utf8_lossy(signing_input);
    let header = decoded(text.split('.').next().unwrap_or_default());
    header["nonce"].as_str().expect("every signed request has a nonce").to_owned()
}
