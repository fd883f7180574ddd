use super::*;

fn limited(value: &str) -> HttpResponse {
    problem(429, "rateLimited").with("retry-after", value)
}

#[test]
fn retry_after_is_honoured_in_seconds_and_as_a_date() {
    let date = httpdate::fmt_http_date(at(90));
    for value in ["90", date.as_str()] {
        let played = played_until(3600, vec![limited(value), reply(200, json!({}))]);
        assert!(played.result.is_ok());
        assert_eq!(played.waits, [Duration::from_secs(90)], "{value}");
    }
}

#[test]
fn a_past_zero_or_unreadable_one_does_not_make_us_hammer() {
    let past = httpdate::fmt_http_date(at(0) - Duration::from_secs(5000));
    for value in ["0", past.as_str(), "soon"] {
        let script = vec![limited(value), limited(value), reply(200, json!({}))];
        let played = played_until(3600, script);
        assert!(played.result.is_ok());
        let [first, second] = played.waits[..] else { panic!("two waits") };
        assert!(first >= Duration::from_millis(750), "{value}: {first:?}");
        assert!(second >= Duration::from_millis(1500), "{value}: {second:?}");
    }
}

#[test]
fn a_busy_server_is_waited_for_as_long_as_the_deadline_allows() {
    for status in [429, 503] {
        for body in [problem(status, "rateLimited"), reply(status, json!("busy"))] {
            let body = body.with("retry-after", "10");
            let played = played_until(100, vec![body]);
            assert!(played.result.unwrap_err().is_temporary());
            let total: Duration = played.waits.iter().sum();
            assert!(played.waits.len() >= 5, "{status}: {:?}", played.waits);
            assert!((70..=100).contains(&total.as_secs()), "{status}: {total:?}");
        }
    }
}

#[test]
fn a_wait_that_passes_the_deadline_ends_the_call_at_once_with_the_servers_words() {
    for value in ["86400", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT"] {
        let played = played_until(3600, vec![limited(value)]);
        assert!(played.waits.is_empty());
        let error = played.result.unwrap_err();
        assert!(error.is_problem(&ProblemType::RateLimited), "{value}");
        let CallError::Refused(refusal) = error else { panic!("a refusal") };
        assert!(refusal.retry_at(at(0)).unwrap() >= at(86_400));
    }
}

#[test]
fn without_a_deadline_waits_end_after_a_few_tries() {
    for status in [429, 503] {
        let played = played(read_order(), vec![problem(status, "rateLimited")]);
        assert_eq!(played.sent.len(), 3);
    }
}

#[test]
fn waiting_for_a_busy_server_leaves_the_tries_for_failures() {
    let busy = || limited("1");
    let trouble = || problem(500, "serverInternal");
    let done = reply(200, json!({}));
    let script = vec![busy(), busy(), busy(), trouble(), busy(), trouble(), done];
    assert!(played_until(3600, script).result.is_ok());
}
