use std::fs;

use serde_json::json;

use crate::support::Lacme;

#[test]
fn an_empty_store_has_empty_lists_and_is_not_created_by_looking() {
    let lacme = Lacme::new();
    for (line, document) in [
        ("list", json!({"certificates": []})),
        ("renew", json!({"certificates": []})),
        ("account list", json!({"accounts": []})),
    ] {
        let ran = lacme.run(&format!("{line} --json"));
        assert_eq!((ran.status(), ran.json()), (0, document), "{line}");
    }
    assert!(!lacme.home().join(".lacme").exists());
}

#[test]
fn a_name_that_is_not_stored_is_another_failure() {
    let lacme = Lacme::new();
    for line in ["show x", "delete x", "revoke x", "ari x", "renew x"] {
        let message = lacme.run(&format!("{line} --json")).failed(1, "internal");
        assert!(message.contains("\"x\"") && message.contains("lacme list"), "{message}");
    }
    assert_eq!(lacme.run("delete x --json").json()["deleted"], false);
    let renewed = lacme.run("renew x --json").json();
    assert_eq!(renewed["certificates"][0]["action"], "failed");
}

#[test]
fn a_store_that_is_none_fails_as_a_store() {
    let lacme = Lacme::new();
    fs::write(lacme.home().join("file"), "").unwrap();
    lacme.run("list --store file --json").failed(6, "store");
}

#[test]
fn a_damaged_certificate_hides_no_other() {
    let lacme = Lacme::new();
    let certificates = lacme.home().join(".lacme/certs");
    for (name, meta) in [("good", r#"{"name":"good"}"#), ("bad", "{")] {
        let folder = certificates.join(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("meta.json"), meta).unwrap();
        fs::write(folder.join("cert.pem"), "").unwrap();
        fs::write(folder.join("fullchain.pem"), "").unwrap();
    }
    let ran = lacme.run("list --json");
    let document = ran.json();
    assert_eq!(ran.status(), 6, "{document}");
    assert_eq!(document["error"]["kind"], "store");
    let listed = document["certificates"].as_array().unwrap();
    assert_eq!(listed.len(), 1);
    let good = &listed[0];
    assert_eq!(
        (&good["name"], &good["due"], &good["revoked"]),
        (&"good".into(), &true.into(), &false.into())
    );
    let path = certificates.join("good/cert.pem");
    assert_eq!(good["paths"]["cert"], path.to_str().unwrap());
    assert!(good["paths"]["key"].is_null() && good["serial"].is_null());
}

#[test]
fn the_same_names_in_another_order_are_the_stored_certificate() {
    let lacme = Lacme::new();
    let folder = lacme.home().join(".lacme/certs/a.example");
    fs::create_dir_all(&folder).unwrap();
    let meta = json!({
        "name": "a.example",
        "identifiers": [
            {"type": "dns", "value": "a.example"},
            {"type": "dns", "value": "b.example"},
        ],
        "directory": "https://ca.invalid/directory",
        "serial": "01",
        "not_before": "2026-01-01T00:00:00Z",
        "not_after": "2999-01-01T00:00:00Z",
    });
    fs::write(folder.join("meta.json"), meta.to_string()).unwrap();
    for file in ["cert.pem", "fullchain.pem"] {
        fs::write(folder.join(file), "").unwrap();
    }
    let known = "--json --timeout 5 --directory https://ca.invalid/directory";
    for names in ["a.example b.example", "b.example A.example."] {
        let ran = lacme.run(&format!("issue {names} {known}"));
        let document = ran.json();
        assert_eq!(ran.status(), 0, "{names}: {document}");
        assert_eq!(document["certificate"]["name"], "a.example");
        assert_eq!((&document["reissued"], &document["requests"]), (&false.into(), &0.into()));
    }
    // Other names, another CA, or a name of its own: another certificate.
    for line in [
        format!("issue b.example {known}"),
        format!("issue b.example a.example {known} --cert-name b.example"),
        "issue b.example a.example --json --timeout 5 --directory https://cb.invalid/".to_owned(),
    ] {
        lacme.run(&line).failed(5, "network");
    }
}

#[test]
fn a_name_whose_place_another_has_is_refused_before_anything_is_ordered() {
    let lacme = Lacme::new();
    let folder = lacme.home().join(".lacme/certs/_wildcard.a.example");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("meta.json"), json!({"name": "*.a.example"}).to_string()).unwrap();
    for file in ["cert.pem", "fullchain.pem"] {
        fs::write(folder.join(file), "").unwrap();
    }
    let line =
        "issue b.example --cert-name _wildcard.a.example --directory https://localhost:1/ --json";
    let message = lacme.run(line).failed(2, "usage");
    assert!(message.contains("*.a.example"), "{message}");
}

#[test]
fn revocation_by_an_account_that_does_not_exist_makes_none() {
    let ca = Lacme::new();
    assert_eq!(ca.run("ca init").status(), 0);
    let issued = ca.run("ca issue db.example --json").json();
    let file = issued["certificate"]["paths"]["cert"].as_str().unwrap();
    let lacme = Lacme::new();
    let line = format!("revoke --cert {file} --agree-tos --directory https://localhost:1/ --json");
    let message = lacme.run(&line).failed(2, "usage");
    assert!(message.contains("--key"), "{message}");
    assert!(!lacme.home().join(".lacme/accounts").exists());
}
