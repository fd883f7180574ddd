//! The contract's documents.

use std::path::Path;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lacme::{AccountInfo, CertificateInfo, Url};
use serde_json::{Map, Value, json};

use crate::exit::Failure;

/// The one document on standard output. Whatever fails has an `error` in it.
pub(super) fn document(mut document: Map<String, Value>, failure: Option<&Failure>) -> String {
    if let Some(failure) = failure {
        document.insert("error".to_owned(), failure.to_json());
    }
    format!("{}\n", Value::Object(document))
}

/// RFC 3339 in UTC, to the second.
pub(crate) fn time(time: SystemTime) -> String {
    let whole = Timestamp::try_from(time).map(|exact| exact.as_second());
    let second = whole.and_then(Timestamp::from_second).unwrap_or(Timestamp::MAX);
    second.to_string()
}

/// CERT of the contract, as `issue` prints it.
pub(crate) fn certificate(info: &CertificateInfo) -> Value {
    let meta = &info.meta;
    let paths = info.paths.as_ref();
    let path = |path: Option<&Path>| path.map(|path| path.to_string_lossy().into_owned());
    json!({
        "name": meta.name,
        "identifiers": meta.identifiers,
        "serial": meta.serial,
        "not_before": meta.not_before.map(time),
        "not_after": meta.not_after.map(time),
        "issuer": meta.issuer,
        "sha256": meta.sha256,
        "paths": {
            "cert": path(paths.map(|paths| paths.cert.as_path())),
            "fullchain": path(paths.map(|paths| paths.fullchain.as_path())),
            "key": path(paths.and_then(|paths| paths.key.as_deref())),
        },
    })
}

/// The document of `issue`.
pub(crate) fn issuance(
    info: &CertificateInfo,
    order: Option<&Url>,
    reissued: bool,
    requests: u64,
    elapsed: Duration,
) -> Map<String, Value> {
    let fields = [
        ("certificate", certificate(info)),
        ("order_url", json!(order)),
        ("reissued", json!(reissued)),
        ("requests", json!(requests)),
        ("elapsed_ms", json!(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))),
    ];
    fields.map(|(field, value)| (field.to_owned(), value)).into_iter().collect()
}

/// CERT as `list` and `show` print it.
pub(crate) fn stored_certificate(info: &CertificateInfo, now: SystemTime) -> Value {
    let mut document = certificate(info);
    let meta = &info.meta;
    document["account"] = json!(meta.account);
    document["challenge"] = meta.settings.get("challenge").cloned().unwrap_or_default();
    document["revoked"] = json!(meta.revoked.is_some());
    document["due"] = json!(info.due(now).due);
    document
}

/// An account.
pub(crate) fn account(info: &AccountInfo) -> Value {
    json!({
        "name": info.name,
        "url": info.url,
        "status": info.status,
        "contact": info.contact,
        "directory": info.directory,
        "key": {"type": info.key_type, "thumbprint": info.thumbprint},
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn times_are_whole_seconds_with_z() {
        let moment = UNIX_EPOCH + Duration::from_millis(1_775_099_045_678);
        assert_eq!(time(moment), "2026-04-02T03:04:05Z");
    }

    #[test]
    fn a_failure_stands_beside_what_there_is_to_tell() {
        let told = Map::from_iter([("deleted".to_owned(), json!(false))]);
        let text = document(told, Some(&Failure::internal("no")));
        let expected = json!({"deleted": false, "error": {"kind": "internal", "message": "no"}});
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected);
    }
}
