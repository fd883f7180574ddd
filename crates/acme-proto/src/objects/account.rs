use serde::{Deserialize, Serialize};

use super::{Url, null_is_empty, odd_is_absent};

/// An account as the CA describes it (RFC 8555 §7.1.2).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Account {
    /// Whether the account can be used. An answer without it counts as valid: some CAs leave it out
    /// where they found an existing account.
    #[serde(default)]
    pub status: AccountStatus,
    /// URLs by which the CA can reach the holder, usually `mailto:`.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub contact: Vec<String>,
    /// Whether the holder agreed to the terms of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms_of_service_agreed: Option<bool>,
    /// Where the account's orders are listed (§7.1.2.1); many CAs do not offer it.
    #[serde(default, deserialize_with = "odd_is_absent", skip_serializing_if = "Option::is_none")]
    pub orders: Option<Url>,
}

/// The state of an account (RFC 8555 §7.1.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum AccountStatus {
    /// It can be used.
    #[default]
    Valid,
    /// Its holder gave it up, for good.
    Deactivated,
    /// The CA withdrew it.
    Revoked,
    /// A state that this version does not know.
    #[serde(other)]
    Unknown,
}

impl AccountStatus {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Deactivated => "deactivated",
            Self::Revoked => "revoked",
            Self::Unknown => "unknown",
        }
    }
}

/// One page of an account's orders (RFC 8555 §7.1.2.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrdersPage {
    /// URLs of orders.
    pub orders: Vec<Url>,
    /// Where the list goes on, from the `next` link.
    pub next: Option<Url>,
}
