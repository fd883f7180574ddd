//! dns-01 (RFC 8555 §8.4), dns-account-01, and what DNS itself can do wrong.

use std::time::{Duration, Instant};

use acme_crypto::AwsLc;
use acme_proto::proof::account_label;
use acme_proto::{ChallengeType, Digest as _, Url};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use hickory_resolver::proto::op::ResponseCode;

use crate::dns::Dns;
use crate::support::{KEY_AUTHORIZATION, judge, local, told, validation};

const PLACE: &str = "_acme-challenge.a.example";

fn proof() -> String {
    Base64UrlUnpadded::encode_string(&AwsLc.sha256(KEY_AUTHORIZATION.as_bytes()))
}

async fn judge_dns01(dns: &Dns) -> Result<(), acme_proto::Problem> {
    judge(local().resolver(dns.address), &validation(ChallengeType::Dns01, "a.example")).await
}

#[tokio::test]
async fn the_digest_at_the_right_name_is_a_proof() {
    let dns = Dns::start().await;
    dns.txt(PLACE, &proof());
    assert_eq!(judge_dns01(&dns).await, Ok(()));
}

#[tokio::test]
async fn a_wildcard_is_proven_at_its_base_domain() {
    let dns = Dns::start().await;
    dns.txt(PLACE, &proof());
    let mut wildcard = validation(ChallengeType::Dns01, "a.example");
    wildcard.wildcard = true;
    assert_eq!(judge(local().resolver(dns.address), &wildcard).await, Ok(()));
}

#[tokio::test]
async fn other_values_beside_the_proof_do_no_harm() {
    let dns = Dns::start().await;
    for value in ["", "v=spf1 -all", &"x".repeat(600), &proof(), "another"] {
        dns.txt(PLACE, value);
    }
    assert_eq!(judge_dns01(&dns).await, Ok(()));
}

#[tokio::test]
async fn aliases_are_followed() {
    let dns = Dns::start().await;
    dns.cname(PLACE, "a.delegated.example");
    dns.cname("a.delegated.example", "b.delegated.example");
    dns.txt("b.delegated.example", &proof());
    assert_eq!(judge_dns01(&dns).await, Ok(()));
}

#[tokio::test]
async fn aliases_in_a_circle_come_to_an_end() {
    let dns = Dns::start().await;
    dns.cname(PLACE, "b.example");
    dns.cname("b.example", PLACE);
    judge_dns01(&dns).await.unwrap_err();
}

#[tokio::test]
async fn an_answer_too_long_for_udp_comes_over_tcp() {
    let dns = Dns::start().await;
    for number in 0..40 {
        dns.txt(PLACE, &format!("{number} {}", "x".repeat(100)));
    }
    dns.txt(PLACE, &proof());
    assert_eq!(judge_dns01(&dns).await, Ok(()));
    assert!(dns.asked(PLACE, "tcp") > 0);
}

#[tokio::test]
async fn another_value_is_an_incorrect_response_and_shown_in_short() {
    let dns = Dns::start().await;
    dns.txt(PLACE, &format!("\u{1b}[2J{}", "long ".repeat(100)));
    let (kind, detail) = told(judge_dns01(&dns).await);
    assert_eq!(kind, "incorrectResponse");
    assert!(detail.contains(PLACE) && detail.contains("long"), "{detail}");
    assert!(detail.len() < 250 && !detail.contains('\u{1b}'), "{detail}");
}

#[tokio::test]
async fn what_dns_does_not_have_is_told_apart() {
    let dns = Dns::start().await;
    let (kind, detail) = told(judge_dns01(&dns).await);
    assert_eq!(kind, "dns");
    assert!(detail.contains("NXDOMAIN") && detail.contains(PLACE), "{detail}");

    dns.address(PLACE, [192, 0, 2, 1].into());
    let (kind, detail) = told(judge_dns01(&dns).await);
    assert_eq!(kind, "unauthorized");
    assert!(detail.contains("no TXT record"), "{detail}");

    dns.fails_for(PLACE, ResponseCode::ServFail);
    let (kind, detail) = told(judge_dns01(&dns).await);
    assert_eq!(kind, "dns");
    assert!(detail.contains("ServFail"), "{detail}");
}

#[tokio::test]
async fn a_silent_resolver_is_not_waited_for_long() {
    let dns = Dns::start().await;
    dns.be_silent();
    let begun = Instant::now();
    let validator = local().resolver(dns.address).timeout(Duration::from_millis(1200));
    let verdict = judge(validator, &validation(ChallengeType::Dns01, "a.example")).await;
    let (kind, detail) = told(verdict);
    assert_eq!(kind, "dns");
    assert!(detail.contains("did not answer in time"), "{detail}");
    assert!(begun.elapsed() < Duration::from_secs(3));
}

#[tokio::test]
async fn without_a_resolver_nothing_is_asked() {
    let verdict = judge(local(), &validation(ChallengeType::Dns01, "a.example")).await;
    let (kind, detail) = told(verdict);
    assert_eq!(kind, "dns");
    assert!(detail.contains("no resolver"), "{detail}");
}

#[tokio::test]
async fn nothing_is_remembered_from_one_validation_to_the_next() {
    let dns = Dns::start().await;
    let validator = local().resolver(dns.address).build().unwrap();
    let validation = validation(ChallengeType::Dns01, "a.example");
    let judge = async || lacme_ca::Validator::validate(&validator, &validation).await;
    judge().await.unwrap_err();
    dns.txt(PLACE, &proof());
    assert_eq!(judge().await, Ok(()));
    dns.forget(PLACE);
    judge().await.unwrap_err();
}

#[tokio::test]
async fn dns_account_01_is_proven_at_the_accounts_own_label() {
    let dns = Dns::start().await;
    let account = Url::parse("https://ca.example/acct/1").unwrap();
    let place = format!("{}._acme-challenge.a.example", account_label(&account, &AwsLc));
    dns.txt(&place, &proof());
    let mut validation = validation(ChallengeType::DnsAccount01, "a.example");
    let resolver = || local().resolver(dns.address);
    assert_eq!(judge(resolver(), &validation).await, Ok(()));
    validation.account = Url::parse("https://ca.example/acct/2").unwrap();
    assert_eq!(told(judge(resolver(), &validation).await).0, "dns");
}

#[tokio::test]
async fn addresses_and_unknown_types_cannot_be_proven_by_dns() {
    for (challenge, name) in [
        (ChallengeType::Dns01, "127.0.0.1"),
        (ChallengeType::DnsPersist01, "::1"),
        (ChallengeType::Other("tls-sni-01".into()), "a.example"),
        (ChallengeType::Dns01, "*.a.example"),
    ] {
        let (kind, detail) = told(judge(local(), &validation(challenge, name)).await);
        assert_eq!(kind, "malformed");
        assert!(detail.contains(name), "{detail}");
    }
}
