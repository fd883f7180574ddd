//! Servers that are no CA at all, over real sockets.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use lacme::{Client, Error, ErrorKind, Store, TransportConfig, Trust, Url};

/// A server that lets `speak` answer each connection's first request, until the test ends.
fn server(speak: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _asked = stream.read(&mut [0; 4096]);
            let _the_client_may_have_gone = speak(&mut stream);
        }
    });
    address
}

/// A client of that server, in a hurry.
fn client(address: SocketAddr) -> Client {
    let config = TransportConfig::default()
        .with_trust(Trust::webpki_roots())
        .with_proxy(lacme::Proxy::none())
        .allow_insecure(true)
        .with_timeout(Duration::from_secs(2));
    Client::builder()
        .directory(Url::parse(format!("http://{address}/dir")).unwrap())
        .transport_config(config)
        .store(Store::memory())
        .timeout(Duration::from_secs(20))
        .agree_to_terms(true)
        .build()
        .unwrap()
}

/// How the directory of such a server fails, within a bounded time.
async fn failure(speak: impl Fn(&mut TcpStream) -> std::io::Result<()> + Send + 'static) -> Error {
    let begun = Instant::now();
    let client = client(server(speak));
    let error = client.account().create().await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    let text = error.to_string();
    assert!(text.contains("directory"), "{text}");
    assert!(text.len() < 1000 && !text.chars().any(char::is_control), "{text:?}");
    error
}

fn with_body(status: &str, kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

#[tokio::test]
async fn a_web_page_is_no_directory() {
    let error = failure(|stream| {
        stream.write_all(&with_body("200 OK", "text/html", "<html>\u{1b}[2J</html>"))
    });
    assert_eq!(error.await.kind(), ErrorKind::Protocol);
    let error = failure(|stream| {
        stream.write_all(&with_body("404 Not Found", "text/html", "<html>no</html>"))
    });
    assert!(matches!(error.await, Error::NoDirectory { .. }));
}

#[tokio::test]
async fn a_redirected_directory_is_none() {
    let error = failure(|stream| {
        let answer = "HTTP/1.1 302 Found\r\nLocation: https://evil.example/\r\n\
                      Content-Length: 0\r\nConnection: close\r\n\r\n";
        stream.write_all(answer.as_bytes())
    });
    let error = error.await;
    assert!(matches!(error, Error::NoDirectory { .. }), "{error:?}");
    assert_eq!(error.kind(), ErrorKind::Network);
}

#[tokio::test]
async fn a_truncated_answer_is_none() {
    let error = failure(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{\"newNonce\":")
    });
    assert_eq!(error.await.kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn a_gibibyte_is_not_read() {
    let error = failure(|stream| {
        let header = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 1_u64 << 30);
        stream.write_all(header.as_bytes())?;
        loop {
            stream.write_all(&[b' '; 65_536])?;
        }
    });
    assert_eq!(error.await.kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let error = failure(|stream| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        loop {
            stream.write_all(b"4\r\n    \r\n")?;
            stream.write_all(format!("8000\r\n{}\r\n", " ".repeat(0x8000)).as_bytes())?;
        }
    });
    assert_eq!(error.await.kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let error = failure(|_| {
        thread::sleep(Duration::from_secs(4));
        Ok(())
    });
    assert_eq!(error.await.kind(), ErrorKind::Network);
}

#[tokio::test]
async fn json_nested_beyond_reason_is_none() {
    let deep = format!("{}{}", "{\"a\":".repeat(100_000), "1".to_owned() + &"}".repeat(100_000));
    let error =
        failure(move |stream| stream.write_all(&with_body("200 OK", "application/json", &deep)));
    assert_eq!(error.await.kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn json_that_is_no_directory_is_none() {
    for body in ["{}", "[]", "\"hello\"", "{\"newNonce\":\"ftp://ca.example/n\"}"] {
        let error =
            failure(move |stream| stream.write_all(&with_body("200 OK", "application/json", body)));
        assert_eq!(error.await.kind(), ErrorKind::Protocol, "{body}");
    }
}

#[tokio::test]
async fn a_url_without_tls_inside_the_directory_is_not_asked() {
    // The directory itself is served by a real CA over HTTPS; the wire lies about what it says.
    let pebble = harness::Pebble::start();
    let wire = lacme_tests::Wire::meddling(&pebble, |moment| {
        if let lacme_tests::Moment::After(sent, response) = moment
            && sent.resource == lacme::proto::Resource::Directory
        {
            let text = String::from_utf8(std::mem::take(response.body_mut())).unwrap();
            let text = text.replacen("https://", "http://", 20);
            *response.body_mut() = text.into_bytes();
        }
        lacme_tests::Act::Pass
    });
    let client = lacme_tests::client_for(&pebble, Store::memory())
        .transport(std::sync::Arc::new(wire))
        .build()
        .unwrap();
    let error = client.account().create().await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("newNonce") && text.contains("without TLS"), "{text}");
}
