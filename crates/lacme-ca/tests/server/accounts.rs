//! RFC 8555 §7.3: accounts.

use acme_crypto::HmacKey;
use acme_proto::{Directory, ProblemType, Signer as _, external_account_binding};
use lacme_ca::Limits;
use serde_json::{Value, json};
use std::time::Duration;

use crate::harness::{Client, World, order, url};

#[test]
fn a_key_has_one_account() {
    let mut world = World::new();
    let client = Client::new();
    let payload = json!({"contact": ["mailto:admin@example.com"], "termsOfServiceAgreed": true});
    let created = world.post(&client, &url("new-account"), payload);
    assert_eq!((created.status(), &created.json()["status"]), (201, &json!("valid")));
    assert_eq!(created.json()["contact"], json!(["mailto:admin@example.com"]));
    assert_eq!(created.links("index"), [url("directory")]);

    for payload in [json!({}), json!({"onlyReturnExisting": true}), json!({"contact": ["x:"]})] {
        let found = world.post(&client, &url("new-account"), payload);
        assert_eq!((found.status(), found.json()), (200, created.json()));
        assert_eq!(found.header("location"), created.header("location"));
    }
    let stranger = Client::new();
    let payload = json!({"onlyReturnExisting": true});
    let answer = world.post(&stranger, &url("new-account"), payload);
    answer.refused(400, ProblemType::AccountDoesNotExist);
}

#[test]
fn contacts_are_single_mail_addresses() {
    use ProblemType::{InvalidContact, Malformed, UnsupportedContact};
    let mut world = World::new();
    for (contact, kind) in [
        (json!(["tel:+1"]), UnsupportedContact),
        (json!(["mailto:a@b.example?subject=x"]), InvalidContact),
        (json!(["mailto:a@b.example,c@d.example"]), InvalidContact),
        (json!(["mailto:nobody"]), InvalidContact),
        (json!(["mailto:a@*.example"]), InvalidContact),
        (json!(["mailto:a\r\n@b.example"]), InvalidContact),
        (json!([7]), Malformed),
        (json!("mailto:a@b.example"), Malformed),
        (json!(vec!["mailto:a@b.example"; 11]), InvalidContact),
    ] {
        let payload = json!({ "contact": contact });
        let answer = world.post(&Client::new(), &url("new-account"), payload);
        answer.refused(400, kind);
    }
}

#[test]
fn updates_change_the_contact_and_ignore_what_is_unknown() {
    let mut world = World::new();
    let client = world.client();
    let account = client.account.clone().unwrap();
    let update = json!({
        "contact": ["mailto:new@example.com"], "orders": "https://evil.example", "odd": [1],
        "status": "valid",
    });
    let answer = world.post(&client, &account, update);
    assert_eq!(answer.json()["contact"], json!(["mailto:new@example.com"]));
    let orders = answer.json()["orders"].as_str().unwrap().to_owned();
    assert!(orders.starts_with(&url("orders/")), "{orders}");
    let answer = world.post(&client, &account, json!({"odd": true}));
    assert_eq!(answer.json()["contact"], json!(["mailto:new@example.com"]));
    let answer = world.post(&client, &account, json!({"contact": []}));
    assert_eq!(answer.json()["contact"], json!([]));
    world
        .post(&client, &account, json!({"status": "revoked"}))
        .refused(400, ProblemType::Malformed);
}

#[test]
fn a_deactivated_account_can_do_nothing_any_more() {
    let mut world = World::new();
    let client = world.client();
    let account = client.account.clone().unwrap();
    let (order_url, order) = world.order(&client, &["a.example"]);
    world.prove(&client, &order);
    let answer = world.post(&client, &account, json!({"status": "deactivated"}));
    assert_eq!((answer.status(), &answer.json()["status"]), (200, &json!("deactivated")));
    world.read(&client, &account).refused(401, ProblemType::Unauthorized);
    world.read(&client, &order_url).refused(401, ProblemType::Unauthorized);
    let keyed = Client { account: None, ..client };
    world.post(&keyed, &url("new-account"), json!({})).refused(401, ProblemType::Unauthorized);
}

