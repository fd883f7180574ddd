//! Whatever a server sends: nothing panics, and what was read is written back the same.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use acme_proto::{
    Account, AnswerChallenge, Authorization, CertificateId, Challenge, Directory, GetAccount,
    GetAuthorization, GetCertificate, GetDirectory, GetOrder, GetRenewalInfo, HttpResponse,
    Identifier, Issuance, Jwk, ListOrders, NewAccount, NewAuthorization, NewOrder, Order, Plan,
    Problem, RenewalInfo, Request, Url,
};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use support::{With as _, directory};

/// Every member that an object of ACME has.
const NAMES: &[&str] = &[
    "status",
    "expires",
    "identifiers",
    "identifier",
    "notBefore",
    "notAfter",
    "error",
    "authorizations",
    "finalize",
    "certificate",
    "replaces",
    "profile",
    "wildcard",
    "challenges",
    "type",
    "url",
    "token",
    "validated",
    "issuer-domain-names",
    "issuerDomainNames",
    "accounturi",
    "contact",
    "termsOfServiceAgreed",
    "orders",
    "newNonce",
    "newAccount",
    "newOrder",
    "newAuthz",
    "revokeCert",
    "keyChange",
    "renewalInfo",
    "meta",
    "termsOfService",
    "profiles",
    "detail",
    "title",
    "instance",
    "subproblems",
    "algorithms",
    "suggestedWindow",
    "start",
    "end",
    "explanationURL",
    "value",
    "kty",
    "crv",
    "x",
    "y",
    "n",
    "e",
];

/// Values that mean something to one of them.
const TEXTS: &[&str] = &[
    "",
    "pending",
    "ready",
    "valid",
    "invalid",
    "processing",
    "dns",
    "ip",
    "a.example",
    "*.a.example",
    "192.0.2.1",
    "::1",
    "https://ca.example/x",
    "http://[::1]:1/",
    "//x",
    "2027-01-15T08:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "-009999-01-01T00:00:00Z",
    "http-01",
    "dns-persist-01",
    "EC",
    "RSA",
    "OKP",
    "P-256",
    "urn:ietf:params:acme:error:badNonce",
    "\u{1b}[31m\u{202e}",
];

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(TEXTS).prop_map(str::to_owned),
        ".{0,12}",
        "[a-z0-9*.:/%-]{0,24}",
    ]
}

/// JSON that looks like an object of ACME, more or less.
fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        3 => texts().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        let members = prop::collection::vec((prop::sample::select(NAMES), inner.clone()), 0..10);
        let object = |members: Vec<(&str, Value)>| {
            let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
            Value::Object(members.collect::<Map<_, _>>())
        };
        prop_oneof![
            members.prop_map(object),
            prop::collection::vec(inner, 0..4).prop_map(Value::from),
        ]
    })
}

/// Lets every request read `body`.
fn read_by_all(body: &[u8], header: &str) {
    let mut response = HttpResponse::new(body.to_vec());
    if let Ok(value) = header.parse::<http::HeaderValue>() {
        for name in ["link", "location", "retry-after", "replay-nonce", "content-type"] {
            response.headers_mut().append(name, value.clone());
        }
    }
    let url = support::account();
    let id = CertificateId::new(b"a", b"b");
    let identifier = Identifier::parse("a.example").unwrap();
    read(&GetDirectory { url: url.clone() }, &response);
    read(&NewAccount::default(), &response);
    read(&GetAccount { url: url.clone() }, &response);
    read(&ListOrders { url: url.clone() }, &response);
    read(&NewOrder::new([identifier.clone()]), &response);
    read(&GetOrder { url: url.clone() }, &response);
    read(&NewAuthorization { identifier }, &response);
    read(&GetAuthorization { url: url.clone() }, &response);
    read(&AnswerChallenge { url: url.clone() }, &response);
    read(&GetCertificate { url }, &response);
    read(&GetRenewalInfo { id }, &response);
}

fn read<R: Request>(request: &R, response: &HttpResponse) {
    let call = request.call(&directory()).unwrap();
    drop(request.parse(&call, response));
}

