//! Orders as their owners see them (RFC 8555 §7.1.3).

use acme_proto::{AuthorizationStatus, Identifier, OrderStatus, Problem, Subproblem};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::Answer;
use super::core::AcmeServer;
use super::id::Id;
use super::problem::{Refusal, problem};
use super::records::{Authorization, Order, Progress};

impl AcmeServer {
    /// §7.4: POST-as-GET.
    pub(super) fn order(&self, id: Id, sender: Id, now: Timestamp) -> Result<Answer, Refusal> {
        let order = self.own_order(id, sender)?;
        let processing = matches!(order.progress, Progress::Processing(_));
        Ok(Answer::ok(self.order_object(id, order, now))
            .with_retry_after_if(processing, self.config.retry_after))
    }

    pub(super) fn own_order(&self, id: Id, sender: Id) -> Result<&Order, Refusal> {
        match self.state.orders().get(&id) {
            Some(order) if order.account == sender => Ok(order),
            Some(_) => Err(Refusal::forbidden("this order is another account's")),
            None => Err(Refusal::not_found("order")),
        }
    }

    pub(super) fn order_object(&self, id: Id, order: &Order, now: Timestamp) -> Value {
        let status = self.state.order_status(order, now);
        let authorizations = order.authorizations.iter();
        let authorizations: Vec<_> =
            authorizations.map(|id| self.urls.authorization(*id)).collect();
        let mut object = json!({
            "status": status,
            "expires": order.expires,
            "identifiers": order.identifiers,
            "authorizations": authorizations,
            "finalize": self.urls.finalize(id),
        });
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                object[name] = value;
            }
        };
        set("notBefore", order.not_before.map(|time| json!(time)));
        set("notAfter", order.not_after.map(|time| json!(time)));
        set("profile", order.profile.as_ref().map(|name| json!(name)));
        set("replaces", order.replaces.as_ref().map(|id| json!(id)));
        if status == OrderStatus::Valid {
            set("certificate", Some(json!(self.urls.certificate(id, 0))));
        }
        if status == OrderStatus::Invalid {
            set("error", Some(json!(self.order_error(order, now))));
        }
        object
    }

    /// Why an order is invalid.
    fn order_error(&self, order: &Order, now: Timestamp) -> Problem {
        use acme_proto::ProblemType::{Compound, Malformed};
        if let Progress::Failed(problem) = &order.progress {
            return Problem::clone(problem);
        }
        let lost = order.authorizations.iter().zip(&order.identifiers);
        let mut parts: Vec<Subproblem> = lost
            .filter_map(|(id, name)| {
                lost_authorization(self.state.authorizations().get(id), name, now)
            })
            .collect();
        match parts.len() {
            0 => problem(Malformed, "the order has expired"),
            1 => {
                let part = parts.remove(0);
                let mut whole = problem(part.kind.clone(), part.detail.clone().unwrap_or_default());
                whole.subproblems = vec![part];
                whole
            }
            _ => {
                let alike = parts.iter().all(|part| part.kind == parts[0].kind);
                let kind = if alike { parts[0].kind.clone() } else { Compound };
                let mut whole = problem(kind, "several identifiers are not authorized");
                whole.subproblems = parts;
                whole
            }
        }
    }
}

/// What keeps an order from going on, about one of its identifiers.
fn lost_authorization(
    authorization: Option<&Authorization>,
    identifier: &Identifier,
    now: Timestamp,
) -> Option<Subproblem> {
    let status = authorization.map_or(AuthorizationStatus::Expired, |a| a.status(now));
    let unauthorized = |detail: &str| problem(acme_proto::ProblemType::Unauthorized, detail);
    let reason = match status {
        AuthorizationStatus::Pending | AuthorizationStatus::Valid => return None,
        AuthorizationStatus::Invalid => {
            let mut errors = authorization?.challenges.iter().filter_map(|c| c.error.as_deref());
            let error = errors.next().cloned();
            error.unwrap_or_else(|| unauthorized("the challenge has failed"))
        }
        AuthorizationStatus::Deactivated => unauthorized("the authorization was deactivated"),
        _ => unauthorized("the authorization has expired"),
    };
    let mut part = Subproblem::default();
    part.kind = reason.kind;
    part.detail = reason.detail;
    part.identifier = Some(identifier.clone());
    Some(part)
}
