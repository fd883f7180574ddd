//! Which path gets which answer.

use acme_challenges::Solver;
use acme_challenges::http01::{Answer, Embedded, Responses};
use http::{Method, Request, StatusCode};
use proptest::prelude::*;

use crate::{path, proof};

const TOKEN: &str = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr_oA";

fn one_standing() -> Responses {
    let solver = Embedded::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(solver.provision(&[proof(TOKEN)])).unwrap();
    solver.responses()
}

#[test]
fn a_standing_token_is_found() {
    let found = Answer::Found(format!("{TOKEN}.thumbprint"));
    assert_eq!(one_standing().response_for(&path(TOKEN)), found);
}

#[test]
fn an_unknown_token_is_not_found() {
    let responses = one_standing();
    for token in ["unknown", &TOKEN[1..], &TOKEN.to_uppercase(), &"a".repeat(256)] {
        assert_eq!(responses.response_for(&path(token)), Answer::NotFound, "{token}");
    }
}

#[test]
fn what_is_no_token_is_malformed() {
    let responses = one_standing();
    let made_up = [
        "",
        "..",
        "../../etc/passwd",
        "%2e%2e%2fetc%2fpasswd",
        "a/b",
        "a b",
        "a=",
        "a+b",
        "a.thumbprint",
        "t\u{f6}ken",
        "a\0",
        &format!("{TOKEN}/"),
        &format!("/{TOKEN}"),
        &format!("./{TOKEN}"),
        &format!("{TOKEN}?"),
        &"a".repeat(257),
        &"a".repeat(1 << 20),
    ];
    for token in made_up {
        assert_eq!(responses.response_for(&path(token)), Answer::Malformed, "{token:.60}");
    }
}

#[test]
fn other_paths_are_passed_on() {
    let responses = one_standing();
    let long = "/".repeat(1 << 20);
    for path in [
        "",
        "/",
        "/.well-known",
        "/.well-known/acme-challenge",
        "/.Well-Known/acme-challenge/a",
        "//.well-known/acme-challenge/a",
        ".well-known/acme-challenge/a",
        "/x/../.well-known/acme-challenge/a",
        "*",
        &long,
    ] {
        assert_eq!(responses.response_for(path), Answer::PassOn, "{path:.60}");
    }
}

#[test]
fn a_request_is_answered_by_its_path_and_method() {
    let responses = one_standing();
    let respond = |method, uri: &str| {
        let request = Request::builder().method(method).uri(uri).body(()).unwrap();
        responses.respond(&request).map(|response| response.status())
    };
    let status = |code| Some(StatusCode::from_u16(code).unwrap());
    let standing = path(TOKEN);
    assert_eq!(respond(Method::GET, &standing), status(200));
    assert_eq!(respond(Method::HEAD, &standing), status(200));
    assert_eq!(respond(Method::GET, &format!("http://[::1]{standing}?query")), status(200));
    assert_eq!(respond(Method::GET, &path("unknown")), status(404));
    assert_eq!(respond(Method::GET, &path("a.b")), status(400));
    assert_eq!(respond(Method::POST, &standing), status(405));
    assert_eq!(respond(Method::OPTIONS, &path("unknown")), status(405));
    assert_eq!(respond(Method::GET, "/"), None);
    assert_eq!(respond(Method::POST, "/"), None);
}

proptest! {
    #[test]
    fn nothing_but_the_exact_path_of_a_standing_token_is_found(
        path in prop_oneof![
            any::<String>(),
            any::<String>().prop_map(|tail| path(&tail)),
            "[A-Za-z0-9_-]{1,300}".prop_map(|token| path(&token)),
            "(/|\\.|%2[eEfF]|\\.\\./){0,4}".prop_map(|tail| format!("{}{tail}", path(TOKEN))),
            "(/|\\.|%2[eEfF]|\\.\\./){0,4}".prop_map(|head| path(&format!("{head}{TOKEN}"))),
            (0..43usize, "[A-Za-z0-9_-]?").prop_map(|(at, put)| {
                path(&format!("{}{put}{}", &TOKEN[..at], &TOKEN[at + 1..]))
            }),
        ],
    ) {
        let exact = path == crate::path(TOKEN);
        let found = matches!(one_standing().response_for(&path), Answer::Found(_));
        prop_assert_eq!(found, exact);
    }
}
