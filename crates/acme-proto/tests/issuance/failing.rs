//! The ways to fail: each says why, and leaves no proof behind.

use std::time::Duration;

use acme_proto::{
    AuthorizationStatus, CallError, ChallengeType, Event, IssuanceError, ParseError, Problem,
    ProofError, Resource,
};
use serde_json::{Value, json};

use crate::support::ca::{edited, lost};
use crate::support::run::{More, Run, plan};
use crate::support::{refused, reply};

fn why() -> Value {
    json!({ "type": "urn:ietf:params:acme:error:connection", "detail": "refused by 192.0.2.1" })
}

fn failed(error: IssuanceError) -> Vec<(String, Option<ChallengeType>, Option<Problem>)> {
    assert!(!error.is_resumable());
    match error {
        IssuanceError::Challenges(failed) => {
            failed.into_iter().map(|one| (one.identifier.value(), one.kind, one.problem)).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn reason() -> Option<Problem> {
    Some(serde_json::from_value(why()).unwrap())
}

#[test]
fn a_challenge_that_fails_in_its_very_answer_is_enough() {
    for status in ["pending", "invalid"] {
        let mut run =
            Run::new(&["a.example"]).answering(Resource::Challenge, move |ca, call, _| {
                Some(edited(ca.usual(call), |json| {
                    json["status"] = status.into(); // Caddy leaves it pending
                    json["error"] = why();
                }))
            });
        let error = run.finish().unwrap_err();
        assert!(error.to_string().contains("refused by 192.0.2.1"), "{error}");
        let name = "a.example".to_owned();
        assert_eq!(failed(error), [(name, Some(ChallengeType::Http01), reason())]);
        assert_eq!(run.trace[3..], ["challenge", "cleanup"]);
    }
}

#[test]
fn a_challenge_that_is_processing_with_an_error_is_waited_for() {
    let mut run = Run::new(&["a.example"]).answering(Resource::Challenge, |ca, call, _| {
        Some(edited(ca.usual(call), |json| json["error"] = why()))
    });
    run.finish().unwrap();
}

#[test]
fn a_failed_answer_counts_more_than_a_lost_one_beside_it() {
    let mut run =
        Run::new(&["a.example", "b.example"]).answering(Resource::Challenge, |ca, call, n| {
            if n == 0 {
                return Some(Err(lost(Resource::Challenge)));
            }
            Some(edited(ca.usual(call), |json| json["status"] = "invalid".into()))
        });
    assert_eq!(failed(run.finish().unwrap_err())[0].0, "b.example");
}

#[test]
fn an_order_that_becomes_invalid_is_explained_by_its_challenges() {
    let mut run =
        Run::new(&["*.a.example", "b.example"]).hooked(|ca, call, n| match call.resource {
            Resource::Order => {
                ca.orders[0].status = "invalid";
                ca.orders[0].authorizations[0].status = "invalid";
                Some(Ok(reply(200, ca.order(0))))
            }
            Resource::Authorization if n >= 2 => Some(edited(ca.usual(call), |json| {
                if json["status"] == "invalid" {
                    json["challenges"][2]["status"] = "invalid".into();
                    json["challenges"][2]["error"] = why();
                }
            })),
            _ => None,
        });
    let error = run.finish().unwrap_err();
    let name = "*.a.example".to_owned();
    assert_eq!(failed(error), [(name, Some(ChallengeType::Http01), reason())]);
    assert_eq!(run.trace[5..], ["order", "authorization x2", "cleanup"]);
}

#[test]
fn an_invalid_order_without_a_failed_challenge_gives_its_own_error() {
    let mut run = Run::new(&["a.example"]).answering(Resource::Order, |ca, call, _| {
        ca.orders[0].status = "invalid";
        Some(edited(ca.usual(call), |json| json["error"] = why()))
    });
    let error = run.finish().unwrap_err();
    assert_eq!(error, IssuanceError::OrderInvalid(reason().map(Box::new)));
}

#[test]
fn an_order_that_stays_pending_after_a_failed_challenge_is_looked_through() {
    let mut run = Run::new(&["a.example"]).hooked(|ca, call, n| match call.resource {
        Resource::Order => Some(Ok(reply(200, ca.order(0)))),
        Resource::Authorization if n > 0 => Some(edited(ca.usual(call), |json| {
            json["challenges"][2]["status"] = "pending".into();
            json["challenges"][2]["error"] = why();
        })),
        _ => None,
    });
    let began = run.now;
    assert_eq!(failed(run.finish().unwrap_err())[0].2, reason());
    let took = run.now.duration_since(began).unwrap();
    assert!(took < Duration::from_secs(20), "{took:?}");
}

#[test]
fn an_authorization_that_is_invalid_from_the_start_ends_it() {
    let mut run = Run::new(&["a.example"]).answering(Resource::Authorization, |ca, call, _| {
        Some(edited(ca.usual(call), |json| {
            json["status"] = "invalid".into();
            json["challenges"][2]["error"] = why(); // its own state says nothing
        }))
    });
    assert_eq!(failed(run.finish().unwrap_err())[0].2, reason());
    assert_eq!(run.trace, ["newOrder", "authorization"]);
}

#[test]
fn a_challenge_that_failed_before_it_was_answered_is_not_answered() {
    let mut run = Run::new(&["a.example"]).answering(Resource::Authorization, |ca, call, _| {
        Some(edited(ca.usual(call), |json| {
            json["challenges"][2]["status"] = "invalid".into();
        }))
    });
    assert_eq!(failed(run.finish().unwrap_err()).len(), 1);
    assert_eq!(run.ca.count(Resource::Challenge), 0);
}

#[test]
fn an_authorization_that_is_lost_says_so() {
    for (text, status) in [
        ("deactivated", AuthorizationStatus::Deactivated),
        ("expired", AuthorizationStatus::Expired),
        ("revoked", AuthorizationStatus::Revoked),
        ("confused", AuthorizationStatus::Unknown),
    ] {
        let mut run = Run::new(&["a.example"])
            .answering(Resource::Authorization, move |ca, call, _| {
                Some(edited(ca.usual(call), |json| json["status"] = text.into()))
            });
        match run.finish().unwrap_err() {
            IssuanceError::AuthorizationLost { status: found, .. } => assert_eq!(found, status),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_challenge_that_is_not_offered_is_named_with_what_is() {
    let mut run = Run::of(plan(&["a.example"], ChallengeType::TlsAlpn01));
    let text = run.finish().unwrap_err().to_string();
    assert!(
        text.contains("tls-alpn-01") && text.contains("tokenless-01, http-01, dns-01"),
        "{text}"
    );
}

#[test]
fn a_challenge_without_a_usable_token_is_the_servers_fault() {
    for token in
        [json!(null), json!(""), json!("../../etc/passwd"), json!(5), json!("a".repeat(257))]
    {
        let mut run =
            Run::new(&["a.example"]).answering(Resource::Authorization, move |ca, call, _| {
                Some(edited(ca.usual(call), |json| json["challenges"][2]["token"] = token.clone()))
            });
        match run.finish().unwrap_err() {
            IssuanceError::Proof { error: ProofError::MissingToken(kind), .. } => {
                assert_eq!(kind, ChallengeType::Http01);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_refused_answer_is_final_where_the_ca_has_not_even_begun() {
    let mut run = Run::new(&["a.example"]).answering(Resource::Challenge, |_, _, _| {
        Some(Err(refused(Resource::Challenge, 403, "unauthorized")))
    });
    let expected = IssuanceError::Call(refused(Resource::Challenge, 403, "unauthorized"));
    assert_eq!(run.finish(), Err(expected));
    assert_eq!(run.trace[3..], ["challenge", "authorization", "cleanup"]);
}

#[test]
fn a_bad_csr_is_final_though_the_order_stays_ready() {
    let mut run = Run::new(&["a.example"]).answering(Resource::Finalize, |_, _, _| {
        Some(Err(refused(Resource::Finalize, 400, "badCSR")))
    });
    let error = run.finish().unwrap_err();
    assert_eq!(error, IssuanceError::Call(refused(Resource::Finalize, 400, "badCSR")));
    assert!(!error.is_resumable());
    assert_eq!(run.ca.count(Resource::Finalize), 1);
}

#[test]
fn an_order_that_is_never_ready_is_finalized_three_times() {
    let mut run = Run::new(&["a.example"]).answering(Resource::Finalize, |_, _, _| {
        Some(Err(refused(Resource::Finalize, 403, "orderNotReady")))
    });
    run.finish().unwrap_err();
    assert_eq!(run.ca.count(Resource::Finalize), 3);
}

#[test]
fn an_order_that_stays_ready_after_finalize_is_finalized_three_times_with_pauses() {
    let mut run = Run::new(&["a.example"])
        .answering(Resource::Finalize, |ca, _, _| Some(Ok(reply(200, ca.order(0)))));
    run.finish().unwrap_err();
    assert_eq!(run.ca.count(Resource::Finalize), 3);
    let pattern = ["finalize", "wait", "order"];
    assert_eq!(run.trace[run.trace.len() - 9..], pattern.repeat(3));
}

fn protocol_error(run: &mut Run) -> ParseError {
    match run.finish().unwrap_err() {
        IssuanceError::Call(CallError::Protocol { error, .. }) => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_valid_order_without_a_certificate_breaks_the_protocol() {
    let mut run = Run::new(&["a.example"]).answering(Resource::Finalize, |ca, call, _| {
        Some(edited(ca.usual(call), |json| json["status"] = "valid".into()))
    });
    assert_eq!(protocol_error(&mut run), ParseError::MissingField("certificate".into()));
}

#[test]
fn an_unknown_order_state_breaks_the_protocol() {
    let mut run = Run::new(&["a.example"]).answering(Resource::Order, |ca, call, _| {
        Some(edited(ca.usual(call), |json| json["status"] = "frozen".into()))
    });
    assert_eq!(protocol_error(&mut run), ParseError::UnexpectedState("unknown".into()));
}

#[test]
fn an_order_with_no_authorization_or_a_flood_of_them_breaks_the_protocol() {
    for (count, expected) in [
        (0, ParseError::MissingField("authorizations".into())),
        (1000, ParseError::TooMany("authorizations".into())),
    ] {
        let mut run = Run::new(&["a.example"]).answering(Resource::NewOrder, move |ca, call, _| {
            Some(edited(ca.usual(call), |json| {
                json["authorizations"] = vec!["https://ca.example/authz/0/0"; count].into();
            }))
        });
        assert_eq!(protocol_error(&mut run), expected);
    }
}

#[test]
fn a_flood_of_authorizations_in_a_later_answer_is_not_read_either() {
    let mut run = Run::new(&["a.example"]).answering(Resource::Order, |ca, call, _| {
        ca.orders[0].status = "invalid";
        Some(edited(ca.usual(call), |json| {
            json["authorizations"] = vec!["https://ca.example/authz/0/0"; 1000].into();
        }))
    });
    run.finish().unwrap_err();
    assert!(run.ca.count(Resource::Authorization) <= 4);
}

#[test]
fn a_new_order_without_location_breaks_the_protocol() {
    let mut run = Run::new(&["a.example"]).answering(Resource::NewOrder, |ca, call, _| {
        let mut response = ca.usual(call).unwrap();
        response.headers_mut().remove("location");
        Some(Ok(response))
    });
    assert_eq!(protocol_error(&mut run), ParseError::MissingHeader("Location".into()));
}

#[test]
fn an_html_page_is_no_certificate() {
    let mut run = Run::new(&["a.example"]).answering(Resource::Certificate, |_, _, _| {
        let mut page = reply(200, json!("<html>"));
        page.headers_mut().insert("content-type", "text/html; x=y".parse().unwrap());
        Some(Ok(page))
    });
    assert!(
        matches!(protocol_error(&mut run), ParseError::ContentType { found, .. } if found == "text/html")
    );
}

#[test]
fn a_solver_that_fails_ends_it_after_a_cleanup() {
    let mut run = Run::new(&["a.example"]);
    while run.issuance.phase() != acme_proto::Phase::Provisioning {
        run.step();
    }
    run.act();
    run.tell(Event::Provisioned(Err("the DNS provider says no".into())));
    let error = run.finish().unwrap_err();
    assert_eq!(error, IssuanceError::Provision("the DNS provider says no".into()));
    assert!(error.is_resumable());
    assert_eq!(run.trace.last().unwrap(), "cleanup");
}

#[test]
fn a_call_that_fails_at_any_point_ends_it_after_a_cleanup() {
    let steps = Run::new(&["a.example", "b.example"]).steps();
    for nth in 0..steps {
        let mut calls = 0;
        let mut run = Run::new(&["a.example", "b.example"]).hooked(move |_, call, _| {
            calls += 1;
            let error = CallError::Deadline(call.resource);
            (calls > nth).then_some(Err(error))
        });
        if let Err(error) = run.finish() {
            assert!(error.is_resumable(), "{error}");
        }
    }
}

#[test]
fn a_cancel_at_any_moment_takes_down_every_proof_that_was_set_up() {
    let steps = Run::new(&["a.example", "b.example"]).steps();
    let mut were_up = 0;
    for nth in 0..=steps {
        for during in [false, true] {
            let mut run = Run::new(&["a.example", "b.example"]);
            (0..nth).for_each(|_| assert!(run.step() == More::Yes));
            if during {
                run.act(); // done in the world, but nobody heard of it
            }
            were_up += run.standing.len();
            let cleanup_is_due = !run.issuance.standing().is_empty();
            run.tell(Event::Cancel);
            run.tell(Event::Cancel); // twice does no harm
            let before = run.trace.len();
            let result = run.finish();
            let cleaned_up = run.trace[before..].contains(&"cleanup".to_owned());
            assert_eq!(cleaned_up, cleanup_is_due);
            match nth == steps {
                true => assert!(result.is_ok(), "what is done stays done"),
                false => assert_eq!(result, Err(IssuanceError::Cancelled)),
            }
        }
    }
    assert!(were_up > 0);
}
