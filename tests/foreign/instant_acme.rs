use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, ExternalAccountKey, Identifier, NewAccount,
    NewOrder, OrderStatus, RetryPolicy, RevocationReason, RevocationRequest,
};
use lacme::crypto::{CsrOptions, certificate_signing_request};
use lacme::{Certificate, KeyType, PrivateKey, parse_name};
use rustls_pki_types::CertificateDer;

use crate::webroot::Webroot;
use crate::world::{KID, MAC_KEY, World};

const NEW: NewAccount<'_> = NewAccount {
    contact: &["mailto:admin@a.example"],
    terms_of_service_agreed: true,
    only_return_existing: false,
};

/// One order, proven by http-01: the certificate.
async fn issue(world: &World, account: &Account, name: &str) -> Certificate {
    let identifiers = [Identifier::Dns(name.to_owned())];
    let mut order = account.new_order(&NewOrder::new(&identifiers)).await.unwrap();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.unwrap();
        assert_eq!(authorization.status, AuthorizationStatus::Pending);
        let mut challenge = authorization.challenge(ChallengeType::Http01).unwrap();
        let proof = world.path("webroot").join(&challenge.token);
        std::fs::write(proof, challenge.key_authorization().as_str()).unwrap();
        challenge.set_ready().await.unwrap();
    }
    let status = order.poll_ready(&RetryPolicy::default()).await.unwrap();
    assert_eq!(status, OrderStatus::Ready);
    let key = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    let csr =
        certificate_signing_request(&key, &[parse_name(name).unwrap()], &CsrOptions::default());
    order.finalize_csr(&csr.unwrap()).await.unwrap();
    let chain = order.poll_certificate(&RetryPolicy::default()).await.unwrap();
    world.check(&chain, name)
}

#[tokio::test(flavor = "multi_thread")]
async fn instant_acme_issues_revokes_changes_its_key_and_closes_its_account() {
    let world = World::new().await;
    let _web = Webroot::serve(&world.path("webroot"), world.http_port()).await;
    let builder = Account::builder_with_root(world.root()).unwrap();
    let created = builder.create(&NEW, world.directory().to_owned(), None).await;
    let (mut account, _) = created.unwrap();
    let first = issue(&world, &account, "a.example").await;

    let _credentials = account.update_key().await.unwrap();
    account.update_contacts(&["mailto:other@a.example"]).await.unwrap();
    let second = issue(&world, &account, "a.example").await;
    assert_ne!(first.serial(), second.serial());

    let certificate = CertificateDer::from(first.der());
    let reason = Some(RevocationReason::Superseded);
    account.revoke(&RevocationRequest { certificate: &certificate, reason }).await.unwrap();
    assert!(world.is_revoked(&first).await && !world.is_revoked(&second).await);
    account.deactivate().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn instant_acme_binds_an_external_account() {
    let world = World::with_external_accounts().await;
    let _web = Webroot::serve(&world.path("webroot"), world.http_port()).await;
    let new = |external| {
        let builder = Account::builder_with_root(world.root()).unwrap();
        builder.create(&NEW, world.directory().to_owned(), external)
    };
    assert!(new(None).await.is_err());
    let key = base64::Engine::decode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, MAC_KEY).unwrap();
    let key = ExternalAccountKey::new(KID.to_owned(), &key);
    let (account, _) = new(Some(&key)).await.unwrap();
    issue(&world, &account, "a.example").await;
}
