//! newOrder (RFC 8555 §7.4).

use std::collections::HashSet;

use acme_proto::{CertificateId, DnsName, Identifier, OrderStatus, ProblemType};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::answer::Answer;
use super::core::AcmeServer;
use super::id::Id;
use super::limits::signed;
use super::problem::Refusal;
use super::records::{Order, Progress};
use super::state::later;

impl AcmeServer {
    pub(super) fn new_order(
        &mut self,
        account: Id,
        payload: Map<String, Value>,
        now: Timestamp,
    ) -> Result<Answer, Refusal> {
        self.check_terms(account)?;
        let identifiers = self.identifiers(&payload)?;
        let (not_before, not_after) = self.validity_wish(&payload, now)?;
        let profile = self.profile(&payload)?;
        let replaces = self.replaces(&payload, account, &identifiers, now)?;
        self.check_room()?;
        if replaces.is_none() {
            self.admit_order(account, now)?;
        }
        let authorizations = identifiers.iter().map(|identifier| {
            let (base, wildcard) = (identifier.without_wildcard(), identifier.is_wildcard());
            let reusable = self.config.reuse_authorizations;
            let proven = || self.state.proven(account, &base, wildcard, now);
            match reusable.then(proven).flatten() {
                Some(id) => id,
                None => self.create_authorization(account, base, wildcard, now),
            }
        });
        let authorizations = authorizations.collect();
        let id = self.draw_id();
        if let Some(replaced) = &replaces {
            self.mark_replaced(replaced, id);
        }
        let order = Order {
            account,
            created: now,
            expires: later(now, signed(self.config.order_lifetime)),
            identifiers,
            not_before,
            not_after,
            profile,
            replaces,
            authorizations,
            progress: Progress::Open,
        };
        let object = self.order_object(id, &order, now);
        self.state.insert_order(id, order);
        Ok(Answer::created(object, &self.urls.order(id)))
    }

    /// The names of a new order, each once, in their sequence.
    fn identifiers(&self, payload: &Map<String, Value>) -> Result<Vec<Identifier>, Refusal> {
        let Some(Value::Array(list)) = payload.get("identifiers") else {
            return Err(Refusal::malformed("the order has no list of identifiers"));
        };
        let most = self.config.limits.identifiers;
        if list.is_empty() {
            return Err(Refusal::malformed("the order has no identifiers"));
        }
        if list.len() > most {
            let detail = format!("an order has at most {most} identifiers");
            return Err(Refusal::malformed(detail));
        }
        let (mut seen, mut identifiers, mut refused) = (HashSet::new(), Vec::new(), Vec::new());
        for value in list {
            match self.identifier(value)? {
                Ok(identifier) => {
                    if seen.insert(identifier.clone()) {
                        identifiers.push(identifier);
                    }
                }
                Err(refusal) => refused.push(refusal),
            }
        }
        match refused.is_empty() {
            true => Ok(identifiers),
            false => Err(Refusal::identifiers(refused)),
        }
    }

    /// One identifier of a payload, or why it cannot be had.
    pub(super) fn identifier(
        &self,
        value: &Value,
    ) -> Result<Result<Identifier, (Identifier, ProblemType, String)>, Refusal> {
        let member = |name| value.get(name).and_then(Value::as_str);
        let (Some(kind), Some(text)) = (member("type"), member("value")) else {
            return Err(Refusal::malformed("an identifier has a type and a value"));
        };
        let other = || Identifier::Other {
            kind: kind.chars().take(32).collect(),
            value: text.chars().take(253).collect(),
        };
        let refuse = |kind, reason: &str| Ok(Err((other(), kind, reason.to_owned())));
        let identifier = match kind {
            "dns" => match DnsName::parse(text) {
                // §7.1.4: a name without its last dot, in lower case.
                Ok(name) if name.as_str().eq_ignore_ascii_case(text) => Identifier::Dns(name),
                Ok(_) => return refuse(ProblemType::Malformed, "a name ends without a dot"),
                Err(error) => return refuse(ProblemType::Malformed, error.reason),
            },
            // RFC 8738 §3: the text form of RFC 5952 and RFC 1123.
            "ip" => match text.parse::<std::net::IpAddr>() {
                Ok(ip) if ip.to_string() == text => Identifier::Ip(ip),
                _ => return refuse(ProblemType::Malformed, "this is no IP address as in RFC 5952"),
            },
            _ => {
                let reason = "only the types dns and ip are supported";
                return refuse(ProblemType::UnsupportedIdentifier, reason);
            }
        };
        if self.offered_challenges(&identifier).next().is_none() {
            let reason = "no challenge that is offered here can prove it";
            return Ok(Err((identifier, ProblemType::RejectedIdentifier, reason.to_owned())));
        }
        Ok(match (self.config.policy)(&identifier) {
            Ok(()) => Ok(identifier),
            Err(reason) => Err((identifier, ProblemType::RejectedIdentifier, reason)),
        })
    }

