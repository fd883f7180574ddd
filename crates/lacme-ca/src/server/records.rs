//! What the server remembers. Each record is one JSON document in the store.

use std::sync::Arc;

use acme_proto::{
    AccountStatus, AuthorizationStatus, CertificateId, ChallengeStatus, ChallengeType, Identifier,
    Jwk, OrderStatus, Problem, RevocationReason, Thumbprint, Token,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::id::Id;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) key: Jwk,
    pub(super) status: AccountStatus,
    pub(super) contact: Vec<String>,
    /// The terms that were agreed to, by their URL.
    pub(super) agreed: Option<String>,
    /// The `kid` of the external account it is bound to.
    pub(super) external: Option<String>,
    pub(super) created: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Order {
    pub(super) account: Id,
    pub(super) created: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) identifiers: Vec<Identifier>,
    pub(super) not_before: Option<Timestamp>,
    pub(super) not_after: Option<Timestamp>,
    pub(super) profile: Option<String>,
    pub(super) replaces: Option<CertificateId>,
    pub(super) authorizations: Vec<Id>,
    pub(super) progress: Progress,
}

/// How far an order has come, apart from what its authorizations tell.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Progress {
    /// Pending, ready, or invalid by its authorizations.
    Open,
    /// Finalized; the certificate is being made.
    Processing(Box<Finalized>),
    /// The certificate with the order's id is there.
    Valid,
    Failed(Box<Problem>),
}

/// What a finalized order needs to become a certificate, after a restart too.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Finalized {
    #[serde(with = "base64url")]
    pub(super) csr: Vec<u8>,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Authorization {
    pub(super) account: Id,
    /// Without `*.`.
    pub(super) identifier: Identifier,
    pub(super) wildcard: bool,
    /// Never `expired`: that is a matter of the time.
    pub(super) status: AuthorizationStatus,
    pub(super) expires: Timestamp,
    /// One for all challenges.
    pub(super) token: Token,
    pub(super) challenges: Vec<Challenge>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Challenge {
    pub(super) kind: ChallengeType,
    pub(super) status: ChallengeStatus,
    pub(super) validated: Option<Timestamp>,
    pub(super) error: Option<Box<Problem>>,
}

/// A certificate; it has the id of its order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Certificate {
    pub(super) account: Id,
    /// Its own PEM block.
    pub(super) leaf: String,
    /// What follows the leaf: the default chain, then the alternate ones. All certificates of one
    /// issuer share these texts.
    #[serde(with = "shared")]
    pub(super) chains: Vec<Arc<str>>,
    /// SHA-256 of the DER.
    #[serde(with = "base64url")]
    pub(super) digest: Vec<u8>,
    /// The content octets of the DER INTEGER.
    #[serde(with = "base64url")]
    pub(super) serial: Vec<u8>,
    pub(super) renewal_id: Option<CertificateId>,
    /// Of its public key.
    pub(super) key: Thumbprint,
    pub(super) identifiers: Vec<Identifier>,
    pub(super) not_before: Timestamp,
    pub(super) not_after: Timestamp,
    pub(super) revoked: Option<(Timestamp, RevocationReason)>,
    /// The order that takes its place (RFC 9773 §5).
    pub(super) replaced_by: Option<Id>,
    /// A window that was set by hand, and the page that explains it.
    pub(super) renewal: Option<(Timestamp, Timestamp, Option<String>)>,
}

impl Authorization {
    pub(super) fn status(&self, now: Timestamp) -> AuthorizationStatus {
        use AuthorizationStatus::{Expired, Pending, Valid};
        match self.status {
            Pending | Valid if self.expires <= now => Expired,
            status => status,
        }
    }

    pub(super) fn challenge(&self, kind: &ChallengeType) -> Option<&Challenge> {
        self.challenges.iter().find(|challenge| challenge.kind == *kind)
    }

    pub(super) fn challenge_mut(&mut self, kind: &ChallengeType) -> Option<&mut Challenge> {
        self.challenges.iter_mut().find(|challenge| challenge.kind == *kind)
    }

    pub(super) fn is_processing(&self) -> bool {
        let processing = |c: &Challenge| c.status == ChallengeStatus::Processing;
        self.status == AuthorizationStatus::Pending && self.challenges.iter().any(processing)
    }
}

impl Order {
    /// Its state (RFC 8555 §7.1.6), as its own progress and its authorizations tell. `None` stands
    /// for an authorization that is forgotten.
    pub(super) fn status<'a>(
        &self,
        now: Timestamp,
        authorizations: impl Iterator<Item = Option<&'a Authorization>>,
    ) -> OrderStatus {
        match &self.progress {
            Progress::Valid => OrderStatus::Valid,
            Progress::Failed(_) => OrderStatus::Invalid,
            Progress::Processing(_) => OrderStatus::Processing,
            Progress::Open if self.expires <= now => OrderStatus::Invalid,
            Progress::Open => {
                let mut status = OrderStatus::Ready;
                for authorization in authorizations {
                    match authorization.map(|a| a.status(now)) {
                        Some(AuthorizationStatus::Valid) => {}
                        Some(AuthorizationStatus::Pending) => status = OrderStatus::Pending,
                        _ => return OrderStatus::Invalid,
                    }
                }
                status
            }
        }
    }
}

impl Certificate {
    /// The chain with this number, leaf first.
    pub(super) fn chain(&self, number: usize) -> Option<String> {
        Some(format!("{}{}", self.leaf, self.chains.get(number)?))
    }
}

mod base64url {
    use base64ct::{Base64UrlUnpadded, Encoding as _};
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&Base64UrlUnpadded::encode_string(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        Base64UrlUnpadded::decode_vec(&String::deserialize(d)?).map_err(serde::de::Error::custom)
    }
}

mod shared {
    use std::sync::Arc;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(texts: &[Arc<str>], s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(texts.iter().map(|text| &**text))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<Arc<str>>, D::Error> {
        let texts = Vec::<String>::deserialize(d)?;
        Ok(texts.into_iter().map(Arc::from).collect())
    }
}
