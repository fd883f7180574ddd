//! Answers that break the protocol, or tell of trouble.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use harness::Pebble;
use lacme::proto::{CallError, HttpResponse, IssuanceError, ParseError, Resource};
use lacme::transport::TransportError;
use lacme::{Error, ErrorKind, ProblemType, Store};
use lacme_tests::{Act, Moment, Sent, Wire, answer, client_for, names, proofs_are_gone};
use serde_json::{Value, json};

/// What came of an issuance over this wire, which is cleaned up after in any case.
async fn issue_over(pebble: &Pebble, wire: Wire) -> (Result<(), Error>, Arc<Wire>) {
    let wire = Arc::new(wire);
    let client = client_for(pebble, Store::memory())
        .transport(wire.clone())
        .timeout(Duration::from_secs(20))
        .build()
        .unwrap();
    let issued = client.issue(names(["a.example"])).await;
    if issued.is_err() {
        assert!(client.certificates().await.unwrap().is_empty());
    }
    assert!(proofs_are_gone(pebble));
    (issued.map(drop), wire)
}

/// Every answer about `resource` is changed by `change`.
fn changing(
    pebble: &Pebble,
    resource: Resource,
    change: impl Fn(&mut HttpResponse) + Send + Sync + 'static,
) -> Wire {
    Wire::meddling(pebble, move |moment| {
        if let Moment::After(sent, response) = moment
            && sent.resource == resource
        {
            change(response);
        }
        Act::Pass
    })
}

/// The JSON of every answer about `resource` is changed by `edit`.
fn editing(
    pebble: &Pebble,
    resource: Resource,
    edit: impl Fn(&mut Value) + Send + Sync + 'static,
) -> Wire {
    changing(pebble, resource, move |response| {
        if let Ok(mut object) = serde_json::from_slice(response.body()) {
            edit(&mut object);
            *response.body_mut() = object.to_string().into_bytes();
        }
    })
}

/// The first `times` requests about `resource` are answered by `reply` and never reach the CA.
fn replying(
    pebble: &Pebble,
    resource: Resource,
    times: usize,
    reply: impl Fn(&Sent) -> HttpResponse + Send + Sync + 'static,
) -> Wire {
    let count = AtomicUsize::new(0);
    Wire::meddling(pebble, move |moment| match moment {
        Moment::Before(sent)
            if sent.resource == resource && count.fetch_add(1, Ordering::Relaxed) < times =>
        {
            Act::Answer(reply(sent))
        }
        _ => Act::Pass,
    })
}

/// The request that a protocol error names, and what was wrong.
fn broken(error: &Error) -> (Resource, &ParseError) {
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    match error {
        Error::Call(CallError::Protocol { resource, error })
        | Error::Issuance(IssuanceError::Call(CallError::Protocol { resource, error })) => {
            (*resource, error)
        }
        other => panic!("{other:?}"),
    }
}

const JSON_RESOURCES: [Resource; 7] = [
    Resource::Directory,
    Resource::NewOrder,
    Resource::Authorization,
    Resource::Challenge,
    Resource::Order,
    Resource::Finalize,
    Resource::NewAccount,
];

#[tokio::test]
async fn an_order_or_account_without_location_is_named() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    for resource in [Resource::NewOrder, Resource::NewAccount] {
        let wire = changing(&pebble, resource, |response| {
            response.headers_mut().remove("location");
        });
        let error = issue_over(&pebble, wire).await.0.unwrap_err();
        let (named, what) = broken(&error);
        assert_eq!(named, resource);
        assert!(matches!(what, ParseError::MissingHeader(name) if name == "Location"), "{what}");
        assert!(error.to_string().contains(resource.as_str()), "{error}");
    }
}

#[tokio::test]
async fn a_location_that_is_no_url_is_named() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    for location in ["ftp://ca.example/1", "https://", "https://u:p@ca.example/"] {
        let wire = changing(&pebble, Resource::NewOrder, move |response| {
            let location = location.parse().unwrap();
            response.headers_mut().insert("location", location);
        });
        let error = issue_over(&pebble, wire).await.0.unwrap_err();
        let (named, what) = broken(&error);
        assert_eq!(named, Resource::NewOrder);
        assert!(matches!(what, ParseError::InvalidHeader(_)), "{location}: {what}");
    }
}

#[tokio::test]
async fn a_server_without_nonces_is_named_after_one_try() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    let wire = changing(&pebble, Resource::NewNonce, |response| {
        response.headers_mut().remove("replay-nonce");
    });
    let (issued, wire) = issue_over(&pebble, wire).await;
    let error = issued.unwrap_err();
    let (named, what) = broken(&error);
    assert_eq!(named, Resource::NewNonce);
    assert!(matches!(what, ParseError::MissingHeader(name) if name == "Replay-Nonce"), "{what}");
    assert_eq!(wire.count(Resource::NewNonce), 1);
}

