//! RFC 8555 §6.1: HTTPS requests.

use lacme::{Client, ErrorKind, Url};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::world::{World, url};

/// §6.1: all interactions with the CA are over HTTPS.
#[tokio::test]
async fn our_client_talks_to_https_urls_only() {
    let directory = Url::parse("http://127.0.0.1:1/directory").unwrap();
    let refused = Client::builder().directory(directory).build().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Usage);
}

/// §6.1: clients send a User-Agent, with name and version of the software.
#[tokio::test]
async fn our_client_says_who_it_is_in_every_request() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let directory = format!("http://{}/directory", listener.local_addr().unwrap());
    let config = lacme::TransportConfig::default().allow_insecure(true);
    let client = Client::builder()
        .directory(Url::parse(directory).unwrap())
        .transport_config(config)
        .agree_to_terms(true)
        .build()
        .unwrap();
    let asking = tokio::spawn(async move { client.account().create().await });
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut head = vec![0; 4096];
    let length = stream.read(&mut head).await.unwrap();
    let head = String::from_utf8_lossy(&head[..length]).to_lowercase();
    stream.write_all(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    assert!(head.contains("user-agent: lacme/"), "{head}");
    asking.await.unwrap().unwrap_err();
}

/// §6.1: a server that wants to be used by pages of other origins allows them all.
#[test]
fn pages_of_any_origin_may_read_the_answers() {
    let mut world = World::new();
    for target in ["directory", "new-nonce", "nothing"] {
        assert_eq!(world.get(&url(target)).header("access-control-allow-origin"), "*");
    }
}
