//! The harness itself, with a real Pebble.

use std::fs;
use std::path::Path;
use std::thread;

use harness::{Pebble, pem, tools};

fn exists(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

#[test]
fn two_pebbles_run_side_by_side() {
    let (one, two) = thread::scope(|scope| {
        let two = scope.spawn(Pebble::start);
        (Pebble::start(), two.join().unwrap())
    });
    assert!(one.is_answering() && two.is_answering());
    assert_ne!(one.directory_url(), two.directory_url());
    assert_ne!(one.http_port(), two.http_port());
    assert_ne!(one.root(0).unwrap(), two.root(0).unwrap());
}

#[test]
fn its_issuers_can_be_fetched_with_every_alternate() {
    let pebble = Pebble::builder().alternate_roots(1).start();
    let roots = [pebble.root(0).unwrap(), pebble.root(1).unwrap()];
    assert_ne!(roots[0], roots[1]);
    for text in roots.iter().chain([&pebble.intermediate(0).unwrap()]) {
        assert_eq!(pem::certificates(text).unwrap().len(), 1);
    }
    assert!(pebble.root(2).unwrap_err().to_string().contains("404"));
}

#[test]
fn a_certificate_it_never_issued_has_no_status() {
    let pebble = Pebble::start();
    assert_eq!(pebble.certificate_status("0badc0de").unwrap(), None);
    let stranger = fs::read_to_string(pebble.ca_bundle()).unwrap();
    assert!(
        pebble
            .set_renewal_window(&stranger, "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z")
            .is_err()
    );
}

#[test]
fn its_records_are_set_through_its_dns_server() {
    let pebble = Pebble::start();
    pebble.dns().add_txt("_acme-challenge.a.example", "proof").unwrap();
    assert!(pebble.dns().log().contains("proof"));
}

#[test]
fn settings_reach_it() {
    let pebble = Pebble::builder().nonce_reject(50).authz_reuse(100).orders_per_page(7).start();
    let log = pebble.log();
    for line in [
        "reject 50% of good",
        "each identifier 100% of",
        "show 7 orders",
        "Disabling random VA sleeps",
    ] {
        assert!(log.contains(line), "{line:?} is not in:\n{log}");
    }
}

#[test]
fn a_dropped_pebble_is_gone_with_its_folder() {
    let pebble = Pebble::start();
    let (pid, bundle) = (pebble.pid(), pebble.ca_bundle().to_owned());
    assert!(exists(pid) && bundle.exists());
    drop(pebble);
    assert!(!exists(pid) && !bundle.exists());
}

#[test]
fn a_killed_pebble_answers_no_more() {
    let pebble = Pebble::start();
    pebble.kill();
    assert!(!exists(pebble.pid()));
    assert!(!pebble.is_answering());
}

#[test]
fn a_test_that_panics_ends_its_pebble() {
    let test = thread::spawn(|| {
        let pebble = Pebble::start();
        std::panic::panic_any(pebble.pid());
    });
    let pid = *test.join().unwrap_err().downcast::<u32>().unwrap();
    assert!(!exists(pid));
}

#[test]
fn the_tools_tell_their_version_unless_somebody_chose_them() {
    for tool in tools::Tool::ALL {
        let found = if tools::Tool::PEBBLE.contains(&tool) {
            tools::find(tool).unwrap()
        } else if let Some(found) = tools::find_or_skip(tool) {
            found
        } else {
            continue;
        };
        assert!(found.path().is_file());
        assert!(found.version().is_some() || found.origin() == tools::Origin::Variable, "{found}");
    }
}
