//! Reading authorizations: which challenge to answer, and which one failed.

use serde::{Deserialize, Serialize};

use super::{FailedChallenge, IssuanceError, Plan};
use crate::crypto::Digest;
use crate::error::CallError;
use crate::objects::{
    Authorization, AuthorizationStatus, Challenge, ChallengeStatus, ChallengeType, Identifier,
};
use crate::proof::Proof;
use crate::requests::{AnswerChallenge, Call};

/// Which challenge of which name a call answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Subject {
    pub(super) identifier: Identifier,
    pub(super) kind: ChallengeType,
}

/// Challenges to answer, and which ones they are.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Answers {
    pub(super) calls: Vec<Call>,
    pub(super) about: Vec<Subject>,
}

/// Why the authorizations are read once more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Cause {
    /// The order is invalid: which challenge was it?
    OrderInvalid,
    /// Answers to challenges of these names were refused.
    AnswerRefused { error: CallError, names: Vec<Identifier> },
    /// The order stays pending: some CAs leave it so after a failed challenge.
    StillPending,
}

/// What an order's authorizations leave to do.
#[derive(Default)]
pub(super) struct Work {
    pub(super) proofs: Vec<Proof>,
    pub(super) answers: Answers,
    /// Challenges that an earlier run answered and that the CA still works on.
    pub(super) carried_over: bool,
}

/// Picks the challenge that `plan` means for each authorization that is not valid yet.
pub(super) fn work(
    plan: &Plan,
    authorizations: &[Authorization],
    digest: &dyn Digest,
) -> Result<Work, IssuanceError> {
    let mut work = Work::default();
    for authorization in authorizations {
        match authorization.status {
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Pending => {}
            AuthorizationStatus::Invalid => {
                return Err(IssuanceError::Challenges(failures(plan, authorizations)));
            }
            status => {
                return Err(IssuanceError::AuthorizationLost {
                    identifier: name(authorization),
                    status,
                });
            }
        }
        let wanted = planned(plan, authorization);
        let challenge =
            authorization.challenge(wanted).ok_or_else(|| IssuanceError::ChallengeNotOffered {
                identifier: name(authorization),
                wanted: wanted.clone(),
                offered: authorization.challenges.iter().map(|c| c.kind.clone()).collect(),
            })?;
        match challenge.status {
            ChallengeStatus::Valid => continue,
            ChallengeStatus::Invalid => {
                return Err(IssuanceError::Challenges(failures(plan, authorizations)));
            }
            _ => {}
        }
        let proof = Proof::of(challenge, authorization, &plan.thumbprint, &plan.account, digest)
            .map_err(|error| IssuanceError::Proof { identifier: name(authorization), error })?;
        work.proofs.push(proof);
        if challenge.status == ChallengeStatus::Processing {
            work.carried_over = true; // answered already; a second answer confuses some CAs
            continue;
        }
        let url = challenge.url.clone();
        work.answers.calls.push(AnswerChallenge { url }.to_call());
        work.answers.about.push(Subject { identifier: name(authorization), kind: wanted.clone() });
    }
    Ok(work)
}

/// The challenges that failed for good.
pub(super) fn failures(plan: &Plan, authorizations: &[Authorization]) -> Vec<FailedChallenge> {
    authorizations.iter().filter_map(|authorization| failure(plan, authorization)).collect()
}

/// A valid authorization may keep a failed challenge from before, and a pending one a challenge
/// that failed when it was tried instead of ours; so only an invalid one is searched through.
fn failure(plan: &Plan, authorization: &Authorization) -> Option<FailedChallenge> {
    let ours = authorization.challenge(planned(plan, authorization));
    let challenge = match authorization.status {
        AuthorizationStatus::Pending => Some(ours.filter(|challenge| has_failed(challenge))?),
        AuthorizationStatus::Invalid => {
            let mut all = authorization.challenges.iter();
            // Some CAs mark only the authorization and leave the reason at the challenge.
            all.find(|challenge| has_failed(challenge)).or(ours)
        }
        _ => return None,
    };
    Some(FailedChallenge {
        identifier: name(authorization),
        kind: challenge.map(|challenge| challenge.kind.clone()),
        problem: challenge.and_then(|challenge| challenge.error.clone()),
    })
}

/// Invalid, or pending again with an error. One that is processing with an error will be tried
/// again by the server (RFC 8555 §8.2).
pub(super) fn has_failed(challenge: &Challenge) -> bool {
    match challenge.status {
        ChallengeStatus::Invalid => true,
        ChallengeStatus::Pending => challenge.error.is_some(),
        _ => false,
    }
}

/// Whether the CA has not begun to look at the authorization of one of these names.
pub(super) fn is_any_untouched(names: &[Identifier], authorizations: &[Authorization]) -> bool {
    let idle = |challenge: &Challenge| challenge.status == ChallengeStatus::Pending;
    authorizations.iter().any(|authorization| {
        authorization.status == AuthorizationStatus::Pending
            && authorization.challenges.iter().all(idle)
            && names.contains(&name(authorization))
    })
}

impl Subject {
    pub(super) fn failed(self, challenge: Challenge) -> FailedChallenge {
        FailedChallenge {
            identifier: self.identifier,
            kind: Some(self.kind),
            problem: challenge.error,
        }
    }
}

/// The name as it was asked for, `*.` included.
fn name(authorization: &Authorization) -> Identifier {
    match &authorization.identifier {
        Identifier::Dns(base) if authorization.wildcard && !base.is_wildcard() => {
            Identifier::parse(&format!("*.{base}"))
                .unwrap_or_else(|_| authorization.identifier.clone())
        }
        identifier => identifier.clone(),
    }
}

/// The planned challenge. An authorization that fits no identifier is for a domain above one
/// (RFC 9444), so it takes that one's; the order's first serves where even that fails.
fn planned<'a>(plan: &'a Plan, authorization: &Authorization) -> &'a ChallengeType {
    const HTTP_01: &ChallengeType = &ChallengeType::Http01;
    let pairs = || plan.order.identifiers.iter().zip(&plan.challenges);
    let above = format!(".{}", authorization.identifier.without_wildcard());
    pairs()
        .find(|(identifier, _)| authorization.covers(identifier))
        .or_else(|| pairs().find(|(identifier, _)| identifier.value().ends_with(&above)))
        .map(|(_, kind)| kind)
        .or(plan.challenges.first())
        .unwrap_or(HTTP_01)
}
