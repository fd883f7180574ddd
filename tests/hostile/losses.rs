//! Requests and answers that get lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use harness::Pebble;
use lacme::proto::Resource;
use lacme::transport::Delivery;
use lacme::{ErrorKind, Store};
use lacme_tests::{
    Act, Moment, Wire, certificates_issued, client_for, lost, names, proofs_are_gone,
};

const ALL: [Resource; 9] = [
    Resource::Directory,
    Resource::NewNonce,
    Resource::NewAccount,
    Resource::NewOrder,
    Resource::Authorization,
    Resource::Challenge,
    Resource::Order,
    Resource::Finalize,
    Resource::Certificate,
];

/// Where a request is lost.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Loss {
    /// It never leaves, and that is known.
    NotSent,
    /// It never arrives, and that is not known.
    OnTheWay,
    /// It arrives, and its answer does not.
    OnTheWayBack,
}

impl Loss {
    /// The first request about `resource` is lost; with `for_good` every one.
    fn wire(self, pebble: &Pebble, resource: Resource, for_good: bool) -> Arc<Wire> {
        let done = AtomicBool::new(false);
        Arc::new(Wire::meddling(pebble, move |moment| {
            let (sent, arrived) = match &moment {
                Moment::Before(sent) => (sent, false),
                Moment::After(sent, _) => (sent, true),
            };
            let here = sent.resource == resource && arrived == (self == Self::OnTheWayBack);
            if here && (for_good || !done.swap(true, Ordering::Relaxed)) {
                let delivery = match self {
                    Self::NotSent => Delivery::NotSent,
                    _ => Delivery::Unknown,
                };
                return Act::Fail(lost(delivery));
            }
            Act::Pass
        }))
    }
}

#[tokio::test]
async fn whatever_is_lost_once_the_certificate_comes_and_comes_once() {
    let pebble = Pebble::builder().nonce_reject(0).authz_reuse(0).start();
    for resource in ALL {
        for loss in [Loss::NotSent, Loss::OnTheWay, Loss::OnTheWayBack] {
            let before = certificates_issued(&pebble);
            let wire = loss.wire(&pebble, resource, false);
            let client =
                client_for(&pebble, Store::memory()).transport(wire.clone()).build().unwrap();
            let issued = client.issue(names(["a.example"])).await;
            issued.unwrap_or_else(|error| panic!("{resource} {loss:?}: {error}"));
            assert_eq!(certificates_issued(&pebble), before + 1, "{resource} {loss:?}");
            let orders = wire.sent_about(Resource::NewOrder);
            let orders = orders.iter().filter(|sent| sent.status == Some(201)).count();
            let may_waste = resource == Resource::NewOrder && loss == Loss::OnTheWayBack;
            assert_eq!(orders, 1 + usize::from(may_waste), "{resource} {loss:?}");
        }
    }
}

#[tokio::test]
async fn what_is_lost_for_good_ends_as_a_network_failure_that_can_be_gone_on_from() {
    let pebble = Pebble::builder().nonce_reject(0).authz_reuse(0).start();
    for resource in [Resource::Authorization, Resource::Finalize, Resource::Certificate] {
        let store = Store::memory();
        let wire = Loss::OnTheWayBack.wire(&pebble, resource, true);
        let unlucky = client_for(&pebble, store.clone())
            .transport(wire.clone())
            .timeout(Duration::from_secs(20));
        let unlucky = unlucky.build().unwrap();
        let error = unlucky.issue(names(["a.example"])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network, "{resource}: {error}");
        assert!(error.to_string().contains(resource.as_str()), "{error}");
        assert!(wire.count(resource) <= 4, "{} tries", wire.count(resource));
        assert!(proofs_are_gone(&pebble));
        assert!(store.certificates().await.unwrap().is_empty());

        let before = certificates_issued(&pebble);
        let already = usize::from(resource != Resource::Authorization);
        let wire = Arc::new(Wire::to(&pebble));
        let lucky = client_for(&pebble, store.clone()).transport(wire.clone());
        let lucky = lucky.build().unwrap();
        lucky.issue(names(["a.example"])).await.unwrap();
        assert_eq!(wire.count(Resource::NewOrder), 0, "{resource}");
        assert_eq!(certificates_issued(&pebble), before + 1 - already);
    }
}
