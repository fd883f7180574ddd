//! The transitions of an [`Issuance`]: one match from state and event to the next state.

use std::time::{Duration, SystemTime};

use super::answer::{Answer, Results};
use super::inspection::{Answers, Cause, failures, has_failed, is_any_untouched, work};
use super::{Event, Issuance, IssuanceError, Issued, State, Then, polling_backoff};
use crate::crypto::Digest;
use crate::error::{CallError, Delivery, Misuse, ParseError};
use crate::objects::{ChallengeStatus, Order, OrderStatus, ProblemType, Url};
use crate::proof::Proof;
use crate::requests::{AnswerChallenge, Call, FinalizeOrder, GetCertificate, Located, Resource};
use crate::retry::RetryAfter;

/// A pending order is inspected after so long, then at doubling intervals.
const FIRST_INSPECTION: Duration = Duration::from_secs(10);
/// Finalizing is tried again so often where the server says that the order is not ready after all.
const MAX_FINALIZE_TRIES: u8 = 3;
/// More authorizations than this for each identifier is no order that a client can work off.
const MAX_AUTHORIZATIONS_EACH: usize = 3;
/// A longer `Retry-After` while polling is taken for a mistake: one CA sends a day.
const MAX_POLL_DELAY: Duration = Duration::from_secs(600);
/// A shorter one is none: "come back at once", said each time, would have us ask without pause.
const MIN_POLL_DELAY: Duration = Duration::from_millis(100);

impl Issuance {
    /// Tells what happened. `digest` makes key authorizations. An event that does not fit the
    /// action changes nothing.
    pub fn handle(
        &mut self,
        event: Event,
        now: SystemTime,
        digest: &dyn Digest,
    ) -> Result<(), Misuse> {
        use Event::{Answered, Cancel, CleanedUp, Provisioned, Resume, Woken};
        let (one, each) = (Answer::one, Answer::each);
        match (self.state.clone(), event) {
            (_, Resume) => self.resume(now),
            (State::Done(_), Cancel) => {}
            (State::CleaningUp { then: Then::Fail(_) }, Cancel) => {}
            (_, Cancel) => self.fail(IssuanceError::Cancelled),

            (State::Ordering(call), Answered(all)) => self.ordered(one(call, all)?, now),
            (State::Resuming(call), Answered(all)) => self.found(one(call, all)?, now),
            (State::Authorizing(calls), Answered(all)) => {
                self.authorized(&each(calls, all)?, now, digest);
            }
            (State::Provisioning(answers), Provisioned(Ok(()))) => self.provisioned(answers, now),
            (State::Provisioning(_), Provisioned(Err(reason))) => {
                self.fail(IssuanceError::Provision(reason));
            }
            (State::Answering(answers), Answered(all)) => self.responded(answers, all, now)?,
            (State::Waiting { .. }, Woken) => self.poll(),
            (State::Polling(call), Answered(all)) => self.polled(&one(call, all)?, now),
            (State::Inspecting { calls, cause }, Answered(all)) => {
                self.inspected(cause, &each(calls, all)?, now);
            }
            (State::CleaningUp { then }, CleanedUp) => self.cleaned_up(then, now),
            (State::Finalizing { call, order }, Answered(all)) => {
                self.finalized(order, &one(call, all)?, now);
            }
            (State::Downloading { call, order }, Answered(all)) => {
                self.downloaded(order, &one(call, all)?);
            }
            _ => return Err(Misuse("an event that answers another action")),
        }
        Ok(())
    }

    fn resume(&mut self, now: SystemTime) {
        let is_hopeless = match &self.state {
            State::Done(Ok(_)) => return,
            State::Done(Err(error)) => !error.is_resumable(),
            State::CleaningUp { then } => match then {
                Then::Follow => false,
                Then::Fail(error) => !error.is_resumable(),
                Then::Reorder => true,
            },
            _ => false,
        };
        self.answered = false;
        self.finalize_tries = 0;
        self.order_tries = 0;
        self.start_clock(now);
        match &self.order {
            Some(order) if !is_hopeless => {
                self.second_chance = true;
                self.state = State::Resuming(read_order(&order.url));
            }
            _ => self.reorder(),
        }
    }

    /// newOrder was answered.
    fn ordered(&mut self, answer: Answer, now: SystemTime) {
        self.order_tries += 1;
        match answer.read(&self.plan.order) {
            Ok(located) => {
                self.start_clock(now);
                self.follow(located, answer.retry_after(), now);
            }
            // RFC 9773 §5: order again without the hint. Servers also stumble over it in other ways.
            Err(error) if self.plan.order.replaces.is_some() && refuses_replaces(&error) => {
                self.plan.order.replaces = None;
                self.place_order();
            }
            // The answer was lost. One more order at the most: the CA may have made the first.
            Err(CallError::Unreachable { delivery: Delivery::Unknown, .. })
                if self.order_tries < 2 =>
            {
                self.place_order()
            }
            Err(error) => self.fail(IssuanceError::Call(error)),
        }
    }

