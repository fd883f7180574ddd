//! Deploy hooks.

use harness::Pebble;

use crate::command::{User, run};

#[test]
fn a_hook_is_told_about_the_new_certificate() {
    let pebble = Pebble::start();
    let user = User::new();
    let said = user.write("said", b"");
    let hook = format!("env | grep ^LACME_HOOK_ | sort >> {said}; test -s \"$LACME_HOOK_KEY\"");
    let issued = run(user.issue(&pebble, &["a.example", "--deploy-hook", &hook])).success();
    let said = std::fs::read_to_string(said).unwrap();
    let serial = issued["certificate"]["serial"].as_str().unwrap();
    for expected in [
        "LACME_HOOK_NAME=a.example".to_owned(),
        format!("LACME_HOOK_SERIAL={serial}"),
        format!("LACME_HOOK_CERT={}", issued["certificate"]["paths"]["cert"].as_str().unwrap()),
        "LACME_HOOK_FULLCHAIN=".to_owned(),
        "LACME_HOOK_NOT_AFTER=".to_owned(),
    ] {
        assert!(said.contains(&expected), "{expected} is not in:\n{said}");
    }
}

#[test]
fn a_failing_hook_is_reported_the_certificate_kept_and_the_hook_tried_again() {
    let pebble = Pebble::start();
    let user = User::new();
    let ready = user.store().with_file_name("ready");
    let hook = format!("test -e {}", ready.display());
    let failed = run(user.issue(&pebble, &["a.example", "--deploy-hook", &hook]));
    failed.failure(1, "hook");
    let before = run(user.bare(&["show", "a.example"])).success();

    std::fs::write(&ready, "").unwrap();
    run(user.at(&pebble, &["renew"])).success();
    let after = run(user.bare(&["show", "a.example"])).success();
    assert_eq!(after["certificate"]["serial"], before["certificate"]["serial"]);
    std::fs::remove_file(&ready).unwrap();
    // It succeeded once: it is not run again for the same certificate.
    run(user.at(&pebble, &["renew"])).success();
}
