//! RFC 8555 §7.2: getting a nonce.

use lacme::transport::HttpsTransport;
use lacme::{Transport as _, TransportConfig, Trust};
use lacme_ca::{AcmeServer, LoopbackOptions};

use crate::ours::{Ours, name};
use crate::world::{World, url};

/// §7.2: newNonce answers HEAD with 200 and GET with 204, both with a nonce that no cache keeps.
#[test]
fn nonces_come_by_head_and_get_and_are_not_cached() {
    let mut world = World::new();
    for (method, status) in [("HEAD", 200), ("GET", 204)] {
        let answer = world.plain(method, &url("new-nonce"));
        assert_eq!(answer.status(), status);
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(answer.has("replay-nonce"));
        assert!(answer.0.body().is_empty());
        assert_eq!(answer.links("index"), [url("directory")]);
    }
}

/// RFC 9110 §9.3.2, by way of §7.2: an answer to HEAD has no content, over HTTP/2 and for errors too.
#[tokio::test]
async fn what_answers_head_has_no_content() {
    let server = AcmeServer::spawn_on_loopback(LoopbackOptions::new()).await.unwrap();
    let trust = Trust::only(server.root_pem.as_str());
    let config = TransportConfig::default().with_trust(trust);
    let way = HttpsTransport::new(config).unwrap();
    let base = server.directory_url.as_str().trim_end_matches("/directory");
    for (path, status) in [("directory", 200), ("new-nonce", 200), ("new-order", 405), ("x", 404)] {
        let head = http::Request::head(format!("{base}/{path}")).body(Vec::new()).unwrap();
        let answer = way.send(head).await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.body().len()), (status, 0), "{path}");
    }
    server.shutdown().await;
}

/// §7.2, our side: a nonce is fetched where none is at hand, not more often.
#[tokio::test]
async fn our_client_fetches_a_nonce_only_when_it_has_none() {
    let ours = Ours::new().await;
    ours.client().issue(name("a.example")).await.unwrap();
    assert_eq!(ours.sent_to("new-nonce").len(), 1);
}