    /// The order of an earlier run was looked at.
    fn found(&mut self, answer: Answer, now: SystemTime) {
        match answer.order() {
            Ok((order, _)) if is_over(&order, now) => self.reorder(),
            Ok((order, retry_after)) => self.follow(at(answer.call.url, order), retry_after, now),
            Err(error) if is_forgotten(&error) => self.reorder(),
            // The CA answers and the place it named for the order does not: that was no place.
            Err(CallError::Unreachable { .. })
                if answer.call.url.authority() != self.plan.directory.new_order.authority() =>
            {
                self.reorder();
            }
            Err(error) => self.fail(IssuanceError::Call(error)),
        }
    }

    /// Goes where the order's state leads (RFC 8555 §7.1.6, §7.4).
    fn follow(&mut self, order: Located<Order>, retry_after: Option<RetryAfter>, now: SystemTime) {
        self.order = Some(order.clone());
        let Located { url, object: order } = order;
        match order.status {
            OrderStatus::Pending if !self.answered => self.authorize(&order),
            OrderStatus::Pending if now >= self.inspect_at => self.inspect(Cause::StillPending),
            OrderStatus::Pending => self.wait(retry_after, now),
            // What follows needs no proof any more.
            OrderStatus::Ready | OrderStatus::Processing | OrderStatus::Valid
                if !self.standing.is_empty() =>
            {
                self.clean_up(Then::Follow);
            }
            OrderStatus::Ready if self.finalize_tries < MAX_FINALIZE_TRIES => {
                let request = FinalizeOrder { url: order.finalize, csr: self.plan.csr.clone() };
                let call = request.to_call();
                self.state = State::Finalizing { call, order: url };
            }
            OrderStatus::Processing => self.wait(retry_after, now),
            OrderStatus::Valid => match order.certificate {
                Some(certificate) => {
                    let call = Call::post_as_get(Resource::Certificate, &certificate);
                    self.state = State::Downloading { call, order: url };
                }
                None => self.broken(ParseError::MissingField("certificate".to_owned())),
            },
            OrderStatus::Invalid => self.inspect(Cause::OrderInvalid),
            OrderStatus::Ready | OrderStatus::Unknown => {
                let status = format!("{:?}", order.status).to_lowercase();
                self.broken(ParseError::UnexpectedState(status));
            }
        }
    }

    fn authorize(&mut self, order: &Order) {
        let urls = &order.authorizations;
        if urls.is_empty() {
            self.broken(ParseError::MissingField("authorizations".to_owned()));
        } else if urls.len() > self.max_authorizations() {
            self.broken(ParseError::TooMany("authorizations".to_owned()));
        } else {
            self.state = State::Authorizing(urls.iter().map(read_authorization).collect());
        }
    }

    /// The authorizations were read: what is left to prove?
    fn authorized(&mut self, answers: &[Answer], now: SystemTime, digest: &dyn Digest) {
        let authorizations = match Answer::authorizations(answers) {
            Ok(authorizations) => authorizations,
            Err(error) => return self.fail(IssuanceError::Call(error)),
        };
        let work = match work(&self.plan, &authorizations, digest) {
            Ok(work) => work,
            Err(
                error @ (IssuanceError::Challenges(_) | IssuanceError::AuthorizationLost { .. }),
            ) => return self.lose(error),
            Err(error) => return self.fail(error),
        };
        // From here on a failure is this run's own, unless the CA is at work for an earlier one.
        self.second_chance &= work.carried_over;
        self.stand(work.proofs);
        if work.answers.calls.is_empty() && !work.carried_over {
            self.begin_polling(now);
            self.poll(); // all valid; the order has only not caught up
        } else {
            self.state = State::Provisioning(work.answers);
        }
    }

    fn provisioned(&mut self, answers: Answers, now: SystemTime) {
        if answers.calls.is_empty() {
            self.begin_polling(now);
            self.wait(None, now);
        } else {
            self.state = State::Answering(answers);
        }
    }

