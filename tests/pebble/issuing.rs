//! A certificate for names that the CA really validates by http-01.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use harness::Pebble;
use lacme::crypto::{CsrOptions, certificate_signing_request};
use lacme::proto::Resource;
use lacme::{Csr, Error, ErrorKind, Event, KeyType, PrivateKey, Store, Url};
use lacme_tests::{
    Wire, certificates_issued, client_for, directory_of, key, leaf, name, names, proofs_are_gone,
    stored,
};

#[tokio::test]
async fn a_fresh_account_and_one_name_take_ten_requests() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    let client = client_for(&pebble, Store::memory()).build().unwrap();
    let issued = client.issue(names(["a.example"])).await.unwrap();
    assert!(issued.reissued && issued.warnings.is_empty());
    // One more when the first poll came before the validation was over.
    assert!((10..=11).contains(&issued.requests), "{} requests", issued.requests);
    assert_eq!(issued.certificate.meta.identifiers, names(["a.example"]));
    let certificate = leaf(&stored(client.store(), "a.example").await);
    assert_eq!(certificate.identifiers(), names(["a.example"]));
    let status = pebble.certificate_status(&certificate.serial_hex()).unwrap();
    assert!(!status.unwrap().revoked);
    assert!(proofs_are_gone(&pebble));
}

#[tokio::test]
async fn a_hundred_names_take_little_more_than_two_requests_each() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    let wire = Arc::new(Wire::to(&pebble));
    let client = client_for(&pebble, Store::memory()).transport(wire.clone()).build().unwrap();
    let hundred: Vec<_> = (0..100).map(|n| name(&format!("n{n}.example"))).collect();
    let issued = client.issue(hundred.clone()).await.unwrap();
    println!("{} requests in {:?}", issued.requests, issued.elapsed);
    println!("{} polls", wire.count(Resource::Order));
    assert!(issued.requests <= 220, "{} requests", issued.requests);
    assert_eq!(issued.certificate.meta.identifiers, hundred);
}

#[tokio::test]
async fn a_renewal_with_stored_account_and_directory_takes_eight_requests() {
    let pebble = Pebble::builder().nonce_reject(0).authz_reuse(0).start();
    let folder = tempfile::tempdir().unwrap();
    let client = || {
        let store = Store::open(folder.path()).unwrap();
        client_for(&pebble, store).build().unwrap()
    };
    let first = client().issue(names(["a.example"])).await.unwrap();
    let second = client().issue(names(["a.example"])).force(true).await;
    let second = second.unwrap();
    assert!(second.requests <= 8, "{} requests", second.requests);
    assert_ne!(first.certificate.meta.serial, second.certificate.meta.serial);
    assert_eq!(first.certificate.paths, second.certificate.paths);
    assert_eq!(second.replaced_names, None);
}

#[tokio::test]
async fn several_names_stand_in_one_certificate_in_the_order_given() {
    let pebble = Pebble::start();
    let client = client_for(&pebble, Store::memory()).build().unwrap();
    let wanted = names(["c.example", "a.example", "bücher.example", "A.example"]);
    let issued = client.issue(wanted.clone()).await.unwrap();
    assert_eq!(issued.certificate.name(), "c.example");
    assert_eq!(issued.certificate.meta.identifiers, wanted[..3]);
    let mut certified = leaf(&stored(client.store(), "c.example").await).identifiers().to_vec();
    certified.sort();
    assert_eq!(certified, names(["a.example", "c.example", "xn--bcher-kva.example"]));
}

#[tokio::test]
async fn an_address_and_a_name_can_share_a_certificate() {
    let pebble = Pebble::start();
    let client = client_for(&pebble, Store::memory()).build().unwrap();
    let both = names(["127.0.0.1", "a.example"]);
    let issued = client.issue(both.clone()).await.unwrap();
    assert_eq!(issued.certificate.meta.identifiers, both);
    let stored = stored(client.store(), "127.0.0.1").await;
    assert!(leaf(&stored).identifiers().contains(&name("127.0.0.1")));
}

#[tokio::test]
async fn a_wildcard_over_http_is_refused_before_any_network() {
    let nowhere = harness::Ports::reserve().unwrap().all()[0];
    let client = lacme::Client::builder()
        .directory(Url::parse(format!("https://127.0.0.1:{nowhere}/dir")).unwrap())
        .solver(Arc::new(lacme::http01::Standalone::new()))
        .build()
        .unwrap();
    let refused = client.issue(names(["*.a.example"])).await.unwrap_err();
    assert!(matches!(refused, Error::Unprovable { .. }), "{refused}");
    assert_eq!(refused.kind(), ErrorKind::Usage);
    // The same client has nobody to talk to: what needs the network fails in another way.
    let unreachable = client.issue(names(["a.example"])).await.unwrap_err();
    assert_eq!(unreachable.kind(), ErrorKind::Network, "{unreachable}");
}

