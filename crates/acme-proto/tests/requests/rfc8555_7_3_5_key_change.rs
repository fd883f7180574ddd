use super::*;
use acme_proto::{Algorithm, Jwk, KeyChangeDraft, Unsupported};

#[test]
fn the_inner_jws_has_the_new_key_the_outer_url_no_nonce_and_names_account_and_old_key() {
    let new = Jwk::p384(&[3; 48], &[4; 48]);
    let draft = KeyChangeDraft::new(&directory(), &account(), &jwk(), &new, Algorithm::Es384);
    let draft = draft.unwrap();
    let input = String::from_utf8(draft.signing_input().to_vec()).unwrap();
    let call = call(&draft.finish(b"signature"));
    assert_eq!(call.url, directory().key_change.unwrap());
    assert_eq!(call.key, KeyRef::Account, "the outer one is the account's old key's");
    let inner = payload(&call);
    let (header, body) = opened(inner);
    assert_eq!(header, json!({ "alg": "ES384", "jwk": new, "url": call.url }));
    let expected = json!({ "account": account(), "oldKey": jwk() });
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap(), expected);
    let signed = format!("{}.{}", inner["protected"], inner["payload"]).replace('"', "");
    assert_eq!(signed, input);
    assert_eq!(inner["signature"], URL_SAFE_NO_PAD.encode("signature"));
}

#[test]
fn a_ca_without_it_is_known_before_anything_is_signed() {
    let mut bare = directory();
    bare.key_change = None;
    let draft = KeyChangeDraft::new(&bare, &account(), &jwk(), &jwk(), Algorithm::Es256);
    assert_eq!(draft.unwrap_err(), Unsupported::KeyChange);
}
