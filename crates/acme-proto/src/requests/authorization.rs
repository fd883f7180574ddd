use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Call, Request, Resource, json as body};
use crate::HttpResponse;
use crate::error::{ParseError, Unsupported, location};
use crate::objects::{Authorization, Directory, Identifier, Url};

/// An object and the URL in the `Location` of the answer that made it. The object itself never
/// repeats it, so it has to be kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Located<T> {
    /// Where the object is.
    pub url: Url,
    /// The object.
    pub object: T,
}

/// Asks for an authorization ahead of any order (RFC 8555 §7.4.1).
#[derive(Clone, Debug)]
pub struct NewAuthorization {
    /// What to authorize; never a wildcard.
    pub identifier: Identifier,
}

impl Request for NewAuthorization {
    type Response = Located<Authorization>;
    fn call(&self, directory: &Directory) -> Result<Call, Unsupported> {
        let url = directory.new_authz.as_ref().ok_or(Unsupported::NewAuthorization)?;
        Ok(Call::post(Resource::NewAuthz, url, json!({ "identifier": self.identifier })))
    }
    fn parse(&self, call: &Call, response: &HttpResponse) -> Result<Self::Response, ParseError> {
        Ok(Located { url: location(response.headers(), &call.url)?, object: body(response)? })
    }
}

/// Reads an authorization (RFC 8555 §7.5).
#[derive(Clone, Debug)]
pub struct GetAuthorization {
    /// The authorization's URL.
    pub url: Url,
}

impl Request for GetAuthorization {
    type Response = Authorization;
    fn call(&self, _: &Directory) -> Result<Call, Unsupported> {
        Ok(Call::post_as_get(Resource::Authorization, &self.url))
    }
    fn parse(&self, _: &Call, response: &HttpResponse) -> Result<Authorization, ParseError> {
        body(response)
    }
}

/// Gives an authorization up (RFC 8555 §7.5.2).
#[derive(Clone, Debug)]
pub struct DeactivateAuthorization {
    /// The authorization's URL.
    pub url: Url,
}

impl Request for DeactivateAuthorization {
    type Response = Authorization;
    fn call(&self, _: &Directory) -> Result<Call, Unsupported> {
        Ok(Call::post(Resource::Authorization, &self.url, json!({ "status": "deactivated" })))
    }
    fn parse(&self, _: &Call, response: &HttpResponse) -> Result<Authorization, ParseError> {
        body(response)
    }
}
