//! Which of several chains is taken.

use std::sync::{Arc, Mutex};

use harness::{Pebble, pem};
use lacme::{Certificate, CertificateChain, Event, Store};
use lacme_tests::{client_for, names, stored};

/// The common name of the root of chain `n`.
fn root(pebble: &Pebble, n: usize) -> String {
    let der = pem::certificates(&pebble.root(n).unwrap()).unwrap();
    let root = Certificate::from_der(&der[0]).unwrap();
    root.subject_common_name().unwrap().to_owned()
}

/// The common name that issued the last certificate of what is stored.
async fn end_of_stored_chain(store: &Store) -> String {
    let stored = stored(store, "a.example").await;
    let chain = CertificateChain::parse(stored.fullchain_pem.as_bytes()).unwrap();
    let last = chain.certificates().last().unwrap();
    last.issuer_common_name().unwrap().to_owned()
}

#[tokio::test]
async fn the_preferred_chain_is_taken_where_the_ca_offers_it() {
    let pebble = Pebble::builder().alternate_roots(2).chain_length(2).start();
    let client = client_for(&pebble, Store::memory()).build().unwrap();
    for n in [2, 0, 1] {
        let preferred = root(&pebble, n);
        let issued = client
            .issue(names(["a.example"]))
            .preferred_chain(&preferred)
            .force(true)
            .await
            .unwrap();
        assert!(issued.warnings.is_empty(), "{:?}", issued.warnings);
        assert_eq!(end_of_stored_chain(client.store()).await, preferred);
    }
}

#[tokio::test]
async fn without_the_preferred_chain_the_default_is_taken_with_a_warning() {
    let pebble = Pebble::builder().alternate_roots(1).start();
    let warnings = Arc::new(Mutex::new(Vec::new()));
    let heard = warnings.clone();
    let client = client_for(&pebble, Store::memory())
        .on_event(move |event| {
            if let Event::Warning { message } = event {
                heard.lock().unwrap().push(message.clone());
            }
        })
        .build()
        .unwrap();
    let issued = client.issue(names(["a.example"])).preferred_chain("Nobody's Root").await.unwrap();
    assert_eq!(issued.warnings.len(), 1);
    assert!(issued.warnings[0].contains("Nobody's Root"));
    assert_eq!(*warnings.lock().unwrap(), issued.warnings);
    let default = root(&pebble, 0);
    assert_eq!(end_of_stored_chain(client.store()).await, default);
}