#[test]
fn terms_have_to_be_agreed_to() {
    let terms = "https://ca.example/terms/v1";
    let mut world = World::with(|config| config.terms_of_service(terms));
    assert_eq!(world.get(&url("directory")).json()["meta"]["termsOfService"], terms);
    let answer = world.post(&Client::new(), &url("new-account"), json!({}));
    answer.refused(403, ProblemType::UserActionRequired);
    assert_eq!(answer.links("terms-of-service"), [terms]);
    let client = world.client();
    assert_eq!(world.order(&client, &["a.example"]).1["status"], "pending");

    // The next process has other terms.
    let mut world = World::with(|config| config.terms_of_service("https://ca.example/terms/v2"));
    let mut client = Client::new();
    let agreed = json!({"termsOfServiceAgreed": true});
    let answer = world.post(&client, &url("new-account"), agreed.clone());
    client.account = Some(answer.header("location"));
    let documents = std::mem::take(&mut world.changes);
    let mut world = World::with(|config| config.terms_of_service("https://ca.example/terms/v3"));
    for change in documents {
        world.server.restore(change.collection, &change.id, change.document.unwrap()).unwrap();
    }
    let answer = world.post(&client, &url("new-order"), order(&["a.example"]));
    answer.refused(403, ProblemType::UserActionRequired);
    assert_eq!(answer.json()["instance"], "https://ca.example/terms/v3");
    let account = client.account.clone().unwrap();
    assert_eq!(world.post(&client, &account, agreed).status(), 200);
    assert_eq!(world.order(&client, &["a.example"]).1["status"], "pending");
}

#[test]
fn external_accounts_are_bound_by_their_mac() {
    const KEY: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY";
    let key = HmacKey::from_base64url(KEY).unwrap();
    let mut world = World::with(|config| {
        config.external_account("customer-7", key.clone()).require_external_account(true)
    });
    let directory: Directory = serde_json::from_value(world.get(&url("directory")).json()).unwrap();
    assert!(directory.meta.external_account_required);
    let client = Client::new();
    let target = url("new-account");
    let bound = |binding: Value| json!({ "externalAccountBinding": binding });
    world.post(&client, &target, json!({})).refused(403, ProblemType::ExternalAccountRequired);

    let good = external_account_binding(&directory, "customer-7", &key, client.key.jwk());
    let other_key =
        external_account_binding(&directory, "customer-7", &key, Client::new().key.jwk());
    world.post(&client, &target, bound(other_key)).refused(400, ProblemType::Malformed);
    let other_kid = external_account_binding(&directory, "nobody", &key, client.key.jwk());
    world.post(&client, &target, bound(other_kid)).refused(403, ProblemType::Unauthorized);
    let wrong = HmacKey::from_base64url(&KEY.replace('M', "N")).unwrap();
    let forged = external_account_binding(&directory, "customer-7", &wrong, client.key.jwk());
    world.post(&client, &target, bound(forged)).refused(403, ProblemType::Unauthorized);
    let mut elsewhere = directory.clone();
    elsewhere.new_account = elsewhere.new_order.clone();
    let elsewhere = external_account_binding(&elsewhere, "customer-7", &key, client.key.jwk());
    world.post(&client, &target, bound(elsewhere)).refused(400, ProblemType::Malformed);
    world.post(&client, &target, bound(json!("x"))).refused(400, ProblemType::Malformed);

    assert_eq!(world.post(&client, &target, bound(good)).status(), 201);
}

#[test]
fn orders_are_listed_page_by_page() {
    let mut world = World::with(|config| config.orders_per_page(2));
    let client = world.client();
    let account = world.read(&client, &client.account.clone().unwrap()).json();
    let mut page_url = account["orders"].as_str().unwrap().to_owned();
    assert_eq!(world.read(&client, &page_url).json(), json!({"orders": []}));
    let mut placed = Vec::new();
    for n in 0..5 {
        world.pass(n % 2);
        placed.push(world.order(&client, &[&format!("n{n}.example")]).0);
    }
    let mut listed = Vec::new();
    for size in [2, 2, 1] {
        let page = world.read(&client, &page_url);
        let urls = crate::harness::texts(&page.json()["orders"]);
        assert_eq!(urls.len(), size);
        listed.extend(urls);
        page_url = page.links("next").pop().unwrap_or_default();
    }
    assert_eq!(page_url, "", "the last page has no successor");
    placed.sort();
    listed.sort();
    assert_eq!(listed, placed);
}

#[test]
fn accounts_are_limited_in_number_and_in_time() {
    let limits = Limits::default().accounts(3).new_accounts(2, Duration::from_secs(60));
    let mut world = World::with(|config| config.limits(limits));
    world.client();
    world.pass(20);
    let known = world.client();
    let refused = |world: &mut World| {
        let answer = world.post(&Client::new(), &url("new-account"), json!({}));
        answer.refused(429, ProblemType::RateLimited);
        answer.header("retry-after")
    };
    assert_eq!(refused(&mut world), "40");
    world.pass(40);
    world.client();
    world.pass(100);
    assert_eq!(refused(&mut world), "86400");
    let keyed = Client { account: None, ..known };
    assert_eq!(world.post(&keyed, &url("new-account"), json!({})).status(), 200);
}
