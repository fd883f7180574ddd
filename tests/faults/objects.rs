//! Objects that lack members, have others, or tell of states that make no sense.

use lacme::ErrorKind::{Ca, Challenge, Network, Protocol};
use lacme::proto::Resource;
use lacme_ca::testing::Fault;
use serde_json::{Value, json};

use crate::stage::End::{Fails, Issued};
use crate::stage::Next::{Anew, SameKey, SameOrder};
use crate::stage::{Case, OBJECTS, always, left_over, play};

pub(crate) fn cases() -> Vec<Case> {
    [unknown_members(), missing_members(), wrong_members(), wrong_types(), states()].concat()
}

fn field(name: &str, value: Value) -> Fault {
    Fault::Field(name.to_owned(), value)
}

fn unknown_members() -> Vec<Case> {
    let moon = json!({"phase": [1, 2, {"full": null}]});
    OBJECTS.map(|resource| always(resource, field("moon", moon.clone()), Issued)).to_vec()
}

fn missing_members() -> Vec<Case> {
    let needed: [(Resource, &[&str]); 6] = [
        (Resource::Directory, &["newNonce", "newAccount", "newOrder"]),
        (Resource::NewOrder, &["status", "finalize"]),
        (Resource::Authorization, &["status", "identifier"]),
        (Resource::Challenge, &["type", "url"]),
        (Resource::Order, &["status", "finalize"]),
        (Resource::Finalize, &["status", "certificate"]),
    ];
    let needless: [(Resource, &[&str]); 7] = [
        (Resource::Directory, &["meta", "newAuthz", "keyChange", "revokeCert", "renewalInfo"]),
        (Resource::NewAccount, &["status", "contact", "orders"]),
        (Resource::NewOrder, &["expires", "identifiers"]),
        (Resource::Authorization, &["expires"]),
        (Resource::Challenge, &["token", "status"]),
        (Resource::Order, &["expires", "authorizations"]),
        (Resource::Finalize, &["expires", "authorizations"]),
    ];
    let without = |at, name: &str, end| always(at, Fault::WithoutField(name.to_owned()), end);
    let mut all = Vec::new();
    for (at, names) in needed {
        all.extend(names.iter().map(|name| without(at, name, Fails(Protocol, left_over(at)))));
    }
    for (at, names) in needless {
        all.extend(names.iter().map(|name| without(at, name, Issued)));
    }
    all
}

fn wrong_members() -> Vec<Case> {
    let protocol = |next| Fails(Protocol, next);
    let many = vec!["https://localhost/x"; 5000];
    vec![
        always(Resource::Directory, field("newOrder", json!("ftp://localhost/")), protocol(Anew)),
        always(
            Resource::NewOrder,
            Fault::WithoutField("authorizations".to_owned()),
            protocol(SameOrder),
        ),
        always(Resource::NewOrder, field("authorizations", json!([])), protocol(SameOrder)),
        always(Resource::NewOrder, field("authorizations", json!(many)), protocol(SameOrder)),
        always(Resource::NewOrder, field("finalize", json!("not a URL")), protocol(SameKey)),
        always(Resource::Authorization, field("challenges", json!([])), Fails(Challenge, Anew)),
        always(Resource::Authorization, field("challenges", json!(null)), Fails(Challenge, Anew)),
        always(Resource::Authorization, field("expires", json!("never")), protocol(SameOrder)),
        always(Resource::Challenge, field("error", json!({"type": "about:moon"})), Issued),
    ]
}

fn wrong_types() -> Vec<Case> {
    OBJECTS
        .map(|resource| always(resource, Fault::WrongTypes, Fails(Protocol, left_over(resource))))
        .to_vec()
}

fn states() -> Vec<Case> {
    let state = |resource, state: &str, end| always(resource, Fault::State(state.to_owned()), end);
    let (failed, late) = (Fails(Challenge, Anew), Fails(Network, SameOrder));
    vec![
        // Steps back.
        state(Resource::Order, "pending", Issued).first(3),
        state(Resource::Order, "pending", late).impatient(),
        state(Resource::Finalize, "processing", Issued),
        state(Resource::Finalize, "ready", Issued),
        state(Resource::Finalize, "pending", Issued),
        // Steps ahead.
        state(Resource::NewOrder, "ready", Issued),
        state(Resource::NewOrder, "valid", Fails(Protocol, SameOrder)),
        state(Resource::NewOrder, "processing", Issued),
        state(Resource::Authorization, "valid", late).impatient(),
        state(Resource::Challenge, "valid", Issued),
        state(Resource::Challenge, "pending", Issued),
        // The end.
        state(Resource::NewOrder, "invalid", Fails(Ca, Anew)),
        state(Resource::Order, "invalid", Fails(Ca, Anew)),
        state(Resource::Finalize, "invalid", Fails(Ca, Anew)),
        state(Resource::Authorization, "invalid", failed),
        state(Resource::Authorization, "deactivated", failed),
        state(Resource::Authorization, "revoked", failed),
        state(Resource::Challenge, "invalid", failed),
        // None at all.
        state(Resource::NewOrder, "sideways", Fails(Protocol, SameOrder)),
        state(Resource::Order, "sideways", Fails(Protocol, SameOrder)),
        state(Resource::Finalize, "sideways", Fails(Protocol, SameOrder)),
        state(Resource::Authorization, "sideways", failed),
        state(Resource::Challenge, "sideways", Issued),
        state(Resource::NewAccount, "sideways", Issued),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_nobody_knows_are_ignored() {
    play(unknown_members()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_are_missed_only_where_they_are_needed() {
    play(missing_members()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_that_make_no_sense_are_refused() {
    play(wrong_members()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_of_wrong_types_are_refused() {
    play(wrong_types()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_lies_is_found_out_or_got_over() {
    play(states()).await;
}
