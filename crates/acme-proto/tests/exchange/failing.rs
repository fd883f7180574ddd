use super::*;

fn lost(delivery: Delivery, temporary: bool) -> impl FnMut(&Sent, SystemTime) -> Reply {
    let mut count = 0;
    move |sent, _| match sent.method.as_str() {
        "HEAD" => {
            count += 1;
            let nonce = format!("h{count}");
            Reply::Response(reply(200, json!({})).with("replay-nonce", &nonce))
        }
        _ => Reply::Unreachable { reason: "the connection was reset".into(), delivery, temporary },
    }
}

fn posts(call: Call, delivery: Delivery, temporary: bool) -> usize {
    let server = lost(delivery, temporary);
    let played = play(call, RetryLimits::default(), &mut pool(&["n1"]), server);
    assert!(matches!(played.result, Err(CallError::Unreachable { .. })));
    played.sent.iter().filter(|sent| sent.method == "POST").count()
}

#[test]
fn a_lost_answer_is_asked_for_again_only_where_twice_does_no_harm() {
    assert_eq!(posts(read_order(), Delivery::Unknown, true), 3);
    assert_eq!(posts(new_order(), Delivery::Unknown, true), 1);
    assert_eq!(posts(new_order(), Delivery::NotSent, true), 3, "it never left");
}

#[test]
fn what_will_not_get_better_is_not_tried_again() {
    assert_eq!(posts(read_order(), Delivery::NotSent, false), 1);
    for response in [
        problem(400, "malformed"),
        problem(401, "unauthorized"),
        problem(403, "userActionRequired"),
        problem(404, "malformed"),
        problem(501, "serverInternal"),
        reply(301, json!({})),
        reply(404, json!({})),
        reply(501, json!({})),
    ] {
        let played = played(read_order(), vec![response]);
        assert_eq!(played.sent.len(), 1, "{:?}", played.result);
        assert!(!played.result.unwrap_err().is_temporary());
    }
}

#[test]
fn a_server_in_trouble_is_tried_a_few_times_but_a_gateway_only_where_it_does_no_harm() {
    let tries = |call, response: HttpResponse| {
        let played = played(call, vec![response]);
        assert!(played.result.unwrap_err().is_temporary());
        played.waits.len() + 1
    };
    assert_eq!(tries(read_order(), problem(500, "serverInternal")), 3);
    assert_eq!(tries(read_order(), reply(502, json!({}))), 3);
    assert_eq!(tries(new_order(), reply(502, json!({}))), 1);
}

#[test]
fn a_key_that_cannot_sign_ends_the_call() {
    let (call, mut pool) = (read_order(), pool(&["n1"]));
    let limits = RetryLimits::default();
    let mut exchange = Exchange::new(call, Some(credentials()), limits, 7, &mut pool).unwrap();
    let reply = Reply::SignFailed("the token is locked".into());
    exchange.reply(reply, at(0), &mut pool).unwrap();
    let error = exchange.into_result().unwrap_err();
    assert_eq!(error, CallError::Signature("the token is locked".into()));
}

#[test]
fn a_gateways_html_page_is_kept_as_status_and_printable_start() {
    let page = format!("<html>\n\n<h1>\u{1b}[31mBlocked\u{202e}</h1>{}", "x".repeat(9000));
    let response = http::Response::builder().status(403).header("content-type", "text/html");
    let response = response.body(page.into_bytes()).unwrap();
    let error = played(read_order(), vec![response]).result.unwrap_err();
    let CallError::Http { status, body, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*status, 403);
    assert!(body.starts_with("<html> <h1>\\u{1b}[31mBlocked"), "{body}");
    assert!(body.len() < 300);
    assert_eq!(*body, printable(body));
    let text = error.to_string();
    assert!(text.contains("403") && !text.chars().any(char::is_control), "{text}");
}

#[test]
fn a_problem_is_one_with_parameters_in_its_content_type_and_without_a_nonce() {
    let mut response = problem(403, "caa");
    let kind = "Application/Problem+JSON; charset=utf-8".parse().unwrap();
    response.headers_mut().insert("content-type", kind);
    let server = verbatim(vec![response]);
    let played = play(read_order(), RetryLimits::default(), &mut pool(&["n1"]), server);
    let error = played.result.unwrap_err();
    assert!(error.is_problem(&ProblemType::Caa));
}

#[test]
fn the_headers_of_a_refusal_are_kept() {
    let response = problem(403, "userActionRequired")
        .with("link", r#"</terms/2>; rel="terms-of-service""#)
        .with("link", r#"<https://ca.example/help>; rel="help""#)
        .with("location", "/account/9")
        .with("retry-after", "7");
    let error = played(read_order(), vec![response]).result.unwrap_err();
    let CallError::Refused(refusal) = error else { panic!("a refusal") };
    let text = |url: &Option<acme_proto::Url>| url.as_ref().unwrap().to_string();
    assert_eq!(text(&refusal.terms_of_service), "https://CA.example:443/terms/2");
    assert_eq!(text(&refusal.help), "https://ca.example/help");
    assert_eq!(text(&refusal.location), "https://CA.example:443/account/9");
    assert_eq!(refusal.retry_at(at(0)), Some(at(7)));
}

#[test]
fn an_odd_field_does_not_cost_the_rest_of_a_problem() {
    let json = json!({
        "type": "urn:ietf:params:acme:error:dns", "detail": "no such name", "status": "400",
        "instance": 7, "title": null,
        "subproblems": [{ "identifier": { "type": "dns", "value": "not a name" }, "detail": "x" }]
    });
    let problem: Problem = serde_json::from_value(json).unwrap();
    assert_eq!(problem.kind, ProblemType::Dns);
    assert_eq!(problem.detail.as_deref(), Some("no such name"));
    assert_eq!(problem.subproblems[0].detail.as_deref(), Some("x"));
}
