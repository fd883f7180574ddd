use super::*;

#[test]
fn one_is_fetched_only_when_the_pool_is_empty() {
    let mut pool = pool(&[]);
    let server = |sent: &Sent, _: SystemTime| {
        let nonce = format!("from-{}", sent.method);
        Reply::Response(reply(200, json!({})).with("replay-nonce", &nonce))
    };
    let first = play(read_order(), RetryLimits::default(), &mut pool, server);
    assert_eq!(first.trace(), ["HEAD new-nonce", "POST %7e1?x=%2F"]);
    assert_eq!(first.sent[1].nonce(), "from-HEAD");
    assert_eq!(first.sent[0].protected, serde_json::Value::Null);
    assert_eq!(pool.len(), 1, "the answer's nonce is kept");
    let second = play(read_order(), RetryLimits::default(), &mut pool, server);
    assert_eq!(second.trace(), ["POST %7e1?x=%2F"]);
    assert_eq!(second.sent[0].nonce(), "from-POST");
}

#[test]
fn an_unsigned_request_costs_none() {
    let mut pool = pool(&["n1"]);
    let get = GetDirectory { url: url("https://ca.example/dir") }.to_call();
    let played = play(get, RetryLimits::default(), &mut pool, |_, _| ok());
    assert_eq!(played.trace(), ["GET dir"]);
    assert_eq!(pool.len(), 1);
}

#[test]
fn a_refused_one_is_replaced_by_that_very_errors_and_nothing_else_changes() {
    let mut pool = pool(&["stale", "stale-too"]);
    let script =
        vec![problem(400, "badNonce").with("replay-nonce", "fresh"), reply(200, json!({}))];
    let played = play(new_order(), RetryLimits::default(), &mut pool, scripted(script));
    let [first, second] = &played.sent[..] else { panic!("two requests") };
    assert_eq!((first.nonce(), second.nonce()), ("stale-too", "fresh"));
    assert_eq!(first.payload, second.payload);
    assert_eq!(first.protected["url"], second.protected["url"]);
    assert!(played.waits.is_empty(), "at once");
    assert!(played.result.is_ok());
}

#[test]
fn after_a_refusal_without_one_the_pools_serves_and_then_a_fetched_one() {
    let script = vec![
        problem(400, "badNonce"),
        problem(400, "badNonce"),
        reply(200, json!({})).with("replay-nonce", "fetched"),
        reply(200, json!({})),
    ];
    let mut pool = pool(&["old", "new"]);
    let played = play(read_order(), RetryLimits::default(), &mut pool, verbatim(script));
    let nonces: Vec<_> = played.sent.iter().map(Sent::nonce).collect();
    assert_eq!(nonces, ["new", "old", "", "fetched"]);
}

#[test]
fn twenty_refusals_are_enough() {
    let mut count = 0;
    let mut pool = pool(&["n0"]);
    let played = play(read_order(), RetryLimits::default(), &mut pool, |_, _| {
        count += 1;
        let response = problem(400, "badNonce");
        Reply::Response(response.with("replay-nonce", &format!("n{count}")))
    });
    assert_eq!(played.sent.len(), 20);
    let error = played.result.unwrap_err();
    assert!(error.is_problem(&ProblemType::BadNonce));
    assert!(error.is_temporary(), "the next run may have more luck");
    assert_eq!(pool.len(), 1, "the last error's nonce is kept");
}

#[test]
fn they_are_taken_from_errors_too() {
    let mut pool = pool(&["n1"]);
    let script = vec![problem(403, "unauthorized").with("replay-nonce", "n2")];
    let played = play(read_order(), RetryLimits::default(), &mut pool, scripted(script));
    assert!(played.result.is_err());
    assert_eq!(pool.len(), 1);
}

#[test]
fn a_server_without_any_is_to_blame() {
    for (nonce, error) in [
        (None, ParseError::MissingHeader("Replay-Nonce".into())),
        (Some("no+base64url"), ParseError::InvalidHeader("Replay-Nonce".into())),
    ] {
        let response = reply(204, json!({}));
        let response = match nonce {
            Some(nonce) => response.with("replay-nonce", nonce),
            None => response,
        };
        let mut pool = pool(&[]);
        let script = verbatim(vec![response]);
        let played = play(read_order(), RetryLimits::default(), &mut pool, script);
        let resource = Resource::NewNonce;
        assert_eq!(played.result.unwrap_err(), CallError::Protocol { resource, error });
    }
}

#[test]
fn many_exchanges_at_once_use_none_twice_though_every_second_one_is_refused() {
    let mut pool = NoncePool::new();
    let (mut random, mut issued, mut used) = (1_u64, 0, HashSet::new());
    let mut draw = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let limits = RetryLimits::default();
    let begin = |pool: &mut NoncePool, seed| {
        Exchange::new(read_order(), Some(credentials()), limits, seed, pool).unwrap()
    };
    let mut running: Vec<_> = (0..50).map(|seed| begin(&mut pool, seed)).collect();
    let mut done = 0;
    while let Some(last) = running.len().checked_sub(1) {
        let index = draw() as usize % (last + 1);
        let reply = match running[index].step() {
            Step::Sign(input) => Reply::Signature(sign(input)),
            Step::Send(request) => {
                let sent = Sent::new(request);
                issued += 1;
                let nonce = format!("n{issued}");
                let refused = sent.method == "POST" && {
                    assert!(used.insert(sent.nonce().to_owned()), "{} twice", sent.nonce());
                    draw() % 2 == 0
                };
                let response = match refused {
                    true => problem(400, "badNonce"),
                    false => reply(200, json!({})),
                };
                // One answer in eight carries none, and some repeat an old one.
                match draw() % 8 {
                    0 if sent.method == "POST" => Reply::Response(response),
                    1 if sent.method == "POST" => {
                        Reply::Response(response.with("replay-nonce", "n1"))
                    }
                    _ => Reply::Response(response.with("replay-nonce", &nonce)),
                }
            }
            Step::WaitUntil(_) => Reply::Woken,
            Step::Done(result) => {
                assert!(result.is_ok(), "{result:?}");
                done += 1;
                let finished = running.swap_remove(index);
                drop(finished);
                if done < 300 {
                    running.push(begin(&mut pool, done));
                }
                continue;
            }
        };
        running[index].reply(reply, at(0), &mut pool).unwrap();
    }
    assert_eq!(done, 349);
    assert!(used.len() > 500, "every second one was refused");
}
