//! Whether a request that failed may have reached the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use acme_transport::{Delivery, HttpsTransport, Transport, TransportError};
use http::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;

use crate::support::*;

#[tokio::test]
async fn http_urls_are_refused_before_any_connection() {
    let ca = Ca::new();
    let server = Server::http().await;
    let error = get(trusting(&ca), &server.http_url("/")).await.unwrap_err();
    assert!(matches!(error, TransportError::InsecureUrl { .. }), "{error:?}");
    assert_eq!(error.delivery(), Delivery::NotSent);
    assert!(message(&error).contains("--allow-insecure"));
    assert_eq!(server.connections(), 0);

    let response = get(plain(), &server.http_url("/directory")).await.unwrap();
    assert!(text(&response).starts_with("GET /directory\n"));
}

#[tokio::test]
async fn urls_without_a_server_or_with_credentials_are_refused() {
    for url in ["/directory", "ftp://localhost/", "https://user:secret@localhost/"] {
        let error = get(plain(), url).await.unwrap_err();
        assert!(matches!(error, TransportError::InvalidRequest { .. }), "{error:?}");
        assert_eq!(error.delivery(), Delivery::NotSent);
        assert!(!message(&error).contains("secret"));
    }
}

#[tokio::test]
async fn a_refused_connection_means_not_sent() {
    let (_held, address) = refusing();
    let error = get(plain(), &format!("https://{address}/")).await.unwrap_err();
    assert!(matches!(error, TransportError::Connect { .. }), "{error:?}");
    assert_eq!(error.delivery(), Delivery::NotSent);
    assert!(error.is_transient());
    let message = message(&error);
    assert!(message.contains(&address.to_string()) && message.contains("refused"), "{message}");
}

#[tokio::test]
async fn a_name_without_an_address_means_not_sent() {
    // No resolver asks the network for a label of more than 63 bytes.
    let url = format!("http://{}.example/", "a".repeat(64));
    let error = get(plain(), &url).await.unwrap_err();
    assert!(matches!(error, TransportError::Resolve { .. }), "{error:?}");
    assert_eq!(error.delivery(), Delivery::NotSent);
    assert!(message(&error).contains("cannot resolve"));
}

#[tokio::test]
async fn a_name_that_no_certificate_can_carry_is_refused() {
    let url = format!("https://{}.example/", "a".repeat(64));
    let error = get(plain(), &url).await.unwrap_err();
    assert!(matches!(error, TransportError::InvalidRequest { .. }), "{error:?}");
    assert_eq!(error.delivery(), Delivery::NotSent);
    assert!(message(&error).contains("is no host name"));
}

#[tokio::test]
async fn a_connection_closed_after_the_request_means_unknown_and_is_not_sent_again() {
    let server = Server::says("").await;
    let transport = HttpsTransport::new(plain()).unwrap();
    let post = Request::post(server.http_url("/new-order")).body(b"{}".to_vec()).unwrap();
    let error = transport.send(post).await.unwrap_err();
    assert!(matches!(error, TransportError::ConnectionLost { .. }), "{error:?}");
    assert_eq!(error.delivery(), Delivery::Unknown);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_kept_connection_that_the_server_closed_is_replaced_unnoticed() {
    let closed = Arc::new(Notify::new());
    let served = Arc::new(AtomicUsize::new(0));
    let (close, count) = (closed.clone(), served.clone());
    let server = Server::raw(move |mut tcp| {
        let (close, count) = (close.clone(), count.clone());
        async move {
            read_head(&mut tcp).await;
            count.fetch_add(1, Ordering::SeqCst);
            let _ = tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            let _ = tcp.shutdown().await;
            // Ends when the client has seen the end and closed too.
            let _ = tcp.read_u8().await;
            close.notify_one();
        }
    })
    .await;
    let transport = HttpsTransport::new(plain()).unwrap();
    for round in 1..=3 {
        get_with(&transport, &server.http_url("/")).await.unwrap();
        assert_eq!(served.load(Ordering::SeqCst), round);
        closed.notified().await;
    }
}
