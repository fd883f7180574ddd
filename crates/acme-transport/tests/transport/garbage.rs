//! Servers that answer nonsense.

use std::time::Duration;

use acme_transport::{Delivery, TransportError};
use tokio::io::AsyncWriteExt;

use crate::support::*;

/// A small repeatable source of bytes (xorshift).
struct Noise(u64);

impl Noise {
    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let mut next = || {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 as u8
        };
        (0..count).map(|_| next()).collect()
    }
}

#[tokio::test]
async fn random_bytes_are_a_typed_error() {
    let mut noise = Noise(0x2545_f491_4f6c_dd1d);
    for round in 0..100 {
        let server = Server::says(noise.bytes(1 + round * 7)).await;
        let error = get(plain(), &server.http_url("/")).await.unwrap_err();
        let typed = matches!(
            error,
            TransportError::BrokenResponse { .. } | TransportError::ConnectionLost { .. }
        );
        assert!(typed, "{round}: {error:?}");
        assert_eq!(error.delivery(), Delivery::Unknown);
        message(&error);
    }
}

#[tokio::test]
async fn responses_that_are_almost_http_are_a_typed_error() {
    for response in [
        "HTTP/1.1 99999 OK\r\n\r\n",
        "HTTP/3.0 200 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: minus one\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf, and more",
        "SSH-2.0-OpenSSH_9.2\r\n",
    ] {
        let server = Server::says(response).await;
        let error = get(plain(), &server.http_url("/")).await.unwrap_err();
        assert!(matches!(error, TransportError::BrokenResponse { .. }), "{response:?}: {error:?}");
        message(&error);
    }
}

#[tokio::test]
async fn noise_in_place_of_tls_is_a_tls_error() {
    let mut noise = Noise(7);
    for round in 0..30 {
        let bytes = noise.bytes(1 + round * 11);
        let server = Server::raw(move |mut tcp| {
            let bytes = bytes.clone();
            async move {
                let _ = tcp.write_all(&bytes).await;
                let _ = tcp.shutdown().await;
                let _ = tokio::io::copy(&mut tcp, &mut tokio::io::sink()).await;
            }
        })
        .await;
        let config = trusting(&Ca::new()).with_connect_timeout(Duration::from_secs(5));
        let error = get(config, &server.https_url("/")).await.unwrap_err();
        assert!(matches!(error, TransportError::Tls { .. }), "{round}: {error:?}");
        assert_eq!(error.delivery(), Delivery::NotSent);
        message(&error);
    }
}

#[tokio::test]
async fn an_http_server_behind_an_https_url_is_a_tls_error() {
    let server = Server::http().await;
    let error = get(plain(), &server.https_url("/")).await.unwrap_err();
    assert!(matches!(error, TransportError::Tls { .. }), "{error:?}");
    assert_eq!(error.delivery(), Delivery::NotSent);
}
