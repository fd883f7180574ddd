use super::*;

fn sent(call: Call) -> Sent {
    played(call, vec![reply(200, json!({}))]).sent.remove(0)
}

#[test]
fn the_content_type_is_exactly_jose_json_and_the_url_is_signed_verbatim() {
    let sent = sent(read_order());
    let types: Vec<_> = sent.headers.get_all("content-type").iter().collect();
    assert_eq!(types, ["application/jose+json"]);
    assert_eq!(sent.protected["url"], ODD_URL);
    assert_eq!(sent.protected["alg"], "ES256");
}

#[test]
fn a_post_as_get_has_the_empty_payload_and_names_the_account() {
    let sent = sent(read_order());
    assert_eq!(sent.payload, "");
    assert_eq!(sent.protected["kid"], account().as_str());
    assert_eq!(sent.protected.get("jwk"), None);
}

#[test]
fn new_account_carries_the_key_and_no_account() {
    let sent = sent(NewAccount::default().call(&directory()).unwrap());
    assert_eq!(sent.protected["jwk"], json!(jwk()));
    assert_eq!(sent.protected.get("kid"), None);
    assert_eq!(sent.payload, "{}");
}

#[test]
fn every_other_call_carries_the_account_and_no_key() {
    let url = account();
    for call in [new_order(), DeactivateAccount { url }.call(&directory()).unwrap()] {
        let sent = sent(call);
        assert_eq!(sent.protected["kid"], account().as_str());
        assert_eq!(sent.protected.get("jwk"), None);
    }
}

#[test]
fn a_certificate_is_asked_for_as_a_pem_chain() {
    let call = GetCertificate { url: account() }.call(&directory()).unwrap();
    assert_eq!(sent(call).headers["accept"], "application/pem-certificate-chain");
}
