//! Account key rollover (RFC 8555 §7.3.5).

use acme_crypto::AwsLc;
use acme_proto::ProblemType;
use http::StatusCode;
use serde_json::{Map, Value};

use super::answer::Answer;
use super::core::AcmeServer;
use super::id::Id;
use super::jws::{Jws, KeyHeader, Payload, read_jwk};
use super::problem::Refusal;
use super::verify::{check_key, fits};

impl AcmeServer {
    /// The outer JWS holds already; the numbers are those of the section's list of checks.
    pub(super) fn key_change(
        &mut self,
        sender: Id,
        payload: Map<String, Value>,
        url: &str,
    ) -> Result<Answer, Refusal> {
        let malformed = Refusal::malformed;
        let depth = self.config.limits.depth;
        // 2. "Check that the payload of the JWS is a well-formed JWS object"
        let inner = Jws::from_value(&Value::Object(payload), depth)?;
        let algorithm = inner.header.allowed_algorithm(&self.config.algorithms)?;
        // "The inner JWS MUST omit the "nonce" header parameter."
        if inner.header.nonce.is_some() {
            return Err(malformed("the inner JWS has a nonce"));
        }
        // 3. "Check that the JWS protected header of the inner JWS has a "jwk" field."
        let KeyHeader::Jwk(members) = &inner.header.key else {
            return Err(malformed("the inner JWS has no jwk"));
        };
        let bad_key = |error: String| Refusal::bad_request(ProblemType::BadPublicKey, error);
        let new_key = read_jwk(members)?;
        check_key(&new_key).map_err(bad_key)?;
        if !fits(&new_key, algorithm) {
            return Err(bad_key(format!("the new key does not sign with {algorithm}")));
        }
        // 4. "Check that the inner JWS verifies using the key in its "jwk" field."
        let message = inner.signing_input.as_bytes();
        if !self.verify.signature(&new_key, algorithm, message, &inner.signature) {
            return Err(malformed("the inner signature is not the new key's"));
        }
        // 5. "Check that the payload of the inner JWS is a well-formed keyChange object"
        let Payload::Object(change) = inner.payload(depth)? else {
            return Err(malformed("the inner payload is empty"));
        };
        let (Some(Value::String(account)), Some(Value::Object(old_key))) =
            (change.get("account"), change.get("oldKey"))
        else {
            return Err(malformed("the inner payload names no account or no oldKey"));
        };
        // 6. "Check that the "url" parameters of the inner and outer JWSs are the same."
        if inner.header.url != url {
            return Err(malformed("the inner JWS is for another URL"));
        }
        // 7. "Check that the "account" field of the keyChange object contains the URL for the
        //    account matching the old key"
        if account != self.urls.account(sender).as_str() {
            return Err(malformed("the key change is for another account"));
        }
        // 8. "Check that the "oldKey" field of the keyChange object is the same as the account key"
        if read_jwk(old_key)? != self.state.accounts()[&sender].key {
            return Err(malformed("oldKey is not the account's key"));
        }
        // 9. "Check that no account exists whose account key is the same as the key in the "jwk""
        if let Some(owner) = self.state.account_by_key(&new_key.thumbprint(&AwsLc)) {
            let detail = "an account has this key already";
            let refusal = Refusal::new(StatusCode::CONFLICT, ProblemType::Malformed, detail);
            return Err(refusal.with_location(&self.urls.account(owner)));
        }
        self.state.change_key(sender, new_key);
        let account = &self.state.accounts()[&sender];
        Ok(Answer::ok(self.account_object(sender, account)))
    }
}
