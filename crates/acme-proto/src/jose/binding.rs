use serde_json::Value;

use super::{Jwk, KeyId, Unsigned};
use crate::crypto::Mac;
use crate::objects::{Directory, Url};

/// The `externalAccountBinding` of a newAccount request (RFC 8555 §7.3.4): the account's public key
/// under the MAC key that the CA handed out as `kid`.
///
/// Its `url` equals the outer request's, and it carries no nonce.
pub fn external_account_binding(
    directory: &Directory,
    kid: &str,
    mac: &dyn Mac,
    account_key: &Jwk,
) -> Value {
    bind(&directory.new_account, kid, mac, account_key)
}

fn bind(url: &Url, kid: &str, mac: &dyn Mac, account_key: &Jwk) -> Value {
    let payload = serde_json::json!(account_key).to_string();
    let jws =
        Unsigned::new(mac.algorithm().as_str(), KeyId::Kid(kid), None, url, payload.as_bytes());
    let tag = mac.mac(jws.signing_input());
    jws.with_signature(&tag)
}
