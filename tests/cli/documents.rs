//! What the commands print with `--json`, and the files they leave.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use harness::{Pebble, pem};
use serde_json::{Value, json};

use crate::command::{User, run};

fn keys(object: &Value) -> Vec<&str> {
    let object = object.as_object().unwrap();
    object.keys().map(String::as_str).collect()
}

fn is_time(value: &Value) -> bool {
    // 2026-01-02T03:04:05Z
    value.as_str().is_some_and(|text| text.len() == 20 && text.ends_with('Z'))
}

fn is_hex(value: &Value) -> bool {
    let lower = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    value.as_str().is_some_and(|text| text.chars().all(lower))
}

#[test]
fn issue_prints_the_contracts_document() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    let user = User::new();
    let document = run(user.issue(&pebble, &["b.example", "a.example"])).success();
    let top = ["certificate", "elapsed_ms", "order_url", "reissued", "requests"];
    assert_eq!(keys(&document), top);
    assert_eq!(document["reissued"], true);
    let requests = document["requests"].as_u64().unwrap();
    assert!((12..=13).contains(&requests), "{requests} requests");
    assert!(document["elapsed_ms"].is_u64());
    assert!(document["order_url"].as_str().unwrap().contains("/my-order/"));

    let certificate = &document["certificate"];
    let fields =
        ["identifiers", "issuer", "name", "not_after", "not_before", "paths", "serial", "sha256"];
    assert_eq!(keys(certificate), fields);
    assert_eq!(certificate["name"], "b.example");
    assert_eq!(
        certificate["identifiers"],
        json!([{"type": "dns", "value": "b.example"}, {"type": "dns", "value": "a.example"}])
    );
    assert!(is_time(&certificate["not_before"]) && is_time(&certificate["not_after"]));
    assert!(is_hex(&certificate["serial"]) && is_hex(&certificate["sha256"]));
    assert!(certificate["issuer"].as_str().unwrap().contains("Pebble"));
    let serial = certificate["serial"].as_str().unwrap();
    assert!(!pebble.certificate_status(serial).unwrap().unwrap().revoked);

    assert_eq!(keys(&certificate["paths"]), ["cert", "fullchain", "key"]);
    let read = |file: &str| {
        let path = certificate["paths"][file].as_str().unwrap();
        assert!(Path::new(path).starts_with(user.store().join("certs/b.example")));
        std::fs::read_to_string(path).unwrap()
    };
    let leaf = pem::certificates(&read("cert")).unwrap();
    assert_eq!(leaf.len(), 1);
    assert!(pem::names(&leaf[0], "a.example"));
    assert_eq!(pem::certificates(&read("fullchain")).unwrap()[0], leaf[0]);
    assert!(read("key").starts_with("-----BEGIN PRIVATE KEY-----"));
}

#[test]
fn asking_again_reports_what_is_stored() {
    let pebble = Pebble::start();
    let user = User::new();
    let first = run(user.issue(&pebble, &["a.example"])).success();
    let again = run(user.issue(&pebble, &["a.example"])).success();
    assert_eq!(again["certificate"], first["certificate"]);
    assert_eq!(again["reissued"], false);
    assert_eq!(again["order_url"], Value::Null);
    assert_eq!(again["requests"], 0);
    let forced = run(user.issue(&pebble, &["a.example", "--force"])).success();
    assert_eq!(forced["reissued"], true);
    assert_ne!(forced["certificate"]["serial"], first["certificate"]["serial"]);
}

#[test]
fn keys_are_their_owners_alone() {
    let pebble = Pebble::start();
    let user = User::new();
    run(user.issue(&pebble, &["a.example", "-v"])).success();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let (mut keys, mut open) = (0, vec![user.store()]);
    while let Some(folder) = open.pop() {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_symlink() {
                continue;
            }
            if path.is_dir() {
                open.push(path);
            } else if std::fs::read_to_string(&path).unwrap().contains("PRIVATE KEY") {
                keys += 1;
                assert_eq!(mode(&path), 0o600, "{}", path.display());
            }
        }
    }
    assert!(keys >= 2, "account and certificate");
}

