//! Runs that die at every step, and the runs that come after them.

use std::path::Path;
use std::sync::Arc;

use harness::Pebble;
use lacme::proto::Resource;
use lacme::{Client, Event, KeyType, Store};
use lacme_tests::{
    Act, Moment, Sent, Wire, answer, certificates_issued, client_for, key, leaf, names,
    proofs_are_gone, stored,
};

/// The moment at which a run dies.
#[derive(Clone, Copy, Debug)]
enum Death {
    /// The request with this number never leaves.
    Before(usize),
    /// The server has answered it, and nobody hears.
    After(usize),
}

impl Death {
    fn wire(self, pebble: &Pebble) -> Arc<Wire> {
        Arc::new(Wire::meddling(pebble, move |moment| {
            let here = match (self, moment) {
                (Self::Before(n), Moment::Before(sent)) => sent.number == n,
                (Self::After(n), Moment::After(sent, _)) => sent.number == n,
                _ => false,
            };
            if here { Act::Hang } else { Act::Pass }
        }))
    }
}

fn client(pebble: &Pebble, store: &Path, wire: &Arc<Wire>) -> Client {
    let store = Store::open(store).unwrap();
    let client = client_for(pebble, store).transport(wire.clone());
    client.build().unwrap()
}

/// Issues until death comes: `true` if it came before the certificate.
async fn issue_until_dead(pebble: &Pebble, store: &Path, wire: &Arc<Wire>) -> bool {
    let client = client(pebble, store, wire);
    tokio::select! {
        biased;
        () = wire.hangs() => true,
        issued = client.issue(names(["a.example"])) => {
            issued.unwrap();
            false
        }
    }
}

/// A run that died when it was about to send this, once.
async fn dead_before(pebble: &Pebble, store: &Path, resource: Resource) -> Vec<Sent> {
    let wire = Arc::new(Wire::meddling(pebble, move |moment| match moment {
        Moment::Before(sent) if sent.resource == resource => Act::Hang,
        _ => Act::Pass,
    }));
    assert!(issue_until_dead(pebble, store, &wire).await);
    wire.sent()
}

fn done(sent: &[Sent], resource: Resource) -> usize {
    let taken =
        |sent: &&Sent| sent.resource == resource && sent.status.is_some_and(|status| status < 300);
    sent.iter().filter(taken).count()
}

#[tokio::test]
async fn whenever_a_run_dies_the_next_one_goes_on_with_order_and_key() {
    let pebble = Pebble::builder().nonce_reject(0).authz_reuse(0).start();
    let (mut deaths, mut wasted) = (0, 0);
    for number in 1.. {
        let mut died = false;
        for death in [Death::Before(number), Death::After(number)] {
            let folder = tempfile::tempdir().unwrap();
            let issued_before = certificates_issued(&pebble);
            let first = death.wire(&pebble);
            if !issue_until_dead(&pebble, folder.path(), &first).await {
                continue;
            }
            died = true;
            deaths += 1;
            let journal = Store::open(folder.path()).unwrap().order("a.example").await;
            let begun_with = journal.unwrap().and_then(|order| order.key_pem);

            let second = Arc::new(Wire::to(&pebble));
            let client = client(&pebble, folder.path(), &second);
            let issued = client.issue(names(["a.example"])).await.unwrap();
            assert!(issued.reissued, "{death:?}");

            let mut sent = first.sent();
            let last = sent.last().unwrap().resource;
            let finalized = done(&sent, Resource::Finalize) > 0;
            sent.extend(second.sent());
            let created =
                |sent: &&Sent| sent.resource == Resource::NewAccount && sent.status == Some(201);
            assert_eq!(sent.iter().filter(created).count(), 1, "{death:?}");
            // Only these may cost an order: its URL was lost, or the CA looked for proofs that died.
            let may_waste = match last {
                Resource::NewOrder | Resource::Challenge => true,
                Resource::Order => !finalized,
                _ => false,
            };
            let orders = done(&sent, Resource::NewOrder);
            wasted += orders - 1;
            assert!(orders <= 1 + usize::from(may_waste), "{death:?}: {orders} orders");
            assert_eq!(certificates_issued(&pebble), issued_before + 1, "{death:?}");

            let stored = stored(client.store(), "a.example").await;
            assert_eq!(key(&stored).public_key_der(), leaf(&stored).public_key_der());
            if let Some(begun_with) = begun_with {
                assert_eq!(stored.key_pem.as_deref(), Some(&*begun_with), "{death:?}");
            }
            assert!(client.store().orders().await.unwrap().is_empty(), "{death:?}");
            assert!(proofs_are_gone(&pebble), "{death:?}");
        }
        if !died {
            break;
        }
    }
    println!("{deaths} deaths, {wasted} orders wasted");
    assert!(deaths >= 20, "only {deaths} deaths");
}

