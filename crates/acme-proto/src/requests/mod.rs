//! One file a resource: a typed request becomes a [`Call`], its response a typed value.

mod account;
mod authorization;
mod certificate;
mod challenge;
mod directory;
mod order;
mod renewal_info;
mod revocation;

use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use account::{
    AccountLocation, DeactivateAccount, GetAccount, KeyChange, ListOrders, NewAccount,
    UpdateAccount,
};
pub use authorization::{DeactivateAuthorization, GetAuthorization, Located, NewAuthorization};
pub use certificate::{Download, GetCertificate};
pub use challenge::{AnswerChallenge, GetChallenge};
pub use directory::GetDirectory;
pub use order::{FinalizeOrder, GetOrder, NewOrder};
pub use renewal_info::{GetRenewalInfo, RenewalInfoAnswer};
pub use revocation::RevokeCertificate;

use crate::HttpResponse;
use crate::error::{CallError, ParseError, Unsupported, media_type};
use crate::objects::{Directory, Url};

/// A request of ACME and what it is answered with.
pub trait Request {
    /// What a successful response holds.
    type Response;

    /// The call to make, by the CA's `directory`. Fails where the CA lacks the resource.
    fn call(&self, directory: &Directory) -> Result<Call, Unsupported>;

    /// Reads a successful response. `call` is the one that was made: relative links are resolved
    /// against its URL.
    fn parse(&self, call: &Call, response: &HttpResponse) -> Result<Self::Response, ParseError>;

    /// Reads what came of `call`, good or bad; a response that breaks the protocol says whose it is.
    fn read(
        &self,
        call: &Call,
        result: Result<HttpResponse, CallError>,
    ) -> Result<Self::Response, CallError> {
        let resource = call.resource;
        self.parse(call, &result?).map_err(|error| CallError::Protocol { resource, error })
    }
}

/// One HTTP exchange, before nonce and signature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Call {
    /// What it is about; for messages and metrics.
    pub resource: Resource,
    /// Where it goes; signed verbatim.
    pub url: Url,
    /// What it carries.
    pub payload: Payload,
    /// Who signs it.
    pub key: KeyRef,
}

/// What a call carries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Payload {
    /// A plain, unsigned GET; only directory and renewal information allow it (RFC 8555 §6.3).
    Get,
    /// A signed POST with empty payload (§6.3).
    PostAsGet,
    /// A signed POST.
    Post(Value),
}

/// Which form of key the protected header names (RFC 8555 §6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum KeyRef {
    /// `kid`: the account's URL.
    Account,
    /// `jwk`: the key itself; newAccount, and revocation by the certificate's key.
    Key,
}

/// The resources of RFC 8555 §7.1 and RFC 9773, as names for messages and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
#[allow(missing_docs, reason = "the names say it")]
pub enum Resource {
    Directory,
    NewNonce,
    NewAccount,
    Account,
    Orders,
    KeyChange,
    NewOrder,
    Order,
    Finalize,
    NewAuthz,
    Authorization,
    Challenge,
    Certificate,
    RevokeCert,
    RenewalInfo,
}

impl Resource {
    /// The name, as RFC 8555 writes it where it has one.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::NewNonce => "newNonce",
            Self::NewAccount => "newAccount",
            Self::Account => "account",
            Self::Orders => "orders",
            Self::KeyChange => "keyChange",
            Self::NewOrder => "newOrder",
            Self::Order => "order",
            Self::Finalize => "finalize",
            Self::NewAuthz => "newAuthz",
            Self::Authorization => "authorization",
            Self::Challenge => "challenge",
            Self::Certificate => "certificate",
            Self::RevokeCert => "revokeCert",
            Self::RenewalInfo => "renewalInfo",
        }
    }

    /// Whether a second delivery does no harm, so that a request whose answer was lost may be
    /// sent again. A second newOrder would be a second order, a second newAuthz another
    /// authorization.
    pub fn is_idempotent(self) -> bool {
        !matches!(self, Self::NewOrder | Self::NewAuthz)
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Call {
    pub(crate) fn get(resource: Resource, url: &Url) -> Self {
        Self { resource, url: url.clone(), payload: Payload::Get, key: KeyRef::Key }
    }

    pub(crate) fn post_as_get(resource: Resource, url: &Url) -> Self {
        Self { resource, url: url.clone(), payload: Payload::PostAsGet, key: KeyRef::Account }
    }

    pub(crate) fn post(resource: Resource, url: &Url, payload: Value) -> Self {
        Self { resource, url: url.clone(), payload: Payload::Post(payload), key: KeyRef::Account }
    }

    pub(crate) fn signed_by_key(mut self) -> Self {
        self.key = KeyRef::Key;
        self
    }
}

/// Reads a JSON body, of whatever JSON media type: servers disagree about it, and the shape decides.
fn json<T: DeserializeOwned>(response: &HttpResponse) -> Result<T, ParseError> {
    let body: &[u8] = response.body();
    if body.is_empty() {
        return Err(ParseError::Json("the body is empty".to_owned()));
    }
    if media_type(response.headers()).is_some_and(|kind| kind.eq_ignore_ascii_case("text/html")) {
        return Err(ParseError::ContentType {
            expected: "application/json".to_owned(),
            found: "text/html".to_owned(),
        });
    }
    // serde_json bounds the depth; the transport bounds the size.
    serde_json::from_slice(body)
        .map_err(|error| ParseError::Json(crate::printable(&error.to_string())))
}