#[test]
fn nothing_secret_is_said() {
    let pebble = Pebble::start();
    let user = User::new();
    let said = run(user.issue(&pebble, &["a.example", "-v"]));
    said.success();
    let all = said.stdout + &said.stderr;
    assert!(!all.contains("PRIVATE KEY") && !all.contains("\"d\":"), "{all}");
}

#[test]
fn list_show_and_delete_agree_about_what_is_stored() {
    let pebble = Pebble::start();
    let user = User::new();
    assert_eq!(run(user.bare(&["list"])).success(), json!({"certificates": []}));
    let issued = run(user.issue(&pebble, &["b.example"])).success();
    run(user.issue(&pebble, &["a.example"])).success();

    let list = run(user.bare(&["list"])).success();
    let list = list["certificates"].as_array().unwrap();
    assert_eq!((&list[0]["name"], &list[1]["name"]), (&json!("a.example"), &json!("b.example")));
    let show = run(user.bare(&["show", "b.example"])).success();
    assert_eq!(show["certificate"], list[1]);
    assert_eq!(show["certificate"]["serial"], issued["certificate"]["serial"]);
    assert_eq!(show["certificate"]["account"], "default");
    assert_eq!(show["certificate"]["challenge"], "http-01");
    for field in ["revoked", "due"] {
        assert!(!show["certificate"][field].is_null(), "{show}");
    }

    assert_eq!(run(user.bare(&["delete", "b.example"])).success(), json!({"deleted": true}));
    run(user.bare(&["show", "b.example"])).failure(1, "internal");
    let list = run(user.bare(&["list"])).success();
    assert_eq!(list["certificates"].as_array().unwrap().len(), 1);
}

#[test]
fn a_revoked_certificate_stays_and_is_replaced_by_renew() {
    let pebble = Pebble::start();
    let user = User::new();
    let issued = run(user.issue(&pebble, &["a.example"])).success();
    let serial = issued["certificate"]["serial"].clone();
    let revoke = ["revoke", "a.example", "--reason", "Key-Compromise"];
    let revoked = run(user.at(&pebble, &revoke)).success()["revoked"].clone();
    assert_eq!(revoked["serial"], serial);
    assert_eq!(revoked["already"], false);
    let status = pebble.certificate_status(serial.as_str().unwrap()).unwrap();
    assert_eq!(status.unwrap().reason, Some(1));
    let again = run(user.at(&pebble, &revoke)).success();
    assert_eq!(again["revoked"]["already"], true);

    // Without any option of `issue`: they were remembered.
    let renewed = run(user.at(&pebble, &["renew"])).success();
    assert_eq!(renewed["certificates"][0]["action"], "renewed", "{renewed}");
    let show = run(user.bare(&["show", "a.example"])).success();
    assert_ne!(show["certificate"]["serial"], serial);
    let idle = run(user.at(&pebble, &["renew"])).success();
    assert_eq!(idle["certificates"][0]["action"], "none");
    assert_eq!(idle["certificates"][0]["due"], false);
}

#[test]
fn a_signing_request_of_the_users_own_leaves_no_key() {
    use lacme::crypto::{CsrOptions, certificate_signing_request};
    let pebble = Pebble::start();
    let user = User::new();
    let key = lacme::PrivateKey::generate(lacme::KeyType::EcdsaP256).unwrap();
    let names = lacme_tests::names(["a.example"]);
    let der = certificate_signing_request(&key, &names, &CsrOptions::default()).unwrap();
    let csr = user.write("request.der", &der);
    run(user.issue(&pebble, &["b.example", "--csr", &csr])).failure(2, "usage");
    let issued = run(user.issue(&pebble, &["--csr", &csr])).success();
    assert_eq!(issued["certificate"]["name"], "a.example");
    assert_eq!(issued["certificate"]["paths"]["key"], Value::Null);
    assert!(!user.store().join("certs/a.example/key.pem").exists());
}

