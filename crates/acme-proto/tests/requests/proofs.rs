use super::*;
use acme_proto::proof::{account_label, key_authorization, persist_value, reverse_name};
use acme_proto::{
    Authorization, Challenge, Identifier, Proof, ProofError, ProofKind, Thumbprint, Token,
};
use support::Sha256;

const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA";

fn thumbprint() -> Thumbprint {
    serde_json::from_value(json!("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")).unwrap()
}

fn proof_of(challenge: Value, identifier: &Identifier) -> Result<Proof, ProofError> {
    let mut challenge = challenge;
    challenge["url"] = "https://ca.example/c".into();
    let challenge: Challenge = serde_json::from_value(challenge).unwrap();
    let authorization: Authorization = serde_json::from_value(json!({
        "identifier": identifier.without_wildcard(), "status": "pending",
        "wildcard": identifier.is_wildcard()
    }))
    .unwrap();
    Proof::of(&challenge, &authorization, &thumbprint(), &account(), &Sha256)
}

fn proof(kind: &str, identifier: &str) -> Result<ProofKind, ProofError> {
    let challenge = json!({ "type": kind, "token": TOKEN });
    proof_of(challenge, &dns(identifier)).map(|proof| proof.kind)
}

#[test]
fn rfc8555_section_8_1_key_authorization() {
    let token = Token::parse(TOKEN).unwrap();
    let expected = format!("{TOKEN}.{}", thumbprint());
    assert_eq!(key_authorization(&token, &thumbprint()), expected);
}

#[test]
fn rfc8555_section_8_3_http_01() {
    match proof("http-01", "a.example").unwrap() {
        ProofKind::Http01 { token, key_authorization } => {
            assert_eq!(token.as_str(), TOKEN);
            assert_eq!(key_authorization, format!("{TOKEN}.{}", thumbprint()));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn rfc8555_section_8_4_dns_01() {
    let expected = ProofKind::Dns01 {
        name: "_acme-challenge.a.example".into(),
        value: "ZTRx1Ckl1-tM05o5zaizTTA0yUy5AGereMgSNWC6Ll8".into(),
    };
    assert_eq!(proof("dns-01", "*.a.example").unwrap(), expected);
}

#[test]
fn rfc8737_section_3_tls_alpn_01() {
    match proof("tls-alpn-01", "a.example").unwrap() {
        ProofKind::TlsAlpn01 { server_name, digest } => {
            assert_eq!(server_name, "a.example");
            assert_eq!(
                URL_SAFE_NO_PAD.encode(digest),
                "ZTRx1Ckl1-tM05o5zaizTTA0yUy5AGereMgSNWC6Ll8"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn rfc8738_section_6_the_server_name_of_an_address_is_its_reverse_name() {
    assert_eq!(reverse_name("192.0.2.1".parse().unwrap()), "1.2.0.192.in-addr.arpa");
    let v6 = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
    assert_eq!(reverse_name("2001:db8::1".parse().unwrap()), v6);
    match proof("tls-alpn-01", "192.0.2.1").unwrap() {
        ProofKind::TlsAlpn01 { server_name, .. } => {
            assert_eq!(server_name, "1.2.0.192.in-addr.arpa");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn rfc8738_section_7_an_address_is_not_proven_by_dns() {
    for kind in ["dns-01", "dns-account-01", "dns-persist-01"] {
        let error = proof(kind, "192.0.2.1").unwrap_err();
        assert!(matches!(error, ProofError::WrongIdentifier(..)), "{kind}: {error}");
    }
}

#[test]
fn dns_account_label_draft_the_example_accounts_label() {
    let example = url("https://example.com/acme/acct/ExampleAccount");
    assert_eq!(account_label(&example, &Sha256), "_ujmmovf2vn55tgye");
    match proof("dns-account-01", "a.example").unwrap() {
        ProofKind::DnsAccount01 { name, value } => {
            let label = account_label(&account(), &Sha256);
            assert_eq!(name, format!("{label}._acme-challenge.a.example"));
            assert_eq!(value, "ZTRx1Ckl1-tM05o5zaizTTA0yUy5AGereMgSNWC6Ll8");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn dns_persist_draft_the_record_names_issuer_account_policy_and_end() {
    let plain = "ca.example; accounturi=https://ca.example/account/1";
    assert_eq!(persist_value("ca.example", &account(), false, None), plain);
    let full = format!("{plain}; policy=wildcard; persistUntil=1800000000");
    assert_eq!(persist_value("ca.example", &account(), true, Some(1_800_000_000)), full);
}

#[test]
fn dns_persist_draft_both_spellings_are_read() {
    for name in ["issuer-domain-names", "issuerDomainNames"] {
        let challenge = json!({ "type": "dns-persist-01", name: ["ca.example"] });
        let proof = proof_of(challenge, &dns("*.a.example")).unwrap();
        assert!(proof.wildcard);
        match proof.kind {
            ProofKind::DnsPersist01 { name, issuers, account: ours } => {
                assert_eq!(name, "_validation-persist.a.example");
                assert_eq!((issuers, ours), (vec!["ca.example".to_owned()], account()));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn dns_persist_draft_no_issuer_eleven_issuers_and_foreign_accounts_are_refused() {
    let with = |issuers: usize, account: &str| {
        let challenge = json!({
            "type": "dns-persist-01", "accounturi": account,
            "issuer-domain-names": vec!["ca.example"; issuers]
        });
        proof_of(challenge, &dns("a.example")).map(drop)
    };
    assert_eq!(with(10, account().as_str()), Ok(()));
    assert_eq!(with(0, account().as_str()), Err(ProofError::IssuerCount(0)));
    assert_eq!(with(11, account().as_str()), Err(ProofError::IssuerCount(11)));
    let foreign = with(1, "https://ca.example/account/2");
    assert!(matches!(foreign, Err(ProofError::WrongAccount(_))));
}

#[test]
fn a_type_that_nobody_knows_cannot_be_proven() {
    let error = proof("odd-99", "a.example").unwrap_err();
    assert!(matches!(error, ProofError::UnknownType(_)), "{error}");
}

#[test]
fn a_proof_survives_being_written_down() {
    for kind in ["http-01", "dns-01", "tls-alpn-01", "dns-account-01"] {
        let challenge = json!({ "type": kind, "token": TOKEN });
        let proof = proof_of(challenge, &dns("a.example")).unwrap();
        let text = serde_json::to_string(&proof).unwrap();
        assert_eq!(serde_json::from_str::<Proof>(&text).unwrap(), proof);
    }
}
