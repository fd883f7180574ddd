//! Each way to fail has its status, and its document.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use harness::{Pebble, Ports};

use crate::command::{User, run};

#[test]
fn what_cannot_work_is_known_before_any_network() {
    let user = User::new();
    // Nobody listens there: who asks gets status 5.
    let nowhere = format!("https://127.0.0.1:{}/dir", Ports::reserve().unwrap().all()[0]);
    let insecure = nowhere.replace("https", "http");
    let at = |directory: &str, args: &[&str]| {
        let mut command = user.bare(&["--directory", directory, "--agree-tos", "issue"]);
        command.args(args);
        run(command)
    };
    at(&nowhere, &["*.a.example"]).failure(2, "usage");
    at(&nowhere, &[]).failure(2, "usage");
    at(&nowhere, &["a..example"]).failure(2, "usage");
    at(&nowhere, &["a.example", "--eab-kid", "kid"]).failure(2, "usage");
    at(&nowhere, &["a.example", "--key-type", "dsa"]).failure(2, "usage");
    at(&nowhere, &["a.example", "--no-such-option"]).failure(2, "usage");
    at(&insecure, &["a.example"]).failure(2, "usage");
    let gone = at("buypass", &["a.example"]).failure(2, "usage");
    assert!(gone["message"].as_str().unwrap().contains("Buypass"));
    run(user.bare(&["no-such-command"])).failure(2, "usage");
    run(user.bare(&[])).failure(2, "usage");

    at(&nowhere, &["a.example"]).failure(5, "network");
}

#[test]
fn what_the_directory_says_is_missing_is_usage() {
    let pebble = Pebble::builder()
        .external_account(
            "kid-1",
            "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W",
        )
        .require_external_account(true)
        .start();
    let user = User::new();
    run(user.issue(&pebble, &["a.example"])).failure(2, "usage");
    let unknown = ["a.example", "--profile", "eternal"];
    let wrong =
        ["--eab-kid", "kid-1", "--eab-hmac-key", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"];
    let refused = run(user.issue(&pebble, &[&["a.example"][..], &wrong].concat()));
    let refused = refused.failure(3, "ca");
    assert!(refused["problem"]["type"].is_string(), "{refused}");

    let key =
        user.write("hmac", b"zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W\n");
    let mut right = user.issue(&pebble, &["a.example", "--eab-kid", "kid-1"]);
    right.env("LACME_EAB_HMAC_KEY_FILE", key);
    run(right).success();
    run(user.issue(&pebble, &[&unknown[..], &["--force"]].concat())).failure(2, "usage");
}

#[test]
fn terms_that_nobody_agreed_to_are_usage() {
    let pebble = Pebble::start();
    let user = User::new();
    let mut command = user.bare(&["--directory", &pebble.directory_url(), "--ca-bundle"]);
    command.arg(pebble.ca_bundle()).args(["issue", "a.example"]);
    let refused = run(command).failure(2, "usage");
    assert!(refused["message"].as_str().unwrap().contains("terms"));
}

#[test]
fn the_cas_refusal_is_told_whole() {
    let pebble = Pebble::builder().block_domain("blocked.example").start();
    let user = User::new();
    let refused = run(user.issue(&pebble, &["x.blocked.example"])).failure(3, "ca");
    let kind = "urn:ietf:params:acme:error:rejectedIdentifier";
    assert_eq!(refused["problem"]["type"], kind);
    assert!(refused["problem"]["detail"].is_string());
}

#[test]
fn a_failed_challenge_names_the_name_and_the_cas_reason() {
    let pebble = Pebble::start();
    pebble.dns().add_a("b.example", &["127.0.0.66"]).unwrap();
    let user = User::new();
    let failed = run(user.issue(&pebble, &["a.example", "b.example"])).failure(4, "challenge");
    assert_eq!(failed["identifier"], "b.example");
    assert_eq!(failed["problem"]["type"], "urn:ietf:params:acme:error:connection");
    assert!(lacme_tests::proofs_are_gone(&pebble));
    pebble.dns().clear_a("b.example").unwrap();
    run(user.issue(&pebble, &["a.example", "b.example"])).success();
}

#[test]
fn a_ca_that_nobody_vouches_for_is_not_talked_to() {
    let (pebble, other) = (Pebble::start(), Pebble::start());
    let user = User::new();
    let mut command = user.bare(&["--directory", &pebble.directory_url(), "--ca-bundle"]);
    command.arg(other.ca_bundle()).args(["--agree-tos", "issue", "a.example"]);
    let begun = Instant::now();
    let failed = run(command).failure(5, "network");
    assert!(begun.elapsed() < Duration::from_secs(5), "tried again in vain");
    assert!(failed["message"].as_str().unwrap().contains("certificate"));
}

#[test]
fn a_store_that_is_no_folder_is_the_stores_fault() {
    let pebble = Pebble::start();
    let user = User::new();
    std::fs::write(user.store(), "a file").unwrap();
    run(user.issue(&pebble, &["a.example"])).failure(6, "store");
    run(user.bare(&["list"])).failure(6, "store");
}

#[test]
fn a_name_that_is_not_stored_is_an_ordinary_failure() {
    let pebble = Pebble::start();
    let user = User::new();
    run(user.bare(&["show", "a.example"])).failure(1, "internal");
    run(user.at(&pebble, &["revoke", "a.example"])).failure(1, "internal");
    run(user.at(&pebble, &["renew", "a.example"])).failure(1, "internal");
}

/// A server that answers every request with the same text.
fn server(answer: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _asked = stream.read(&mut [0; 4096]);
            let _told = stream.write_all(answer.as_bytes());
        }
    });
    address
}

