//! External account binding (RFC 8555 §7.3.4).

use acme_crypto::HmacKey;
use acme_proto::{Jwk, MacAlgorithm, ProblemType};
use http::StatusCode;
use serde_json::{Map, Value};

use super::core::AcmeServer;
use super::json;
use super::jws::{Jws, KeyHeader, read_jwk};
use super::problem::Refusal;

impl AcmeServer {
    /// The external account that a newAccount payload binds `key` to, by its `kid`.
    pub(super) fn external_account(
        &self,
        payload: &Map<String, Value>,
        key: &Jwk,
        url: &str,
    ) -> Result<Option<String>, Refusal> {
        let depth = self.config.limits.depth;
        let binding = match payload.get("externalAccountBinding") {
            Some(Value::Null) | None if self.config.external_account_required => {
                let kind = ProblemType::ExternalAccountRequired;
                let detail = "an account is bound to a customer here (externalAccountBinding)";
                return Err(Refusal::new(StatusCode::FORBIDDEN, kind, detail));
            }
            Some(Value::Null) | None => return Ok(None),
            Some(binding) => Jws::from_value(binding, depth)?,
        };
        let KeyHeader::Kid(kid) = &binding.header.key else {
            return Err(Refusal::malformed("an external account binding has a kid, no jwk"));
        };
        // "The "nonce" field MUST NOT be present"
        if binding.header.nonce.is_some() {
            return Err(Refusal::malformed("an external account binding has no nonce"));
        }
        if binding.header.url != url {
            let detail = "the external account binding is for another URL than the request";
            return Err(Refusal::malformed(detail));
        }
        let algorithm = mac_algorithm(&binding.header.algorithm)?;
        // An unknown kid and a wrong key look alike from outside.
        let refused = || Refusal::forbidden("the external account binding does not hold");
        let mac_key = self.config.external_accounts.get(kid).ok_or_else(refused)?;
        let mac_key: HmacKey = mac_key.clone().with_algorithm(algorithm);
        if !mac_key.verify(binding.signing_input.as_bytes(), &binding.signature) {
            return Err(refused());
        }
        // "the payload [...] is [...] the same public key as the outer JWS"
        match json::parse(&binding.payload, depth) {
            Ok(Value::Object(members)) if read_jwk(&members)? == *key => Ok(Some(kid.clone())),
            _ => Err(Refusal::malformed("the external account binding is for another key")),
        }
    }
}

fn mac_algorithm(name: &str) -> Result<MacAlgorithm, Refusal> {
    let known = [MacAlgorithm::Hs256, MacAlgorithm::Hs384, MacAlgorithm::Hs512];
    let found = known.into_iter().find(|algorithm| algorithm.as_str() == name);
    found.ok_or_else(|| {
        let detail = "an external account binding is authenticated with HS256, HS384 or HS512";
        Refusal::bad_request(ProblemType::BadSignatureAlgorithm, detail)
    })
}
