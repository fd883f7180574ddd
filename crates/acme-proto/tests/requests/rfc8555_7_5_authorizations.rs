use super::*;
use acme_proto::{
    AnswerChallenge, Authorization, AuthorizationStatus, ChallengeStatus, ChallengeType,
    DeactivateAuthorization, GetAuthorization, GetChallenge, NewAuthorization,
};

fn authorization(json: Value) -> Authorization {
    let request = GetAuthorization { url: url("https://ca.example/authz/1") };
    read(&request, &reply(200, json))
}

#[test]
fn section_7_4_1_an_authorization_ahead_of_an_order() {
    let request = NewAuthorization { identifier: dns("a.example") };
    let expected = json!({ "identifier": { "type": "dns", "value": "a.example" } });
    assert_eq!(*payload(&call(&request)), expected);
    let body =
        json!({ "identifier": { "type": "dns", "value": "a.example" }, "status": "pending" });
    let answer = reply(201, body).with("location", "/authz/3");
    assert_eq!(read(&request, &answer).url.as_str(), "https://ca.example/authz/3");
}

#[test]
fn section_7_5_1_an_answer_is_an_empty_object_and_a_look_an_empty_string() {
    let url = url("https://ca.example/challenge/1");
    assert_eq!(*payload(&call(&AnswerChallenge { url: url.clone() })), json!({}));
    assert_eq!(call(&GetChallenge { url }).payload, Payload::PostAsGet);
}

#[test]
fn section_7_5_2_deactivation() {
    let request = DeactivateAuthorization { url: url("https://ca.example/authz/1") };
    assert_eq!(*payload(&call(&request)), json!({ "status": "deactivated" }));
}

#[test]
fn unknown_and_tokenless_challenges_do_not_cost_the_others() {
    let authorization = authorization(json!({
        "identifier": { "type": "dns", "value": "a.example" }, "status": "pending",
        "expires": "2027-01-15T08:00:00Z", "wildcard": null,
        "challenges": [
            { "type": "odd-99", "url": "https://ca.example/c/0", "token": 5, "odd": [1] },
            { "type": "dns-persist-01", "url": "https://ca.example/c/1", "status": "new" },
            { "type": "http-01", "url": "https://ca.example/c/2", "status": "valid",
              "validated": "2027-01-15T08:00:00Z", "token": "abc" },
        ]
    }));
    assert_eq!(authorization.status, AuthorizationStatus::Pending);
    assert_eq!(authorization.challenges[0].other["odd"], json!([1]));
    assert_eq!(authorization.challenges[1].status, ChallengeStatus::Unknown);
    let http = authorization.challenge(&ChallengeType::Http01).unwrap();
    assert_eq!(http.token.as_ref().unwrap().as_str(), "abc");
    assert_eq!(http.validated, Some(at(0)));
}

#[test]
fn a_wildcard_is_covered_by_its_base_with_the_flag_and_by_its_own_name() {
    let one = |value: &str, wildcard: bool| {
        authorization(json!({
            "identifier": { "type": "dns", "value": value }, "status": "pending",
            "wildcard": wildcard
        }))
    };
    assert!(one("a.example", true).covers(&dns("*.a.example")));
    assert!(one("*.a.example", false).covers(&dns("*.a.example")));
    assert!(!one("a.example", false).covers(&dns("*.a.example")));
    assert!(!one("a.example", true).covers(&dns("a.example")));
    assert!(!one("a.example", false).covers(&dns("b.example")));
}
