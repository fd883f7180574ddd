//! RFC 8555 §7.3: accounts. External account binding and key change have files of their own.

use lacme::{ErrorKind, ProblemType, Store};
use serde_json::{Value, json};

use crate::ours::{Ours, name};
use crate::world::{Client, World, csr, order, texts, url};

/// §7.3: a new account is answered with 201, itself, and its URL in Location.
#[test]
fn a_new_account_is_created_with_a_location() {
    let mut world = World::new();
    let client = Client::stranger();
    let contact = json!(["mailto:admin@example.com", "mailto:ops@example.com"]);
    let answer = world.post(&client, &url("new-account"), json!({ "contact": contact }));
    let account = answer.accepted(201);
    assert_eq!((&account["status"], &account["contact"]), (&json!("valid"), &contact));
    let client = Client { account: Some(answer.header("location")), ..client };
    assert_eq!(world.read(&client, &client.url()).accepted(200), account);
}

/// §7.3: "orders" and unknown fields of the payload are ignored.
#[test]
fn what_a_client_may_not_decide_is_ignored_at_registration() {
    let mut world = World::new();
    let payload = json!({
        "orders": "https://evil.example/orders", "status": "revoked", "initialIp": "192.0.2.1",
        "createdAt": {"deep": [1]}, "key": "x",
    });
    let account = world.post(&Client::stranger(), &url("new-account"), payload).accepted(201);
    assert_eq!(account["status"], "valid");
    assert!(account["orders"].as_str().unwrap().starts_with(&url("orders/")));
    assert_eq!(account["initialIp"], Value::Null);
}

/// §7.3: contacts of another scheme are unsupportedContact, bad addresses invalidContact; mailto
/// has one address and no header fields.
#[test]
fn contacts_that_cannot_be_used_are_refused() {
    use ProblemType::{InvalidContact, Malformed, UnsupportedContact};
    let mut world = World::new();
    for (contact, kind) in [
        (json!(["tel:+12025551212"]), UnsupportedContact),
        (json!(["mailto:a@b.example?subject=x"]), InvalidContact),
        (json!(["mailto:a@b.example,c@d.example"]), InvalidContact),
        (json!(["mailto:nobody"]), InvalidContact),
        (json!(["admin@example.com"]), InvalidContact),
        (json!(["mailto:a\r\nb@c.example"]), InvalidContact),
        (json!(vec!["mailto:a@b.example"; 11]), InvalidContact),
        (json!([7]), Malformed),
        (json!("mailto:a@b.example"), Malformed),
    ] {
        let payload = json!({ "contact": contact });
        world.post(&Client::stranger(), &url("new-account"), payload).refused(400, kind);
    }
}

/// §7.3.1: a key that has an account finds it: 200, the same Location, nothing changed.
#[test]
fn a_key_has_one_account() {
    let mut world = World::new();
    let client = world.client();
    let account = world.read(&client, &client.url()).json();
    for payload in [
        json!({}),
        json!({"contact": ["mailto:new@example.com"]}),
        json!({"onlyReturnExisting": true}),
    ] {
        let answer = world.post(&client.by_key(), &url("new-account"), payload);
        assert_eq!(answer.accepted(200), account);
        assert_eq!(answer.header("location"), client.url());
    }
    assert_eq!(world.read(&client, &client.url()).json(), account);
}

/// §7.3.1: onlyReturnExisting creates nothing: 400 accountDoesNotExist.
#[test]
fn only_return_existing_creates_nothing() {
    let mut world = World::new();
    let stranger = Client::stranger();
    for _ in 0..2 {
        let answer =
            world.post(&stranger, &url("new-account"), json!({"onlyReturnExisting": true}));
        answer.refused(400, ProblemType::AccountDoesNotExist);
        assert!(!answer.has("location"));
    }
    world.post(&stranger, &url("new-account"), json!({})).accepted(201);
}

/// §7.3.2: an update changes the contacts; "orders", "status" as it is, and unknown fields are
/// ignored.
#[test]
fn an_update_changes_what_it_may_and_ignores_the_rest() {
    let mut world = World::new();
    let client = world.client();
    let update = json!({
        "contact": ["mailto:new@example.com"], "orders": "https://evil.example", "odd": [1],
        "status": "valid", "termsOfServiceAgreed": false,
    });
    let account = world.post(&client, &client.url(), update).accepted(200);
    assert_eq!(account["contact"], json!(["mailto:new@example.com"]));
    assert!(account["orders"].as_str().unwrap().starts_with(&url("orders/")));
    let same = world.post(&client, &client.url(), json!({"odd": true})).accepted(200);
    assert_eq!(same, account);
    let none = world.post(&client, &client.url(), json!({"contact": []})).accepted(200);
    assert_eq!(none["contact"], json!([]));
    for status in [json!("revoked"), json!("pending"), json!(7)] {
        let answer = world.post(&client, &client.url(), json!({ "status": status }));
        answer.refused(400, ProblemType::Malformed);
    }
}

