//! RFC 8555 §7.1: resources, and how they hang together.

use lacme::proto::Directory;
use lacme::{Problem, ProblemType};
use serde_json::{Value, json};

use crate::ours::{Ours, name};
use crate::world::{World, csr, texts, url};

/// §7.1: every answer but the directory's has a link "index" to the directory.
#[test]
fn every_answer_links_to_the_directory() {
    let mut world = World::new();
    let client = world.client();
    let (order_url, order) = world.order(&client, &["a.example"]);
    let authorization = order["authorizations"][0].as_str().unwrap().to_owned();
    let challenge = world.challenge(&client, &authorization);
    for target in [client.url(), order_url, authorization, challenge, url("nothing")] {
        assert_eq!(world.read(&client, &target).links("index"), [url("directory")], "{target}");
    }
    assert!(world.get(&url("directory")).links("index").is_empty());
}

/// §7.1.1: the directory names every resource, by HTTPS, and its meta says what a client has to
/// know.
#[test]
fn the_directory_names_every_resource() {
    let mut world = World::with(|config| {
        config
            .terms_of_service("https://ca.example/terms")
            .website("https://ca.example")
            .caa_identities(["ca.example".to_owned()])
    });
    let answer = world.get(&url("directory"));
    assert_eq!(answer.header("content-type"), "application/json");
    let directory = answer.accepted(200);
    for field in ["newNonce", "newAccount", "newOrder", "newAuthz", "revokeCert", "keyChange"] {
        assert!(directory[field].as_str().unwrap().starts_with("https://"), "{field}");
    }
    let meta = json!({
        "termsOfService": "https://ca.example/terms", "website": "https://ca.example",
        "caaIdentities": ["ca.example"], "externalAccountRequired": false,
    });
    assert_eq!(directory["meta"], meta);
}

/// §7.1.1: a server without pre-authorization does not name newAuthz.
#[test]
fn a_server_without_new_authz_does_not_name_it() {
    let mut world = World::with(|config| config.new_authorizations(false));
    assert_eq!(world.get(&url("directory")).json()["newAuthz"], Value::Null);
}

/// §7.1.1, our side: fields that nobody knows are ignored.
#[test]
fn our_client_reads_a_directory_with_unknown_fields() {
    let mut world = World::new();
    let mut directory = world.get(&url("directory")).json();
    directory["moonPhase"] = json!({"full": [1, 2]});
    directory["meta"]["moonPhase"] = json!(7);
    let read: Directory = serde_json::from_value(directory).unwrap();
    assert_eq!(read.new_order.as_str(), url("new-order"));
}

/// §7.1.2: an account has status and the URL of its orders; contact and agreement if there.
#[test]
fn an_account_object_says_what_it_has_to() {
    let mut world = World::new();
    let client = world.client();
    let account = world.read(&client, &client.url()).accepted(200);
    assert_eq!(account["status"], "valid");
    assert!(account["orders"].as_str().unwrap().starts_with("https://"));
}

/// §7.1.2.1: the list of orders comes in pages, linked by "next"; it is the owner's alone.
#[test]
fn orders_are_listed_page_by_page() {
    let mut world = World::with(|config| config.orders_per_page(2));
    let client = world.client();
    let orders = world.read(&client, &client.url()).json()["orders"].as_str().unwrap().to_owned();
    assert_eq!(world.read(&client, &orders).accepted(200), json!({"orders": []}));
    let mut placed: Vec<_> =
        (0..5).map(|n| world.order(&client, &[&format!("n{n}.example")]).0).collect();
    let (mut page, mut listed, mut sizes) = (Some(orders.clone()), Vec::new(), Vec::new());
    while let Some(url) = page.take() {
        let answer = world.read(&client, &url);
        let urls = texts(&answer.accepted(200)["orders"]);
        sizes.push(urls.len());
        listed.extend(urls);
        page = answer.links("next").pop();
        let stranger = world.client();
        world.read(&stranger, &url).refused(403, ProblemType::Unauthorized);
    }
    placed.sort();
    listed.sort();
    assert_eq!((listed, sizes), (placed, vec![2, 2, 1]));
}

/// §7.1.2.1: invalid orders are left out.
#[test]
fn orders_that_failed_are_not_listed() {
    let mut world = World::new();
    let client = world.client();
    let orders = world.read(&client, &client.url()).json()["orders"].as_str().unwrap().to_owned();
    let (good, _) = world.order(&client, &["a.example"]);
    let (_, bad) = world.order(&client, &["b.example"]);
    let authorization = bad["authorizations"][0].as_str().unwrap();
    world.post(&client, authorization, json!({"status": "deactivated"})).accepted(200);
    assert_eq!(world.read(&client, &orders).json(), json!({"orders": [good]}));
}