    /// The challenges were answered.
    fn responded(&mut self, answers: Answers, all: Results, now: SystemTime) -> Result<(), Misuse> {
        let (mut failed, mut lost, mut refusal) = (Vec::new(), None, None);
        let (mut refused, mut all_valid) = (Vec::new(), true);
        let Answers { calls, about } = answers;
        for (answer, subject) in Answer::each(calls, all)?.into_iter().zip(about) {
            let url = answer.call.url.clone();
            match answer.read(&AnswerChallenge { url }) {
                Ok(challenge) if has_failed(&challenge) => failed.push(subject.failed(challenge)),
                Ok(challenge) => all_valid &= challenge.status == ChallengeStatus::Valid,
                // "Already answered" and its like: the authorizations tell what it means.
                Err(error @ CallError::Refused(_)) if !error.is_temporary() => {
                    refused.push(subject.identifier);
                    refusal = Some(error);
                }
                Err(error) => lost = Some(error),
            }
        }
        self.begin_polling(now);
        if !failed.is_empty() {
            self.fail(IssuanceError::Challenges(failed));
        } else if let Some(error) = lost {
            self.fail(IssuanceError::Call(error));
        } else if let Some(error) = refusal {
            let names = refused;
            self.inspect(Cause::AnswerRefused { error, names });
        } else if all_valid {
            self.poll();
        } else {
            self.wait(None, now);
        }
        Ok(())
    }

    /// The challenges are answered: from now on the CA has something to work on.
    fn begin_polling(&mut self, now: SystemTime) {
        self.answered = true;
        self.start_clock(now);
    }

    fn start_clock(&mut self, now: SystemTime) {
        self.since = now;
        self.inspect_at = now + FIRST_INSPECTION;
        self.backoff = polling_backoff(self.plan.seed);
    }

    fn wait(&mut self, retry_after: Option<RetryAfter>, now: SystemTime) {
        let watched = now.duration_since(self.since).unwrap_or_default();
        if watched >= self.plan.patience {
            let seconds = watched.as_secs();
            return self.fail(IssuanceError::Stalled { seconds });
        }
        let own = self.backoff.delay();
        let asked = retry_after.map(|retry| retry.delay(now));
        let asked = asked.filter(|delay| (MIN_POLL_DELAY..=MAX_POLL_DELAY).contains(delay));
        self.state = State::Waiting { until: now + asked.unwrap_or(own) };
    }

    fn poll(&mut self) {
        match &self.order {
            Some(order) => self.state = State::Polling(read_order(&order.url)),
            None => self.reorder(),
        }
    }

    fn polled(&mut self, answer: &Answer, now: SystemTime) {
        let url = answer.call.url.clone();
        match answer.order() {
            Ok((order, retry_after)) => self.follow(at(url, order), retry_after, now),
            Err(error) => self.fail(IssuanceError::Call(error)),
        }
    }

    fn inspect(&mut self, cause: Cause) {
        let order = self.order.iter();
        let calls: Vec<Call> = order
            .flat_map(|order| &order.object.authorizations)
            .map(read_authorization)
            .take(self.max_authorizations())
            .collect();
        if calls.is_empty() {
            self.lose(self.order_invalid());
        } else {
            self.state = State::Inspecting { calls, cause };
        }
    }

    /// The authorizations were read to explain what happened.
    fn inspected(&mut self, cause: Cause, answers: &[Answer], now: SystemTime) {
        let authorizations = Answer::authorizations(answers);
        let known = authorizations.as_deref().unwrap_or_default();
        let failed = failures(&self.plan, known);
        if !failed.is_empty() {
            return self.lose(IssuanceError::Challenges(failed));
        }
        match (cause, authorizations) {
            (Cause::OrderInvalid, _) => self.lose(self.order_invalid()),
            (_, Err(error)) => self.fail(IssuanceError::Call(error)),
            (Cause::AnswerRefused { error, names }, Ok(all)) if is_any_untouched(&names, &all) => {
                self.fail(IssuanceError::Call(error));
            }
            (Cause::AnswerRefused { .. }, Ok(_)) => self.wait(None, now),
            (Cause::StillPending, Ok(_)) => {
                let watched = now.duration_since(self.since).unwrap_or_default();
                self.inspect_at = now + watched.max(FIRST_INSPECTION);
                self.wait(None, now);
            }
        }
    }

    fn cleaned_up(&mut self, then: Then, now: SystemTime) {
        self.standing.clear();
        match (then, self.order.clone()) {
            (Then::Fail(error), _) => self.state = State::Done(Err(error)),
            (Then::Follow, Some(order)) => self.follow(order, None, now),
            (Then::Follow, None) | (Then::Reorder, _) => self.reorder(),
        }
    }

