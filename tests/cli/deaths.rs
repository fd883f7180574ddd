//! `kill -9` and Ctrl-C at any moment of `issue`.

use std::collections::HashSet;
use std::net::TcpListener;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use harness::Pebble;
use lacme::{Certificate, PrivateKey};
use lacme_tests::{certificates_issued, proofs_are_gone, validation_address};
use rustix::process::{Pid, Signal, kill_process};

use crate::command::{User, end, run};

/// The key of the order under way, if its journal is written.
fn journaled_key(user: &User) -> Option<String> {
    std::fs::read_to_string(user.store().join("orders/a.example/key.pem")).ok()
}

fn orders(pebble: &Pebble) -> usize {
    pebble.log().matches("Added order").count()
}

/// Kills the process and runs the command again: it must end as if nothing had happened.
/// Returns how many orders both took, and whether the first left one under way.
fn kill_and_go_on(pebble: &Pebble, user: &User, mut child: Child, told: &str) -> (usize, bool) {
    child.kill().unwrap();
    child.wait().unwrap();
    let before = journaled_key(user);
    let under_way = before.is_some();
    let reported = run(user.issue(pebble, &["a.example"])).success();
    let path = reported["certificate"]["paths"]["key"].as_str().unwrap();
    let key = std::fs::read_to_string(path).unwrap();
    if let Some(before) = before {
        assert_eq!(before, key, "{told}: another key");
    }
    assert!(journaled_key(user).is_none(), "{told}: the journal is left");
    assert!(proofs_are_gone(pebble));
    (orders(pebble), under_way)
}

/// How long the command takes when nobody kills it.
fn duration_of(command: Command) -> Duration {
    let begun = Instant::now();
    run(command).success();
    begun.elapsed().min(Duration::from_secs(2))
}

fn wait_for(pebble: &Pebble, text: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !pebble.log().contains(text) {
        assert!(Instant::now() < deadline, "no {text:?} in Pebble's log");
        std::thread::sleep(Duration::from_micros(200));
    }
}

#[test]
fn killed_at_each_step_it_goes_on_with_its_order() {
    // What Pebble says when it begins or ends a step, and whether a kill there may cost an order.
    let steps = [
        ("HEAD /nonce-plz", false),
        ("POST /sign-me-up", false),
        ("POST /order-plz", true),
        ("Added order", true),
        ("POST /authZ/", true),
        ("POST /chalZ/", true),
        ("set VALID by", true),
        ("POST /finalize-order/", false),
        ("Issued certificate serial", false),
        ("POST /certZ/", false),
    ];
    for (step, may_waste) in steps {
        let pebble = Pebble::builder().nonce_reject(0).authz_reuse(0).start();
        let user = User::new();
        let child = user.issue(&pebble, &["a.example"]).spawn().unwrap();
        wait_for(&pebble, step);
        let (orders, _) = kill_and_go_on(&pebble, &user, child, step);
        assert!(orders <= 1 + usize::from(may_waste), "{step}: {orders} orders");
        assert_eq!(certificates_issued(&pebble), 1, "{step}");
    }
}

#[test]
fn killed_at_any_moment_it_issues_one_certificate_in_the_end() {
    let pebble = Pebble::builder().nonce_reject(0).authz_reuse(0).start();
    let whole = duration_of(User::new().issue(&pebble, &["a.example"]));
    const KILLS: u32 = 24;
    let mut under_way = 0;
    for n in 0..KILLS {
        let (before, certificates) = (orders(&pebble), certificates_issued(&pebble));
        let user = User::new();
        let child = user.issue(&pebble, &["a.example"]).spawn().unwrap();
        std::thread::sleep(whole * n / KILLS);
        let told = format!("killed after {:?}", whole * n / KILLS);
        let (after, had_begun) = kill_and_go_on(&pebble, &user, child, &told);
        under_way += u32::from(had_begun);
        assert!(after - before <= 2, "{told}: {} orders", after - before);
        assert_eq!(certificates_issued(&pebble), certificates + 1, "{told}");
    }
    println!("{under_way} of {KILLS} kills left an order under way");
    assert!(under_way >= 4, "only {under_way} kills hit");
}

#[test]
fn a_stored_pair_matches_whenever_its_renewal_is_killed() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    let user = User::new();
    let whole = duration_of(user.issue(&pebble, &["a.example"]));
    let folder = user.store().join("certs/a.example");
    let read = |file| std::fs::read_to_string(folder.join(file)).unwrap();
    let mut serials = HashSet::new();
    for n in 0..12 {
        let force = ["a.example", "--force"];
        let mut child = user.issue(&pebble, &force).spawn().unwrap();
        // The last third is when things are stored.
        std::thread::sleep(whole * 2 / 3 + whole * n / 30);
        child.kill().unwrap();
        child.wait().unwrap();
        let certificate = Certificate::from_pem(read("cert.pem").as_bytes()).unwrap();
        let key = PrivateKey::from_pem(&read("key.pem")).unwrap();
        assert_eq!(key.public_key_der(), certificate.public_key_der());
        assert!(read("fullchain.pem").starts_with(&read("cert.pem")));
        serials.insert(certificate.serial_hex());
    }
    println!("{} certificates in 12 renewals", serials.len());
}

fn interrupt(child: &Child) {
    let pid = Pid::from_child(child);
    kill_process(pid, Signal::INT).unwrap();
}

#[test]
fn ctrl_c_takes_the_proofs_down_and_keeps_the_order() {
    let pebble = Pebble::builder().validation_sleep(3600).nonce_reject(0).start();
    let user = User::new();
    let child = user.issue(&pebble, &["a.example"]).spawn().unwrap();
    wait_for(&pebble, "POST /chalZ/");
    wait_for(&pebble, "POST /my-order/");
    assert!(!proofs_are_gone(&pebble));
    let begun = Instant::now();
    interrupt(&child);
    let outcome = end(child);
    assert!(begun.elapsed() < Duration::from_secs(5));
    outcome.failure(130, "interrupted");
    assert!(proofs_are_gone(&pebble));
    assert!(journaled_key(&user).is_some());
}

#[test]
fn ctrl_c_ends_the_wait_for_a_busy_port() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    let taken = TcpListener::bind(validation_address(&pebble)).unwrap();
    let user = User::new();
    let child = user.issue(&pebble, &["a.example"]).spawn().unwrap();
    wait_for(&pebble, "POST /authZ/");
    interrupt(&child);
    end(child).failure(130, "interrupted");
    drop(taken);
    run(user.issue(&pebble, &["a.example"])).success();
    assert_eq!(orders(&pebble), 1);
}

#[test]
fn two_processes_share_a_port_one_after_the_other() {
    let pebble = Pebble::start();
    let user = User::new();
    let one = user.issue(&pebble, &["a.example"]).spawn().unwrap();
    let two = user.issue(&pebble, &["b.example"]).spawn().unwrap();
    end(one).success();
    end(two).success();
    assert_eq!(pebble.log().matches("accounts in memory").count(), 1);
}
