use super::*;

fn replies() -> Vec<(&'static str, Reply)> {
    let reason = "x".to_owned();
    let (delivery, temporary) = (Delivery::Unknown, true);
    vec![
        ("sign", Reply::Signature(vec![1])),
        ("sign", Reply::SignFailed(reason.clone())),
        ("send", ok()),
        ("send", Reply::Unreachable { reason, delivery, temporary }),
        ("wait", Reply::Woken),
    ]
}

#[test]
fn a_reply_to_another_step_changes_nothing() {
    let mut pool = pool(&[]);
    let limits = RetryLimits::until(at(3600));
    let call = read_order();
    let mut exchange = Exchange::new(call, Some(credentials()), limits, 7, &mut pool).unwrap();
    let with_nonce = |response: HttpResponse, n| Reply::Response(response.with("replay-nonce", n));
    let right = vec![
        ("send", with_nonce(reply(200, json!({})), "a")),
        ("sign", Reply::Signature(vec![1])),
        ("send", with_nonce(problem(429, "rateLimited"), "b")),
        ("wait", Reply::Woken),
        ("sign", Reply::Signature(vec![1])),
        ("send", with_nonce(reply(200, json!({})), "c")),
        ("done", Reply::Woken),
    ];
    for (step, reply) in right {
        let before = format!("{:?} {:?}", exchange.step(), pool);
        for (_, wrong) in replies().into_iter().filter(|(kind, _)| *kind != step) {
            assert!(exchange.reply(wrong, at(0), &mut pool).is_err(), "{step}");
            assert_eq!(format!("{:?} {:?}", exchange.step(), pool), before);
        }
        assert_eq!(exchange.reply(reply, at(0), &mut pool).is_err(), step == "done");
    }
    assert!(exchange.into_result().is_ok());
}

#[test]
fn a_signed_call_needs_credentials_and_an_account_its_url() {
    let limits = RetryLimits::default();
    let mut nobody = (*credentials()).clone();
    nobody.account = None;
    for who in [None, Some(nobody.into())] {
        assert!(Exchange::new(read_order(), who, limits, 7, &mut pool(&["n"])).is_err());
    }
}

#[test]
fn an_exchange_that_is_not_done_has_no_result() {
    let limits = RetryLimits::default();
    let mut pool = pool(&[]);
    let exchange = Exchange::new(read_order(), Some(credentials()), limits, 7, &mut pool);
    assert!(exchange.unwrap().into_result().is_err());
}