    fn finalized(&mut self, url: Url, answer: &Answer, now: SystemTime) {
        self.finalize_tries += 1;
        self.start_clock(now);
        match answer.order() {
            // Accepted, and the order has only not caught up: a second try at once would be refused.
            Ok((order, retry_after)) if order.status == OrderStatus::Ready => {
                self.order = Some(at(url, order));
                self.wait(retry_after, now);
            }
            Ok((order, retry_after)) => self.follow(at(url, order), retry_after, now),
            // §7.4: "fetch the order again". A lost answer to a request that arrived looks the same.
            Err(error)
                if error.is_problem(&ProblemType::OrderNotReady)
                    && self.finalize_tries < MAX_FINALIZE_TRIES =>
            {
                self.wait(answer.retry_after(), now);
            }
            Err(error) => self.fail(IssuanceError::Call(error)),
        }
    }

    fn downloaded(&mut self, order: Url, answer: &Answer) {
        let certificate = answer.call.url.clone();
        let url = certificate.clone();
        match answer.read(&GetCertificate { url }) {
            Ok(download) => {
                self.state = State::Done(Ok(Issued {
                    pem: download.pem,
                    alternates: download.alternates,
                    certificate,
                    order,
                }));
            }
            Err(error) => self.fail(IssuanceError::Call(error)),
        }
    }

    fn stand(&mut self, proofs: Vec<Proof>) {
        for proof in proofs {
            if !self.standing.contains(&proof) {
                self.standing.push(proof);
            }
        }
    }

    fn max_authorizations(&self) -> usize {
        let identifiers = self.plan.order.identifiers.len();
        identifiers.saturating_mul(MAX_AUTHORIZATIONS_EACH)
    }

    fn order_invalid(&self) -> IssuanceError {
        let error = self.order.as_ref().and_then(|order| order.object.error.clone());
        IssuanceError::OrderInvalid(error.map(Box::new))
    }

    /// A failure that an order of an earlier run may have brought along: that one is replaced.
    fn lose(&mut self, error: IssuanceError) {
        match self.second_chance {
            true => self.reorder(),
            false => self.fail(error),
        }
    }

    fn broken(&mut self, error: ParseError) {
        let resource = Resource::Order;
        self.fail(IssuanceError::Call(CallError::Protocol { resource, error }));
    }

    /// The one way to fail: past the cleanup.
    fn fail(&mut self, error: IssuanceError) {
        match self.standing.is_empty() {
            true => self.state = State::Done(Err(error)),
            false => self.clean_up(Then::Fail(error)),
        }
    }

    /// Begins anew with a new order, once: past the cleanup, too.
    fn reorder(&mut self) {
        if !self.standing.is_empty() {
            return self.clean_up(Then::Reorder);
        }
        self.order = None;
        self.answered = false;
        self.second_chance = false;
        self.finalize_tries = 0;
        self.place_order();
    }

    fn clean_up(&mut self, then: Then) {
        self.state = State::CleaningUp { then };
    }

    fn place_order(&mut self) {
        let call = self.plan.order.to_call(&self.plan.directory);
        self.state = State::Ordering(call);
    }
}

fn at(url: Url, object: Order) -> Located<Order> {
    Located { url, object }
}

fn read_order(url: &Url) -> Call {
    Call::post_as_get(Resource::Order, url)
}

fn read_authorization(url: &Url) -> Call {
    Call::post_as_get(Resource::Authorization, url)
}

/// Whether an order of an earlier run is of no use any more. Expiry is about what is still to be
/// done (RFC 8555 §7.1.3): once finalized, an order comes to its certificate however long it takes.
fn is_over(order: &Order, now: SystemTime) -> bool {
    let expired = order.expires.is_some_and(|expires| expires <= now);
    match order.status {
        OrderStatus::Invalid => true,
        OrderStatus::Processing | OrderStatus::Valid => false,
        _ => expired,
    }
}

/// Whether the CA no longer has an order of an earlier run, or says that it is another account's.
fn is_forgotten(error: &CallError) -> bool {
    match error {
        CallError::Refused(refusal) => match refusal.problem.kind {
            ProblemType::AccountDoesNotExist => false,
            ProblemType::Malformed | ProblemType::Unauthorized => !error.is_temporary(),
            _ => matches!(refusal.status, 404 | 410),
        },
        CallError::Http { status, .. } => matches!(status, 404 | 410),
        _ => false,
    }
}

/// Whether a refused newOrder may have been refused for its `replaces`. A server that is merely
/// busy (503) has not.
fn refuses_replaces(error: &CallError) -> bool {
    match error {
        CallError::Refused(refusal) => {
            let kind = &refusal.problem.kind;
            let telling = matches!(
                kind,
                ProblemType::AlreadyReplaced | ProblemType::Malformed | ProblemType::ServerInternal
            );
            !refusal.is_rate_limit()
                && refusal.status != 503
                && (telling || matches!(refusal.status, 404 | 409))
        }
        CallError::Http { status, .. } => *status == 500,
        _ => false,
    }
}
