//! Everything that comes back has a size and a time.

use std::time::{Duration, Instant};

use acme_transport::{Delivery, HttpsTransport, TransportError};
use tokio::io::AsyncWriteExt;

use crate::support::*;

const SHORT: Duration = Duration::from_millis(150);
/// Enough to connect, even on a busy machine.
const LONGER: Duration = Duration::from_millis(800);

#[tokio::test]
async fn a_body_over_the_limit_is_refused() {
    let ca = Ca::new();
    let leaf = ca.server(&["localhost"]);
    for config in [tls(&leaf), tls_http1(&leaf)] {
        let server = Server::https(config).await;
        let error = get(trusting(&ca), &server.https_url("/large")).await.unwrap_err();
        assert!(matches!(error, TransportError::BodyTooLarge { limit: 1048576, .. }), "{error:?}");
        assert!(message(&error).contains("1048576"));
        let enough = trusting(&ca).with_max_body(2 * 1024 * 1024);
        let body = get(enough, &server.https_url("/large")).await.unwrap().into_body();
        assert_eq!(body.len(), 2 * 1024 * 1024);
    }
}

#[tokio::test]
async fn a_body_without_a_length_is_cut_at_the_limit() {
    let server = Server::raw(|mut tcp| async move {
        read_head(&mut tcp).await;
        let _ = tcp.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while tcp.write_all(&[b'x'; 4096]).await.is_ok() {}
    })
    .await;
    let error = get(plain().with_max_body(10_000), &server.http_url("/")).await.unwrap_err();
    assert!(matches!(error, TransportError::BodyTooLarge { limit: 10_000, .. }), "{error:?}");
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_taken() {
    let server = Server::says("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").await;
    let response = get(plain().with_max_body(5), &server.http_url("/")).await.unwrap();
    assert_eq!(text(&response), "hello");
    let error = get(plain().with_max_body(4), &server.http_url("/")).await.unwrap_err();
    assert!(matches!(error, TransportError::BodyTooLarge { limit: 4, .. }), "{error:?}");
}

#[tokio::test]
async fn endless_headers_are_refused() {
    for filler in ["x".repeat(1000), "x: y\r\n".repeat(100)] {
        let server = Server::raw(move |mut tcp| {
            let filler = filler.clone();
            async move {
                read_head(&mut tcp).await;
                let _ = tcp.write_all(b"HTTP/1.1 200 OK\r\nx: y\r\n").await;
                while tcp.write_all(filler.as_bytes()).await.is_ok() {}
            }
        })
        .await;
        let error = get(plain(), &server.http_url("/")).await.unwrap_err();
        assert!(matches!(error, TransportError::BrokenResponse { .. }), "{error:?}");
        assert_eq!(error.delivery(), Delivery::Unknown);
    }
}

#[tokio::test]
async fn headers_of_30_kib_are_taken_and_of_200_kib_refused() {
    let with_header = |length: usize| {
        let filler = "y".repeat(length);
        format!("HTTP/1.1 200 OK\r\nx: {filler}\r\nContent-Length: 0\r\n\r\n")
    };
    let server = Server::says(with_header(30 * 1024)).await;
    assert_eq!(get(plain(), &server.http_url("/")).await.unwrap().status(), 200);
    let server = Server::says(with_header(200 * 1024)).await;
    let error = get(plain(), &server.http_url("/")).await.map(drop).unwrap_err();
    assert!(matches!(error, TransportError::BrokenResponse { .. }), "{error:?}");
    assert!(message(&error).contains("too large"));
}

#[tokio::test]
async fn a_slow_server_times_out() {
    let ca = Ca::new();
    let server = Server::https(tls(&ca.server(&["localhost"]))).await;
    let error =
        get(trusting(&ca).with_timeout(LONGER), &server.https_url("/slow")).await.unwrap_err();
    assert!(matches!(error, TransportError::Timeout { after: LONGER, .. }), "{error:?}");
    assert_eq!(error.delivery(), Delivery::Unknown);
    assert!(message(&error).contains("800ms"));
}

#[tokio::test]
async fn a_dripping_body_times_out() {
    let server = Server::raw(|mut tcp| async move {
        read_head(&mut tcp).await;
        let _ = tcp.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n").await;
        // Each byte comes in time, the whole never does.
        while tcp.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let started = Instant::now();
    let error = get(plain().with_timeout(SHORT), &server.http_url("/")).await.unwrap_err();
    assert!(matches!(error, TransportError::Timeout { .. }), "{error:?}");
    assert!(started.elapsed() >= SHORT);
}

#[tokio::test]
async fn a_server_that_never_shakes_hands_hits_the_connect_timeout() {
    let server = Server::raw(|tcp| async move {
        let _open = tcp;
        std::future::pending::<()>().await;
    })
    .await;
    let config = trusting(&Ca::new()).with_connect_timeout(SHORT);
    let error = get(config, &server.https_url("/")).await.unwrap_err();
    assert!(matches!(error, TransportError::ConnectTimeout { after: SHORT, .. }), "{error:?}");
    assert_eq!(error.delivery(), Delivery::NotSent);
}

#[tokio::test]
async fn the_request_timeout_during_the_handshake_means_not_sent() {
    let server = Server::raw(|tcp| async move {
        let _open = tcp;
        std::future::pending::<()>().await;
    })
    .await;
    let config = trusting(&Ca::new()).with_timeout(SHORT);
    let error = get(config, &server.https_url("/")).await.unwrap_err();
    assert!(matches!(error, TransportError::ConnectTimeout { after: SHORT, .. }), "{error:?}");
    assert_eq!(error.delivery(), Delivery::NotSent);
}

#[tokio::test]
async fn the_request_timeout_on_a_kept_connection_means_unknown() {
    let ca = Ca::new();
    let leaf = ca.server(&["localhost"]);
    for config in [tls(&leaf), tls_http1(&leaf)] {
        let server = Server::https(config).await;
        let transport = HttpsTransport::new(trusting(&ca).with_timeout(LONGER)).unwrap();
        get_with(&transport, &server.https_url("/")).await.unwrap();
        let slow = server.https_url("/slow");
        let error = get_with(&transport, &slow).await.unwrap_err();
        assert!(matches!(error, TransportError::Timeout { .. }), "{error:?}");
        assert_eq!(error.delivery(), Delivery::Unknown);
    }
}
