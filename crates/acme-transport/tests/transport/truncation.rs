//! Servers that end a response in the middle.

use std::sync::Arc;

use acme_transport::{Delivery, TransportError};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use crate::support::*;

const HALF: &str = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
const HALF_A_CHUNK: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nhalf";
const NO_LAST_CHUNK: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";

/// How a server ends its TLS connection.
#[derive(Clone, Copy, Debug)]
enum End {
    /// As it should (RFC 8446 §6.1).
    CloseNotify,
    /// TCP alone.
    Tcp,
}

/// Reads one request's headers, writes `response` and ends the connection.
async fn tls_server(config: ServerConfig, response: Vec<u8>, end: End) -> Server {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Server::raw(move |tcp| {
        let (accept, response) = (acceptor.accept(tcp), response.clone());
        async move {
            let mut stream = accept.await.unwrap();
            match stream.get_ref().1.alpn_protocol() {
                Some(b"h2") => read_http2_headers(&mut stream).await,
                _ => drop(read_head(&mut stream).await),
            }
            stream.write_all(&response).await.unwrap();
            stream.flush().await.unwrap();
            match end {
                End::CloseNotify => drop(stream.shutdown().await),
                End::Tcp => drop(stream.get_mut().0.shutdown().await),
            }
            // Closing with unread input would reset the connection.
            let _ = tokio::io::copy(&mut stream.get_mut().0, &mut tokio::io::sink()).await;
        }
    })
    .await
}

/// Reads the client's preface and its frames up to a HEADERS (RFC 9113 §3.4, §4.1).
async fn read_http2_headers(stream: &mut (impl AsyncRead + Unpin)) {
    const HEADERS: u8 = 1;
    stream.read_exact(&mut [0; 24]).await.unwrap();
    let mut kind = 0;
    while kind != HEADERS {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await.unwrap();
        let length = usize::from(u16::from_be_bytes([head[1], head[2]]));
        stream.read_exact(&mut vec![0; length]).await.unwrap();
        kind = head[3];
    }
}

/// The server's SETTINGS, then status 200 with a length of 100 and "half" on stream 1.
fn half_in_http2(end_stream: bool) -> Vec<u8> {
    let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    // `:status: 200` from the static table; `content-length` from it too, its value literal.
    let headers = *b"\0\0\x07\x01\x04\0\0\0\x01\x88\x0f\x0d\x03100";
    let data = [0, 0, 4, 0, u8::from(end_stream), 0, 0, 0, 1];
    [&settings[..], &headers, &data, b"half"].concat()
}

#[tokio::test]
async fn a_body_that_ends_early_is_a_truncated_response() {
    for response in [HALF, HALF_A_CHUNK, NO_LAST_CHUNK] {
        let server = Server::says(response).await;
        let error = get(plain(), &server.http_url("/")).await.unwrap_err();
        assert!(matches!(error, TransportError::Truncated { .. }), "{response:?}: {error:?}");
        assert_eq!(error.delivery(), Delivery::Unknown);
        assert!(message(&error).contains("only a part"));
    }
}

#[tokio::test]
async fn it_is_one_over_tls_however_the_connection_ends() {
    let ca = Ca::new();
    let leaf = ca.server(&["localhost"]);
    for end in [End::CloseNotify, End::Tcp] {
        for (config, response) in [
            (tls_http1(&leaf), HALF.into()),
            (tls_http1(&leaf), NO_LAST_CHUNK.into()),
            (tls(&leaf), half_in_http2(false)),
        ] {
            let server = tls_server(config, response, end).await;
            let error = get(trusting(&ca), &server.https_url("/")).await.unwrap_err();
            assert!(matches!(error, TransportError::Truncated { .. }), "{end:?}: {error:?}");
            message(&error);
        }
    }
}

#[tokio::test]
async fn a_stream_that_the_server_resets_is_a_truncated_response() {
    let ca = Ca::new();
    let internal_error = [0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 2];
    let response = [&half_in_http2(false)[..], &internal_error].concat();
    let config = tls(&ca.server(&["localhost"]));
    let server = tls_server(config, response, End::CloseNotify).await;
    let error = get(trusting(&ca), &server.https_url("/")).await.unwrap_err();
    assert!(matches!(error, TransportError::Truncated { .. }), "{error:?}");
}

#[tokio::test]
async fn a_complete_stream_that_is_shorter_than_its_length_is_a_broken_response() {
    let ca = Ca::new();
    let config = tls(&ca.server(&["localhost"]));
    let server = tls_server(config, half_in_http2(true), End::CloseNotify).await;
    let error = get(trusting(&ca), &server.https_url("/")).await.unwrap_err();
    assert!(matches!(error, TransportError::BrokenResponse { .. }), "{error:?}");
}

#[tokio::test]
async fn a_connection_that_ends_before_the_response_is_lost() {
    let ca = Ca::new();
    let leaf = ca.server(&["localhost"]);
    let settings = vec![0, 0, 0, 4, 0, 0, 0, 0, 0];
    for end in [End::CloseNotify, End::Tcp] {
        for (config, response) in [(tls_http1(&leaf), vec![]), (tls(&leaf), settings.clone())] {
            let server = tls_server(config, response, end).await;
            let error = get(trusting(&ca), &server.https_url("/")).await.unwrap_err();
            assert!(matches!(error, TransportError::ConnectionLost { .. }), "{end:?}: {error:?}");
            assert_eq!(error.delivery(), Delivery::Unknown);
        }
    }
}

#[tokio::test]
async fn a_connection_that_is_reset_within_the_body_is_lost() {
    let server = Server::raw(|mut tcp| async move {
        read_head(&mut tcp).await;
        tcp.write_all(HALF.as_bytes()).await.unwrap();
        tcp.set_zero_linger().unwrap();
    })
    .await;
    let error = get(plain(), &server.http_url("/")).await.unwrap_err();
    assert!(matches!(error, TransportError::ConnectionLost { .. }), "{error:?}");
}
