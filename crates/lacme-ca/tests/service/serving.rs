//! A server on loopback, from the first connection to the last.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use acme_crypto::CertificateChain;
use acme_proto::{Problem, ProofKind, Request as _, RevokeCertificate};
use lacme_ca::{AcmeServer, Limits, LoopbackOptions, NetworkValidator};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::client::Client;

#[tokio::test]
async fn a_certificate_is_issued_over_real_http_01() {
    let files = Arc::new(Mutex::new(HashMap::<String, String>::new()));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = Arc::clone(&files);
    let responder = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = [0; 2048];
            let length = stream.read(&mut head).await.unwrap();
            let head = String::from_utf8_lossy(&head[..length]).into_owned();
            let path = head.split(' ').nth(1).unwrap_or_default();
            let token = path.rsplit('/').next().unwrap_or_default();
            let body = served.lock().unwrap().get(token).cloned().unwrap_or_default();
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let validator = NetworkValidator::builder()
        .http_port(port)
        .address("demo.localhost", Ipv4Addr::LOCALHOST.into())
        .build()
        .unwrap();
    let options = LoopbackOptions::new().validator(Arc::new(validator));
    let server = AcmeServer::spawn_on_loopback(options).await.unwrap();
    let mut client = Client::with_account(&server).await;
    let provision = |proofs: &[acme_proto::Proof]| {
        for proof in proofs {
            if let ProofKind::Http01 { token, key_authorization } = &proof.kind {
                files.lock().unwrap().insert(token.to_string(), key_authorization.clone());
            }
        }
    };
    let (issued, key) = client.issue_with(&["demo.localhost"], provision).await.unwrap();
    let chain = CertificateChain::parse(issued.pem.as_bytes()).unwrap();
    assert_eq!(chain.leaf().public_key_der(), key.public_key_der());

    files.lock().unwrap().clear();
    let mut stranger = Client::with_account(&server).await;
    let error = stranger.issue(&["demo.localhost"]).await.unwrap_err();
    assert!(error.to_string().contains("demo.localhost"), "{error}");
    responder.abort();
    server.shutdown().await;
}

#[tokio::test]
async fn finalizing_answers_with_the_certificate_or_with_processing() {
    for processing in [false, true] {
        let options =
            LoopbackOptions::new().configure(move |config| config.answers_processing(processing));
        let server = AcmeServer::spawn_on_loopback(options).await.unwrap();
        let mut client = Client::with_account(&server).await;
        client.issue(&["a.example", "b.example"]).await.unwrap();
        server.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_are_served_at_once() {
    let server = AcmeServer::spawn_on_loopback(LoopbackOptions::new()).await.unwrap();
    let server = Arc::new(server);
    let mut clients = tokio::task::JoinSet::new();
    for n in 0..16 {
        let server = Arc::clone(&server);
        clients.spawn(async move {
            let mut client = Client::with_account(&server).await;
            for m in 0..4 {
                client.issue(&[&format!("n{n}-{m}.example")]).await.unwrap();
            }
        });
    }
    while let Some(done) = clients.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn root_and_revocation_list_are_there_for_everybody() {
    let server = AcmeServer::spawn_on_loopback(LoopbackOptions::new()).await.unwrap();
    let mut client = Client::with_account(&server).await;
    assert_eq!(client.get("/root.pem").await.body(), server.root_pem.as_bytes());
    let empty = client.get("/crl").await;
    assert_eq!(empty.headers()["content-type"], "application/pkix-crl");

    let (issued, _) = client.issue(&["a.example"]).await.unwrap();
    let chain = CertificateChain::parse(issued.pem.as_bytes()).unwrap();
    let request = RevokeCertificate::by_account(chain.leaf().der().to_vec(), None);
    let call = request.call(&client.directory).unwrap();
    client.call(&call).await.unwrap();
    let list = client.get("/crl").await.into_body();
    assert!(list.len() > empty.body().len());
    let serial = chain.leaf().serial();
    assert!(list.windows(serial.len()).any(|window| window == serial));
    assert_eq!(client.get("/nothing").await.status(), 404);
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_before_it_is_read() {
    let options =
        LoopbackOptions::new().configure(|config| config.limits(Limits::default().body(1000)));
    let server = AcmeServer::spawn_on_loopback(options).await.unwrap();
    let mut client = Client::new(&server).await;
    let request = http::Request::post(client.directory.new_account.as_str())
        .header("content-type", "application/jose+json")
        .body(vec![b' '; 1001])
        .unwrap();
    let response = client.send(&request).await.unwrap();
    assert_eq!(response.status(), 413);
    let problem: Problem = serde_json::from_slice(response.body()).unwrap();
    assert!(problem.detail.unwrap().contains("1000 bytes"));
}

#[tokio::test]
async fn the_port_is_free_after_a_shutdown() {
    let server = AcmeServer::spawn_on_loopback(LoopbackOptions::new()).await.unwrap();
    let port: u16 = server.directory_url.authority().rsplit(':').next().unwrap().parse().unwrap();
    let taken = AcmeServer::spawn_on_loopback(LoopbackOptions::new().port(port)).await;
    assert!(taken.unwrap_err().to_string().contains(&port.to_string()));
    server.shutdown().await;
    let again = AcmeServer::spawn_on_loopback(LoopbackOptions::new().port(port)).await.unwrap();
    again.shutdown().await;
}
