use serde_json::json;

use super::{Call, Request, Resource, json as body};
use crate::HttpResponse;
use crate::error::{ParseError, Unsupported};
use crate::objects::{Challenge, Directory, Url};

/// Tells the server that the proof stands and may be looked at (RFC 8555 §7.5.1). The payload is
/// `{}`; an empty one would be a read.
#[derive(Clone, Debug)]
pub struct AnswerChallenge {
    /// The challenge's URL.
    pub url: Url,
}

impl AnswerChallenge {
    /// The call; it needs no directory.
    pub(crate) fn to_call(&self) -> Call {
        Call::post(Resource::Challenge, &self.url, json!({}))
    }
}

impl Request for AnswerChallenge {
    type Response = Challenge;
    fn call(&self, _: &Directory) -> Result<Call, Unsupported> {
        Ok(self.to_call())
    }
    fn parse(&self, _: &Call, response: &HttpResponse) -> Result<Challenge, ParseError> {
        body(response)
    }
}

/// Reads a challenge (RFC 8555 §7.5.1).
#[derive(Clone, Debug)]
pub struct GetChallenge {
    /// The challenge's URL.
    pub url: Url,
}

impl Request for GetChallenge {
    type Response = Challenge;
    fn call(&self, _: &Directory) -> Result<Call, Unsupported> {
        Ok(Call::post_as_get(Resource::Challenge, &self.url))
    }
    fn parse(&self, _: &Call, response: &HttpResponse) -> Result<Challenge, ParseError> {
        body(response)
    }
}
