use super::*;
use acme_proto::{Digest as _, Mac, MacAlgorithm, NewAccount, external_account_binding};

struct KeyedDigest;

impl Mac for KeyedDigest {
    fn algorithm(&self) -> MacAlgorithm {
        MacAlgorithm::Hs256
    }
    fn mac(&self, message: &[u8]) -> Vec<u8> {
        support::Sha256.sha256(&[b"key", message].concat()).to_vec()
    }
}

#[test]
fn the_inner_jws_has_the_mac_key_the_outer_url_no_nonce_and_the_accounts_key() {
    let mut request = NewAccount::default();
    let binding = external_account_binding(&directory(), "kid-1", &KeyedDigest, &jwk());
    request.external_account_binding = Some(binding);
    let call = call(&request);
    let inner = &payload(&call)["externalAccountBinding"];
    let (header, body) = opened(inner);
    assert_eq!(header, json!({ "alg": "HS256", "kid": "kid-1", "url": call.url }));
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), json!(jwk()));
    let text = |name: &str| inner[name].as_str().unwrap();
    let input = format!("{}.{}", text("protected"), text("payload"));
    let tag = URL_SAFE_NO_PAD.encode(KeyedDigest.mac(input.as_bytes()));
    assert_eq!(text("signature"), tag);
}
