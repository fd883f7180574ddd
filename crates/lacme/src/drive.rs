//! The one loop: asks the core what to do, does it, tells it what came of it.

use std::time::{Duration, SystemTime};

use acme_challenges::SolverError;
use acme_crypto::AwsLc;
use acme_proto::{Action, Issuance, IssuanceError, Issued, Phase};
use acme_store::{Store, StoredOrder};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::work::{Identity, Work, sleep_until};
use crate::{Error, Event};

/// Taking proofs down may take so long, also after the time for the whole operation is over.
const CLEANUP_TIME: Duration = Duration::from_secs(60);

/// Where an issuance is written down at each step.
pub(crate) struct Journal<'a> {
    pub(crate) store: &'a Store,
    pub(crate) certificate: &'a str,
    /// What the issuance is for: only the same wish takes it up again.
    pub(crate) wish: Value,
    pub(crate) key_pem: Option<Zeroizing<String>>,
}

/// What stands in the journal.
#[derive(Serialize, Deserialize)]
struct Page {
    wish: Value,
    issuance: Issuance,
}

impl Journal<'_> {
    /// Writes the state down; what is on disk is never older than what the CA knows.
    pub(crate) async fn keep(&self, issuance: &Issuance) -> Result<(), Error> {
        let page = Page { wish: self.wish.clone(), issuance: issuance.clone() };
        let json = serde_json::to_value(&page).map_err(|e| Error::Internal(e.to_string()))?;
        let order = StoredOrder::new(json, self.key_pem.clone());
        Ok(self.store.save_order(self.certificate, &order).await?)
    }

    pub(crate) async fn close(&self) -> Result<(), Error> {
        self.store.delete_order(self.certificate).await?;
        Ok(())
    }
}

/// An issuance that an earlier run wrote down, and whether it was for the same `wish`.
pub(crate) fn read_journal(order: &StoredOrder, wish: &Value) -> Option<(Issuance, bool)> {
    let page: Page = serde_json::from_value(order.issuance.clone()).ok()?;
    let same = page.wish == *wish;
    Some((page.issuance, same))
}

/// Drives an issuance to its end. Whatever happens, no proof is left standing that can be taken
/// down.
pub(crate) async fn drive(
    work: &Work<'_>,
    issuance: &mut Issuance,
    identity: &Identity,
    journal: &Journal<'_>,
) -> Result<Issued, Error> {
    let failures = Failures::default();
    let mut shown = Shown { phase: None, resumed: issuance.order_url().is_some(), ordered: false };
    loop {
        if issuance.is_worth_keeping()
            && let Err(error) = journal.keep(issuance).await
        {
            take_down(work, issuance.standing(), journal.certificate).await;
            return Err(error);
        }
        shown.show(work, issuance, journal.certificate);
        let event = match issuance.action() {
            Action::Done(result) => return result.clone().map_err(|error| failures.explain(error)),
            Action::Calls(calls) => {
                let answered = work.bounded(work.batch(calls, &identity.signature())).await;
                failures.or_cancel(answered.map(acme_proto::Event::Answered))
            }
            Action::Provision(proofs) => {
                let identifiers = proofs.iter().map(|proof| proof.identifier.clone()).collect();
                let certificate = journal.certificate.to_owned();
                work.client.events.emit(Event::Provisioning { certificate, identifiers });
                let provisioned = work.bounded(work.client.solvers.provision(proofs)).await;
                failures.or_cancel(provisioned.map(|result| failures.provisioned(result)))
            }
            Action::WaitUntil(until) => {
                let woken = work.bounded(sleep_until(until)).await;
                failures.or_cancel(woken.map(|()| acme_proto::Event::Woken))
            }
            Action::Cleanup(proofs) => {
                take_down(work, proofs, journal.certificate).await;
                acme_proto::Event::CleanedUp
            }
        };
        let handled = issuance.handle(event, SystemTime::now(), &AwsLc);
        handled.map_err(|misuse| Error::Internal(misuse.to_string()))?;
    }
}

/// Takes proofs down as far as that is possible, and reports the rest.
pub(crate) async fn take_down(work: &Work<'_>, proofs: &[acme_proto::Proof], certificate: &str) {
    let cleanup = work.client.solvers.cleanup(proofs);
    let messages = match tokio::time::timeout(CLEANUP_TIME, cleanup).await {
        Ok(errors) => errors.iter().map(ToString::to_string).collect(),
        Err(_) => vec![format!("proofs were not taken down within {} s", CLEANUP_TIME.as_secs())],
    };
    for message in messages {
        let certificate = certificate.to_owned();
        work.client.events.emit(Event::CleanupFailed { certificate, message });
    }
}

/// The causes behind what the core only knows as "cancelled" or in words.
#[derive(Default)]
struct Failures {
    stopped: std::cell::Cell<Option<Error>>,
    solver: std::cell::Cell<Option<SolverError>>,
}

impl Failures {
    /// The event, or the calling-off where time or caller ended the step.
    fn or_cancel(&self, event: Result<acme_proto::Event, Error>) -> acme_proto::Event {
        event.unwrap_or_else(|stopped| {
            self.stopped.set(Some(stopped));
            acme_proto::Event::Cancel
        })
    }

    fn provisioned(&self, result: Result<(), SolverError>) -> acme_proto::Event {
        acme_proto::Event::Provisioned(result.map_err(|error| {
            let words = error.to_string();
            self.solver.set(Some(error));
            words
        }))
    }

    fn explain(&self, error: IssuanceError) -> Error {
        let cause = match &error {
            IssuanceError::Cancelled => self.stopped.take(),
            IssuanceError::Provision(_) => self.solver.take().map(Error::Solver),
            _ => None,
        };
        cause.unwrap_or(Error::Issuance(error))
    }
}

/// What listeners were told already.
struct Shown {
    phase: Option<Phase>,
    resumed: bool,
    ordered: bool,
}

impl Shown {
    fn show(&mut self, work: &Work<'_>, issuance: &Issuance, certificate: &str) {
        let events = &work.client.events;
        let certificate = || certificate.to_owned();
        if let (false, Some(order)) = (self.ordered, issuance.order_url()) {
            self.ordered = true;
            let (order, resumed) = (order.clone(), self.resumed);
            events.emit(Event::Ordered { certificate: certificate(), order, resumed });
        }
        let phase = issuance.phase();
        if self.phase != Some(phase) {
            self.phase = Some(phase);
            events.emit(Event::Phase { certificate: certificate(), phase });
        }
    }
}
