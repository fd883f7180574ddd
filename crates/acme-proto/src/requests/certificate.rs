use serde::{Deserialize, Serialize};

use super::{Call, Request, Resource};
use crate::HttpResponse;
use crate::error::{ParseError, Unsupported, media_type};
use crate::link::links;
use crate::objects::{Directory, Url};

/// Downloads a certificate chain (RFC 8555 §7.4.2).
#[derive(Clone, Debug)]
pub struct GetCertificate {
    /// The order's `certificate` URL, or an alternate's.
    pub url: Url,
}

/// A downloaded chain, as it came: nothing in it is checked yet but its media type, and that it
/// came to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Download {
    /// The PEM text: leaf first, each certified by the next (§9.1).
    pub pem: String,
    /// Where other chains for the same leaf are.
    pub alternates: Vec<Url>,
}

const PEM_CHAIN: &str = "application/pem-certificate-chain";

impl Request for GetCertificate {
    type Response = Download;

    fn call(&self, _: &Directory) -> Result<Call, Unsupported> {
        Ok(Call::post_as_get(Resource::Certificate, &self.url))
    }

    fn parse(&self, call: &Call, response: &HttpResponse) -> Result<Download, ParseError> {
        let kind = media_type(response.headers()).unwrap_or(PEM_CHAIN);
        if !kind.eq_ignore_ascii_case(PEM_CHAIN) {
            let found = crate::printable(kind);
            return Err(ParseError::ContentType { expected: PEM_CHAIN.to_owned(), found });
        }
        let pem = String::from_utf8(response.body().clone())
            .map_err(|_| ParseError::Json("the certificate is no PEM text".to_owned()))?;
        if is_cut_off(&pem) {
            return Err(ParseError::Json("the certificate chain is cut off".to_owned()));
        }
        Ok(Download { pem, alternates: links(response.headers(), "alternate", &call.url) })
    }
}

/// Whether the text ends within a PEM block. Then the whole of it is still at the server, and
/// another download may bring it.
fn is_cut_off(pem: &str) -> bool {
    let last_end = pem.rsplit_once("-----END ").map(|(_, rest)| rest.trim_end());
    !last_end.is_some_and(|rest| rest.ends_with("-----") && !rest.contains('\n'))
}
