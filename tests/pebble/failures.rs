//! What cannot be issued: typed errors, nothing left behind, and the next try works.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use harness::{Capability, Pebble};
use lacme::proto::{IssuanceError, Resource};
use lacme::{Cancel, ChallengeType, Client, Error, ErrorKind, Event, ProblemType, Store, http01};
use lacme_tests::{
    Act, Moment, Wire, client_for, name, names, proofs_are_gone, validation_address,
};

/// Nothing of the failure remains: no certificate, no journal, no proof.
async fn assert_clean(client: &Client, pebble: &Pebble) {
    assert!(client.certificates().await.unwrap().is_empty());
    assert!(client.store().orders().await.unwrap().is_empty());
    assert!(proofs_are_gone(pebble));
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_fails_with_the_cas_verdict_and_works_once_it_is_right() {
    let pebble = Pebble::start();
    let client = client_for(&pebble, Store::memory()).build().unwrap();
    let both = names(["a.example", "elsewhere.example"]);
    // Nobody listens there.
    pebble.dns().add_a("elsewhere.example", &["127.0.0.66"]).unwrap();
    let failed = client.issue(both.clone()).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Challenge);
    let Error::Issuance(IssuanceError::Challenges(challenges)) = &failed else {
        panic!("{failed}")
    };
    let [challenge] = &challenges[..] else { panic!("{failed}") };
    assert_eq!(challenge.identifier, both[1]);
    assert_eq!(challenge.kind, Some(ChallengeType::Http01));
    assert_eq!(failed.identifier(), Some(&both[1]));
    let problem = failed.problem().expect("the CA's document is kept");
    assert_eq!(problem.kind, ProblemType::Connection);
    assert!(problem.detail.is_some() && problem.status.is_some());
    assert!(failed.to_string().contains("elsewhere.example"));
    assert_clean(&client, &pebble).await;

    pebble.dns().clear_a("elsewhere.example").unwrap();
    let issued = client.issue(both).await.unwrap();
    assert!(issued.reissued);
}

#[tokio::test]
async fn a_wrong_proof_is_unauthorized() {
    let pebble = Pebble::start();
    // The right port, the wrong server: proofs stand at another one.
    let wrong = TcpListener::bind(validation_address(&pebble)).unwrap();
    std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        for stream in wrong.incoming() {
            let Ok(mut stream) = stream else { return };
            let _asked = stream.read(&mut [0; 1024]);
            let _sent = stream.write_all(
                b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
            );
        }
    });
    let aside = http01::Standalone::new().address(([127, 0, 0, 1], 0).into());
    let client = client_for(&pebble, Store::memory()).solver(Arc::new(aside)).build().unwrap();
    let failed = client.issue(names(["a.example"])).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Challenge);
    assert_eq!(failed.problem().unwrap().kind, ProblemType::Unauthorized);
    assert!(client.store().orders().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_name_that_the_ca_never_certifies_is_its_refusal() {
    let pebble = Pebble::builder().block_domain("blocked.example").start();
    let client = client_for(&pebble, Store::memory()).build().unwrap();
    let refused = client.issue(names(["a.example", "x.blocked.example"])).await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Ca);
    let problem = refused.problem().unwrap();
    assert_eq!(problem.kind, ProblemType::RejectedIdentifier);
    let refusal = refused.refusal().unwrap();
    assert_eq!(refusal.resource, Resource::NewOrder);
    assert_clean(&client, &pebble).await;
    client.issue(names(["a.example"])).await.unwrap();
}

#[tokio::test]
async fn the_part_of_a_refusal_that_is_about_one_name_tells_which() {
    let pebble = Pebble::builder().block_domain("blocked.example").start();
    if !pebble.offers(Capability::Subproblems) {
        return;
    }
    let client = client_for(&pebble, Store::memory()).build().unwrap();
    let refused = client.issue(names(["a.example", "x.blocked.example"])).await;
    let refused = refused.unwrap_err();
    let parts = &refused.problem().unwrap().subproblems;
    if !parts.is_empty() {
        assert_eq!(refused.identifier(), Some(&name("x.blocked.example")));
    }
}

