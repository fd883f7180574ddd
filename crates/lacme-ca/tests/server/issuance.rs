//! The client's own machines against the server's core: newOrder to certificate.

use std::sync::Arc;
use std::time::Duration;

use acme_crypto::{AwsLc, CsrOptions, KeyType, PrivateKey, certificate_signing_request};
use acme_proto::{
    Action, Call, ChallengeType, Credentials, Directory, Event, Exchange, HttpResponse, Identifier,
    Issuance, Issued, NewOrder, NoncePool, Plan, Reply, RetryLimits, Signer as _, Step, Url,
};

use crate::harness::{Client, World, url};

/// A driver without a network: every request goes straight into the core.
fn exchange(
    world: &mut World,
    client: &Client,
    call: &Call,
    pool: &mut NoncePool,
) -> Result<HttpResponse, acme_proto::CallError> {
    let credentials = Credentials::new(
        Url::parse(url("new-nonce")).unwrap(),
        client.key.jwk().clone(),
        client.key.algorithm(),
        client.account.as_ref().map(|account| Url::parse(account.clone()).unwrap()),
    );
    let credentials = Some(Arc::new(credentials));
    let mut exchange =
        Exchange::new(call.clone(), credentials, RetryLimits::default(), 1, pool).unwrap();
    loop {
        let reply = match exchange.step() {
            Step::Sign(message) => Reply::Signature(client.key.sign_now(message).unwrap()),
            Step::Send(request) => Reply::Response(world.send(request).0),
            Step::WaitUntil(time) => {
                world.now = world.now.max(time);
                Reply::Woken
            }
            Step::Done(_) => return exchange.into_result(),
        };
        exchange.reply(reply, world.now, pool).unwrap();
    }
}

fn issue(world: &mut World, client: &Client, names: &[&str], challenge: ChallengeType) -> Issued {
    let names: Vec<_> = names.iter().map(|name| Identifier::parse(name).unwrap()).collect();
    let key = PrivateKey::generate(KeyType::EcdsaP256).unwrap();
    let csr = certificate_signing_request(&key, &names, &CsrOptions::default()).unwrap();
    let directory: Directory = serde_json::from_value(world.get(&url("directory")).json()).unwrap();
    let plan = Plan::new(
        directory,
        Url::parse(client.account.clone().unwrap()).unwrap(),
        client.key.jwk().thumbprint(&AwsLc),
        NewOrder::new(names.clone()),
        vec![challenge; names.len()],
        csr,
    );
    let mut issuance = Issuance::new(plan);
    let mut pool = NoncePool::new();
    loop {
        let event = match issuance.action() {
            Action::Calls(calls) => {
                let calls = calls.to_vec();
                let answers = calls.iter().map(|call| exchange(world, client, call, &mut pool));
                Event::Answered(answers.collect())
            }
            Action::Provision(_) => Event::Provisioned(Ok(())),
            Action::Cleanup(_) => Event::CleanedUp,
            Action::WaitUntil(time) => {
                // The CA works while the client waits.
                world.now = world.now.max(time);
                world.validate(Ok(()));
                Event::Woken
            }
            Action::Done(result) => return result.clone().unwrap(),
        };
        issuance.handle(event, world.now, &AwsLc).unwrap();
    }
}

#[test]
fn our_client_gets_its_certificate() {
    let mut world = World::new();
    let client = world.client();
    let before = world.now;
    let issued = issue(&mut world, &client, &["a.example", "192.0.2.7"], ChallengeType::Http01);
    assert!(issued.pem.starts_with("-----BEGIN CERTIFICATE-----"));
    assert_eq!(issued.alternates.len(), 1);
    assert!(world.now < before + Duration::from_secs(10), "nobody waited for long");
    let issued = issue(&mut world, &client, &["*.b.example"], ChallengeType::DnsAccount01);
    assert!(issued.pem.contains("END CERTIFICATE"));
}

#[test]
fn our_client_survives_a_server_that_restarts_while_it_waits() {
    let mut world = World::new();
    let client = world.client();
    // Every nonce in the pool is unknown to the new process.
    issue(&mut world, &client, &["a.example"], ChallengeType::Http01);
    world.restart();
    issue(&mut world, &client, &["a.example", "b.example"], ChallengeType::Http01);
}
