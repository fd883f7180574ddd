use std::fs;
use std::path::Path;

use crate::support::{Lacme, verify};

#[test]
fn a_ca_is_made_once_and_stays_as_it_is() {
    let lacme = Lacme::new();
    let ran = lacme.run("ca init --name Corp --json");
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    let (first, folder) = (ran.json(), lacme.home().join(".lacme/ca"));
    for (field, file) in [("root", "root.pem"), ("intermediate", "intermediate.pem")] {
        assert_eq!(first["ca"][field], folder.join(file).to_str().unwrap());
    }
    let root = fs::read(folder.join("root.pem")).unwrap();
    let certificate = lacme::Certificate::from_pem(&root).unwrap();
    assert_eq!(certificate.subject_common_name(), Some("Corp"));

    let again = lacme.run("ca init --name Other --json");
    assert_eq!((again.status(), again.json()), (0, first));
    assert!(again.stderr().starts_with("warning: ") && again.stderr().contains("Corp"));
    assert!(lacme.run("ca init").stdout().contains("there is one already"));
    assert_eq!(fs::read(folder.join("root.pem")).unwrap(), root);
}

#[cfg(unix)]
#[test]
fn the_keys_of_a_ca_are_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let lacme = Lacme::new();
    assert_eq!(lacme.run("ca init").status(), 0);
    for key in ["root.key", "intermediate-1.key"] {
        let meta = fs::metadata(lacme.home().join(".lacme/ca").join(key)).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o600, "{key}");
    }
}

#[test]
fn what_a_ca_cannot_do_is_a_misuse() {
    let lacme = Lacme::new();
    let message = lacme.run("ca issue db.example --json").failed(2, "usage");
    assert!(message.contains("lacme ca init"), "{message}");
    lacme.run(&format!("ca init --json --name {}", "x".repeat(49))).failed(2, "usage");
    lacme.run("ca issue --json").failed(2, "usage");
    lacme.run("ca issue a..example --json").failed(2, "usage");
    lacme.run("ca issue a.example --days 0 --json").failed(2, "usage");
    lacme.run("ca serve --json").failed(2, "usage");
    lacme.run("ca serve --listen somewhere --json").failed(2, "usage");
    lacme.run("ca serve --listen :1 --eab-file missing --json").failed(2, "usage");
    fs::write(lacme.home().join("eab"), "kid $secret$").unwrap();
    let message = lacme.run("ca serve --listen :1 --eab-file eab --json").failed(2, "usage");
    assert!(message.contains("line 1") && !message.contains("secret"), "{message}");
    assert!(!lacme.home().join(".lacme").exists(), "a misuse makes no CA");
}

#[test]
fn a_ca_certifies_servers_and_clients_without_acme() {
    let lacme = Lacme::new();
    assert_eq!(lacme.run("ca init").status(), 0);
    let root = lacme.home().join(".lacme/ca/root.pem");
    for (line, purpose, other) in [
        ("db.example *.db.example 10.0.0.1 db.example", "sslserver", "Client"),
        ("worker.example --client", "sslclient", "Server"),
    ] {
        let ran = lacme.run(&format!("ca issue {line} --days 7 --json"));
        assert_eq!(ran.status(), 0, "{other}: {}", ran.stderr());
        let document = ran.json();
        assert!(document["order_url"].is_null());
        assert_eq!((&document["reissued"], &document["requests"]), (&true.into(), &0.into()));
        assert_eq!(document["certificate"]["issuer"], "lacme CA Intermediate");
        let path = |file: &str| document["certificate"]["paths"][file].as_str().unwrap().to_owned();
        verify(&root, Path::new(&path("fullchain")), purpose);
        let leaf = lacme::Certificate::from_pem(&fs::read(path("cert")).unwrap()).unwrap();
        let key = fs::read_to_string(path("key")).unwrap();
        let key = lacme::PrivateKey::from_pem(&key).unwrap();
        assert_eq!(leaf.public_key_der(), key.public_key_der());
        let lifetime = leaf.not_after().duration_since(leaf.not_before()).unwrap();
        assert_eq!(lifetime.as_secs() / 86400, 7);
    }
    let listed = lacme.run("list --json").json();
    let names: Vec<_> = listed["certificates"][0]["identifiers"].as_array().unwrap().to_vec();
    assert_eq!(names.len(), 3, "each name once: {names:?}");
    assert_eq!(listed["certificates"][1]["name"], "worker.example");
}

#[test]
fn renewing_what_the_ca_issued_asks_nobody_and_revoking_it_says_why_not() {
    let lacme = Lacme::new();
    assert_eq!(lacme.run("ca init").status(), 0);
    let first = lacme.run("ca issue db.example --client --days 9 --json").json();
    // Directories that nobody answers at: any request would fail.
    let nowhere = "--directory https://127.0.0.1:1/dir --json";
    let entry = |line: &str| {
        let ran = lacme.run(&format!("{line} {nowhere}"));
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
        ran.json()["certificates"][0].clone()
    };
    assert_eq!(entry("renew")["action"], "none");
    assert_eq!(entry("renew --days 10 --dry-run")["action"], "would-renew");
    assert_eq!(entry("renew --days 10")["action"], "renewed");
    let second = lacme.run("show db.example --json").json();
    assert_ne!(first["certificate"]["serial"], second["certificate"]["serial"]);
    assert!(second["certificate"]["challenge"].is_null());
    let root = lacme.home().join(".lacme/ca/root.pem");
    let chain = second["certificate"]["paths"]["fullchain"].as_str().unwrap();
    verify(&root, Path::new(chain), "sslclient");

    for line in ["revoke db.example", "ari db.example"] {
        let message = lacme.run(&format!("{line} {nowhere}")).failed(2, "usage");
        assert!(message.contains("lacme ca issue"), "{message}");
    }
    // And a CA that is asked for the same name is asked in earnest.
    lacme.run(&format!("issue db.example {nowhere}")).failed(5, "network");
}
