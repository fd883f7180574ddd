use super::*;
use acme_proto::{GetDirectory, GetRenewalInfo, NewAuthorization, RevokeCertificate, Unsupported};

fn request() -> GetDirectory {
    GetDirectory { url: url("https://ca.example/dir") }
}

#[test]
fn it_is_a_plain_get() {
    assert_eq!(request().to_call().payload, Payload::Get);
    assert_eq!(request().to_call().url.as_str(), "https://ca.example/dir");
}

#[test]
fn meta_is_read_and_unknown_fields_are_kept() {
    let answer = reply(
        200,
        json!({
            "newNonce": "https://ca.example/n", "newAccount": "https://ca.example/a",
            "newOrder": "https://ca.example/o", "keyChange": "", "revokeCert": null,
            "Hq3wc8": "https://community.example/t/adding-random-entries/33417",
            "meta": {
                "termsOfService": "https://ca.example/terms", "website": null,
                "caaIdentities": ["ca.example"], "externalAccountRequired": true,
                "profiles": { "classic": "90 days" }, "new": 1
            }
        }),
    );
    let directory = read(&request(), &answer);
    assert_eq!(directory.meta.terms_of_service.as_deref(), Some("https://ca.example/terms"));
    assert_eq!(directory.meta.caa_identities, ["ca.example"]);
    assert!(directory.meta.external_account_required);
    assert_eq!(directory.meta.profiles["classic"], "90 days");
    assert_eq!(directory.meta.other["new"], 1);
    assert_eq!((directory.key_change, directory.revoke_cert), (None, None));
}

#[test]
fn no_directory_without_the_three_resources_that_every_ca_has() {
    for missing in ["newNonce", "newAccount", "newOrder"] {
        let mut json = serde_json::to_value(directory()).unwrap();
        json.as_object_mut().unwrap().remove(missing);
        assert!(request().parse(&request().to_call(), &reply(200, json)).is_err(), "{missing}");
    }
}

#[test]
fn what_a_ca_does_not_offer_is_named() {
    let bare: Directory = serde_json::from_value(json!({
        "newNonce": "https://ca.example/n", "newAccount": "https://ca.example/a",
        "newOrder": "https://ca.example/o", "meta": null
    }))
    .unwrap();
    let identifier = dns("a.example");
    let authz = NewAuthorization { identifier }.call(&bare);
    assert_eq!(authz, Err(Unsupported::NewAuthorization));
    let revoke = RevokeCertificate::by_account(vec![], None).call(&bare);
    assert_eq!(revoke, Err(Unsupported::RevokeCertificate));
    let id = acme_proto::CertificateId::new(b"a", b"b");
    assert_eq!(GetRenewalInfo { id }.call(&bare), Err(Unsupported::RenewalInfo));
}
