//! How a program that uses ACME is tested with lacme-ca and its feature `testing`: a CA on
//! loopback, with nothing set up, that fails where the script says so.

use std::time::Duration;

use acme_proto::{ProblemType, Resource};
use lacme_ca::testing::{Fault, FaultScript};
use lacme_ca::{AcmeServer, LoopbackOptions};
use tokio::process::Command;

/// Runs the program against a CA that behaves as scripted: whether it succeeded, and what it said.
///
/// By default the CA believes every client that it controls what it asks for. With a
/// [`NetworkValidator`](lacme_ca::NetworkValidator) it would look for the proofs.
async fn run(script: FaultScript) -> (bool, String) {
    let options = LoopbackOptions::new().faults(script);
    let server = AcmeServer::spawn_on_loopback(options).await.expect("loopback has a free port");
    let folder = tempfile::tempdir().expect("there is room for a file");
    let root = folder.path().join("root.pem");
    std::fs::write(&root, &server.root_pem).expect("there is room for a file");

    let program = Command::new(env!("CARGO_BIN_EXE_example-testing"))
        .arg("a.example")
        .env("ACME_DIRECTORY", server.directory_url.as_str())
        .env("ACME_ROOT", &root)
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(Duration::from_secs(60), program).await;
    let output = output.expect("the program ends").expect("cargo built it");
    server.shutdown().await;
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

#[tokio::test]
async fn it_prints_the_certificate_of_a_ca_that_behaves() {
    let (succeeded, text) = run(FaultScript::new(1)).await;
    assert!(succeeded && text.contains("BEGIN CERTIFICATE"), "{text}");
}

#[tokio::test]
async fn it_gets_over_nonces_that_are_refused_and_over_a_slow_ca() {
    let script = FaultScript::new(2)
        .first(2, Resource::NewOrder, Fault::BadNonce)
        .every(None, Fault::Delay(Duration::from_millis(20)))
        .first(2, Resource::Order, Fault::State("processing".to_owned()));
    let (succeeded, text) = run(script).await;
    assert!(succeeded, "{text}");
}

#[tokio::test]
async fn it_passes_on_why_it_was_refused() {
    let limit = Fault::status(429).problem(ProblemType::RateLimited, "come back tomorrow");
    let (succeeded, text) = run(FaultScript::new(3).every(Resource::NewOrder, limit)).await;
    assert!(!succeeded && text.contains("come back tomorrow"), "{text}");
}

#[tokio::test]
async fn it_gives_up_when_the_connection_is_always_cut() {
    let (succeeded, _) = run(FaultScript::new(4).every(Resource::Finalize, Fault::DropAfter)).await;
    assert!(!succeeded);
}
