use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Lacme, verify};

/// The port in a URL, as an address of this machine.
fn address(url: &Value) -> String {
    let port = url.as_str().unwrap().split(['/', ':']).find_map(|part| part.parse::<u16>().ok());
    format!("127.0.0.1:{}", port.unwrap())
}

#[test]
fn a_demo_needs_nothing_and_leaves_nothing() {
    let lacme = Lacme::new();
    let temporary = lacme.home().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let begun = Instant::now();
    let mut command = lacme.command("demo --json");
    let ran = crate::support::Ran(command.env("TMPDIR", &temporary).output().unwrap());
    assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    assert_eq!(ran.status(), 0, "{}", ran.stderr());
    assert!(ran.stderr().is_empty(), "{}", ran.stderr());

    let document = ran.json();
    let (certificate, fetched) = (&document["certificate"], &document["fetched"]);
    assert_eq!(certificate["name"], "demo.localhost");
    assert_eq!(certificate["identifiers"][0]["value"], "demo.localhost");
    assert!(certificate["paths"]["cert"].is_null() && document["root"].is_null());
    assert_eq!(document["reissued"], true);
    assert!(document["requests"].as_u64().unwrap() >= 8, "{document}");
    assert_eq!((&fetched["status"], &fetched["tls"]), (&200.into(), &"TLS 1.3".into()));
    for field in ["identifiers", "issuer", "serial"] {
        assert_eq!(fetched[field], certificate[field], "{field}");
    }

    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
    assert!(!lacme.home().join(".lacme").exists());
    for url in [&document["order_url"], &fetched["url"]] {
        assert!(TcpStream::connect(address(url)).is_err(), "{url} is still served");
    }
}

#[test]
fn a_demo_keeps_its_files_in_the_store_that_it_is_given() {
    let lacme = Lacme::new();
    let mut seen = Vec::new();
    for _ in 0..2 {
        let ran = lacme.run("demo --store kept --json");
        assert_eq!(ran.status(), 0, "{}", ran.stderr());
        let document = ran.json();
        let path = |value: &Value| lacme.home().join(Path::new(value.as_str().unwrap()));
        let root = path(&document["root"]);
        verify(&root, &path(&document["certificate"]["paths"]["fullchain"]), "sslserver");
        seen.push((fs::read(root).unwrap(), document["certificate"]["serial"].clone()));
    }
    assert_eq!(seen[0].0, seen[1].0, "the CA stays");
    assert_ne!(seen[0].1, seen[1].1, "the certificate is new each time");
    assert!(lacme.run("list --store kept").stdout().contains("demo.localhost"));
}

#[test]
fn a_person_reads_each_step_and_what_to_try_next() {
    let lacme = Lacme::new();
    let text = lacme.run("demo").stdout();
    let mut rest = text.as_str();
    for word in ["CA", "ACME server", "account", "order", "proof", "certificate", "served", "seen"]
    {
        let at = rest.find(&format!("- {word}")).unwrap_or_else(|| panic!("{word}: {text}"));
        rest = &rest[at..];
    }
    assert!(rest.contains("demo --store demo") && rest.contains("ca serve --listen"), "{rest}");
    assert!(lacme.run("-q demo").stdout().starts_with("\nNothing is left"));
}