/// §7.1.3: an order has status, identifiers, authorizations and finalize; expires while it is
/// pending, the certificate once it is valid, the error when it is invalid.
#[test]
fn an_order_object_says_what_its_state_promises() {
    let mut world = World::new();
    let client = world.client();
    let (order_url, order) = world.order(&client, &["a.example", "*.b.example"]);
    assert_eq!(order["status"], "pending");
    assert_eq!(order["authorizations"].as_array().unwrap().len(), 2);
    assert!(order["finalize"].is_string() && order["expires"].is_string());
    assert_eq!([&order["certificate"], &order["error"]], [&Value::Null; 2]);
    let identifiers = json!([
        {"type": "dns", "value": "a.example"}, {"type": "dns", "value": "*.b.example"},
    ]);
    assert_eq!(order["identifiers"], identifiers);

    let authorization = order["authorizations"][0].as_str().unwrap();
    world.post(&client, authorization, json!({"status": "deactivated"}));
    let failed = world.read(&client, &order_url).accepted(200);
    assert_eq!(failed["status"], "invalid");
    let kind = failed["error"]["type"].as_str().unwrap();
    assert!(kind.starts_with("urn:ietf:params:acme:error:"));
}

/// §7.1.4: an authorization names its identifier without `*.` and says `wildcard` instead.
#[test]
fn a_wildcards_authorization_is_for_its_base_domain() {
    let mut world = World::new();
    let client = world.client();
    let (_, order) = world.order(&client, &["*.b.example", "b.example"]);
    let both = texts(&order["authorizations"]);
    let wildcard = world.read(&client, &both[0]).accepted(200);
    let plain = world.read(&client, &both[1]).accepted(200);
    let identifier = json!({"type": "dns", "value": "b.example"});
    assert_eq!([&wildcard["identifier"], &plain["identifier"]], [&identifier; 2]);
    assert_eq!(wildcard["wildcard"], true);
    assert_eq!(plain["wildcard"], Value::Null, "absent where there is none");
}

/// §7.1.4: a pending authorization offers every challenge, a settled one the one that settled it;
/// a valid one says when it expires.
#[test]
fn a_settled_authorization_keeps_the_challenge_that_settled_it() {
    let mut world = World::new();
    let client = world.client();
    let (_, order) = world.order(&client, &["a.example", "b.example"]);
    let both = texts(&order["authorizations"]);
    assert!(world.read(&client, &both[0]).json()["challenges"].as_array().unwrap().len() > 1);
    let mut problem = Problem::default();
    problem.kind = ProblemType::Dns;
    for (authorization, result, status) in
        [(&both[0], Ok(()), "valid"), (&both[1], Err(problem), "invalid")]
    {
        let challenge = world.challenge(&client, authorization);
        world.post(&client, &challenge, json!({})).accepted(200);
        world.work(result);
        let settled = world.read(&client, authorization).accepted(200);
        assert_eq!(settled["status"], status);
        assert!(settled["expires"].is_string());
        let challenges = settled["challenges"].as_array().unwrap();
        assert_eq!(challenges.len(), 1);
        assert_eq!(
            (&challenges[0]["status"], &challenges[0]["url"]),
            (&json!(status), &json!(challenge))
        );
    }
}

/// §7.1.6: an order goes pending, ready, processing, valid, and never back.
#[test]
fn an_order_goes_through_its_states_in_sequence() {
    let mut world = World::new();
    let client = world.client();
    let (order_url, order) = world.order(&client, &["a.example"]);
    let status = |world: &mut World| world.read(&client, &order_url).json()["status"].clone();
    assert_eq!(status(&mut world), "pending");
    let challenge = world.challenge(&client, order["authorizations"][0].as_str().unwrap());
    world.post(&client, &challenge, json!({})).accepted(200);
    assert_eq!(status(&mut world), "pending");
    world.work(Ok(()));
    assert_eq!(status(&mut world), "ready");
    let key = lacme::PrivateKey::generate(lacme::KeyType::EcdsaP256).unwrap();
    let finalized =
        world.post(&client, order["finalize"].as_str().unwrap(), csr(&key, &["a.example"]));
    assert_eq!(finalized.accepted(200)["status"], "processing");
    assert_eq!(status(&mut world), "processing");
    world.work(Ok(()));
    assert_eq!(status(&mut world), "valid");
    world.pass(7 * 86_400 / 8);
    assert_eq!(status(&mut world), "valid");
}

/// §7.1.6: a pending order whose time is over is invalid, and its authorizations have expired.
#[test]
fn an_order_whose_time_is_over_is_invalid() {
    let mut world = World::new();
    let client = world.client();
    let (order_url, order) = world.order(&client, &["a.example"]);
    let authorization = order["authorizations"][0].as_str().unwrap();
    let challenge = world.challenge(&client, authorization);
    world.pass(86_401);
    assert_eq!(world.read(&client, &order_url).json()["status"], "invalid");
    assert_eq!(world.read(&client, authorization).json()["status"], "expired");
    world.post(&client, &challenge, json!({})).refused(400, ProblemType::Malformed);
}

/// §7.1, our side: links of which our client knows nothing do not disturb it, and it finds its
/// way by what the server says alone.
#[tokio::test]
async fn our_client_asks_no_url_but_those_it_was_given() {
    let ours = Ours::new().await;
    ours.client().issue(name("a.example")).await.unwrap();
    let all: String = ours
        .sent()
        .iter()
        .filter_map(|sent| sent.answer.as_ref())
        .map(|a| format!("{:?}{}", a.headers(), String::from_utf8_lossy(a.body())))
        .collect();
    for sent in ours.sent().iter().skip(1) {
        assert!(all.contains(&sent.url()), "{}", sent.url());
    }
}
