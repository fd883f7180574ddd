//! newAuthz and authorizations (RFC 8555 §7.4.1, §7.5).

use acme_proto::{AuthorizationStatus, ChallengeStatus, ChallengeType, Identifier};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Body};
use super::core::AcmeServer;
use super::id::Id;
use super::jws::Payload;
use super::limits::signed;
use super::problem::Refusal;
use super::records::{Authorization, Challenge};
use super::state::later;

impl AcmeServer {
    /// §7.4.1.
    pub(super) fn new_authorization(
        &mut self,
        account: Id,
        payload: Map<String, Value>,
        now: Timestamp,
    ) -> Result<Answer, Refusal> {
        if !self.config.new_authz {
            return Err(Refusal::not_found("resource"));
        }
        self.check_terms(account)?;
        let Some(value) = payload.get("identifier") else {
            return Err(Refusal::malformed("the payload has no identifier"));
        };
        let identifier = match self.identifier(value)? {
            // "the server MUST NOT [...] wildcard domain name"
            Ok(identifier) if identifier.is_wildcard() => {
                return Err(Refusal::malformed("a wildcard is authorized by an order alone"));
            }
            Ok(identifier) => identifier,
            Err(refused) => return Err(Refusal::identifiers(vec![refused])),
        };
        let known = self.state.proven(account, &identifier, false, now);
        let (status, id) = match known.filter(|_| self.config.reuse_authorizations) {
            Some(id) => (StatusCode::OK, id),
            None => {
                self.check_room()?;
                let id = self.create_authorization(account, identifier, false, now);
                (StatusCode::CREATED, id)
            }
        };
        let object = self.authorization_object(id, &self.state.authorizations()[&id], now);
        Ok(Answer::new(status, Body::Json(object)).with_location(&self.urls.authorization(id)))
    }

    /// §7.5: read, or §7.5.2: deactivated.
    pub(super) fn authorization(
        &mut self,
        id: Id,
        sender: Id,
        payload: Payload,
        now: Timestamp,
    ) -> Result<Answer, Refusal> {
        let status = self.own_authorization(id, sender)?.status(now);
        if let Payload::Object(payload) = payload {
            use AuthorizationStatus::{Deactivated, Pending, Valid};
            match (payload.get("status").and_then(Value::as_str), status) {
                (Some("deactivated"), Pending | Valid | Deactivated) => {
                    self.state.change_authorization(id, |authorization| {
                        authorization.status = Deactivated;
                    });
                }
                (Some("deactivated"), _) => {
                    return Err(Refusal::malformed("the authorization is over already"));
                }
                _ => {
                    let detail = "the only change of an authorization is the status deactivated";
                    return Err(Refusal::malformed(detail));
                }
            }
        }
        let authorization = &self.state.authorizations()[&id];
        Ok(Answer::ok(self.authorization_object(id, authorization, now))
            .with_retry_after_if(authorization.is_processing(), self.config.retry_after))
    }

    pub(super) fn own_authorization(&self, id: Id, sender: Id) -> Result<&Authorization, Refusal> {
        match self.state.authorizations().get(&id) {
            Some(authorization) if authorization.account == sender => Ok(authorization),
            Some(_) => Err(Refusal::forbidden("this authorization is another account's")),
            None => Err(Refusal::not_found("authorization")),
        }
    }

    /// A pending authorization with every challenge that can prove its identifier.
    pub(super) fn create_authorization(
        &mut self,
        account: Id,
        identifier: Identifier,
        wildcard: bool,
        now: Timestamp,
    ) -> Id {
        let wanted = match (&identifier, wildcard) {
            (Identifier::Dns(name), true) => Identifier::parse(&format!("*.{name}")).ok(),
            _ => None,
        };
        let wanted = wanted.unwrap_or_else(|| identifier.clone());
        let challenges = self.offered_challenges(&wanted).map(|kind| Challenge {
            kind: kind.clone(),
            status: ChallengeStatus::Pending,
            validated: None,
            error: None,
        });
        let challenges = challenges.collect();
        let (id, token) = (self.draw_id(), self.draw_token());
        let authorization = Authorization {
            account,
            identifier,
            wildcard,
            status: AuthorizationStatus::Pending,
            expires: later(now, signed(self.config.order_lifetime)),
            token,
            challenges,
        };
        self.state.insert_authorization(id, authorization);
        id
    }

    /// The challenges that can prove an identifier, which may be a wildcard.
    pub(super) fn offered_challenges(
        &self,
        identifier: &Identifier,
    ) -> impl Iterator<Item = &ChallengeType> {
        // Without an issuer's name nobody could write the persistent record.
        let nameless = self.config.caa_identities.is_empty();
        let offered = self.config.challenges.iter();
        offered
            .filter(move |kind| !(nameless && **kind == ChallengeType::DnsPersist01))
            .filter(move |kind| kind.can_prove(identifier))
    }

    fn authorization_object(&self, id: Id, authorization: &Authorization, now: Timestamp) -> Value {
        let challenges = authorization.challenges.iter();
        let challenges: Vec<_> = challenges
            .map(|challenge| self.challenge_object(id, authorization, challenge))
            .collect();
        let mut object = json!({
            "identifier": authorization.identifier,
            "status": authorization.status(now),
            "expires": authorization.expires,
            "challenges": challenges,
        });
        if authorization.wildcard {
            object["wildcard"] = true.into();
        }
        object
    }
}
