use super::*;
use acme_proto::{RevocationReason, RevokeCertificate};

#[test]
fn by_the_account_or_by_the_certificates_own_key() {
    let reason = Some(RevocationReason::Superseded);
    let by_account = call(&RevokeCertificate::by_account(vec![0xfb, 0xff], reason));
    assert_eq!(*payload(&by_account), json!({ "certificate": "-_8", "reason": 4 }));
    assert_eq!(by_account.key, KeyRef::Account);
    let by_key = call(&RevokeCertificate::by_certificate_key(vec![1], None));
    assert_eq!(*payload(&by_key), json!({ "certificate": "AQ" }));
    assert_eq!(by_key.key, KeyRef::Key);
}
