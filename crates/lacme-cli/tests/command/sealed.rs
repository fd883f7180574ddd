use std::fs;
use std::path::{Path, PathBuf};

#[cfg(unix)]
use crate::served_ca::Serving;
#[cfg(unix)]
use crate::support::free_port;
use crate::support::{Lacme, Ran, verify};

const PLAIN: &str = "BEGIN PRIVATE KEY";
const SEALED: &str = "BEGIN LACME SEALED KEY";

/// A home with two master keys.
fn with_master_keys() -> Lacme {
    let lacme = Lacme::new();
    for name in ["master.key", "other.key"] {
        let key = lacme::MasterKey::generate().unwrap();
        fs::write(lacme.home().join(name), key.to_base64().as_bytes()).unwrap();
    }
    lacme
}

/// The files below `folder` that contain `text`, by their names.
fn files_with(text: &str, folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() && fs::read_to_string(entry.path()).unwrap().contains(text) {
                found.push(entry.file_name().into_string().unwrap());
            }
        }
    }
    found.sort();
    found
}

#[track_caller]
fn done(ran: &Ran) {
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
}

#[test]
fn a_demo_with_a_master_key_leaves_only_the_certificates_key_in_the_open() {
    let lacme = with_master_keys();
    let store = lacme.home().join("kept");
    // Twice: the second run finds the CA sealed, and makes an account at the new server.
    for _ in 0..2 {
        done(&lacme.run("demo --store kept --json --master-key-file master.key"));
        let former = files_with(PLAIN, &store);
        assert!(!former.is_empty() && former.iter().all(|name| name == "key.pem"), "{former:?}");
        let mut sealed = files_with(SEALED, &store);
        sealed.dedup();
        assert_eq!(sealed, ["account.key", "intermediate-1.key", "root.key"]);
    }
    let message = lacme.run("demo --store kept --json").failed(6, "store");
    assert!(message.contains("is sealed") && message.contains("--master-key-file"), "{message}");
}

#[test]
fn with_seal_certificates_no_key_is_in_the_open() {
    let lacme = with_master_keys();
    let line = "demo --store kept --json --master-key-file master.key --seal-certificates";
    done(&lacme.run(line));
    assert_eq!(files_with(PLAIN, &lacme.home().join("kept")), [""; 0]);
    assert_eq!(files_with(SEALED, &lacme.home().join("kept")).len(), 4);
    // What needs no key asks for none.
    done(&lacme.run("show demo.localhost --store kept"));
    done(&lacme.run("list --store kept"));
}

#[test]
fn a_sealed_ca_certifies_with_its_master_key_and_with_no_other() {
    let lacme = with_master_keys();
    let master = "--json --master-key-file master.key";
    done(&lacme.run(&format!("ca init {master}")));
    let folder = lacme.home().join(".lacme");
    assert_eq!(files_with(PLAIN, &folder), [""; 0]);
    let keys = || files_with(SEALED, &folder.join(".versions/ca"));
    assert_eq!(keys(), ["intermediate-1.key", "root.key"]);

    let issued = lacme.run(&format!("ca issue db.example {master}"));
    done(&issued);
    let document = issued.json();
    let chain = document["certificate"]["paths"]["fullchain"].as_str().unwrap();
    verify(&folder.join("ca/root.pem"), Path::new(chain), "sslserver");

    let message = lacme.run("ca issue db.example --json").failed(6, "store");
    assert!(message.contains("ca/") && message.contains("is sealed"), "{message}");
    let other = "ca issue db.example --json --master-key-file other.key";
    let message = lacme.run(other).failed(6, "store");
    assert!(message.contains("which was not given"), "{message}");
    done(&lacme.run(&format!("ca issue db.example {master}")));
}

#[cfg(unix)]
#[test]
fn accounts_and_a_served_ca_live_on_sealed_keys() {
    let (ca, client) = (with_master_keys(), with_master_keys());
    let (port, http) = (free_port(), free_port());
    let options =
        format!("--listen 127.0.0.1:{port} --http-port {http} --master-key-file master.key");
    let serving = Serving::start(&ca, &options);
    let master = "--master-key-file master.key --seal-certificates";
    let way = format!("{} {master}", serving.way());
    let issue = format!("issue a.localhost {way} --http-addr 127.0.0.1:{http}");
    done(&client.run(&issue));
    done(&client.run(&format!("account rollover {way}")));
    assert_eq!(serving.stop("-TERM").0, Some(0));

    let serving = Serving::start(&ca, &options);
    done(&client.run(&format!("renew --force --json {master}")));
    done(&client.run(&format!("{issue} --force --reuse-key")));
    client
        .run(&format!("account show {way}").replace("master.key", "other.key"))
        .failed(6, "store");
    client.run(&format!("account show {}", serving.way())).failed(6, "store");
    done(&client.run(&format!("account deactivate --yes {way}")));
    assert_eq!(serving.stop("-TERM").0, Some(0));

    for home in [ca.home(), client.home()] {
        assert_eq!(files_with(PLAIN, &home.join(".lacme")), [""; 0]);
        assert!(files_with(SEALED, &home.join(".lacme")).len() >= 2);
    }
}

#[test]
fn a_master_key_that_is_none_is_a_misuse_that_touches_nothing() {
    let lacme = Lacme::new();
    fs::write(lacme.home().join("password"), "correct horse battery staple\n").unwrap();
    for (line, words) in [
        ("ca init --json --master-key-file missing", "no such file"),
        ("ca init --json --master-key-file password", "openssl rand -base64 32"),
        ("ca init --json --seal-certificates", "--master-key-file"),
    ] {
        let message = lacme.run(line).failed(2, "usage");
        assert!(message.contains(words) && !message.contains("horse"), "{message}");
    }
    assert!(!lacme.home().join(".lacme").exists());
    let mut command = lacme.command("ca init --json");
    let ran = Ran(command.env("LACME_MASTER_KEY_FILE", "missing").output().unwrap());
    ran.failed(2, "usage");
}
