use super::*;
use acme_proto::{GetCertificate, ParseError};

fn request() -> GetCertificate {
    GetCertificate { url: url("https://ca.example/cert/1") }
}

fn pem(kind: &str) -> HttpResponse {
    let body = b"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n".to_vec();
    HttpResponse::new(body).with("content-type", kind)
}

#[test]
fn the_chain_comes_with_the_alternates_of_several_link_headers() {
    let answer = pem("application/pem-certificate-chain; charset=utf-8")
        .with("link", r#"<https://ca.example/dir>;rel="index""#)
        .with("link", r#"</cert/1/1>;rel="alternate", </cert/1/2>;rel="alternate""#)
        .with("link", r#"<2>; title="a \"b"; rel=alternate"#);
    let download = read(&request(), &answer);
    let alternates: Vec<_> = download.alternates.iter().map(|url| url.as_str()).collect();
    let expected = ["cert/1/1", "cert/1/2", "cert/2"];
    assert_eq!(alternates, expected.map(|path| format!("https://ca.example/{path}")));
}

#[test]
fn another_media_type_and_text_that_is_none_are_refused() {
    let wrong = request().parse(&call(&request()), &pem("application/pkix-cert"));
    assert!(matches!(wrong, Err(ParseError::ContentType { .. })));
    let binary = HttpResponse::new(vec![0xff, 0xfe]);
    assert!(request().parse(&call(&request()), &binary).is_err());
}

#[test]
fn a_chain_that_is_cut_off_anywhere_is_no_chain() {
    let whole = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n".repeat(2);
    let block = whole.len() / 2;
    for length in 0..whole.len() - 1 {
        let answer = HttpResponse::new(whole.as_bytes()[..length].to_vec());
        let result = request().parse(&call(&request()), &answer);
        // Between two blocks nothing betrays that another one was to come.
        let betrays_nothing = length == block || length == block - 1;
        assert_eq!(result.is_ok(), betrays_nothing, "{length} of {}", whole.len());
    }
    let answer = HttpResponse::new(whole.clone().into_bytes());
    assert_eq!(read(&request(), &answer).pem, whole);
}

#[test]
fn links_are_bounded() {
    let many = vec![r#"</cert/1/1>;rel="alternate""#; 1000].join(",");
    let answer = pem("application/pem-certificate-chain").with("link", &many);
    assert!(read(&request(), &answer).alternates.len() <= 64);
}
