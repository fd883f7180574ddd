//! Bodies that are broken.

use lacme::ErrorKind::Protocol;
use lacme::proto::Resource;
use lacme_ca::testing::{BodyFault, Fault};

use crate::stage::End::{Fails, Issued};
use crate::stage::Next::SameOrder;
use crate::stage::{Case, OBJECTS, always, left_over, play};

pub(crate) fn cases() -> Vec<Case> {
    [broken(), broken_certificates(), broken_nonces()].concat()
}

fn faults() -> [BodyFault; 8] {
    [
        BodyFault::Empty,
        BodyFault::Truncated,
        BodyFault::Html,
        BodyFault::Oversized(4 << 20),
        BodyFault::Nested(100_000),
        BodyFault::Bytes(b"null".to_vec()),
        BodyFault::Bytes(b"[{}]".to_vec()),
        BodyFault::Bytes(vec![0xff; 100]),
    ]
}

fn broken() -> Vec<Case> {
    let case = |resource, fault: BodyFault| {
        let end = match (resource, &fault) {
            // The account's URL is all that is needed, and it is in a header.
            (Resource::NewAccount, BodyFault::Empty) => Issued,
            _ => Fails(Protocol, left_over(resource)),
        };
        always(resource, Fault::Body(fault), end)
    };
    faults().map(|fault| OBJECTS.map(|resource| case(resource, fault.clone()))).concat()
}

/// None of them comes to the end of a chain: the CA still has the whole of it.
fn broken_certificates() -> Vec<Case> {
    let case =
        |fault| always(Resource::Certificate, Fault::Body(fault), Fails(Protocol, SameOrder));
    faults().map(case).to_vec()
}

/// Nobody reads a body where there ought to be none.
fn broken_nonces() -> Vec<Case> {
    faults().map(|fault| always(Resource::NewNonce, Fault::Body(fault), Issued)).to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_object_is_the_servers_fault() {
    play(broken()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_certificate_is_not_stored() {
    play(broken_certificates()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_body_of_a_nonces_answer_does_not_matter() {
    play(broken_nonces()).await;
}
