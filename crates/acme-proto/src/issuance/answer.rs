//! A call and what came of it.

use crate::HttpResponse;
use crate::error::{CallError, Misuse};
use crate::objects::{Authorization, Order};
use crate::requests::{Call, GetAuthorization, GetOrder, Request};
use crate::retry::RetryAfter;

/// The results of [`Action::Calls`](super::Action::Calls).
pub(super) type Results = Vec<Result<HttpResponse, CallError>>;

pub(super) struct Answer {
    pub(super) call: Call,
    result: Result<HttpResponse, CallError>,
}

impl Answer {
    /// The answer of a state that makes one call.
    pub(super) fn one(call: Call, results: Results) -> Result<Self, Misuse> {
        match <[_; 1]>::try_from(results) {
            Ok([result]) => Ok(Self { call, result }),
            Err(_) => Err(Misuse("one result is expected")),
        }
    }

    /// The answers of a state that makes several calls.
    pub(super) fn each(calls: Vec<Call>, results: Results) -> Result<Vec<Self>, Misuse> {
        if calls.len() != results.len() {
            return Err(Misuse("a result for each call is expected"));
        }
        let pairs = calls.into_iter().zip(results);
        Ok(pairs.map(|(call, result)| Self { call, result }).collect())
    }

    pub(super) fn read<R: Request>(&self, request: &R) -> Result<R::Response, CallError> {
        request.read(&self.call, self.result.clone())
    }

    /// The order in it, and when to ask again.
    pub(super) fn order(&self) -> Result<(Order, Option<RetryAfter>), CallError> {
        let url = self.call.url.clone();
        let order = self.read(&GetOrder { url })?;
        Ok((order, self.retry_after()))
    }

    /// All the authorizations, or the first error.
    pub(super) fn authorizations(answers: &[Self]) -> Result<Vec<Authorization>, CallError> {
        let read = |answer: &Self| {
            let url = answer.call.url.clone();
            answer.read(&GetAuthorization { url })
        };
        answers.iter().map(read).collect()
    }

    /// When the server wants to be asked again, be the answer good or bad.
    pub(super) fn retry_after(&self) -> Option<RetryAfter> {
        match &self.result {
            Ok(response) => RetryAfter::from_headers(response.headers()),
            Err(CallError::Refused(refusal)) => refusal.retry_after,
            Err(_) => None,
        }
    }
}