    fn validity_wish(
        &self,
        payload: &Map<String, Value>,
        now: Timestamp,
    ) -> Result<(Option<Timestamp>, Option<Timestamp>), Refusal> {
        let (begin, end) = (time(payload, "notBefore")?, time(payload, "notAfter")?);
        let (first, last) = self.validity(begin, end, None, now);
        if first < self.backdated(now) || last <= first || last <= now {
            let detail = "notBefore lies too far back, or notAfter is not after it";
            return Err(Refusal::malformed(detail));
        }
        let longest = signed(self.config.longest_lifetime);
        if (begin.is_some() || end.is_some()) && last.duration_since(first) > longest {
            let days = longest.as_hours() / 24;
            let detail = format!("a certificate is valid for at most {days} days here");
            return Err(Refusal::malformed(detail));
        }
        Ok((begin, end))
    }

    /// The validity of a certificate that is made now.
    pub(super) fn validity(
        &self,
        begin: Option<Timestamp>,
        end: Option<Timestamp>,
        profile: Option<&str>,
        now: Timestamp,
    ) -> (Timestamp, Timestamp) {
        let profile = profile.and_then(|name| self.config.profiles.get(name));
        let lifetime = profile.and_then(|profile| profile.lifetime);
        let lifetime = signed(lifetime.unwrap_or(self.config.lifetime));
        let begin = begin.unwrap_or_else(|| self.backdated(now));
        (begin, end.unwrap_or_else(|| later(begin, lifetime)))
    }

    fn backdated(&self, now: Timestamp) -> Timestamp {
        now.checked_sub(signed(self.config.backdate)).unwrap_or(now)
    }

    /// draft-ietf-acme-profiles §4.
    fn profile(&self, payload: &Map<String, Value>) -> Result<Option<String>, Refusal> {
        match payload.get("profile") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(name)) if self.config.profiles.contains_key(name) => {
                Ok(Some(name.clone()))
            }
            Some(_) => {
                let detail = "the profile is none of those that the directory lists";
                Err(Refusal::bad_request(ProblemType::InvalidProfile, detail))
            }
        }
    }

    /// RFC 9773 §5: a certificate of the same account, with a name in common, not yet replaced.
    fn replaces(
        &self,
        payload: &Map<String, Value>,
        account: Id,
        identifiers: &[Identifier],
        now: Timestamp,
    ) -> Result<Option<CertificateId>, Refusal> {
        let value = match payload.get("replaces") {
            None | Some(Value::Null) => return Ok(None),
            Some(_) if !self.config.renewal_info => return Ok(None),
            Some(value) => value.clone(),
        };
        let id: CertificateId = serde_json::from_value(value)
            .map_err(|error| Refusal::malformed(format!("replaces: {error}")))?;
        let found = self.state.certificate_by_renewal_id(id.as_str());
        let certificate = found.and_then(|id| self.state.certificates().get(&id));
        let Some(certificate) = certificate else {
            return Err(Refusal::not_found("certificate as the one to be replaced"));
        };
        if certificate.account != account {
            return Err(Refusal::forbidden("the certificate to be replaced is another account's"));
        }
        if !identifiers.iter().any(|name| certificate.identifiers.contains(name)) {
            let detail = "the certificate to be replaced has none of the order's identifiers";
            return Err(Refusal::malformed(detail));
        }
        let replacement = certificate.replaced_by.and_then(|id| self.state.orders().get(&id));
        let is_replaced = match (certificate.replaced_by, replacement) {
            (None, _) => false,
            (Some(_), Some(order)) => self.state.order_status(order, now) != OrderStatus::Invalid,
            // The order is forgotten; its certificate tells whether it came to something.
            (Some(order), None) => self.state.certificates().contains_key(&order),
        };
        if is_replaced {
            let detail = "the certificate has been replaced by another order";
            let kind = ProblemType::AlreadyReplaced;
            return Err(Refusal::new(StatusCode::CONFLICT, kind, detail));
        }
        Ok(Some(id))
    }

    fn mark_replaced(&mut self, replaced: &CertificateId, by: Id) {
        if let Some(id) = self.state.certificate_by_renewal_id(replaced.as_str()) {
            self.state.change_certificate(id, |certificate| certificate.replaced_by = Some(by));
        }
    }
}

/// A member with an RFC 3339 time (§7.4), cut to whole seconds.
fn time(payload: &Map<String, Value>, name: &str) -> Result<Option<Timestamp>, Refusal> {
    match payload.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => match text.parse::<Timestamp>() {
            Ok(time) => Ok(Some(super::core::seconds(time.into()))),
            Err(_) => Err(Refusal::malformed(format!("{name} is no RFC 3339 time"))),
        },
        Some(_) => Err(Refusal::malformed(format!("{name} is no RFC 3339 time"))),
    }
}
