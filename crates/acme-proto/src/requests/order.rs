use std::time::SystemTime;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, json};

use super::{Call, Located, Request, Resource, json as body};
use crate::HttpResponse;
use crate::ari::CertificateId;
use crate::error::{ParseError, Unsupported, location};
use crate::jose::base64url;
use crate::objects::{Directory, Identifier, Order, Url, rfc3339_option};

/// Orders a certificate (RFC 8555 §7.4).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NewOrder {
    /// What the certificate shall name.
    pub identifiers: Vec<Identifier>,
    /// The wished begin of validity; Boulder refuses it.
    #[serde(default, with = "rfc3339_option")]
    pub not_before: Option<SystemTime>,
    /// The wished end of validity; Boulder refuses it.
    #[serde(default, with = "rfc3339_option")]
    pub not_after: Option<SystemTime>,
    /// A profile that the directory lists (draft-ietf-acme-profiles).
    pub profile: Option<String>,
    /// The certificate that the new one takes over from (RFC 9773 §5). Sent only where the
    /// directory has `renewalInfo`.
    pub replaces: Option<CertificateId>,
}

impl NewOrder {
    /// An order for these identifiers and nothing special.
    pub fn new(identifiers: impl Into<Vec<Identifier>>) -> Self {
        Self { identifiers: identifiers.into(), ..Self::default() }
    }
    /// The call; every directory has what it needs.
    pub(crate) fn to_call(&self, directory: &Directory) -> Call {
        let mut payload = Map::new();
        payload.insert("identifiers".to_owned(), json!(self.identifiers));
        for (name, time) in [("notBefore", self.not_before), ("notAfter", self.not_after)] {
            // A time beyond the calendar cannot be asked for.
            if let Some(time) = time.and_then(|time| Timestamp::try_from(time).ok()) {
                let seconds = Timestamp::from_second(time.as_second()).unwrap_or(time);
                payload.insert(name.to_owned(), json!(seconds));
            }
        }
        if let Some(profile) = &self.profile {
            payload.insert("profile".to_owned(), json!(profile));
        }
        if let Some(id) = self.replaces.as_ref().filter(|_| directory.renewal_info.is_some()) {
            payload.insert("replaces".to_owned(), json!(id));
        }
        Call::post(Resource::NewOrder, &directory.new_order, payload.into())
    }
}

impl Request for NewOrder {
    type Response = Located<Order>;

    fn call(&self, directory: &Directory) -> Result<Call, Unsupported> {
        Ok(self.to_call(directory))
    }

    fn parse(&self, call: &Call, response: &HttpResponse) -> Result<Located<Order>, ParseError> {
        Ok(Located { url: location(response.headers(), &call.url)?, object: body(response)? })
    }
}

/// Reads an order (RFC 8555 §7.4).
#[derive(Clone, Debug)]
pub struct GetOrder {
    /// The order's URL.
    pub url: Url,
}

impl Request for GetOrder {
    type Response = Order;
    fn call(&self, _: &Directory) -> Result<Call, Unsupported> {
        Ok(Call::post_as_get(Resource::Order, &self.url))
    }
    fn parse(&self, _: &Call, response: &HttpResponse) -> Result<Order, ParseError> {
        body(response)
    }
}

/// Hands in the certificate signing request (RFC 8555 §7.4). Allowed only while the order is ready.
#[derive(Clone, Debug)]
pub struct FinalizeOrder {
    /// The order's `finalize` URL.
    pub url: Url,
    /// The request in DER.
    pub csr: Vec<u8>,
}

impl FinalizeOrder {
    /// The call; it needs no directory.
    pub(crate) fn to_call(&self) -> Call {
        let payload = json!({ "csr": base64url(&self.csr) });
        Call::post(Resource::Finalize, &self.url, payload)
    }
}

impl Request for FinalizeOrder {
    type Response = Order;
    fn call(&self, _: &Directory) -> Result<Call, Unsupported> {
        Ok(self.to_call())
    }
    fn parse(&self, _: &Call, response: &HttpResponse) -> Result<Order, ParseError> {
        body(response)
    }
}
