//! RFC 8555 §6.4: request URL integrity.

use lacme::ProblemType;
use serde_json::{Value, json};

use crate::ours::{Ours, name};
use crate::world::{World, post, url};

/// §6.4: a "url" that is not the request's is refused as unauthorized.
#[test]
fn a_request_that_was_signed_for_another_url_is_refused() {
    let mut world = World::new();
    let client = world.client();
    let target = client.url();
    let others = [
        url("new-order"),
        target.replace("https", "http"),
        target.replace("ca.example", "evil.example"),
        target.replace("ca.example", "ca.example:443"),
        format!("{target}/"),
        format!("{target}?"),
        target.to_uppercase(),
        String::new(),
    ];
    for other in others {
        let answer = world.post_with(&client, &target, Value::Null, |header| {
            header.insert("url".to_owned(), json!(other));
        });
        answer.refused(401, ProblemType::Unauthorized);
    }
}

/// §6.4: whatever way a request took to the server, it counts for the URL it names.
#[test]
fn a_request_cannot_be_carried_over_to_another_resource() {
    let mut world = World::new();
    let client = world.client();
    let header = client.header(&client.url(), &world.nonce());
    let jws = client.sign(&header, r#"{"status":"deactivated"}"#);
    let (_, order) = world.order(&client, &["a.example"]);
    let authorization = order["authorizations"][0].as_str().unwrap();
    world.send(&post(authorization, &jws)).refused(401, ProblemType::Unauthorized);
    assert_eq!(world.read(&client, authorization).accepted(200)["status"], "pending");
}

/// §6.4, our side: the URL in the header is, to the letter, the one that the server handed out.
#[tokio::test]
async fn our_client_signs_the_url_that_it_was_given() {
    let ours = Ours::new().await;
    ours.client().issue(name("a.example")).await.unwrap();
    let told: Vec<String> = ours
        .sent()
        .iter()
        .filter_map(|sent| sent.answer.as_ref())
        .flat_map(|answer| {
            let location = answer.headers().get("location").map(|l| l.to_str().unwrap().to_owned());
            let body = String::from_utf8_lossy(answer.body()).into_owned();
            body.split('"').map(str::to_owned).chain(location).collect::<Vec<_>>()
        })
        .collect();
    for sent in ours.signed() {
        assert_eq!(sent.protected["url"], sent.url());
        assert!(told.contains(&sent.url()), "{} was handed out nowhere", sent.url());
    }
}
