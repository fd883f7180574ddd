//! http-01 (RFC 8555 §8.3) against a server that answers what the test says.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use acme_proto::{ChallengeType, Problem};
use lacme_ca::{NetworkValidatorBuilder, Validation};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::{KEY_AUTHORIZATION, judge, local, told, validation};

const PATH: &str = "/.well-known/acme-challenge/token";

/// Answers each request with what `respond` makes of its head, byte for byte.
struct Http {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Http {
    async fn start(respond: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::on("127.0.0.1:0", None, respond).await
    }

    async fn on(
        address: &str,
        tls: Option<TlsAcceptor>,
        respond: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (seen, respond) = (Arc::clone(&heads), Arc::new(respond));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, respond, tls) = (Arc::clone(&seen), Arc::clone(&respond), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &seen, &*respond).await,
                        Some(tls) => {
                            serve(tls.accept(stream).await.unwrap(), &seen, &*respond).await
                        }
                    }
                });
            }
        });
        Self { port, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    fn validator(&self) -> NetworkValidatorBuilder {
        local().http_port(self.port)
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: S,
    seen: &Mutex<Vec<String>>,
    respond: &(impl Fn(&str) -> Vec<u8> + ?Sized),
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    seen.lock().unwrap().push(head.clone());
    // Whoever has read enough closes the connection.
    let _ = stream.write_all(&respond(&head)).await;
    let _ = stream.shutdown().await;
}

fn ok(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

fn redirect(status: u16, location: &str) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status} Moved\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n");
    head.into_bytes()
}

fn http01(name: &str) -> Validation {
    validation(ChallengeType::Http01, name)
}

async fn judge_answer(answer: Vec<u8>) -> Result<(), Problem> {
    let server = Http::start(move |_| answer.clone()).await;
    judge(server.validator(), &http01("a.example")).await
}

#[tokio::test]
async fn the_key_authorization_at_the_right_path_is_a_proof() {
    let server = Http::start(|head| {
        let found = head.starts_with(&format!("GET {PATH} HTTP/1.1\r\n"));
        ok(if found { KEY_AUTHORIZATION.as_bytes() } else { b"elsewhere" })
    })
    .await;
    assert_eq!(judge(server.validator(), &http01("a.example")).await, Ok(()));
    let head = server.heads().concat().to_ascii_lowercase();
    assert!(head.contains("\r\nhost: a.example\r\n"), "{head}");
    assert!(head.contains("\r\nuser-agent: lacme-ca/"), "{head}");
}

#[tokio::test]
async fn an_address_is_asked_for_by_itself() {
    let server = Http::start(|_| ok(KEY_AUTHORIZATION.as_bytes())).await;
    assert_eq!(judge(server.validator(), &http01("127.0.0.1")).await, Ok(()));
    assert!(server.heads()[0].to_ascii_lowercase().contains("\r\nhost: 127.0.0.1\r\n"));
}

#[tokio::test]
async fn an_ipv6_address_stands_in_brackets() {
    if TcpListener::bind("[::1]:0").await.is_err() {
        return; // no IPv6 here
    }
    let server = Http::on("[::1]:0", None, |_| ok(KEY_AUTHORIZATION.as_bytes())).await;
    assert_eq!(judge(server.validator(), &http01("::1")).await, Ok(()));
    assert!(server.heads()[0].to_ascii_lowercase().contains("\r\nhost: [::1]\r\n"));
}

#[tokio::test]
async fn blank_space_after_the_key_authorization_is_ignored_and_before_it_is_not() {
    for (body, good) in [
        (format!("{KEY_AUTHORIZATION}\r\n \t\n"), true),
        (format!(" {KEY_AUTHORIZATION}"), false),
        (format!("{KEY_AUTHORIZATION}x"), false),
        (KEY_AUTHORIZATION[1..].to_owned(), false),
        (String::new(), false),
    ] {
        let verdict = judge_answer(ok(body.as_bytes())).await;
        assert_eq!(verdict.is_ok(), good, "{body:?}");
        if !good {
            assert_eq!(told(verdict).0, "incorrectResponse");
        }
    }
}

#[tokio::test]
async fn chunked_answers_and_those_without_length_are_read() {
    let (first, rest) = KEY_AUTHORIZATION.split_at(4);
    let chunked = format!(
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n{first}\r\n{:x}\r\n{rest}\r\n0\r\n\r\n",
        rest.len()
    );
    assert_eq!(judge_answer(chunked.into_bytes()).await, Ok(()));
    let until_close = format!("HTTP/1.0 200 OK\r\n\r\n{KEY_AUTHORIZATION}\n");
    assert_eq!(judge_answer(until_close.into_bytes()).await, Ok(()));
}

#[tokio::test]
async fn an_error_page_is_no_proof() {
    let page = format!("HTTP/1.1 404 Not Found\r\ncontent-length: 16\r\n\r\n{KEY_AUTHORIZATION}");
    let (kind, detail) = told(judge_answer(page.into_bytes()).await);
    assert_eq!(kind, "incorrectResponse");
    assert!(detail.contains("404") && detail.contains(PATH), "{detail}");
    let (_, detail) = told(judge_answer(redirect(302, "")).await);
    assert!(detail.contains("cannot be followed"), "{detail}");
    let nowhere = b"HTTP/1.1 301 Moved\r\ncontent-length: 0\r\n\r\n".to_vec();
    assert_eq!(told(judge_answer(nowhere).await).0, "incorrectResponse");
}