#[tokio::test]
async fn an_order_that_the_ca_has_lost_is_placed_anew_with_the_same_key() {
    let pebble = Pebble::builder().nonce_reject(0).authz_reuse(0).start();
    let folder = tempfile::tempdir().unwrap();
    let sent = dead_before(&pebble, folder.path(), Resource::Finalize).await;
    let lost = sent.iter().find(|sent| sent.resource == Resource::Order);
    let lost = lost.unwrap().url.clone();
    let journal = Store::open(folder.path()).unwrap().order("a.example").await;
    let begun_with = journal.unwrap().unwrap().key_pem.unwrap();

    let wire = Arc::new(Wire::meddling(&pebble, move |moment| match moment {
        Moment::Before(sent) if sent.url == lost => {
            let body = r#"{"type":"urn:ietf:params:acme:error:malformed","status":404}"#;
            Act::Answer(answer(404, "application/problem+json", body))
        }
        _ => Act::Pass,
    }));
    let client = client(&pebble, folder.path(), &wire);
    client.issue(names(["a.example"])).await.unwrap();
    assert_eq!(wire.count(Resource::NewOrder), 1);
    let stored = stored(client.store(), "a.example").await;
    assert_eq!(stored.key_pem.as_deref(), Some(&*begun_with));
}

#[tokio::test]
async fn another_wish_under_the_same_name_begins_anew() {
    let pebble = Pebble::builder().nonce_reject(0).authz_reuse(0).start();
    let folder = tempfile::tempdir().unwrap();
    dead_before(&pebble, folder.path(), Resource::Finalize).await;
    let wire = Arc::new(Wire::to(&pebble));
    let client = client(&pebble, folder.path(), &wire);
    let issued = client.issue(names(["a.example"])).key_type(KeyType::EcdsaP384);
    issued.await.unwrap();
    assert_eq!(wire.count(Resource::NewOrder), 1);
    let stored = stored(client.store(), "a.example").await;
    assert_eq!(key(&stored).key_type(), KeyType::EcdsaP384);
}

#[tokio::test]
async fn a_key_change_between_two_runs_does_not_spoil_the_proofs() {
    let pebble = Pebble::builder().nonce_reject(0).authz_reuse(0).start();
    let folder = tempfile::tempdir().unwrap();
    dead_before(&pebble, folder.path(), Resource::Authorization).await;
    let wire = Arc::new(Wire::to(&pebble));
    let client = client(&pebble, folder.path(), &wire);
    client.account().rollover(KeyType::EcdsaP256).await.unwrap();
    client.issue(names(["a.example"])).await.unwrap();
}

#[tokio::test]
async fn a_journal_that_cannot_be_read_costs_an_order_and_a_warning() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    let folder = tempfile::tempdir().unwrap();
    dead_before(&pebble, folder.path(), Resource::Finalize).await;
    let journal = folder.path().join("orders/a.example/order.json");
    std::fs::write(journal, "{\"name\":\"a.example\",\"issu").unwrap();
    let wire = Arc::new(Wire::to(&pebble));
    let client = client(&pebble, folder.path(), &wire);
    let mut events = client.events();
    client.issue(names(["a.example"])).await.unwrap();
    drop(client);
    use futures_util::StreamExt as _;
    let mut warned = false;
    while let Some(event) = events.next().await {
        warned |= matches!(event, Event::Warning { .. });
    }
    assert!(warned);
    assert_eq!(wire.count(Resource::NewOrder), 1);
}

#[tokio::test]
async fn the_journal_of_what_is_stored_already_is_not_taken_for_a_renewal() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    let folder = tempfile::tempdir().unwrap();
    dead_before(&pebble, folder.path(), Resource::Certificate).await;
    let store = Store::open(folder.path()).unwrap();
    let journal = store.order("a.example").await.unwrap().unwrap();
    let wire = Arc::new(Wire::to(&pebble));
    let client = client(&pebble, folder.path(), &wire);
    let first = client.issue(names(["a.example"])).await.unwrap();
    // As if that run had died between storing the certificate and closing its journal.
    store.save_order("a.example", &journal).await.unwrap();

    let renewal = client.issue(names(["a.example"])).force(true).await.unwrap();
    assert_ne!(renewal.certificate.meta.serial, first.certificate.meta.serial);
    assert!(store.orders().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_validation_that_is_under_way_is_waited_for() {
    let pebble = Pebble::builder().nonce_reject(0).authz_reuse(0).validation_sleep(4).start();
    let folder = tempfile::tempdir().unwrap();
    let mut sent = dead_before(&pebble, folder.path(), Resource::Order).await;
    let wire = Arc::new(Wire::to(&pebble));
    let client = client(&pebble, folder.path(), &wire);
    client.issue(names(["a.example"])).await.unwrap();
    sent.extend(wire.sent());
    // Where it was over before the proof stood again, that order is lost.
    let orders = done(&sent, Resource::NewOrder);
    assert!(orders <= 2, "{orders} orders");
    // A challenge is answered once an order: a second answer confuses some CAs.
    assert_eq!(done(&sent, Resource::Challenge), orders);
}