#[tokio::test]
async fn answers_without_a_nonce_cost_a_request_each_and_nothing_else() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    let wire = Wire::meddling(&pebble, |moment| {
        if let Moment::After(sent, response) = moment
            && sent.resource != Resource::NewNonce
        {
            response.headers_mut().remove("replay-nonce");
        }
        Act::Pass
    });
    let (issued, wire) = issue_over(&pebble, wire).await;
    issued.unwrap();
    let signed = wire.sent().iter().filter(|sent| sent.protected.is_object()).count();
    assert_eq!(wire.count(Resource::NewNonce), signed);
}

#[tokio::test]
async fn a_ca_that_refuses_every_nonce_is_given_up() {
    let pebble = Pebble::start();
    let wire = replying(&pebble, Resource::NewOrder, usize::MAX, |_| {
        let body = r#"{"type":"urn:ietf:params:acme:error:badNonce","status":400}"#;
        answer(400, "application/problem+json", body)
    });
    let (issued, wire) = issue_over(&pebble, wire).await;
    let error = issued.unwrap_err();
    assert_eq!(error.problem().unwrap().kind, ProblemType::BadNonce);
    assert_eq!(wire.count(Resource::NewOrder), 20);
}

#[tokio::test]
async fn a_nonce_that_is_handed_out_twice_is_used_once() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    let wire = Wire::meddling(&pebble, |moment| {
        if let Moment::After(sent, response) = moment
            && let Some(used) = sent.protected["nonce"].as_str()
        {
            let again = used.parse().unwrap();
            response.headers_mut().insert("replay-nonce", again);
        }
        Act::Pass
    });
    let (issued, wire) = issue_over(&pebble, wire).await;
    issued.unwrap();
    let sent = wire.sent();
    let mut nonces: Vec<_> = sent.iter().filter_map(|s| s.protected["nonce"].as_str()).collect();
    let all = nonces.len();
    nonces.sort_unstable();
    nonces.dedup();
    assert_eq!(nonces.len(), all);
}

#[tokio::test]
async fn html_where_json_should_be_is_named() {
    let pebble = Pebble::builder().nonce_reject(0).authz_reuse(0).start();
    for resource in JSON_RESOURCES {
        let wire = changing(&pebble, resource, |response| {
            let nonce = response.headers().get("replay-nonce").cloned();
            let location = response.headers().get("location").cloned();
            *response = answer(200, "text/html", "<html>\u{1b}[31mSign in</html>");
            let kept = [("replay-nonce", nonce), ("location", location)];
            for (name, value) in kept {
                if let Some(value) = value {
                    response.headers_mut().insert(name, value);
                }
            }
        });
        let error = issue_over(&pebble, wire).await.0.unwrap_err();
        let (named, what) = broken(&error);
        assert_eq!(named, resource);
        assert!(matches!(what, ParseError::ContentType { .. }), "{resource}: {what}");
    }
}

#[tokio::test]
async fn json_that_is_no_such_object_is_named() {
    let pebble = Pebble::builder().nonce_reject(0).authz_reuse(0).start();
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    for body in ["", "[]", "null", "{\"status\":", deep.as_str()] {
        let body = body.to_owned();
        let wire = changing(&pebble, Resource::NewOrder, move |response| {
            *response.body_mut() = body.clone().into_bytes();
        });
        let error = issue_over(&pebble, wire).await.0.unwrap_err();
        assert_eq!(broken(&error).0, Resource::NewOrder);
        assert!(error.to_string().len() < 500);
    }
}

