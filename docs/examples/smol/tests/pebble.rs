//! The example as its reader runs it, with a real CA.

use std::path::Path;
use std::process::Command;

use harness::{Pebble, pem};

/// Exit code, chain, and the lines about the progress.
fn run(pebble: &Pebble, roots: &Path, port: u16, names: &[String]) -> (i32, String, Vec<String>) {
    let output = Command::new(env!("CARGO_BIN_EXE_example-smol"))
        .args(names)
        .env("LACME_DIRECTORY", pebble.directory_url())
        .env("LACME_CA_BUNDLE", roots)
        .env("LACME_HTTP_ADDR", format!("127.0.0.1:{port}"))
        .output()
        .expect("cargo built it");
    let code = output.status.code().expect("nobody kills it");
    let chain = String::from_utf8_lossy(&output.stdout).into_owned();
    let progress = String::from_utf8_lossy(&output.stderr).into_owned();
    (code, chain, progress.lines().map(str::to_owned).collect())
}

fn one_name() -> [String; 1] {
    ["a.example.com".to_owned()]
}

#[test]
fn twelve_names_get_their_certificate_while_half_of_the_nonces_are_refused() {
    let pebble = Pebble::builder().nonce_reject(50).start();
    let names: Vec<_> = (1..=12).map(|n| format!("n{n}.example.com")).collect();
    let (code, chain, progress) = run(&pebble, pebble.ca_bundle(), pebble.http_port(), &names);
    assert_eq!(code, 0, "{progress:#?}");
    assert_eq!(pem::certificates(&chain).unwrap().len(), 2);
}

#[test]
fn a_failed_validation_is_cleaned_up_and_told_in_one_line() {
    let pebble = Pebble::start();
    let elsewhere = pebble.tls_port(); // where Pebble does not look for http-01
    let (code, chain, progress) = run(&pebble, pebble.ca_bundle(), elsewhere, &one_name());
    assert_eq!((code, chain.as_str()), (1, ""));
    let [.., cleanup, done, error] = progress.as_slice() else {
        panic!("{progress:#?}");
    };
    assert_eq!((cleanup.as_str(), done.as_str()), ("taking proofs down", "done"));
    assert!(error.contains("a.example.com: http-01 failed"), "{error}");
}

#[test]
fn a_ca_that_is_not_trusted_is_asked_once() {
    let (pebble, stranger) = (Pebble::start(), Pebble::start());
    let bundle = stranger.ca_bundle();
    let (code, chain, progress) = run(&pebble, bundle, pebble.http_port(), &one_name());
    assert_eq!((code, chain.as_str()), (1, ""));
    let error = progress.last().unwrap();
    assert!(error.contains("could not be reached for directory"), "{error}");
    assert!(error.contains("certificate"), "{error}");
    let tries = pebble.log().matches("TLS handshake error").count();
    assert!(tries <= 1, "{}", pebble.log()); // the last one may not be logged yet
}