#[tokio::test]
async fn an_order_whose_names_were_proven_before_is_ready_at_once() {
    let pebble = Pebble::builder().authz_reuse(100).nonce_reject(0).start();
    let wire = Arc::new(Wire::to(&pebble));
    let client = client_for(&pebble, Store::memory()).transport(wire.clone()).build().unwrap();
    let both = names(["a.example", "b.example"]);
    client.issue(both.clone()).await.unwrap();
    let challenges = wire.count(Resource::Challenge);
    let authorizations = wire.count(Resource::Authorization);
    assert_eq!(challenges, 2);
    // Nobody can prove anything now: somebody else has the port.
    let _taken = std::net::TcpListener::bind(lacme_tests::validation_address(&pebble)).unwrap();
    let again = client.issue(both).force(true).await.unwrap();
    assert!(again.reissued);
    assert_eq!(wire.count(Resource::Challenge), challenges);
    assert_eq!(wire.count(Resource::Authorization), authorizations);
}

#[tokio::test]
async fn only_names_that_were_not_proven_before_are_proven() {
    let pebble = Pebble::builder().authz_reuse(100).nonce_reject(0).start();
    let wire = Arc::new(Wire::to(&pebble));
    let client = client_for(&pebble, Store::memory()).transport(wire.clone()).build().unwrap();
    client.issue(names(["a.example"])).await.unwrap();
    client.issue(names(["b.example", "a.example"])).await.unwrap();
    assert_eq!(wire.count(Resource::Challenge), 2);
}

#[tokio::test]
async fn certificates_come_for_every_usual_type_of_key() {
    let pebble = Pebble::start();
    let client = client_for(&pebble, Store::memory()).build().unwrap();
    for key_type in [KeyType::EcdsaP256, KeyType::EcdsaP384, KeyType::Rsa2048] {
        let request = client.issue(names(["a.example"])).key_type(key_type);
        request.name(key_type.as_str()).await.unwrap();
        let stored = stored(client.store(), key_type.as_str()).await;
        assert_eq!(key(&stored).key_type(), key_type);
        assert_eq!(key(&stored).public_key_der(), leaf(&stored).public_key_der());
    }
}

#[tokio::test]
async fn accounts_sign_with_every_type_of_key_that_the_ca_takes() {
    let pebble = Pebble::start();
    for key_type in KeyType::ALL {
        let client =
            client_for(&pebble, Store::memory()).account_key_type(key_type).build().unwrap();
        let issued = client.issue(names(["a.example"])).await;
        if key_type == KeyType::Ed25519 {
            let refused = issued.unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Ca, "{refused}");
        } else {
            issued.unwrap();
            let account = client.account().find().await.unwrap();
            assert_eq!(account.key_type, key_type);
        }
    }
}

#[tokio::test]
async fn the_callers_own_signing_request_is_certified_and_no_key_is_stored() {
    let pebble = Pebble::start();
    let client = client_for(&pebble, Store::memory()).build().unwrap();
    let own = PrivateKey::generate(KeyType::EcdsaP384).unwrap();
    let both = names(["a.example", "b.example"]);
    let csr = certificate_signing_request(&own, &both, &CsrOptions::default()).unwrap();
    let csr = Csr::parse(&csr).unwrap();

    let other = client.issue(names(["c.example"])).csr(csr.clone()).await;
    assert!(matches!(other, Err(Error::Usage(_))), "{other:?}");
    let issued = client.issue([]).csr(csr).await.unwrap();
    assert_eq!(issued.certificate.meta.identifiers, both);
    let stored = stored(client.store(), "a.example").await;
    assert!(stored.key_pem.is_none());
    assert_eq!(leaf(&stored).public_key_der(), own.public_key_der());
}

#[tokio::test]
async fn the_accounts_key_is_never_certified() {
    let pebble = Pebble::start();
    let client = client_for(&pebble, Store::memory()).build().unwrap();
    client.account().create().await.unwrap();
    let directory = directory_of(&pebble);
    let account = client.store().account(&directory, "default").await;
    let account = account.unwrap().unwrap();
    let accounts_key = PrivateKey::from_pem(&account.key_pem).unwrap();
    let csr =
        certificate_signing_request(&accounts_key, &names(["a.example"]), &CsrOptions::default())
            .unwrap();
    let shared = client.issue([]).csr(Csr::parse(&csr).unwrap()).await;
    assert!(matches!(shared, Err(Error::SharedKey)), "{shared:?}");
    assert_eq!(certificates_issued(&pebble), 0);
}