/// What can be read is written and read again the same, as its text says.
fn round_trips<T: Serialize + DeserializeOwned>(document: &Value) {
    if let Ok(object) = serde_json::from_value::<T>(document.clone()) {
        let once = serde_json::to_string(&object).unwrap();
        let again: T = serde_json::from_str(&once).unwrap_or_else(|e| panic!("{e}: {once}"));
        assert_eq!(serde_json::to_string(&again).unwrap(), once);
    }
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_bytes_make_reading_panic(body in prop::collection::vec(any::<u8>(), 0..200), header in ".{0,60}") {
        read_by_all(&body, &header);
    }

    #[test]
    fn no_document_makes_reading_panic(document in documents(), header in texts()) {
        read_by_all(document.to_string().as_bytes(), &header);
    }

    #[test]
    fn every_object_is_written_as_it_was_read(document in documents()) {
        round_trips::<Account>(&document);
        round_trips::<Authorization>(&document);
        round_trips::<Challenge>(&document);
        round_trips::<Directory>(&document);
        round_trips::<Identifier>(&document);
        round_trips::<Jwk>(&document);
        round_trips::<Order>(&document);
        round_trips::<Problem>(&document);
        round_trips::<RenewalInfo>(&document);
    }

    #[test]
    fn an_order_with_any_member_changed_reads_or_fails_but_never_panics(
        name in prop::sample::select(NAMES), value in documents()
    ) {
        let mut order = full_order();
        order[name] = value;
        round_trips::<Order>(&order);
        let mut authorization = full_authorization();
        authorization[name] = order[name].clone();
        round_trips::<Authorization>(&authorization);
        let mut authorization = full_authorization();
        authorization["challenges"][0][name] = order[name].clone();
        round_trips::<Authorization>(&authorization);
    }

    #[test]
    fn no_journal_makes_reading_panic(name in prop::sample::select(NAMES), value in documents()) {
        let mut journal = serde_json::to_value(Issuance::new(plan())).unwrap();
        journal["order"] = json!({ "url": "https://ca.example/o", "object": full_order() });
        journal["order"]["object"][name] = value.clone();
        drop(serde_json::from_value::<Issuance>(journal.clone()));
        journal["state"] = value;
        drop(serde_json::from_value::<Issuance>(journal));
    }

    #[test]
    fn no_name_makes_parsing_panic_and_what_is_taken_is_clean(text in texts()) {
        if let Ok(identifier) = Identifier::parse(&text) {
            let value = identifier.value();
            prop_assert!(value.bytes().all(|b| b.is_ascii_graphic()));
            prop_assert_eq!(Identifier::parse(&value), Ok(identifier));
        }
    }

    #[test]
    fn joined_urls_are_urls(base in texts(), reference in texts()) {
        if let Ok(joined) = Url::parse(base).and_then(|base| base.join(&reference)) {
            prop_assert_eq!(Url::parse(joined.as_str()), Ok(joined.clone()));
            let header = HttpResponse::new(vec![]).with("location", joined.as_str());
            prop_assert!(header.headers().contains_key("location"));
        }
    }
}

fn full_order() -> Value {
    json!({
        "status": "valid", "expires": "2027-01-15T08:00:00Z",
        "identifiers": [{ "type": "dns", "value": "a.example" }],
        "authorizations": ["https://ca.example/authz/1"],
        "finalize": "https://ca.example/f", "certificate": "https://ca.example/c",
        "error": { "type": "urn:ietf:params:acme:error:caa", "detail": "no" }
    })
}

fn full_authorization() -> Value {
    json!({
        "identifier": { "type": "dns", "value": "a.example" }, "status": "invalid",
        "wildcard": true, "expires": "2027-01-15T08:00:00Z",
        "challenges": [{
            "type": "http-01", "url": "https://ca.example/c", "status": "invalid",
            "token": "abc", "error": { "detail": "no", "subproblems": [{ "detail": "x" }] }
        }]
    })
}

fn plan() -> Plan {
    support::run::plan(&["a.example"], acme_proto::ChallengeType::Http01)
}

#[test]
fn the_full_objects_do_read() {
    serde_json::from_value::<Order>(full_order()).unwrap();
    serde_json::from_value::<Authorization>(full_authorization()).unwrap();
}

#[test]
fn a_document_nested_without_end_is_an_error_and_no_stack_overflow() {
    for (open, close) in [("[", "]"), (r#"{"meta":"#, "}"), (r#"{"error":"#, "}")] {
        let deep = format!("{}0{}", open.repeat(100_000), close.repeat(100_000));
        read_by_all(deep.as_bytes(), "");
        assert!(serde_json::from_str::<Problem>(&deep).is_err());
    }
}