fn issue_at(address: SocketAddr) -> crate::command::Outcome {
    let directory = format!("http://{address}/dir");
    let mut command = User::new().bare(&["--directory", &directory, "--allow-insecure"]);
    command.args(["--agree-tos", "--timeout", "5", "issue", "a.example"]);
    run(command)
}

#[test]
fn answers_that_are_not_acme_are_the_protocols_fault() {
    let with_body = |kind: &str, body: &str| {
        let length = body.len();
        format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
             Connection: close\r\n\r\n{body}"
        )
    };
    let answers = [
        with_body("text/html", "<html>\u{1b}]0;title\u{7}</html>"),
        with_body("application/json", "{}"),
        with_body("application/json", &"[".repeat(100_000)),
        "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{".to_owned(),
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 1_u64 << 30),
        "SSH-2.0-OpenSSH_9.9\r\n".to_owned(),
    ];
    for answer in answers {
        let told: String = answer.chars().take(60).collect();
        let outcome = issue_at(server(answer));
        let failed = outcome.failure(5, "protocol");
        let message = failed["message"].as_str().unwrap();
        assert!(message.contains("directory"), "{told:?}: {message}");
        let all = outcome.stdout + &outcome.stderr;
        assert!(!all.contains(['\u{1b}', '\u{7}']), "{all:?}");
    }
}

#[test]
fn where_no_directory_is_the_network_is_to_blame() {
    let answers = [
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "HTTP/1.1 301 Moved\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\n\
         Connection: close\r\n\r\n",
    ];
    for answer in answers {
        issue_at(server(answer.to_owned())).failure(5, "network");
    }
}

#[test]
fn a_rate_limit_beyond_the_time_given_has_its_own_status() {
    let problem = r#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"later"}"#;
    let length = problem.len();
    let answer = format!(
        "HTTP/1.1 429 Too Many\r\nContent-Type: application/problem+json\r\nRetry-After: 3600\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{problem}"
    );
    let failed = issue_at(server(answer)).failure(7, "rate_limit");
    assert_eq!(failed["retry_after"], 3600);
    assert_eq!(failed["problem"]["detail"], "later");
}
