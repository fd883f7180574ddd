//! The CA delivers something else than what was ordered.

use std::sync::{Arc, Mutex};

use harness::Pebble;
use lacme::crypto::{ChainError, CsrOptions, certificate_signing_request};
use lacme::proto::Resource;
use lacme::{Csr, Error, ErrorKind, Identifier, KeyType, PrivateKey, Store};
use lacme_tests::{Act, Moment, Wire, client_for, names, proofs_are_gone, stored};

/// What the CA delivers in place of the right chain.
type Swap = Box<dyn Fn(&str) -> String + Send + Sync>;

/// What came of an issuance for `a.example` whose chain was swapped.
async fn issue_with(pebble: &Pebble, csr: Option<Csr>, swap: Swap) -> Error {
    let wire = Arc::new(Wire::meddling(pebble, move |moment| {
        if let Moment::After(sent, response) = moment
            && sent.resource == Resource::Certificate
        {
            let right = String::from_utf8(std::mem::take(response.body_mut())).unwrap();
            *response.body_mut() = swap(&right).into_bytes();
        }
        Act::Pass
    }));
    let client = client_for(pebble, Store::memory()).transport(wire.clone()).build().unwrap();
    let request = client.issue(names(["a.example"]));
    let request = match csr {
        Some(csr) => request.csr(csr),
        None => request,
    };
    let error = request.await.expect_err("the chain is wrong");
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert_eq!(wire.count(Resource::Certificate), 1);
    assert!(client.certificates().await.unwrap().is_empty());
    // A wrong chain would only be delivered again. One that cannot be read, or not to its end, is
    // still at the CA: the next run downloads it once more.
    let is_kept = !client.store().orders().await.unwrap().is_empty();
    assert_eq!(is_kept, !matches!(error, Error::Chain(_)), "{error}");
    assert!(proofs_are_gone(pebble));
    error
}

/// An honest chain for these names, for the key of `csr` or a fresh one.
async fn honest_chain(pebble: &Pebble, names: &[Identifier], csr: Option<Csr>) -> String {
    let client = client_for(pebble, Store::memory()).build().unwrap();
    let request = client.issue(names.to_vec()).name("honest");
    let request = match csr {
        Some(csr) => request.csr(csr),
        None => request,
    };
    request.await.unwrap();
    stored(client.store(), "honest").await.fullchain_pem
}

fn csr(key: &PrivateKey, names: &[Identifier]) -> Csr {
    let der = certificate_signing_request(key, names, &CsrOptions::default()).unwrap();
    Csr::parse(&der).unwrap()
}

#[tokio::test]
async fn a_certificate_for_another_key_is_refused() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    let others = honest_chain(&pebble, &names(["a.example"]), None).await;
    let error = issue_with(&pebble, None, Box::new(move |_| others.clone())).await;
    assert!(matches!(error, Error::Chain(ChainError::WrongKey)), "{error}");
}

#[tokio::test]
async fn a_certificate_for_other_names_is_refused() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    let key = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    let wanted = names(["a.example"]);
    let more = names(["a.example", "b.example"]);
    let other = names(["b.example"]);

    let wider = honest_chain(&pebble, &more, Some(csr(&key, &more))).await;
    let mine = Some(csr(&key, &wanted));
    let error = issue_with(&pebble, mine, Box::new(move |_| wider.clone())).await;
    let unasked =
        matches!(&error, Error::Chain(ChainError::UnaskedName(name)) if *name == other[0]);
    assert!(unasked, "{error}");
    assert_eq!(error.identifier(), Some(&other[0]));

    let foreign = honest_chain(&pebble, &other, Some(csr(&key, &other))).await;
    let mine = Some(csr(&key, &wanted));
    let error = issue_with(&pebble, mine, Box::new(move |_| foreign.clone())).await;
    let missing =
        matches!(&error, Error::Chain(ChainError::MissingName(name)) if *name == wanted[0]);
    assert!(missing, "{error}");
}

#[tokio::test]
async fn a_private_key_in_the_chain_is_refused() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    let planted = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    let planted = planted.to_pkcs8_pem();
    let swap = move |right: &str| format!("{right}{}", *planted);
    let error = issue_with(&pebble, None, Box::new(swap)).await;
    let foreign = matches!(&error, Error::Chain(ChainError::ForeignBlock { label }) if label == "PRIVATE KEY");
    assert!(foreign, "{error}");
}

#[tokio::test]
async fn a_chain_that_was_cut_off_is_refused() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    for part in [1, 3, 5] {
        let cut = move |right: &str| right[..right.len() * part / 6].to_owned();
        let error = issue_with(&pebble, None, Box::new(cut)).await;
        assert!(!matches!(error, Error::Chain(_)), "{part}/6: {error}");
    }
}

#[tokio::test]
async fn a_chain_that_does_not_belong_together_is_refused() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    let stranger = Pebble::start().intermediate(0).unwrap();
    let swap = move |right: &str| {
        let end = "-----END CERTIFICATE-----\n";
        let leaf = &right[..right.find(end).unwrap() + end.len()];
        format!("{leaf}{stranger}")
    };
    let error = issue_with(&pebble, None, Box::new(swap)).await;
    let broken = matches!(error, Error::Chain(ChainError::BrokenLink { number: 1 }));
    assert!(broken, "{error}");
}

#[tokio::test]
async fn what_is_no_chain_at_all_is_refused() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    let nonsense = [
        String::new(),
        "<html><body>Sign in</body></html>".to_owned(),
        "{\"status\":\"valid\"}".to_owned(),
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_owned(),
        "\u{0}\u{1b}[31m".to_owned(),
        "x".repeat(300_000),
    ];
    for text in nonsense {
        let error = issue_with(&pebble, None, Box::new(move |_| text.clone())).await;
        let line = error.to_string();
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
}

#[tokio::test]
async fn a_stored_certificate_outlives_a_renewal_that_went_wrong() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    let store = Store::memory();
    let honest = client_for(&pebble, store.clone()).build().unwrap();
    honest.issue(names(["a.example"])).await.unwrap();
    let before = stored(&store, "a.example").await;

    let wrong = Mutex::new(Some(before.fullchain_pem.clone()));
    let wire = Wire::meddling(&pebble, move |moment| {
        if let Moment::After(sent, response) = moment
            && sent.resource == Resource::Certificate
            && let Some(old) = wrong.lock().unwrap().take()
        {
            *response.body_mut() = old.into_bytes();
        }
        Act::Pass
    });
    let cheated = client_for(&pebble, store.clone()).transport(Arc::new(wire));
    let cheated = cheated.build().unwrap();
    let renewal = cheated.issue(names(["a.example"])).force(true).await;
    assert!(matches!(renewal, Err(Error::Chain(ChainError::WrongKey))));
    assert_eq!(stored(&store, "a.example").await, before);
    // And the next renewal, undisturbed, is a new one.
    cheated.issue(names(["a.example"])).force(true).await.unwrap();
    assert_ne!(stored(&store, "a.example").await.cert_pem, before.cert_pem);
}
