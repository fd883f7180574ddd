//! dns-persist-01 (draft-ietf-acme-dns-persist-01).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use acme_proto::proof::persist_value;
use acme_proto::{ChallengeType, Problem, Url};

use crate::dns::Dns;
use crate::support::{judge, local, told, validation};

const PLACE: &str = "_validation-persist.a.example";

async fn judge_records(records: &[&str], wildcard: bool) -> Result<(), Problem> {
    let dns = Dns::start().await;
    for record in records {
        dns.txt(PLACE, record);
    }
    let mut validation = validation(ChallengeType::DnsPersist01, "a.example");
    validation.token = None;
    validation.key_authorization = String::new();
    validation.wildcard = wildcard;
    validation.issuers = vec!["ca.example".to_owned(), "other-ca.example".to_owned()];
    judge(local().resolver(dns.address), &validation).await
}

/// Seconds since 1970, from now on.
fn in_hours(hours: i64) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + Duration::from_secs(7200);
    (now.as_secs() - 7200).checked_add_signed(hours * 3600).unwrap()
}

#[tokio::test]
async fn a_record_for_this_issuer_and_account_is_a_proof() {
    let account = Url::parse("https://ca.example/acct/1").unwrap();
    let later = persist_value("other-ca.example", &account, true, Some(in_hours(1)));
    for record in [
        &persist_value("ca.example", &account, false, None),
        &later,
        "ca.example;accounturi=https://ca.example/acct/1",
        "CA.Example. ;  AccountURI = https://ca.example/acct/1 ; future=thing;",
    ] {
        assert_eq!(judge_records(&[record], false).await, Ok(()), "{record}");
    }
    assert_eq!(judge_records(&["v=spf1 -all", "junk", &later], false).await, Ok(()));
}

#[tokio::test]
async fn a_wildcard_needs_the_policy() {
    let plain = "ca.example; accounturi=https://ca.example/acct/1";
    let (kind, detail) = told(judge_records(&[plain], true).await);
    assert_eq!(kind, "unauthorized");
    assert!(detail.contains("policy=wildcard"), "{detail}");
    let with_policy = format!("{plain}; policy=WildCard");
    assert_eq!(judge_records(&[&with_policy], true).await, Ok(()));
    assert!(judge_records(&[&format!("{plain}; policy=other")], true).await.is_err());
    assert_eq!(judge_records(&[&with_policy], false).await, Ok(()));
}

#[tokio::test]
async fn a_record_counts_until_its_last_second() {
    let until =
        |time| format!("ca.example; accounturi=https://ca.example/acct/1; persistUntil={time}");
    assert_eq!(judge_records(&[&until(in_hours(1))], false).await, Ok(()));
    let (_, detail) = told(judge_records(&[&until(in_hours(-1))], false).await);
    assert!(detail.contains("persistUntil"), "{detail}");
    let never = format!("{}0", u64::MAX);
    for (odd, counts) in [("", false), ("-1", false), ("1e9", false), ("0x7f", false)] {
        let record =
            format!("ca.example; accounturi=https://ca.example/acct/1; persistUntil={odd}");
        assert_eq!(judge_records(&[&record], false).await.is_ok(), counts, "{odd}");
    }
    let record = format!("ca.example; accounturi=https://ca.example/acct/1; persistUntil={never}");
    assert_eq!(judge_records(&[&record], false).await, Ok(()));
}

#[tokio::test]
async fn a_record_for_others_authorizes_nobody_and_says_why() {
    for (record, reason) in [
        ("third-ca.example; accounturi=https://ca.example/acct/1", "another issuer"),
        ("ca.example; accounturi=https://ca.example/acct/12", "another account"),
        ("ca.example; accounturi=https://CA.example/acct/1", "another account"),
        ("ca.example", "cannot be read"),
        ("ca.example; accounturi", "cannot be read"),
        (
            "ca.example; accounturi=https://ca.example/acct/1; accounturi=https://x.example/1",
            "cannot be read",
        ),
        ("", "another issuer"),
    ] {
        let (kind, detail) = told(judge_records(&[record], false).await);
        assert_eq!(kind, "unauthorized", "{record}");
        assert!(detail.contains(reason) && detail.contains(PLACE), "{record}: {detail}");
    }
}
