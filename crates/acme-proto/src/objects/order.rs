use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use super::{Identifier, Problem, Url, null_is_empty, odd_is_absent, rfc3339_option};

/// A request for one certificate, as it stands at the CA (RFC 8555 §7.1.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Order {
    /// How far it has come.
    pub status: OrderStatus,
    /// When the CA forgets it.
    #[serde(default, with = "rfc3339_option", skip_serializing_if = "Option::is_none")]
    pub expires: Option<SystemTime>,
    /// What the certificate shall name.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub identifiers: Vec<Identifier>,
    /// The begin of validity that was asked for.
    #[serde(default, with = "rfc3339_option", skip_serializing_if = "Option::is_none")]
    pub not_before: Option<SystemTime>,
    /// The end of validity that was asked for.
    #[serde(default, with = "rfc3339_option", skip_serializing_if = "Option::is_none")]
    pub not_after: Option<SystemTime>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
    /// What has to be proven. In any order, and not always one for each identifier.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub authorizations: Vec<Url>,
    /// Where to send the certificate signing request.
    pub finalize: Url,
    /// Where the certificate is, once the order is valid.
    #[serde(default, deserialize_with = "odd_is_absent", skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Url>,
    /// The certificate that this order replaces (RFC 9773 §5).
    #[serde(default, deserialize_with = "odd_is_absent", skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
    /// The profile in force (draft-ietf-acme-profiles).
    #[serde(default, deserialize_with = "odd_is_absent", skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
}

/// The state of an order (RFC 8555 §7.1.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum OrderStatus {
    /// Authorizations are missing.
    Pending,
    /// It can be finalized.
    Ready,
    /// The certificate is being made.
    Processing,
    /// The certificate is there.
    Valid,
    /// It failed.
    Invalid,
    /// A state that this version does not know.
    #[serde(other)]
    Unknown,
}
