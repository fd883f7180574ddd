//! Through a proxy that really forwards.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use acme_transport::{Delivery, Proxy, ProxyProblem, TransportError};
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpStream;

use crate::support::*;

/// Base64 of `ann:p@ss`.
const LOGIN: &str = "proxy-authorization: Basic YW5uOnBAc3M=\r\n";

/// An HTTP proxy that knows one server, whatever name it is asked for.
struct TestProxy {
    server: Server,
    heads: Arc<Mutex<Vec<String>>>,
}

impl TestProxy {
    async fn new(upstream: SocketAddr, wants_login: bool) -> Self {
        let heads = Arc::new(Mutex::new(Vec::new()));
        let seen = heads.clone();
        let server = Server::raw(move |client| {
            let seen = seen.clone();
            async move {
                let _ = forward(client, upstream, wants_login, seen).await;
            }
        })
        .await;
        Self { server, heads }
    }

    fn url(&self, login: &str) -> String {
        format!("http://{login}{}", self.server.address)
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

async fn forward(
    mut client: TcpStream,
    upstream: SocketAddr,
    wants_login: bool,
    seen: Arc<Mutex<Vec<String>>>,
) -> std::io::Result<()> {
    let head = read_head(&mut client).await;
    seen.lock().unwrap().push(head.clone());
    if wants_login && !head.to_lowercase().contains(&LOGIN.to_lowercase()) {
        let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
        return client.write_all(refusal.as_bytes()).await;
    }
    let mut server = TcpStream::connect(upstream).await?;
    if head.starts_with("CONNECT ") {
        client.write_all(b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n").await?;
    } else {
        server.write_all(head.as_bytes()).await?;
    }
    copy_bidirectional(&mut client, &mut server).await.map(drop)
}

#[tokio::test]
async fn https_goes_through_a_tunnel_and_the_proxy_resolves_the_name() {
    let ca = Ca::new();
    let server = Server::https(tls(&ca.server(&["ca.invalid"]))).await;
    let proxy = TestProxy::new(server.address, true).await;
    let config = trusting(&ca).with_proxy(Proxy::url(proxy.url("ann:p%40ss@")));
    let response = get(config, "https://ca.invalid:14000/directory").await.unwrap();
    let seen = text(&response);
    assert!(seen.starts_with("GET https://ca.invalid:14000/directory\n"), "{seen}");
    assert!(!seen.contains("proxy-"), "the login is for the proxy alone: {seen}");

    let [head] = &proxy.heads()[..] else { panic!("one tunnel") };
    assert!(head.starts_with("CONNECT ca.invalid:14000 HTTP/1.1\r\nHost: ca.invalid:14000\r\n"));
    assert!(head.to_lowercase().contains(&LOGIN.to_lowercase()), "{head}");
}

#[tokio::test]
async fn http_goes_to_the_proxy_in_absolute_form() {
    let server = Server::http().await;
    let proxy = TestProxy::new(server.address, true).await;
    let config = plain().with_proxy(Proxy::url(proxy.url("ann:p%40ss@")));
    let response = get(config, "http://ca.invalid/directory").await.unwrap();
    assert_eq!(response.status(), 200);
    let [head] = &proxy.heads()[..] else { panic!("one request") };
    assert!(head.starts_with("GET http://ca.invalid/directory HTTP/1.1\r\n"), "{head}");
}

#[tokio::test]
async fn a_proxy_that_wants_another_login_is_told_without_the_password() {
    let ca = Ca::new();
    let proxy = TestProxy::new((Ipv4Addr::LOCALHOST, 1).into(), true).await;
    for url in ["https://ca.invalid/", "http://ca.invalid/"] {
        let config =
            trusting(&ca).allow_insecure(true).with_proxy(Proxy::url(proxy.url("ann:hunter2@")));
        let error = get(config, url).await.unwrap_err();
        let problem = ProxyProblem::AuthenticationRequired;
        assert!(
            matches!(&error, TransportError::Proxy { problem: p, .. } if p.to_string() == problem.to_string()),
            "{error:?}"
        );
        assert_eq!(error.delivery(), Delivery::NotSent);
        let shown = format!("{} {error:?}", message(&error));
        assert!(shown.contains(&proxy.server.address.to_string()), "{shown}");
        assert!(!shown.contains("hunter2") && !shown.contains("ann"), "{shown}");
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_or_talks_nonsense_is_named() {
    let ca = Ca::new();
    for (answer, expected) in [
        ("HTTP/1.1 403 Forbidden\r\n\r\n", "refused the tunnel with status 403"),
        ("HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n", "status 302"),
        ("SSH-2.0-OpenSSH_9.2\r\n", "did not answer like an HTTP proxy"),
        ("", "did not answer like an HTTP proxy"),
    ] {
        let proxy = Server::says(answer).await;
        let config = trusting(&ca).with_proxy(Proxy::url(format!("http://{}", proxy.address)));
        let error = get(config, "https://ca.invalid/").await.unwrap_err();
        assert!(matches!(error, TransportError::Proxy { .. }), "{error:?}");
        assert_eq!(error.delivery(), Delivery::NotSent);
        let message = message(&error);
        assert!(message.contains(expected), "{message}");
    }
}

#[tokio::test]
async fn endless_answers_of_a_proxy_are_cut() {
    let proxy = Server::raw(|mut tcp| async move {
        read_head(&mut tcp).await;
        let _ = tcp.write_all(b"HTTP/1.1 200 OK\r\n").await;
        while tcp.write_all(b"x: y\r\n").await.is_ok() {}
    })
    .await;
    let config = trusting(&Ca::new()).with_proxy(Proxy::url(format!("http://{}", proxy.address)));
    let error = get(config, "https://ca.invalid/").await.unwrap_err();
    assert!(matches!(error, TransportError::Proxy { .. }), "{error:?}");
}

#[tokio::test]
async fn an_unreachable_proxy_is_named_as_such() {
    let (_held, address) = refusing();
    let config = trusting(&Ca::new()).with_proxy(Proxy::url(format!("ann:hunter2@{address}")));
    let error = get(config, "https://ca.invalid/").await.unwrap_err();
    let message = message(&error);
    assert!(message.contains(&format!("the proxy {address} cannot be reached")), "{message}");
    assert!(message.contains("refused") && !message.contains("hunter2"), "{message}");
    assert!(error.is_transient());
}

#[tokio::test]
async fn excepted_hosts_are_reached_straight() {
    let ca = Ca::new();
    let server = Server::https(tls(&ca.server(&["localhost"]))).await;
    let proxy = TestProxy::new(server.address, false).await;
    let config = trusting(&ca).with_proxy(Proxy::url(proxy.url("")).except("localhost"));
    assert_eq!(get(config, &server.https_url("/")).await.unwrap().status(), 200);
    assert!(proxy.heads().is_empty());
}

#[tokio::test]
async fn a_tunnel_does_not_weaken_the_check_of_the_server() {
    let ca = Ca::new();
    let server = Server::https(tls(&Ca::new().server(&["ca.invalid"]))).await;
    let proxy = TestProxy::new(server.address, false).await;
    let config = trusting(&ca).with_proxy(Proxy::url(proxy.url("")));
    let error = get(config, "https://ca.invalid/").await.unwrap_err();
    assert!(matches!(error, TransportError::Certificate { .. }), "{error:?}");
}
