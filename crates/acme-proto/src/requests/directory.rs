use super::{Call, Request, Resource, json};
use crate::HttpResponse;
use crate::error::{ParseError, Unsupported};
use crate::objects::{Directory, Url};

/// Fetches a directory (RFC 8555 §7.1.1): the one thing to know of a CA is its directory's URL.
#[derive(Clone, Debug)]
pub struct GetDirectory {
    /// The directory's URL.
    pub url: Url,
}

impl GetDirectory {
    /// The call, which needs no directory yet.
    pub fn to_call(&self) -> Call {
        Call::get(Resource::Directory, &self.url)
    }
}

impl Request for GetDirectory {
    type Response = Directory;

    fn call(&self, _: &Directory) -> Result<Call, Unsupported> {
        Ok(self.to_call())
    }

    fn parse(&self, _: &Call, response: &HttpResponse) -> Result<Directory, ParseError> {
        json(response)
    }
}
