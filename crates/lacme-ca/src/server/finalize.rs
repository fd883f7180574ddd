//! From a ready order to its certificate (RFC 8555 §7.4).

use std::collections::HashSet;
use std::sync::Arc;

use acme_crypto::AwsLc;
use acme_proto::{Identifier, OrderStatus, Problem, ProblemType};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::answer::Answer;
use super::core::{AcmeServer, internal, seconds};
use super::id::Id;
use super::jobs::{IssueRequest, IssuedCertificate, Job, OrderId};
use super::jws::base64url;
use super::problem::Refusal;
use super::records::{Certificate, Finalized, Order, Progress};
use super::verify::{SigningRequest, check_key};

impl AcmeServer {
    pub(super) fn finalize(
        &mut self,
        id: Id,
        sender: Id,
        payload: Map<String, Value>,
        now: Timestamp,
    ) -> Result<Answer, Refusal> {
        let order = self.own_order(id, sender)?;
        // "A request to finalize an order will result in error if the order is not in the
        // "ready" state. In such cases, the server MUST return a 403 (Forbidden) error with a
        // problem document of type "orderNotReady"."
        let status = self.state.order_status(order, now);
        if status != OrderStatus::Ready {
            let detail = format!("the order is {}", name(status));
            return Err(Refusal::new(StatusCode::FORBIDDEN, ProblemType::OrderNotReady, detail));
        }
        let Some(Value::String(csr)) = payload.get("csr") else {
            return Err(Refusal::malformed("the payload has no csr"));
        };
        let csr = base64url(csr, "csr")?;
        self.check_request(&csr, order)?;
        let (not_before, not_after) =
            self.validity(order.not_before, order.not_after, order.profile.as_deref(), now);
        let finalized = Finalized { csr, not_before, not_after };
        self.state.change_order(id, |order| {
            order.progress = Progress::Processing(Box::new(finalized));
        });
        self.begin_issuance(id);
        let object = self.order_object(id, self.own_order(id, sender)?, now);
        Ok(Answer::ok(object)
            .with_location(&self.urls.order(id))
            .with_retry_after(self.config.retry_after))
    }

    /// Hands a processing order out to be issued, now or after a restart.
    pub(super) fn begin_issuance(&mut self, id: Id) {
        let Some(order) = self.state.orders().get(&id) else {
            return;
        };
        let Progress::Processing(finalized) = &order.progress else {
            return;
        };
        // It was read before; a restart with other rules may see it differently.
        match self.check_request(&finalized.csr, order) {
            Ok(request) => {
                let request = IssueRequest {
                    identifiers: order.identifiers.clone(),
                    public_key: request.public_key,
                    csr: finalized.csr.clone(),
                    not_before: finalized.not_before.into(),
                    not_after: finalized.not_after.into(),
                    profile: order.profile.clone(),
                };
                self.jobs.push(Job::Issue { order: OrderId(id), request: Box::new(request) });
            }
            Err(refusal) => self.fail_order(id, Box::new(refusal.into_parts().1)),
        }
    }

    pub(super) fn settle_order(&mut self, id: Id, result: Result<IssuedCertificate, Box<Problem>>) {
        let Some(order) = self.state.orders().get(&id) else {
            return;
        };
        let Progress::Processing(finalized) = &order.progress else {
            return;
        };
        let certificate = result.and_then(|issued| self.keep(order, finalized, issued));
        match certificate {
            Ok(certificate) => {
                self.state.insert_certificate(id, certificate);
                self.state.change_order(id, |order| order.progress = Progress::Valid);
            }
            Err(problem) => self.fail_order(id, problem),
        }
    }

    fn fail_order(&mut self, id: Id, problem: Box<Problem>) {
        self.state.change_order(id, |order| order.progress = Progress::Failed(problem));
    }

    fn keep(
        &self,
        order: &Order,
        finalized: &Finalized,
        issued: IssuedCertificate,
    ) -> Result<Certificate, Box<Problem>> {
        const END: &str = "-----END CERTIFICATE-----";
        let request = self.verify.signing_request(&finalized.csr).map_err(failed)?;
        let split = |pem: &str| -> Option<usize> {
            let end = pem.find(END)? + END.len();
            Some(end + pem[end..].bytes().take_while(|b| b.is_ascii_whitespace()).count())
        };
        let tail = |pem: &str| split(pem).map(|at| Arc::from(&pem[at..]));
        let leaf_end =
            split(&issued.pem).ok_or_else(|| failed("the certificate is no PEM".to_owned()))?;
        let alternates = issued.alternates.iter().filter_map(|pem| tail(pem));
        let default = Arc::from(&issued.pem[leaf_end..]);
        Ok(Certificate {
            account: order.account,
            leaf: issued.pem[..leaf_end].to_owned(),
            chains: std::iter::once(default).chain(alternates).collect(),
            digest: issued.digest.to_vec(),
            serial: issued.serial,
            renewal_id: issued.renewal_id,
            key: request.key.thumbprint(&AwsLc),
            identifiers: order.identifiers.clone(),
            not_before: seconds(issued.not_before),
            not_after: seconds(issued.not_after),
            revoked: None,
            replaced_by: None,
            renewal: None,
        })
    }

    /// Everything that §7.4 and §11.1 ask of a certificate signing request.
    fn check_request(&self, csr: &[u8], order: &Order) -> Result<SigningRequest, Refusal> {
        let bad = |detail: String| Refusal::bad_request(ProblemType::BadCsr, detail);
        let request = self.verify.signing_request(csr).map_err(bad)?;
        // "The CSR MUST indicate the exact same set of requested identifiers as the initial
        // newOrder request."
        let asked: HashSet<&Identifier> = request.identifiers.iter().collect();
        let ordered: HashSet<&Identifier> = order.identifiers.iter().collect();
        if asked != ordered {
            return Err(bad("the CSR's names are not the order's identifiers".to_owned()));
        }
        check_key(&request.key).map_err(bad)?;
        // §11.1: an account's key certifies nothing else.
        if self.state.account_by_key(&request.key.thumbprint(&AwsLc)).is_some() {
            return Err(bad("the CSR's key is an account's key".to_owned()));
        }
        Ok(request)
    }
}

fn failed(detail: String) -> Box<Problem> {
    Box::new(internal(detail))
}

fn name(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Pending => "pending",
        OrderStatus::Ready => "ready",
        OrderStatus::Processing => "processing",
        OrderStatus::Valid => "valid",
        _ => "invalid",
    }
}
