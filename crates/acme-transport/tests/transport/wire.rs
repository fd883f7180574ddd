//! What the server sees.

use acme_transport::{HttpsTransport, Transport};
use http::{Request, Version};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::support::*;

#[tokio::test]
async fn http2_is_spoken_where_the_server_offers_it_and_http1_elsewhere() {
    let ca = Ca::new();
    let leaf = ca.server(&["localhost"]);
    for (config, version) in [(tls(&leaf), Version::HTTP_2), (tls_http1(&leaf), Version::HTTP_11)] {
        let server = Server::https(config).await;
        let response = get(trusting(&ca), &server.https_url("/")).await.unwrap();
        assert_eq!(response.version(), version);
    }
}

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let ca = Ca::new();
    let leaf = ca.server(&["localhost"]);
    for config in [tls(&leaf), tls_http1(&leaf)] {
        let server = Server::https(config).await;
        let transport = HttpsTransport::new(trusting(&ca)).unwrap();
        for _ in 0..5 {
            get_with(&transport, &server.https_url("/")).await.unwrap();
            // hyper takes a connection back when its task has run.
            tokio::task::yield_now().await;
        }
        assert_eq!(server.connections(), 1);
    }
}

#[test]
fn a_transport_survives_the_runtime_of_its_connections() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let ca = Ca::new();
    let servers = runtime();
    for config in [tls(&ca.server(&["localhost"])), tls_http1(&ca.server(&["localhost"]))] {
        let server = servers.block_on(Server::https(config));
        let transport = HttpsTransport::new(trusting(&ca)).unwrap();
        for _ in 0..3 {
            let response = runtime().block_on(get_with(&transport, &server.https_url("/")));
            assert_eq!(response.unwrap().status(), 200);
        }
    }
}

#[tokio::test]
async fn requests_at_the_same_time_share_an_http2_connection() {
    let ca = Ca::new();
    let server = Server::https(tls(&ca.server(&["localhost"]))).await;
    let transport = HttpsTransport::new(trusting(&ca)).unwrap();
    get_with(&transport, &server.https_url("/")).await.unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|n| {
            let (transport, url) = (transport.clone(), server.https_url(&format!("/{n}")));
            tokio::spawn(async move { get_with(&transport, &url).await.unwrap() })
        })
        .collect();
    for (n, task) in tasks.into_iter().enumerate() {
        assert!(text(&task.await.unwrap()).contains(&format!("/{n}\n")));
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn every_request_names_its_user_agent() {
    let ca = Ca::new();
    let server = Server::https(tls(&ca.server(&["localhost"]))).await;
    let ours = concat!("acme-transport/", env!("CARGO_PKG_VERSION"));

    let response = get(trusting(&ca), &server.https_url("/")).await.unwrap();
    assert!(text(&response).contains(&format!("\nuser-agent: {ours}\n")));

    let named = trusting(&ca).with_user_agent("lacme/0.1.0");
    let response = get(named, &server.https_url("/")).await.unwrap();
    assert!(text(&response).contains(&format!("\nuser-agent: lacme/0.1.0 {ours}\n")));
}

#[test]
fn a_user_agent_cannot_smuggle_a_header() {
    let config = plain().with_user_agent("lacme\r\nx-evil: 1");
    assert!(HttpsTransport::new(config).unwrap_err().to_string().contains("user agent"));
}

#[tokio::test]
async fn every_post_tells_its_length_even_an_empty_one() {
    let ca = Ca::new();
    let leaf = ca.server(&["localhost"]);
    for config in [tls(&leaf), tls_http1(&leaf)] {
        let server = Server::https(config).await;
        let transport = HttpsTransport::new(trusting(&ca)).unwrap();
        for body in ["", "{\"payload\":\"\"}"] {
            let request = Request::post(server.https_url("/"))
                .header("content-type", "application/jose+json")
                .header("transfer-encoding", "chunked")
                .body(body.as_bytes().to_vec());
            let response = transport.send(request.unwrap()).await.unwrap();
            let seen = text(&response);
            assert!(seen.contains(&format!("\ncontent-length: {}\n", body.len())), "{seen}");
            assert!(seen.contains("\ncontent-type: application/jose+json\n"), "{seen}");
            assert!(!seen.contains("transfer-encoding"), "{seen}");
        }
    }
}

#[tokio::test]
async fn a_redirect_is_returned_and_not_followed() {
    let ca = Ca::new();
    let server = Server::https(tls(&ca.server(&["localhost"]))).await;
    let response = get(trusting(&ca), &server.https_url("/redirect")).await.unwrap();
    assert_eq!(response.status(), 302);
    assert_eq!(response.headers()["location"], "/elsewhere");
}

#[tokio::test]
async fn headers_come_back_as_they_were_sent_even_repeated_ones() {
    let response = "HTTP/1.1 201 Created\r\nReplay-Nonce: abc\r\nLink: <a>;rel=\"up\"\r\n\
                    Link: <b>;rel=\"alternate\"\r\nContent-Length: 2\r\n\r\n{}";
    let server = Server::says(response).await;
    let response = get(plain(), &server.http_url("/")).await.unwrap();
    assert_eq!((response.status().as_u16(), text(&response)), (201, "{}"));
    assert_eq!(response.headers()["replay-nonce"], "abc");
    assert_eq!(response.headers().get_all("link").iter().count(), 2);
}

#[tokio::test]
async fn the_first_key_share_is_x25519mlkem768_and_only_tls_1_2_and_1_3_are_offered() {
    let (sender, mut hellos) = mpsc::unbounded_channel();
    let server = Server::raw(move |mut tcp| {
        let sender = sender.clone();
        async move {
            let mut header = [0; 5];
            tcp.read_exact(&mut header).await.unwrap();
            let mut record = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
            tcp.read_exact(&mut record).await.unwrap();
            sender.send(record).unwrap();
            let _ = tcp.shutdown().await;
        }
    })
    .await;
    let _ = get(trusting(&Ca::new()), &server.https_url("/")).await;
    let hello = hellos.recv().await.unwrap();

    const SUPPORTED_VERSIONS: u16 = 43;
    const KEY_SHARE: u16 = 51;
    const X25519MLKEM768: u16 = 0x11EC;
    // A list of shares behind its length: group, length, key (RFC 8446 §4.2.8).
    let shares = extension(&hello, KEY_SHARE);
    assert_eq!(u16::from_be_bytes([shares[2], shares[3]]), X25519MLKEM768);
    // A list of versions behind its length (RFC 8446 §4.2.1).
    assert_eq!(extension(&hello, SUPPORTED_VERSIONS), [4, 3, 4, 3, 3]);
}

/// The content of one extension of a ClientHello (RFC 8446 §4.1.2).
fn extension(hello: &[u8], wanted: u16) -> &[u8] {
    let number = |at: usize| u16::from_be_bytes([hello[at], hello[at + 1]]);
    assert_eq!(hello[0], 1, "not a ClientHello");
    // Type, length, version and random; then three lists: session id, cipher suites, compression.
    let mut at = 1 + 3 + 2 + 32;
    at += 1 + usize::from(hello[at]);
    at += 2 + usize::from(number(at));
    at += 1 + usize::from(hello[at]);
    at += 2;
    while at < hello.len() {
        let (kind, length) = (number(at), usize::from(number(at + 2)));
        at += 4;
        if kind == wanted {
            return &hello[at..at + length];
        }
        at += length;
    }
    panic!("no extension {wanted}");
}
