//! dns-persist-01 (draft-ietf-acme-dns-persist-01): a record that stays and names issuer and account.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use acme_proto::DnsName;

use super::Validation;
use super::dns::Resolver;
use super::problems::{self, Failure};

pub(super) async fn validate(
    resolver: &Resolver,
    validation: &Validation,
    name: &DnsName,
    now: SystemTime,
) -> Result<(), Failure> {
    let place = format!("_validation-persist.{name}");
    let records = resolver.txt(&place).await?;
    let mut reason = None;
    for record in &records {
        match check(record, validation, now) {
            Ok(()) => return Ok(()),
            // A record for another issuer says little; one for us that fails says what is wrong.
            Err(refused) => reason = reason.max(Some(refused)),
        }
    }
    let reason = match reason {
        Some(Refused::Expired) => "its persistUntil is over",
        Some(Refused::NoWildcard) => "a wildcard needs policy=wildcard",
        Some(Refused::OtherAccount) => "its accounturi is another account",
        Some(Refused::Malformed) => "it cannot be read",
        Some(Refused::OtherIssuer) | None => "it names another issuer",
    };
    let excerpt = problems::excerpt(&records[0]);
    Err(problems::unauthorized(format!(
        "no TXT record at {place} authorizes this account: {reason}; found {excerpt}"
    )))
}

/// Why a record does not authorize, the more telling the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Refused {
    OtherIssuer,
    Malformed,
    OtherAccount,
    NoWildcard,
    Expired,
}

/// `issuer; accounturi=URL[; policy=wildcard][; persistUntil=seconds]`: the issue-value syntax of
/// CAA (RFC 8659 §4.2). Unknown parameters are ignored, repeated ones are not.
fn check(record: &[u8], validation: &Validation, now: SystemTime) -> Result<(), Refused> {
    let text = std::str::from_utf8(record).map_err(|_| Refused::Malformed)?;
    let mut fields = text.split(';').map(str::trim_ascii);
    let issuer = fields.next().unwrap_or_default();
    let is_ours = |ours: &String| same_name(ours, issuer);
    if !validation.issuers.iter().any(is_ours) {
        return Err(Refused::OtherIssuer);
    }
    let (mut account, mut policy, mut until) = (None, None, None);
    for field in fields.filter(|field| !field.is_empty()) {
        let (tag, value) = field.split_once('=').ok_or(Refused::Malformed)?;
        let known = match tag.trim_ascii().to_ascii_lowercase().as_str() {
            "accounturi" => &mut account,
            "policy" => &mut policy,
            "persistuntil" => &mut until,
            _ => continue,
        };
        if known.replace(value.trim_ascii()).is_some() {
            return Err(Refused::Malformed);
        }
    }
    if account.ok_or(Refused::Malformed)? != validation.account.as_str() {
        return Err(Refused::OtherAccount);
    }
    let for_wildcards = policy.is_some_and(|policy| policy.eq_ignore_ascii_case("wildcard"));
    if validation.wildcard && !for_wildcards {
        return Err(Refused::NoWildcard);
    }
    match until.map(moment) {
        None => Ok(()),
        Some(None) => Err(Refused::Malformed),
        Some(Some(until)) if now > until => Err(Refused::Expired),
        Some(Some(_)) => Ok(()),
    }
}

/// Seconds since 1970, in digits alone; a moment that no clock can count never comes.
fn moment(digits: &str) -> Option<SystemTime> {
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let seconds = digits.parse().unwrap_or(u64::from(u32::MAX) << 4);
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// Domain names without regard to case and a last dot.
fn same_name(ours: &str, theirs: &str) -> bool {
    let bare = |name: &str| name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    bare(ours) == bare(theirs)
}
