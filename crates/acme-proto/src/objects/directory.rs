use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Url, null_is_empty, odd_is_absent};

/// Where a CA's resources are (RFC 8555 §7.1.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Directory {
    /// Where to get a nonce (§7.2).
    pub new_nonce: Url,
    /// Where to create or find an account (§7.3).
    pub new_account: Url,
    /// Where to order a certificate (§7.4).
    pub new_order: Url,
    /// Where to authorize an identifier ahead of an order (§7.4.1); few CAs offer it.
    #[serde(default, deserialize_with = "odd_is_absent", skip_serializing_if = "Option::is_none")]
    pub new_authz: Option<Url>,
    /// Where to revoke a certificate (§7.6).
    #[serde(default, deserialize_with = "odd_is_absent", skip_serializing_if = "Option::is_none")]
    pub revoke_cert: Option<Url>,
    /// Where to change an account's key (§7.3.5).
    #[serde(default, deserialize_with = "odd_is_absent", skip_serializing_if = "Option::is_none")]
    pub key_change: Option<Url>,
    /// Below which renewal information is found (RFC 9773 §4.1).
    #[serde(default, deserialize_with = "odd_is_absent", skip_serializing_if = "Option::is_none")]
    pub renewal_info: Option<Url>,
    /// What the CA says of itself.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub meta: Meta,
}

/// Metadata of a directory (RFC 8555 §7.1.1, "meta").
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Meta {
    /// The current terms of service.
    #[serde(deserialize_with = "odd_is_absent", skip_serializing_if = "Option::is_none")]
    pub terms_of_service: Option<String>,
    /// The CA's web site.
    #[serde(deserialize_with = "odd_is_absent", skip_serializing_if = "Option::is_none")]
    pub website: Option<String>,
    /// Domain names by which CAA records mean this CA (RFC 8659).
    #[serde(deserialize_with = "odd_is_absent", skip_serializing_if = "Vec::is_empty")]
    pub caa_identities: Vec<String>,
    /// Whether newAccount needs an external account binding.
    pub external_account_required: bool,
    /// Names of the certificate profiles, with a description each (draft-ietf-acme-profiles).
    #[serde(deserialize_with = "odd_is_absent", skip_serializing_if = "BTreeMap::is_empty")]
    pub profiles: BTreeMap<String, String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}