#[tokio::test]
async fn a_certificate_ends_when_it_was_asked_to() {
    let pebble = Pebble::start();
    let client = client_for(&pebble, Store::memory()).build().unwrap();
    let in_whole_seconds =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let end = SystemTime::UNIX_EPOCH + Duration::from_secs(in_whole_seconds + 7 * 24 * 3600);
    let issued = client.issue(names(["a.example"])).not_after(end);
    let issued = issued.await.unwrap();
    assert_eq!(issued.certificate.meta.not_after, Some(end));
}

#[tokio::test]
async fn a_key_is_kept_over_renewals_only_if_that_is_asked_for() {
    let pebble = Pebble::start();
    let client = client_for(&pebble, Store::memory()).build().unwrap();
    let issue = || client.issue(names(["a.example"])).force(true);
    issue().await.unwrap();
    let first = key(&stored(client.store(), "a.example").await);
    issue().reuse_key(true).await.unwrap();
    let kept = key(&stored(client.store(), "a.example").await);
    assert_eq!(first.public_key_der(), kept.public_key_der());
    issue().await.unwrap();
    let fresh = key(&stored(client.store(), "a.example").await);
    assert_ne!(first.public_key_der(), fresh.public_key_der());
}

#[tokio::test]
async fn asking_again_makes_no_request() {
    let pebble = Pebble::start();
    let folder = tempfile::tempdir().unwrap();
    let client = || {
        let store = Store::open(folder.path()).unwrap();
        client_for(&pebble, store).build().unwrap()
    };
    let both = names(["a.example", "b.example"]);
    let first = client().issue(both.clone()).await.unwrap();
    let [a, b] = both;
    let again = client().issue([b, a]).name("a.example").await.unwrap();
    assert_eq!((again.reissued, again.requests), (false, 0));
    assert_eq!(again.order_url, None);
    assert_eq!(again.certificate, first.certificate);
    assert_eq!(certificates_issued(&pebble), 1);
}

#[tokio::test]
async fn other_names_under_a_stored_name_take_its_place() {
    let pebble = Pebble::start();
    let client = client_for(&pebble, Store::memory()).build().unwrap();
    client.issue(names(["a.example"])).name("web").await.unwrap();
    let both = names(["a.example", "b.example"]);
    let wider = client.issue(both.clone()).name("web").await.unwrap();
    assert!(wider.reissued);
    assert_eq!(wider.replaced_names, Some(names(["a.example"]).to_vec()));
    let all = client.certificates().await.unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!(all[0].1.as_ref().unwrap().meta.identifiers, both);
}

#[tokio::test]
async fn two_who_ask_for_the_same_certificate_at_once_share_one() {
    let pebble = Pebble::start();
    let folder = tempfile::tempdir().unwrap();
    let client = || {
        let store = Store::open(folder.path()).unwrap();
        client_for(&pebble, store).build().unwrap()
    };
    let (one, two) = (client(), client());
    let (one, two) = tokio::join!(one.issue(names(["a.example"])), two.issue(names(["a.example"])));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_ne!(one.reissued, two.reissued);
    assert_eq!(one.certificate, two.certificate);
    assert_eq!(certificates_issued(&pebble), 1);
}

#[tokio::test]
async fn two_orders_at_once_share_account_and_port() {
    let pebble = Pebble::start();
    let wire = Arc::new(Wire::to(&pebble));
    let client = client_for(&pebble, Store::memory()).transport(wire.clone()).build().unwrap();
    let (a, b) =
        tokio::join!(client.issue(names(["a.example"])), client.issue(names(["b.example"])));
    assert!(a.unwrap().reissued && b.unwrap().reissued);
    let created = wire.sent_about(Resource::NewAccount);
    assert_eq!(created.iter().filter(|sent| sent.status == Some(201)).count(), 1);
    assert!(proofs_are_gone(&pebble));
}

#[tokio::test]
async fn listeners_are_told_what_happens_as_it_happens() {
    let pebble = Pebble::start();
    let told = Arc::new(std::sync::Mutex::new(Vec::new()));
    let all = told.clone();
    let client = client_for(&pebble, Store::memory())
        .on_event(move |event| all.lock().unwrap().push(event.clone()))
        .build()
        .unwrap();
    let issued = client.issue(names(["a.example"])).await.unwrap();
    let told = told.lock().unwrap();
    let at = |wanted: fn(&Event) -> bool| told.iter().position(wanted).unwrap();
    let steps = [
        at(|event| matches!(event, Event::AccountCreated { .. })),
        at(|event| matches!(event, Event::Ordered { resumed: false, .. })),
        at(|event| matches!(event, Event::Provisioning { .. })),
        at(|event| matches!(event, Event::Issued { renewed: false, .. })),
    ];
    assert!(steps.is_sorted(), "{told:?}");
    let ordered = told.iter().find_map(|event| match event {
        Event::Ordered { order, .. } => Some(order.clone()),
        _ => None,
    });
    assert_eq!(ordered, issued.order_url);
}