#[tokio::test]
async fn an_order_that_makes_no_sense_is_named() {
    let pebble = Pebble::builder().nonce_reject(0).authz_reuse(0).start();
    let url = "https://localhost:1/authZ/1";
    let many = vec![format!("{url:?}"); 5000].join(",");
    let finalize = "\"finalize\":\"https://localhost:1/f\"";
    let identifiers = r#""identifiers":[{"type":"dns","value":"a.example"}]"#;
    let bodies = [
        format!("{{\"status\":\"pending\",{identifiers},{finalize},\"authorizations\":[]}}"),
        format!("{{\"status\":\"pending\",{identifiers},{finalize},\"authorizations\":[{many}]}}"),
        format!("{{\"status\":\"sideways\",{identifiers},{finalize},\"authorizations\":[]}}"),
        format!("{{\"status\":\"valid\",{identifiers},{finalize},\"authorizations\":[]}}"),
    ];
    for body in bodies {
        let told = body.chars().take(80).collect::<String>();
        let wire = changing(&pebble, Resource::NewOrder, move |response| {
            *response.body_mut() = body.clone().into_bytes();
        });
        let (issued, wire) = issue_over(&pebble, wire).await;
        let error = issued.unwrap_err();
        broken(&error);
        assert_eq!(wire.count(Resource::Authorization), 0, "{told}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    for resource in [Resource::Directory, Resource::NewOrder, Resource::Certificate] {
        for status in [301, 302, 307, 308] {
            let wire = replying(&pebble, resource, usize::MAX, move |_| {
                let mut response = answer(status, "text/html", "moved");
                let elsewhere = "https://evil.example/".parse().unwrap();
                response.headers_mut().insert("location", elsewhere);
                response
            });
            let (issued, wire) = issue_over(&pebble, wire).await;
            let error = issued.unwrap_err();
            let typed =
                matches!(error, Error::NoDirectory { .. }) || error.kind() == ErrorKind::Protocol;
            assert!(typed, "{resource} {status}: {error:?}");
            assert!(error.to_string().contains(&status.to_string()), "{error}");
            assert_eq!(wire.count(resource), 1);
            assert!(wire.sent().iter().all(|sent| !sent.url.contains("evil")));
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_the_servers_fault() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    for resource in [Resource::NewOrder, Resource::Certificate] {
        let wire = Wire::meddling(&pebble, move |moment| match moment {
            Moment::After(sent, _) if sent.resource == resource => {
                Act::Fail(TransportError::BodyTooLarge {
                    host: "localhost".to_owned(),
                    limit: 1 << 20,
                })
            }
            _ => Act::Pass,
        });
        let (issued, wire) = issue_over(&pebble, wire).await;
        let error = issued.unwrap_err();
        assert_eq!(broken(&error).0, resource);
        assert!(wire.count(resource) <= 2, "{} tries", wire.count(resource));
    }
}

#[tokio::test]
async fn a_server_in_trouble_for_a_moment_is_asked_again() {
    let pebble = Pebble::builder().nonce_reject(0).authz_reuse(0).start();
    for resource in JSON_RESOURCES.into_iter().chain([Resource::Certificate]) {
        let wire = replying(&pebble, resource, 1, |_| {
            let body = r#"{"type":"urn:ietf:params:acme:error:serverInternal","detail":"oh"}"#;
            answer(500, "application/problem+json", body)
        });
        let (issued, wire) = issue_over(&pebble, wire).await;
        issued.unwrap_or_else(|error| panic!("{resource}: {error}"));
        assert!(wire.count(resource) >= 2);
    }
}

#[tokio::test]
async fn a_server_that_stays_in_trouble_is_given_up_after_a_few_tries() {
    let pebble = Pebble::builder().nonce_reject(0).authz_reuse(0).start();
    for resource in [Resource::NewOrder, Resource::Challenge, Resource::Finalize] {
        let wire = replying(&pebble, resource, usize::MAX, |_| {
            answer(502, "text/html", "<html>Bad \u{7} Gateway</html>")
        });
        let (issued, wire) = issue_over(&pebble, wire).await;
        let error = issued.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        let text = error.to_string();
        assert!(text.contains("502") && text.contains(resource.as_str()), "{text}");
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert!(wire.count(resource) <= 4, "{resource}: {} tries", wire.count(resource));
    }
}

#[tokio::test]
async fn a_rate_limit_is_waited_out_as_long_as_the_ca_asks() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    let limited = |_: &Sent| {
        let body = r#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"slow"}"#;
        let mut response = answer(429, "application/problem+json", body);
        let wait = "2".parse().unwrap();
        response.headers_mut().insert("retry-after", wait);
        response
    };
    let begun = Instant::now();
    let wire = replying(&pebble, Resource::NewOrder, 1, limited);
    issue_over(&pebble, wire).await.0.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(2));
}

#[tokio::test]
async fn a_rate_limit_longer_than_the_time_is_told_at_once() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    let limited = |_: &Sent| {
        let body = r#"{"type":"urn:ietf:params:acme:error:rateLimited","detail":"tomorrow"}"#;
        let mut response = answer(429, "application/problem+json", body);
        let wait = "86400".parse().unwrap();
        response.headers_mut().insert("retry-after", wait);
        response
    };
    let begun = Instant::now();
    let wire = replying(&pebble, Resource::NewOrder, usize::MAX, limited);
    let (issued, wire) = issue_over(&pebble, wire).await;
    let error = issued.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimit);
    assert_eq!(error.retry_after(), Some(Duration::from_secs(86_400)));
    assert!(begun.elapsed() < Duration::from_secs(5));
    assert_eq!(wire.count(Resource::NewOrder), 1);
}

