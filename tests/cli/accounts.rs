//! `lacme account`.

use harness::Pebble;
use serde_json::json;

use crate::command::{User, run};

#[test]
fn an_account_is_created_shown_changed_and_given_up() {
    let pebble = Pebble::start();
    let user = User::new();
    let account = |args: &[&str]| {
        let args = [&["account"][..], args].concat();
        run(user.at(&pebble, &args))
    };
    let created = account(&["create"]).success()["account"].clone();
    assert_eq!(created["name"], "default");
    assert_eq!(created["status"], "valid");
    assert_eq!(created["contact"], json!(["mailto:a@b.example"]));
    assert_eq!(created["directory"], pebble.directory_url());
    assert_eq!(created["key"]["type"], "ecdsa-p256");
    assert_eq!(account(&["show"]).success()["account"], created);
    assert_eq!(account(&["list"]).success(), json!({"accounts": [created]}));

    let changed = account(&["rollover"]).success()["account"].clone();
    assert_eq!(changed["url"], created["url"]);
    assert_ne!(changed["key"]["thumbprint"], created["key"]["thumbprint"]);
    run(user.issue(&pebble, &["a.example"])).success();

    let gone = account(&["deactivate", "--yes"]).success();
    assert_eq!(gone["account"]["status"], "deactivated");
    run(user.issue(&pebble, &["b.example"])).failure(3, "ca");
    assert_eq!(pebble.log().matches("accounts in memory").count(), 1);
}

#[test]
fn several_accounts_live_at_one_ca() {
    let pebble = Pebble::start();
    let user = User::new();
    run(user.issue(&pebble, &["a.example", "--account", "one"])).success();
    run(user.issue(&pebble, &["b.example", "--account", "two"])).success();
    let list = run(user.bare(&["account", "list"])).success();
    let names: Vec<_> = list["accounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|account| account["name"].clone())
        .collect();
    assert_eq!(names, ["one", "two"]);
}

#[test]
fn without_an_account_there_is_nothing_to_show() {
    let pebble = Pebble::start();
    let user = User::new();
    let outcome = run(user.at(&pebble, &["account", "show"]));
    assert_ne!(outcome.status, Some(0));
    assert!(outcome.json()["error"].is_object());
    assert!(!pebble.log().contains("accounts in memory"));
}
