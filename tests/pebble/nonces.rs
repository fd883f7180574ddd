//! Nonces are refused, and none is used twice.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use harness::Pebble;
use lacme::proto::Resource;
use lacme::{Issuance, Store};
use lacme_tests::{Wire, client_for, leaf, name, names, stored};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// Every nonce that was sent, in order.
fn nonces(wire: &Wire) -> Vec<String> {
    let sent = wire.sent();
    let nonces = sent.iter().filter_map(|sent| sent.protected["nonce"].as_str());
    nonces.map(str::to_owned).collect()
}

fn assert_none_is_used_twice(wire: &Wire) {
    let nonces = nonces(wire);
    let distinct: HashSet<_> = nonces.iter().collect();
    assert_eq!(distinct.len(), nonces.len());
}

#[tokio::test]
async fn one_nonce_in_twenty_is_refused_and_nobody_notices() {
    let pebble = Pebble::builder().nonce_reject(5).start();
    let wire = Arc::new(Wire::to(&pebble));
    let client = client_for(&pebble, Store::memory()).transport(wire.clone()).build().unwrap();
    let twenty = (0..20).map(|n| name(&format!("n{n}.example")));
    client.issue(twenty).await.unwrap();
    assert_none_is_used_twice(&wire);
}

#[tokio::test]
async fn a_refused_nonces_successor_comes_with_the_refusal() {
    let pebble = Pebble::builder().nonce_reject(50).start();
    let wire = Arc::new(Wire::to(&pebble));
    let client = client_for(&pebble, Store::memory()).transport(wire.clone()).build().unwrap();
    client.issue(names(["a.example"])).await.unwrap();
    // One fetched for the first request; after that every answer brings one.
    assert_eq!(wire.count(Resource::NewNonce), 1);
    assert_none_is_used_twice(&wire);
}

const ORDERS: usize = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_orders_at_once_all_succeed_though_half_of_all_nonces_are_refused() {
    // Pebble can block itself where newOrder and authorizations meet; then another one is tried.
    for _ in 0..8 {
        let pebble = Arc::new(Pebble::builder().nonce_reject(50).start());
        let wire = Arc::new(Wire::to(&pebble));
        let client = client_for(&pebble, Store::memory()).transport(wire.clone()).build().unwrap();
        let mut orders = JoinSet::new();
        for n in 0..ORDERS {
            orders.spawn(client.issue([name(&format!("n{n}.example"))]).into_future());
        }
        let Some(issued) = unless_it_hangs(&pebble, orders.join_all()).await else {
            eprintln!("Pebble hangs; another one is tried");
            continue;
        };
        let issued: Result<Vec<Issuance>, _> = issued.into_iter().collect();
        let issued = issued.unwrap();

        let mut serials = HashSet::new();
        for issuance in &issued {
            let [wanted] = &issuance.certificate.meta.identifiers[..] else {
                panic!("{:?}", issuance.certificate.meta.identifiers)
            };
            let certificate = leaf(&stored(client.store(), &wanted.value()).await);
            assert_eq!(certificate.identifiers(), issuance.certificate.meta.identifiers);
            serials.insert(certificate.serial_hex());
        }
        assert_eq!(serials.len(), ORDERS);
        assert_eq!(lacme_tests::certificates_issued(&pebble), ORDERS);
        let refused = wire.sent().iter().filter(|sent| sent.status == Some(400)).count();
        assert!(refused > ORDERS, "only {refused} refusals");
        assert_none_is_used_twice(&wire);
        return;
    }
    panic!("every Pebble hung");
}

/// The future's output; `None` where it does not come because Pebble answers nobody any more.
async fn unless_it_hangs<T>(pebble: &Arc<Pebble>, work: impl Future<Output = T>) -> Option<T> {
    let mut work = std::pin::pin!(work);
    for _ in 0..20 {
        if let Ok(output) = timeout(Duration::from_secs(5), &mut work).await {
            return Some(output);
        }
        let pebble = pebble.clone();
        let answering = tokio::task::spawn_blocking(move || pebble.is_answering()).await;
        if !answering.expect("asking does not panic") {
            return None;
        }
    }
    panic!("no end in sight, and Pebble is well")
}