#[tokio::test]
async fn redirects_are_followed_to_paths_names_and_ports() {
    for status in [301, 302, 303, 307, 308] {
        let server = Http::start(move |head| match head.split(' ').nth(1).unwrap() {
            PATH => redirect(status, "/other#fragment"),
            "/other" => redirect(status, "http://b.example/third?x=1"),
            "/third?x=1" => redirect(status, "http://b.example:80/last"),
            "/last" => ok(KEY_AUTHORIZATION.as_bytes()),
            other => panic!("{other}"),
        })
        .await;
        assert_eq!(judge(server.validator(), &http01("a.example")).await, Ok(()), "{status}");
        let third = server.heads()[2].to_ascii_lowercase();
        assert!(third.contains("\r\nhost: b.example\r\n"), "{third}");
        assert!(server.heads()[3].to_ascii_lowercase().contains("\r\nhost: b.example:80\r\n"));
    }
}

#[tokio::test]
async fn a_redirect_to_https_needs_no_trusted_certificate() {
    let made = acme_crypto::challenge_certificate(
        &acme_proto::Identifier::parse("other.example").unwrap(),
        &[0; 32],
    );
    let made = made.unwrap();
    let tls = crate::tls_alpn01::acceptor(&made, &[b"http/1.1"]);
    let secure = Http::on("127.0.0.1:0", Some(tls), |_| ok(KEY_AUTHORIZATION.as_bytes())).await;
    let plain = Http::start(|_| redirect(301, "https://b.example/x")).await;
    let validator = plain.validator().tls_port(secure.port);
    assert_eq!(judge(validator, &http01("a.example")).await, Ok(()));
    assert!(secure.heads()[0].starts_with("GET /x HTTP/1.1\r\n"));
}

#[tokio::test]
async fn ten_redirects_are_followed_and_not_eleven() {
    for (redirects, good) in [(10, true), (11, false)] {
        let server = Http::start(move |head| {
            let path = head.split(' ').nth(1).unwrap();
            let count: usize = path.trim_start_matches('/').parse().unwrap_or(0);
            match count < redirects {
                true => redirect(302, &format!("/{}", count + 1)),
                false => ok(KEY_AUTHORIZATION.as_bytes()),
            }
        })
        .await;
        let verdict = judge(server.validator(), &http01("a.example")).await;
        assert_eq!(verdict.is_ok(), good, "{redirects}: {verdict:?}");
    }
}

#[tokio::test]
async fn a_redirect_to_another_port_scheme_or_odd_host_is_not_followed() {
    let elsewhere = Http::start(|_| ok(KEY_AUTHORIZATION.as_bytes())).await;
    let port = elsewhere.port;
    for location in [
        format!("http://a.example:{port}/"),
        format!("https://a.example:{port}/"),
        "http://a.example:22/".to_owned(),
        "ftp://a.example/".to_owned(),
        "http://user:password@a.example/".to_owned(),
        "http://*.example/".to_owned(),
        "http://a..example/".to_owned(),
        "\u{1b}[2J".to_owned(),
    ] {
        let server = {
            let location = location.clone();
            Http::start(move |_| redirect(302, &location)).await
        };
        let (kind, detail) = told(judge(server.validator(), &http01("a.example")).await);
        assert!(kind == "connection" || kind == "incorrectResponse", "{location}: {detail}");
        assert!(!detail.contains('\u{1b}'));
    }
    assert_eq!(elsewhere.heads(), Vec::<String>::new());
}

#[tokio::test]
async fn an_endless_body_or_head_is_not_read_to_its_end() {
    let body = [KEY_AUTHORIZATION.as_bytes(), &[b' '; 64 * 1024]].concat();
    let (kind, _) = told(judge_answer(ok(&[&body[16..], b"x"].concat())).await);
    assert_eq!(kind, "incorrectResponse");
    let head = format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(1 << 20));
    assert_eq!(told(judge_answer(head.into_bytes()).await).0, "connection");
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(1000));
    assert_eq!(told(judge_answer(many.into_bytes()).await).0, "connection");
}

#[tokio::test]
async fn what_is_no_http_is_a_connection_problem() {
    for junk in [&b""[..], b"SSH-2.0-OpenSSH_9.2\r\n", b"\x00\x01\x02", b"HTTP/1.1 2"] {
        let (kind, detail) = told(judge_answer(junk.to_vec()).await);
        assert_eq!(kind, "connection");
        assert!(detail.contains("a.example"), "{detail}");
    }
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\ntoken".to_vec();
    assert_eq!(told(judge_answer(cut).await).0, "connection");
}

#[tokio::test]
async fn a_server_that_never_answers_is_left_alone_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let begun = Instant::now();
    let validator = local().http_port(port).timeout(Duration::from_millis(400));
    let (kind, detail) = told(judge(validator, &http01("a.example")).await);
    assert_eq!(kind, "connection");
    assert!(detail.contains("400ms"), "{detail}");
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn nobody_at_the_port_is_a_connection_problem() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let (kind, detail) = told(judge(local().http_port(port), &http01("a.example")).await);
    assert_eq!(kind, "connection");
    assert!(detail.contains("connection refused") && detail.contains("a.example"), "{detail}");
}

#[tokio::test]
async fn a_wildcard_cannot_be_proven() {
    let mut wildcard = http01("a.example");
    wildcard.wildcard = true;
    assert_eq!(told(judge(local(), &wildcard).await).0, "malformed");
    let mut tokenless = http01("a.example");
    tokenless.token = None;
    assert_eq!(told(judge(local(), &tokenless).await).0, "malformed");
}
