//! http-01 over real sockets.

// Helpers of tests, which `allow-unwrap-in-tests` does not reach.
#![allow(clippy::unwrap_used)]

mod embedded;
#[cfg(any(feature = "hyper", feature = "tower"))]
mod middleware;
mod responses;
mod standalone;

use std::net::SocketAddr;

use acme_proto::Proof;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The http-01 proof for `token` of an account that `account` stands for.
fn proof_of(account: &str, token: &str) -> Proof {
    serde_json::from_value(serde_json::json!({
        "identifier": { "type": "dns", "value": "example.com" },
        "wildcard": false,
        "kind": {
            "type": "http-01",
            "token": token,
            "key_authorization": format!("{token}.{account}"),
        },
    }))
    .unwrap()
}

fn proof(token: &str) -> Proof {
    proof_of("thumbprint", token)
}

fn dns_proof() -> Proof {
    serde_json::from_value(serde_json::json!({
        "identifier": { "type": "dns", "value": "dns.example.com" },
        "wildcard": false,
        "kind": { "type": "dns-01", "name": "_acme-challenge.dns.example.com", "value": "v" },
    }))
    .unwrap()
}

fn path(token: &str) -> String {
    format!("/.well-known/acme-challenge/{token}")
}

/// A response as it came over the wire.
#[derive(Debug, PartialEq)]
struct Reply {
    status: u16,
    headers: String,
    body: String,
}

/// Sends one request on a connection of its own and reads until the server closes it.
async fn request(address: SocketAddr, method: &str, target: &str) -> Reply {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("{method} {target} HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut text = Vec::new();
    stream.read_to_end(&mut text).await.unwrap();
    let text = String::from_utf8(text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let (status, headers) = head.split_once("\r\n").unwrap();
    Reply {
        status: status.split(' ').nth(1).unwrap().parse().unwrap(),
        headers: headers.to_ascii_lowercase(),
        body: body.to_owned(),
    }
}

async fn get(address: SocketAddr, target: &str) -> Reply {
    request(address, "GET", target).await
}
