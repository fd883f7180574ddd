//! Whether somebody controls an identifier: the challenges of RFC 8555 §8 and its relatives, from
//! the side of the CA.

mod addresses;
mod dns;
mod http01;
mod network;
mod persist;
mod problems;
mod tls;
mod tls_alpn01;
mod txt;

use acme_proto::{ChallengeType, Identifier, Problem, Token, Url};
use async_trait::async_trait;

pub use addresses::AddressPreference;
pub use dns::ResolverError;
pub use network::{NetworkValidator, NetworkValidatorBuilder};

/// One challenge that a client says it has answered, with all that its validation needs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Validation {
    /// What is proven; for a wildcard its base domain.
    pub identifier: Identifier,
    /// Whether the authorization is for the wildcard below `identifier`.
    pub wildcard: bool,
    /// How it is proven.
    pub challenge: ChallengeType,
    /// The challenge's token; dns-persist-01 has none.
    pub token: Option<Token>,
    /// The token and the thumbprint of the account's key (RFC 8555 §8.1); empty where there is no
    /// token.
    pub key_authorization: String,
    /// The account's URL, which dns-account-01 and dns-persist-01 build on.
    pub account: Url,
    /// The issuer domain names that a dns-persist-01 record may name.
    pub issuers: Vec<String>,
}

impl Validation {
    /// A validation of `identifier`, without token, key authorization and issuers.
    pub fn new(identifier: Identifier, challenge: ChallengeType, account: Url) -> Self {
        Self {
            identifier,
            wildcard: false,
            challenge,
            token: None,
            key_authorization: String::new(),
            account,
            issuers: Vec::new(),
        }
    }
}

/// Decides whether a challenge is answered.
///
/// Implementations MUST come to an end in bounded time, whatever the other side does, and MUST NOT
/// put more of a foreign answer into a [`Problem`] than a few printable characters.
#[async_trait]
pub trait Validator: Send + Sync {
    /// Looks for the proof.
    ///
    /// # Errors
    /// A problem of the type that RFC 8555 §6.7 gives to the failure, to be shown to the client as
    /// the challenge's `error`.
    async fn validate(&self, validation: &Validation) -> Result<(), Problem>;
}
