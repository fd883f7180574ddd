//! Both sides with certificates of one authority, over real sockets.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use acme_proto::RevocationReason;
use lacme_ca::{
    Authority, AuthorityOptions, IssuedLeaf, RevokedCertificate, Usage, client_config,
    server_config,
};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::support::request;

/// rustls looks at the real clock.
fn authority() -> Authority {
    Authority::generate(AuthorityOptions::new(), SystemTime::now()).unwrap()
}

fn issue(authority: &Authority, name: &str, usage: Usage) -> IssuedLeaf {
    authority.issue(&request(&[name]).usage(usage), SystemTime::now()).unwrap()
}

fn server(authority: &Authority, clients_pem: Option<&str>) -> ServerConfig {
    let leaf = issue(authority, "server.example", Usage::Server);
    server_config(&leaf.chain_pem, &leaf.key_pem.unwrap(), clients_pem).unwrap()
}

fn client(authority: &Authority, leaf: Option<&IssuedLeaf>) -> ClientConfig {
    let identity =
        leaf.map(|leaf| (leaf.chain_pem.as_str(), leaf.key_pem.as_ref().unwrap().as_str()));
    client_config(&authority.root_pem(), identity).unwrap()
}

/// Whether a word goes to the server and comes back.
async fn talk(server: ServerConfig, client: ClientConfig) -> Result<(), std::io::Error> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let answering = tokio::spawn(async move {
        let (stream, _) = listener.accept().await?;
        let mut stream = TlsAcceptor::from(Arc::new(server)).accept(stream).await?;
        let mut word = [0; 4];
        stream.read_exact(&mut word).await?;
        stream.write_all(&word).await?;
        stream.shutdown().await
    });
    let asking = async {
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("server.example").unwrap();
        let mut stream = TlsConnector::from(Arc::new(client)).connect(name, stream).await?;
        stream.write_all(b"word").await?;
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await?;
        assert_eq!(&answer, b"word");
        Ok(())
    };
    let outcome = tokio::time::timeout(Duration::from_secs(10), asking).await.unwrap();
    let _ = answering.await.unwrap();
    outcome
}

#[tokio::test]
async fn a_client_of_the_same_authority_is_let_in() {
    let authority = authority();
    let alice = issue(&authority, "alice.example", Usage::Client);
    let server = server(&authority, Some(&authority.root_pem()));
    talk(server, client(&authority, Some(&alice))).await.unwrap();
}

#[tokio::test]
async fn clients_that_show_nothing_or_something_else_are_not_let_in() {
    let authority = authority();
    let roots = authority.root_pem();
    let nobody = client(&authority, None);
    assert!(talk(server(&authority, Some(&roots)), nobody).await.is_err());

    let stranger = issue(&self::authority(), "alice.example", Usage::Client);
    let stranger = client(&authority, Some(&stranger));
    assert!(talk(server(&authority, Some(&roots)), stranger).await.is_err());

    let other_server = issue(&authority, "alice.example", Usage::Server);
    let other_server = client(&authority, Some(&other_server));
    assert!(talk(server(&authority, Some(&roots)), other_server).await.is_err());
}

#[tokio::test]
async fn a_revoked_client_is_not_let_in() {
    let authority = authority();
    let now = SystemTime::now();
    let [alice, mallory] = ["alice", "mallory"].map(|name| issue(&authority, name, Usage::Client));
    let revoked =
        RevokedCertificate::new(mallory.serial.clone(), now, RevocationReason::KeyCompromise);
    let list = authority.crl(&[revoked], 1, now, now + Duration::from_secs(3600)).unwrap();
    let trust = authority.root_pem() + &list.pem;
    let alice = client(&authority, Some(&alice));
    talk(server(&authority, Some(&trust)), alice).await.unwrap();
    let mallory = client(&authority, Some(&mallory));
    assert!(talk(server(&authority, Some(&trust)), mallory).await.is_err());
}

#[tokio::test]
async fn without_roots_for_clients_everybody_is_let_in_who_trusts_the_server() {
    let authority = authority();
    talk(server(&authority, None), client(&authority, None)).await.unwrap();
    let suspicious = client(&self::authority(), None);
    assert!(talk(server(&authority, None), suspicious).await.is_err());
}

#[test]
fn what_does_not_belong_together_makes_no_configuration() {
    let authority = authority();
    let one = issue(&authority, "one.example", Usage::ServerAndClient);
    let other = issue(&authority, "other.example", Usage::ServerAndClient);
    let other_key = other.key_pem.unwrap();
    assert!(server_config(&one.chain_pem, &other_key, None).is_err());
    assert!(server_config("", &other_key, None).is_err());
    assert!(server_config(&other.chain_pem, "", None).is_err());
    assert!(server_config(&other.chain_pem, &other_key, Some("")).is_err());
    assert!(client_config("", None).is_err());
    let roots = authority.root_pem();
    assert!(client_config(&roots, Some((&one.chain_pem, &other_key))).is_err());
}