/// §7.3: an account is its owner's alone.
#[test]
fn another_account_can_be_neither_read_nor_changed() {
    let mut world = World::new();
    let (owner, thief) = (world.client(), world.client());
    for payload in [Value::Null, json!({"status": "deactivated"}), json!({"contact": []})] {
        let answer = world.post(&thief, &owner.url(), payload);
        answer.refused(403, ProblemType::Unauthorized);
    }
    assert_eq!(world.read(&owner, &owner.url()).json()["status"], "valid");
}

/// §7.3.3: without agreement there is no account; userActionRequired links to the terms.
#[test]
fn terms_have_to_be_agreed_to() {
    let terms = "https://ca.example/terms/1";
    let mut world = World::with(|config| config.terms_of_service(terms));
    for payload in [json!({}), json!({"termsOfServiceAgreed": false})] {
        let answer = world.post(&Client::stranger(), &url("new-account"), payload);
        let problem = answer.refused(403, ProblemType::UserActionRequired);
        assert_eq!(problem.instance.as_deref(), Some(terms));
        assert_eq!(answer.links("terms-of-service"), [terms]);
    }
    let odd = world.post(
        &Client::stranger(),
        &url("new-account"),
        json!({"termsOfServiceAgreed": "yes"}),
    );
    odd.refused(400, ProblemType::Malformed);
    let client = world.client();
    assert_eq!(world.read(&client, &client.url()).json()["termsOfServiceAgreed"], true);
}

/// §7.3.6: a deactivated account does nothing any more, for good: 401 unauthorized.
#[test]
fn a_deactivated_account_is_refused_everywhere() {
    let mut world = World::new();
    let client = world.client();
    let (order_url, pending) = world.order(&client, &["a.example"]);
    let (_, ready) = world.ready_order(&client, &["b.example"]);
    let (certificate, ..) = world.issue(&client, &["c.example"]);
    let answer = world.post(&client, &client.url(), json!({"status": "deactivated"}));
    assert_eq!(answer.accepted(200)["status"], "deactivated");
    let key = lacme::PrivateKey::generate(lacme::KeyType::EcdsaP256).unwrap();
    let finalize = ready["finalize"].as_str().unwrap();
    let authorization = texts(&pending["authorizations"]).remove(0);
    for (target, payload) in [
        (client.url().as_str(), Value::Null),
        (client.url().as_str(), json!({"status": "valid"})),
        (order_url.as_str(), Value::Null),
        (authorization.as_str(), Value::Null),
        (certificate.as_str(), Value::Null),
        (finalize, csr(&key, &["b.example"])),
        (&url("new-order"), order(&["d.example"])),
    ] {
        world.post(&client, target, payload).refused(401, ProblemType::Unauthorized);
    }
    for payload in [json!({}), json!({"onlyReturnExisting": true})] {
        let answer = world.post(&client.by_key(), &url("new-account"), payload);
        answer.refused(401, ProblemType::Unauthorized);
    }
}

/// §7.3, our side: agreement is stated only where the user gave it.
#[tokio::test]
async fn our_client_agrees_to_nothing_by_itself() {
    let terms = "https://ca.example/terms/1";
    let ours = Ours::with(|config| config.terms_of_service(terms)).await;
    let unwilling = ours.builder().agree_to_terms(false).build().unwrap();
    let error = unwilling.account().create().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains(terms), "{error}");
    assert!(ours.sent_to("new-account").is_empty());
    ours.client().account().create().await.unwrap();
    let payload = ours.sent_to("new-account")[0].json();
    let expected = json!({"contact": ["mailto:admin@example.com"], "termsOfServiceAgreed": true});
    assert_eq!(payload, expected);
}

/// §7.3.1, our side: a lost store with the key kept finds the account again.
#[tokio::test]
async fn our_client_finds_its_account_without_creating_one() {
    let ours = Ours::new().await;
    let client = ours.client();
    let made = client.account().create().await.unwrap();
    let found = client.account().find().await.unwrap();
    assert_eq!(found.url, made.url);
    let asked = ours.sent_to("new-account").pop().unwrap();
    assert_eq!(asked.json(), json!({"onlyReturnExisting": true}));
}

/// §7.3.2, our side: an update sends what changes and nothing else.
#[tokio::test]
async fn our_client_updates_its_contacts() {
    let ours = Ours::new().await;
    let client = ours.client();
    client.account().create().await.unwrap();
    let account = client.account().update_contact(["ops@example.com"]).await.unwrap();
    assert_eq!(account.contact, ["mailto:ops@example.com"]);
    let sent = ours.sent_to("account/").pop().unwrap();
    assert_eq!(sent.json(), json!({"contact": ["mailto:ops@example.com"]}));
}

/// §7.3.6, our side: a deactivated account is not silently replaced by a new one.
#[tokio::test]
async fn our_client_does_not_replace_a_deactivated_account() {
    let ours = Ours::new().await;
    let store = Store::memory();
    let client = ours.builder().store(store.clone()).build().unwrap();
    client.account().create().await.unwrap();
    let gone = client.account().deactivate().await.unwrap();
    assert_eq!(gone.status, "deactivated");
    let registrations = ours.sent_to("new-account").len();
    let next = ours.builder().store(store).build().unwrap();
    for client in [client, next] {
        let error = client.issue(name("a.example")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ca, "{error}");
    }
    assert_eq!(ours.sent_to("new-account").len(), registrations);
}
