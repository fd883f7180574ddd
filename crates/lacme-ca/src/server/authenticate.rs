//! Who sends a request, and that they do (RFC 8555 §6).

use acme_proto::{AccountStatus, HttpRequest, Jwk, ProblemType};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use jiff::Timestamp;

use super::core::AcmeServer;
use super::id::Id;
use super::jws::{Jws, KeyHeader, Payload, read_jwk};
use super::problem::Refusal;
use super::routes::Route;
use super::verify::{check_key, fits};

/// A request whose signature holds.
#[derive(Debug)]
pub(super) struct Signed {
    pub(super) sender: Sender,
    pub(super) payload: Payload,
}

#[derive(Debug)]
pub(super) enum Sender {
    /// A valid account of this server.
    Account(Id),
    /// Whoever holds this key.
    Key(Jwk),
}

impl AcmeServer {
    /// Checks everything that can be wrong with a signed request before its payload is looked at.
    pub(super) fn authenticate(
        &mut self,
        request: &HttpRequest,
        url: &str,
        route: &Route,
        now: Timestamp,
    ) -> Result<Signed, Refusal> {
        check_content_type(request)?;
        let limits = &self.config.limits;
        if request.body().len() > limits.body {
            return Err(too_large(limits.body));
        }
        let jws = Jws::parse(request.body(), limits.depth)?;
        let algorithm = jws.header.allowed_algorithm(&self.config.algorithms)?;
        // §6.4: "If the two do not match, then the server MUST reject the request as
        // unauthorized."
        if jws.header.url != url {
            return Err(Refusal::unauthorized("the request was signed for another URL"));
        }
        self.check_nonce(&jws, now)?;
        let sender = self.sender(&jws.header.key, route)?;
        let key = match &sender {
            Sender::Key(key) => key,
            Sender::Account(id) => &self.state.accounts()[id].key,
        };
        if !fits(key, algorithm) {
            let detail = format!("the key is of another type than {algorithm} signs with");
            return Err(Refusal::bad_request(ProblemType::BadPublicKey, detail));
        }
        let message = jws.signing_input.as_bytes();
        if !self.verify.signature(key, algorithm, message, &jws.signature) {
            return Err(Refusal::malformed("the signature is not this key's"));
        }
        if let Sender::Account(id) = sender {
            self.check_usable(id)?;
        }
        let payload = jws.payload(self.config.limits.depth)?;
        Ok(Signed { sender, payload })
    }

    /// §6.5.2.
    fn check_nonce(&mut self, jws: &Jws, now: Timestamp) -> Result<(), Refusal> {
        let Some(nonce) = &jws.header.nonce else {
            return Err(Refusal::malformed("the protected header has no nonce"));
        };
        let known = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if !nonce.bytes().all(known) {
            return Err(Refusal::malformed("the nonce is no base64url"));
        }
        if self.nonces.redeem(nonce, now) {
            Ok(())
        } else {
            let detail = "the nonce is unknown, used or too old: take the one of this answer";
            Err(Refusal::bad_request(ProblemType::BadNonce, detail))
        }
    }

    /// §6.2: jwk for newAccount, either for revokeCert, kid for everything else.
    fn sender(&self, key: &KeyHeader, route: &Route) -> Result<Sender, Refusal> {
        match (key, route) {
            (KeyHeader::Jwk(members), Route::NewAccount | Route::RevokeCert) => {
                let key = read_jwk(members)?;
                check_key(&key)
                    .map_err(|error| Refusal::bad_request(ProblemType::BadPublicKey, error))?;
                Ok(Sender::Key(key))
            }
            (KeyHeader::Kid(_), Route::NewAccount) => Err(Refusal::malformed(
                "this request is signed with a key (jwk), not in the name of an account (kid)",
            )),
            (KeyHeader::Jwk(_), _) => Err(Refusal::malformed(
                "this request is signed in the name of an account (kid), not with a key (jwk)",
            )),
            (KeyHeader::Kid(kid), _) => {
                let account = self.urls.account_of(kid);
                let known = account.filter(|id| self.state.accounts().contains_key(id));
                known.map(Sender::Account).ok_or_else(|| {
                    let detail = "no account has the URL in kid";
                    Refusal::bad_request(ProblemType::AccountDoesNotExist, detail)
                })
            }
        }
    }

    /// §7.3.6: "401 (Unauthorized) and type unauthorized".
    pub(super) fn check_usable(&self, account: Id) -> Result<(), Refusal> {
        match self.state.accounts().get(&account).map(|account| account.status) {
            Some(AccountStatus::Valid) => Ok(()),
            Some(status) => {
                let detail = format!("the account is {}", status.as_str());
                Err(Refusal::unauthorized(detail))
            }
            None => Err(Refusal::not_found("account")),
        }
    }
}

/// §6.2: without parameters, and compared without case as every media type is.
fn check_content_type(request: &HttpRequest) -> Result<(), Refusal> {
    let mut kinds = request.headers().get_all(CONTENT_TYPE).iter();
    let kind = kinds.next().map(|kind| kind.as_bytes());
    let right = kind.is_some_and(|kind| kind.eq_ignore_ascii_case(b"application/jose+json"));
    if right && kinds.next().is_none() {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ProblemType::Malformed,
        "the Content-Type of a signed request is application/jose+json",
    ))
}

/// 413 for a body above the limit.
pub(super) fn too_large(limit: usize) -> Refusal {
    let detail = format!("the request's body is larger than {limit} bytes");
    Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, ProblemType::Malformed, detail)
}
