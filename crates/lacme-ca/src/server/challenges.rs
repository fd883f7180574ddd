//! Challenges: answered, validated, settled (RFC 8555 §7.5.1, §8).

use acme_crypto::AwsLc;
use acme_proto::{AuthorizationStatus, ChallengeStatus, ChallengeType, Problem, proof};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::answer::Answer;
use super::core::AcmeServer;
use super::id::Id;
use super::jobs::{ChallengeId, Job};
use super::jws::Payload;
use super::limits::signed;
use super::problem::Refusal;
use super::records::{Authorization, Challenge};
use super::state::later;
use crate::validation::Validation;

impl AcmeServer {
    /// A read, or the client's word that the proof stands.
    pub(super) fn challenge(
        &mut self,
        id: Id,
        kind: &ChallengeType,
        sender: Id,
        payload: Payload,
        now: Timestamp,
    ) -> Result<Answer, Refusal> {
        let authorization = self.own_authorization(id, sender)?;
        let Some(challenge) = authorization.challenge(kind) else {
            return Err(Refusal::not_found("challenge"));
        };
        if let Payload::Object(_) = payload {
            // Said a second time, as after a lost answer, it changes nothing.
            if challenge.status == ChallengeStatus::Pending {
                if authorization.status(now) != AuthorizationStatus::Pending {
                    let detail = "the authorization is not pending any more";
                    return Err(Refusal::malformed(detail));
                }
                self.state.change_authorization(id, |authorization| {
                    if let Some(challenge) = authorization.challenge_mut(kind) {
                        challenge.status = ChallengeStatus::Processing;
                    }
                });
                self.begin_validation(id, kind);
            }
        }
        let authorization = self.own_authorization(id, sender)?;
        let challenge = authorization.challenge(kind);
        let challenge = challenge.ok_or_else(|| Refusal::not_found("challenge"))?;
        let processing = challenge.status == ChallengeStatus::Processing;
        // §7.1: "up" from a challenge to its authorization.
        Ok(Answer::ok(self.challenge_object(id, authorization, challenge))
            .with_link(&self.urls.authorization(id), "up")
            .with_retry_after_if(processing, self.config.retry_after))
    }

    /// Asks again for the validations that a former run began.
    pub(super) fn resume_validations(&mut self) {
        let mut begun = Vec::new();
        for (id, authorization) in self.state.authorizations() {
            if authorization.status == AuthorizationStatus::Pending {
                let processing = authorization.challenges.iter();
                let processing = processing.filter(|c| c.status == ChallengeStatus::Processing);
                begun.extend(processing.map(|challenge| (*id, challenge.kind.clone())));
            }
        }
        for (id, kind) in begun {
            self.begin_validation(id, &kind);
        }
    }

    /// §7.1.6: one challenge decides its authorization.
    pub(super) fn settle_challenge(
        &mut self,
        ChallengeId(id, kind): &ChallengeId,
        result: Result<(), Problem>,
        now: Timestamp,
    ) {
        let Some(authorization) = self.state.authorizations().get(id) else {
            return;
        };
        let waiting = authorization.status(now) == AuthorizationStatus::Pending;
        let challenge = authorization.challenge(kind);
        if !waiting || challenge.map(|c| c.status) != Some(ChallengeStatus::Processing) {
            return;
        }
        let valid_until = later(now, signed(self.config.authorization_lifetime));
        self.state.change_authorization(*id, |authorization| {
            // §7.1.4: from now on only the challenge that decided is of interest.
            authorization.challenges.retain(|challenge| challenge.kind == *kind);
            for challenge in &mut authorization.challenges {
                match &result {
                    Ok(()) => {
                        challenge.status = ChallengeStatus::Valid;
                        challenge.validated = Some(now);
                        authorization.status = AuthorizationStatus::Valid;
                        authorization.expires = valid_until;
                    }
                    Err(problem) => {
                        challenge.status = ChallengeStatus::Invalid;
                        challenge.error = Some(Box::new(problem.clone()));
                        authorization.status = AuthorizationStatus::Invalid;
                    }
                }
            }
        });
    }

    pub(super) fn challenge_object(
        &self,
        id: Id,
        authorization: &Authorization,
        challenge: &Challenge,
    ) -> Value {
        let mut object = json!({
            "type": challenge.kind,
            "url": self.urls.challenge(id, &challenge.kind),
            "status": challenge.status,
        });
        if challenge.kind == ChallengeType::DnsPersist01 {
            object["issuer-domain-names"] = json!(self.config.caa_identities);
            object["accounturi"] = json!(self.urls.account(authorization.account));
        } else {
            object["token"] = json!(authorization.token);
        }
        if let Some(validated) = challenge.validated {
            object["validated"] = json!(validated);
        }
        if let Some(error) = &challenge.error {
            object["error"] = json!(error);
        }
        object
    }

    fn begin_validation(&mut self, id: Id, kind: &ChallengeType) {
        let Some(authorization) = self.state.authorizations().get(&id) else {
            return;
        };
        let account = self.state.accounts().get(&authorization.account);
        let Some(account) = account else {
            return;
        };
        let url = self.urls.account(authorization.account);
        let mut validation = Validation::new(authorization.identifier.clone(), kind.clone(), url);
        validation.wildcard = authorization.wildcard;
        if *kind == ChallengeType::DnsPersist01 {
            validation.issuers.clone_from(&self.config.caa_identities);
        } else {
            // §8.1: by the account's key of this moment.
            let thumbprint = account.key.thumbprint(&AwsLc);
            validation.key_authorization =
                proof::key_authorization(&authorization.token, &thumbprint);
            validation.token = Some(authorization.token.clone());
        }
        self.jobs.push(Job::Validate {
            challenge: ChallengeId(id, kind.clone()),
            validation: Box::new(validation),
        });
    }
}
