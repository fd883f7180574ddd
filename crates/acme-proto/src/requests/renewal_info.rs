use super::{Call, Request, Resource, json};
use crate::HttpResponse;
use crate::ari::CertificateId;
use crate::error::{ParseError, Unsupported};
use crate::objects::{Directory, RenewalInfo};
use crate::retry::RetryAfter;

/// Asks when to renew a certificate (RFC 9773 §4.1): a plain GET, no account needed.
#[derive(Clone, Debug)]
pub struct GetRenewalInfo {
    /// The certificate.
    pub id: CertificateId,
}

/// The CA's suggestion and when to ask again.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RenewalInfoAnswer {
    /// The suggestion.
    pub info: RenewalInfo,
    /// When the server would like to be asked again; see
    /// [`ari::next_poll`](crate::ari::next_poll) for the bounds.
    pub retry_after: Option<RetryAfter>,
}

impl Request for GetRenewalInfo {
    type Response = RenewalInfoAnswer;

    fn call(&self, directory: &Directory) -> Result<Call, Unsupported> {
        let base = directory.renewal_info.as_ref().ok_or(Unsupported::RenewalInfo)?;
        let text = format!("{}/{}", base.as_str().trim_end_matches('/'), self.id);
        let url = crate::objects::Url::parse(text).map_err(|_| Unsupported::RenewalInfo)?;
        Ok(Call::get(Resource::RenewalInfo, &url))
    }

    fn parse(&self, _: &Call, response: &HttpResponse) -> Result<RenewalInfoAnswer, ParseError> {
        let retry_after = RetryAfter::from_headers(response.headers());
        Ok(RenewalInfoAnswer { info: json(response)?, retry_after })
    }
}