#[test]
fn variables_stand_in_for_options() {
    let pebble = Pebble::start();
    let user = User::new();
    let mut command = user.bare(&["issue", "a.example"]);
    let address = lacme_tests::validation_address(&pebble).to_string();
    command
        .env("LACME_DIRECTORY", pebble.directory_url())
        .env("LACME_CA_BUNDLE", pebble.ca_bundle())
        .env("LACME_AGREE_TOS", "1")
        .env("LACME_CONTACT", "a@b.example,c@d.example")
        .env("LACME_HTTP_ADDR", address);
    run(command).success();
    let account = run(user.at(&pebble, &["account", "show"])).success();
    assert_eq!(account["account"]["contact"], json!(["mailto:a@b.example", "mailto:c@d.example"]));
}

#[test]
fn without_json_a_person_reads_where_the_files_are() {
    let pebble = Pebble::start();
    let user = User::new();
    let mut command = user.issue(&pebble, &["a.example"]);
    command.env("LACME_JSON", "0");
    let args: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
    let mut plain = std::process::Command::new(command.get_program());
    plain
        .args(args.iter().filter(|arg| *arg != "--json"))
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped());
    let said = run(plain);
    assert_eq!(said.status, Some(0), "{said:?}");
    let key = user.store().join("certs/a.example/key.pem");
    assert!(said.stdout.contains(key.to_str().unwrap()), "{said:?}");
    assert!(!said.stderr.contains('\u{1b}') && !said.stdout.contains('\u{1b}'));
}

#[test]
fn ari_reports_the_window_that_the_ca_suggests() {
    let pebble = Pebble::start();
    if !pebble.offers(harness::Capability::RenewalInfo) {
        return;
    }
    let user = User::new();
    let issued = run(user.issue(&pebble, &["a.example"])).success();
    let path = issued["certificate"]["paths"]["cert"].as_str().unwrap();
    let pem = std::fs::read_to_string(path).unwrap();
    let (start, end) = ("2126-01-01T00:00:00Z", "2126-01-02T00:00:00Z");
    pebble.set_renewal_window(&pem, start, end).unwrap();
    let by_file = ["ari", "--cert", path];
    for args in [&["ari", "a.example"][..], &by_file] {
        let advice = run(user.at(&pebble, args)).success()["renewal_info"].clone();
        assert_eq!((&advice["start"], &advice["end"]), (&json!(start), &json!(end)));
        assert!(is_time(&advice["selected"]), "{advice}");
        assert!(!advice["retry_after"].is_null(), "{advice}");
    }
}

#[test]
fn renew_with_force_renews_what_is_not_due_by_what_issue_was_told() {
    let pebble = Pebble::start();
    let user = User::new();
    let told = ["a.example", "--cert-name", "web", "--key-type", "ecdsa-p384"];
    let issued = run(user.issue(&pebble, &told)).success();
    let renewed = run(user.at(&pebble, &["renew", "web", "--force"])).success();
    let renewed = renewed["certificates"].as_array().unwrap().clone();
    assert_eq!(renewed.len(), 1);
    assert_eq!((&renewed[0]["name"], &renewed[0]["action"]), (&json!("web"), &json!("renewed")));
    let show = run(user.bare(&["show", "web"])).success();
    assert_ne!(show["certificate"]["serial"], issued["certificate"]["serial"]);
    let key = std::fs::read_to_string(user.store().join("certs/web/key.pem")).unwrap();
    let key = lacme::PrivateKey::from_pem(&key).unwrap();
    assert_eq!(key.key_type(), lacme::KeyType::EcdsaP384);
}

#[test]
fn options_may_stand_before_and_after_the_command() {
    let pebble = Pebble::start();
    let user = User::new();
    let mut after = user.bare(&["issue", "a.example", "--http-addr"]);
    after
        .arg(lacme_tests::validation_address(&pebble).to_string())
        .args(["--directory", &pebble.directory_url(), "--ca-bundle"])
        .arg(pebble.ca_bundle())
        .args(["--agree-tos", "--contact", "a@b.example"]);
    run(after).success();
}
