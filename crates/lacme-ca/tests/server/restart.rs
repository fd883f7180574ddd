//! What a process wrote down, the next one goes on with.

use serde_json::json;

use crate::harness::{World, csr};

#[test]
fn a_restart_between_any_two_steps_loses_nothing() {
    let mut world = World::new();
    let client = world.client();
    world.restart();
    let (order_url, order) = world.order(&client, &["a.example"]);
    world.restart();
    assert_eq!(world.read(&client, &order_url).json(), order);

    let authorization = order["authorizations"][0].as_str().unwrap();
    let challenge = world.read(&client, authorization).json()["challenges"][0]["url"].clone();
    world.post(&client, challenge.as_str().unwrap(), json!({}));
    world.restart();
    assert_eq!(world.jobs.len(), 1, "the validation is begun again");
    world.validate(Ok(()));
    world.restart();
    assert_eq!(world.read(&client, &order_url).json()["status"], "ready");

    let (_, payload) = csr(&["a.example"]);
    world.post(&client, order["finalize"].as_str().unwrap(), payload);
    world.restart();
    assert_eq!(world.read(&client, &order_url).json()["status"], "processing");
    assert_eq!(world.jobs.len(), 1, "the certificate is still to be made");
    world.validate(Ok(()));
    let order = world.read(&client, &order_url).json();
    assert_eq!(order["status"], "valid");
    let certificate = order["certificate"].as_str().unwrap().to_owned();
    let pem = world.read(&client, &certificate).text();

    world.restart();
    let answer = world.read(&client, &certificate);
    assert_eq!(answer.text(), pem);
    assert_eq!(answer.links("alternate").len(), 1);
    assert_eq!(world.order(&client, &["a.example"]).1["status"], "ready", "still proven");
    let orders = client.account.clone().unwrap().replace("/account/", "/orders/");
    assert_eq!(world.read(&client, &orders).json()["orders"].as_array().unwrap().len(), 2);
}

#[test]
fn what_is_forgotten_is_deleted_from_the_store_too() {
    let mut world = World::new();
    let client = world.client();
    world.order(&client, &["a.example"]);
    world.changes.clear();
    world.pass(3 * 86_400);
    world.nonce();
    let deleted = world.changes.iter().filter(|change| change.document.is_none());
    assert_eq!(deleted.count(), 2, "the order and its authorization");
}

#[test]
fn a_foreign_document_is_refused_by_name() {
    let mut world = World::new();
    let mut restore = |id: &str, document| {
        let orders = lacme_ca::Collection::Orders;
        world.server.restore(orders, id, document).unwrap_err().to_string()
    };
    let error = restore("00000000000000000000", json!({"odd": 1}));
    assert!(error.contains("orders/00000000000000000000"), "{error}");
    assert!(restore("../x", json!({})).contains("name is odd"));
}