#[tokio::test]
async fn a_port_that_stays_busy_ends_in_a_typed_error() {
    let pebble = Pebble::start();
    let _taken = TcpListener::bind(validation_address(&pebble)).unwrap();
    let impatient =
        http01::Standalone::new().address(validation_address(&pebble)).port_wait(Duration::ZERO);
    let client = client_for(&pebble, Store::memory()).solver(Arc::new(impatient)).build().unwrap();
    let failed = client.issue(names(["a.example"])).await.unwrap_err();
    assert!(failed.is_busy_port(), "{failed}");
    assert_eq!(failed.kind(), ErrorKind::Challenge);
}

#[tokio::test]
async fn an_order_that_failed_for_the_port_is_gone_on_with() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    let wire = Arc::new(Wire::to(&pebble));
    let client = |wait| {
        let solver = http01::Standalone::new().address(validation_address(&pebble)).port_wait(wait);
        client_for(&pebble, Store::memory()).transport(wire.clone()).solver(Arc::new(solver))
    };
    let store = Store::memory();
    let taken = TcpListener::bind(validation_address(&pebble)).unwrap();
    let impatient = client(Duration::ZERO).store(store.clone()).build().unwrap();
    impatient.issue(names(["a.example"])).await.unwrap_err();
    drop(taken);
    let patient = client(Duration::from_secs(10)).store(store);
    let patient = patient.build().unwrap();
    patient.issue(names(["a.example"])).await.unwrap();
    assert_eq!(wire.count(Resource::NewOrder), 1);
}

#[tokio::test]
async fn a_busy_port_is_waited_for() {
    let pebble = Pebble::start();
    let taken = TcpListener::bind(validation_address(&pebble)).unwrap();
    let client = client_for(&pebble, Store::memory()).build().unwrap();
    let mut events = client.events();
    let issuing = tokio::spawn(client.issue(names(["a.example"])).into_future());
    use futures_util::StreamExt as _;
    while !matches!(events.next().await, Some(Event::Provisioning { .. })) {}
    drop(taken);
    assert!(issuing.await.unwrap().unwrap().reissued);
}

#[tokio::test]
async fn the_time_that_the_ca_asks_to_wait_is_waited() {
    let pebble = Pebble::builder().retry_after(1, 2).nonce_reject(0).start();
    if !pebble.offers(Capability::RetryAfter) {
        return;
    }
    let wire = Arc::new(Wire::to(&pebble));
    let client = client_for(&pebble, Store::memory()).transport(wire.clone()).build().unwrap();
    let begun = Instant::now();
    client.issue(names(["a.example"])).await.unwrap();
    // Pebble sends it with processing orders: the poll after finalize comes no sooner.
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    assert!(wire.count(Resource::Order) <= 5, "{}", wire.count(Resource::Order));
}

#[tokio::test]
async fn time_that_is_over_ends_the_work_with_proofs_down_and_the_order_kept() {
    let pebble = Pebble::builder().validation_sleep(600).nonce_reject(0).start();
    let store = Store::memory();
    let client =
        client_for(&pebble, store.clone()).timeout(Duration::from_secs(2)).build().unwrap();
    let late = client.issue(names(["a.example"])).await.unwrap_err();
    assert_eq!(late.kind(), ErrorKind::Network, "{late}");
    assert!(proofs_are_gone(&pebble));
    assert_eq!(store.orders().await.unwrap().len(), 1);
}

#[tokio::test]
async fn work_that_is_called_off_takes_its_proofs_down_and_can_be_taken_up() {
    let pebble = Pebble::builder().validation_sleep(3).nonce_reject(0).start();
    let store = Store::memory();
    let cancel = Cancel::new();
    let button = cancel.clone();
    let wire = Arc::new(Wire::meddling(&pebble, move |moment| {
        if let Moment::Before(sent) = moment
            && sent.resource == Resource::Order
        {
            button.cancel();
        }
        Act::Pass
    }));
    let client = client_for(&pebble, store.clone())
        .transport(wire.clone())
        .cancel_with(cancel)
        .build()
        .unwrap();
    let stopped = client.issue(names(["a.example"])).await.unwrap_err();
    assert!(matches!(stopped, Error::Cancelled), "{stopped}");
    assert_eq!(stopped.kind(), ErrorKind::Interrupted);
    assert!(proofs_are_gone(&pebble));

    let again = client_for(&pebble, store).transport(wire.clone());
    let again = again.build().unwrap();
    again.issue(names(["a.example"])).await.unwrap();
    assert_eq!(wire.count(Resource::NewOrder), 1);
}
