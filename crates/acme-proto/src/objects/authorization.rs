use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{Challenge, ChallengeType, Identifier, null_is_empty, rfc3339_option};

/// The CA's view of whether an account controls an identifier (RFC 8555 §7.1.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Authorization {
    /// What is authorized; for a wildcard its base domain.
    pub identifier: Identifier,
    /// Its state.
    pub status: AuthorizationStatus,
    /// When it ends.
    #[serde(default, with = "rfc3339_option", skip_serializing_if = "Option::is_none")]
    pub expires: Option<SystemTime>,
    /// The ways to prove control; any one of them will do.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub challenges: Vec<Challenge>,
    /// Whether it is for the wildcard below `identifier`.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub wildcard: bool,
}

impl Authorization {
    /// The challenge of this type, where the server offers it.
    pub fn challenge(&self, kind: &ChallengeType) -> Option<&Challenge> {
        self.challenges.iter().find(|challenge| challenge.kind == *kind)
    }

    /// Whether it is for `wanted`, which may be a wildcard name. Servers differ in whether
    /// `identifier` keeps the `*.`, so only base name and flag count.
    pub fn covers(&self, wanted: &Identifier) -> bool {
        let wildcard = self.wildcard || self.identifier.is_wildcard();
        wildcard == wanted.is_wildcard()
            && self.identifier.without_wildcard() == wanted.without_wildcard()
    }
}

/// The state of an authorization (RFC 8555 §7.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum AuthorizationStatus {
    /// No challenge has succeeded yet.
    Pending,
    /// Control is proven.
    Valid,
    /// A challenge failed.
    Invalid,
    /// The account gave it up.
    Deactivated,
    /// Its time is over.
    Expired,
    /// The CA withdrew it.
    Revoked,
    /// A state that this version does not know.
    #[serde(other)]
    Unknown,
}