#[tokio::test]
async fn challenges_of_the_future_are_no_obstacle() {
    let pebble = Pebble::builder().nonce_reject(0).authz_reuse(0).start();
    let wire = editing(&pebble, Resource::Authorization, |authorization| {
        let strange = json!([
            {"type": "future-01", "url": "https://ca.example/1", "status": "pending"},
            {"type": "odd-01", "url": "https://ca.example/2", "status": "sleeping", "token": 7},
            {"type": "tokenless-01", "url": "https://ca.example/3", "status": "pending",
             "issuer-domain-names": ["a.example"]},
        ]);
        let offered = authorization["challenges"].as_array_mut().unwrap();
        offered.splice(0..0, strange.as_array().unwrap().iter().cloned());
    });
    issue_over(&pebble, wire).await.0.unwrap();
}

#[tokio::test]
async fn fields_of_the_future_are_no_obstacle() {
    let pebble = Pebble::builder().nonce_reject(0).authz_reuse(0).start();
    for resource in JSON_RESOURCES {
        let wire = editing(&pebble, resource, |object| {
            object["fromTheFuture"] = json!({"deep": [{"er": null}]});
        });
        let (issued, _) = issue_over(&pebble, wire).await;
        issued.unwrap_or_else(|error| panic!("{resource}: {error}"));
    }
    let wire = editing(&pebble, Resource::Directory, |directory| {
        directory["meta"]["caaIdentities"] = json!("not a list");
        directory["meta"]["profiles"] = json!(5);
        directory["meta"]["website"] = json!(["odd"]);
        directory["newAuthz"] = json!("");
    });
    issue_over(&pebble, wire).await.0.unwrap();
}

#[tokio::test]
async fn a_token_that_could_lead_astray_is_never_used() {
    let pebble = Pebble::builder().nonce_reject(0).authz_reuse(0).start();
    for token in ["../../etc/cron.d/x", "a/b", "", "a b", "tok\u{1b}en", "\r\nX: y"] {
        let wire = editing(&pebble, Resource::Authorization, move |authorization| {
            for challenge in authorization["challenges"].as_array_mut().unwrap() {
                challenge["token"] = json!(token);
            }
        });
        let (issued, wire) = issue_over(&pebble, wire).await;
        let error = issued.unwrap_err();
        let kind = error.kind();
        assert!(matches!(kind, ErrorKind::Challenge | ErrorKind::Protocol), "{token:?}: {error}");
        assert!(!error.to_string().chars().any(char::is_control));
        assert_eq!(wire.count(Resource::Challenge), 0, "{token:?}");
    }
}

#[tokio::test]
async fn what_a_ca_says_reaches_a_terminal_without_its_escapes() {
    let pebble = Pebble::builder().nonce_reject(0).start();
    let wire = replying(&pebble, Resource::NewOrder, usize::MAX, |_| {
        let body = json!({
            "type": "urn:ietf:params:acme:error:rejectedIdentifier",
            "detail": "\u{1b}[2J\u{7}gone\r\n\u{202e}",
            "instance": "https://ca.example/\u{1b}",
            "subproblems": [{"type": "x\u{1b}", "detail": "\u{9b}1m"}],
        });
        answer(403, "application/problem+json", body.to_string())
    });
    let error = issue_over(&pebble, wire).await.0.unwrap_err();
    let text = error.to_string();
    assert!(!text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{text:?}");
    // The document itself is kept as it came.
    let detail = error.problem().unwrap().detail.as_deref().unwrap();
    assert!(detail.contains('\u{1b}'));
}

#[tokio::test]
async fn absurd_waits_are_not_waited() {
    let pebble = Pebble::builder().nonce_reject(0).authz_reuse(0).start();
    let absurd = [
        "-5",
        "soon",
        "",
        "0",
        "99999999999999999999",
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
    ];
    for wait in absurd {
        let wire = Wire::meddling(&pebble, move |moment| {
            if let Moment::After(_, response) = moment {
                let wait = wait.parse().unwrap();
                response.headers_mut().insert("retry-after", wait);
            }
            Act::Pass
        });
        let begun = Instant::now();
        issue_over(&pebble, wire).await.0.unwrap();
        assert!(begun.elapsed() < Duration::from_secs(8), "{wait:?}: {:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn an_order_that_never_gets_done_ends_with_the_time_given() {
    let pebble = Pebble::builder().nonce_reject(0).authz_reuse(0).start();
    let wire = editing(&pebble, Resource::Order, |order| {
        order["status"] = json!("processing");
    });
    let client = client_for(&pebble, Store::memory())
        .transport(Arc::new(wire))
        .timeout(Duration::from_secs(3))
        .build()
        .unwrap();
    let begun = Instant::now();
    let error = client.issue(names(["a.example"])).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(6));
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    assert!(proofs_are_gone(&pebble));
    // The next run goes on with it.
    assert_eq!(client.store().orders().await.unwrap().len(), 1);
}
