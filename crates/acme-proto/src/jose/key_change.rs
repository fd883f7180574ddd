use serde_json::{Value, json};

use super::{Algorithm, Jwk, KeyId, Unsigned};
use crate::error::Unsupported;
use crate::objects::{Directory, Url};
use crate::requests::KeyChange;

/// The inner half of a key change (RFC 8555 §7.3.5): the new key states which account it takes over
/// from which old key. Sign [`signing_input`](Self::signing_input) with the **new** key, then
/// [`finish`](Self::finish) gives the request that the old key signs.
#[derive(Clone, Debug)]
pub struct KeyChangeDraft {
    url: Url,
    jws: Unsigned,
}

impl KeyChangeDraft {
    /// Lays out the inner JWS. Fails where the CA offers no key change.
    pub fn new(
        directory: &Directory,
        account: &Url,
        old_key: &Jwk,
        new_key: &Jwk,
        new_algorithm: Algorithm,
    ) -> Result<Self, Unsupported> {
        let url = directory.key_change.clone().ok_or(Unsupported::KeyChange)?;
        let payload = json!({ "account": account, "oldKey": old_key }).to_string();
        let jws = Unsigned::new(
            new_algorithm.as_str(),
            KeyId::Jwk(new_key),
            None,
            &url,
            payload.as_bytes(),
        );
        Ok(Self { url, jws })
    }

    /// What the new key signs.
    pub fn signing_input(&self) -> &[u8] {
        self.jws.signing_input()
    }

    /// The request, with the new key's signature in place.
    pub fn finish(self, signature: &[u8]) -> KeyChange {
        let inner: Value = self.jws.with_signature(signature);
        KeyChange::from_inner(self.url, inner)
    }
}
