//! The shelf and the orders that share it.

use acme_challenges::http01::{Answer, Embedded, Responses};
use acme_challenges::{Solver, SolverErrorKind};
use acme_proto::ChallengeType;

use crate::{dns_proof, path, proof, proof_of};

fn stands(solver: &Embedded, token: &str) -> bool {
    match solver.responses().response_for(&path(token)) {
        Answer::Found(body) => body == format!("{token}.thumbprint"),
        _ => false,
    }
}

#[test]
fn only_http_01_is_supported() {
    let solver = Embedded::new();
    assert!(solver.supports(&ChallengeType::Http01));
    assert!(!solver.supports(&ChallengeType::Dns01));
    assert!(!solver.supports(&ChallengeType::Other("http-02".into())));
}

#[tokio::test]
async fn a_proof_stands_from_provision_to_cleanup() {
    let solver = Embedded::new();
    assert!(!stands(&solver, "a"));
    solver.provision(&[proof("a"), proof("b")]).await.unwrap();
    assert!(stands(&solver, "a") && stands(&solver, "b"));
    solver.cleanup(&[proof("a"), proof("b")]).await.unwrap();
    assert!(!stands(&solver, "a") && !stands(&solver, "b"));
}

#[tokio::test]
async fn a_token_of_two_orders_stands_until_both_are_done() {
    let solver = Embedded::new();
    let (one, two) = ([proof("shared"), proof("one")], [proof("two"), proof("shared")]);
    solver.provision(&one).await.unwrap();
    solver.provision(&two).await.unwrap();

    solver.cleanup(&one).await.unwrap();
    assert!(stands(&solver, "shared") && stands(&solver, "two") && !stands(&solver, "one"));
    solver.cleanup(&one).await.unwrap();
    assert!(stands(&solver, "shared"), "cleaning up again took away what another order needs");
    solver.cleanup(&two).await.unwrap();
    assert!(!stands(&solver, "shared"));
}

#[tokio::test]
async fn a_resumed_order_needs_one_cleanup() {
    let solver = Embedded::new();
    solver.provision(&[proof("a"), proof("b")]).await.unwrap();
    solver.provision(&[proof("b"), proof("a")]).await.unwrap();
    solver.cleanup(&[proof("a"), proof("b")]).await.unwrap();
    assert!(!stands(&solver, "a") && !stands(&solver, "b"));
}

#[tokio::test]
async fn an_order_may_be_cleaned_up_piece_by_piece() {
    let solver = Embedded::new();
    solver.provision(&[proof("a"), proof("b")]).await.unwrap();
    solver.cleanup(&[proof("a")]).await.unwrap();
    assert!(!stands(&solver, "a") && stands(&solver, "b"));
    solver.provision(&[proof("c")]).await.unwrap();
    solver.cleanup(&[proof("b"), proof("c")]).await.unwrap();
    assert!(!stands(&solver, "c"));
    solver.cleanup(&[proof("a"), proof("b")]).await.unwrap();
    assert!(!stands(&solver, "b"));
}

#[tokio::test]
async fn cleanup_of_what_never_stood_is_fine() {
    let solver = Embedded::new();
    solver.provision(&[proof("other")]).await.unwrap();
    solver.cleanup(&[proof("a"), dns_proof()]).await.unwrap();
    solver.cleanup(&[]).await.unwrap();
    assert!(stands(&solver, "other"));
}

#[tokio::test]
async fn another_accounts_proof_is_neither_replaced_nor_removed() {
    let solver = Embedded::new();
    solver.provision(&[proof("a")]).await.unwrap();
    let theirs = [proof("b"), proof_of("other", "a")];
    let error = solver.provision(&theirs).await.unwrap_err();
    assert!(matches!(error.kind, SolverErrorKind::Conflict), "{error}");
    assert!(!stands(&solver, "b"), "an order goes up as a whole or not at all");
    solver.cleanup(&theirs).await.unwrap();
    solver.cleanup(&theirs[1..]).await.unwrap();
    assert!(stands(&solver, "a"));
}

#[tokio::test]
async fn a_proof_of_another_type_is_refused_by_name() {
    let solver = Embedded::new();
    let error = solver.provision(&[proof("a"), dns_proof()]).await.unwrap_err();
    let SolverErrorKind::Unsupported(ChallengeType::Dns01) = error.kind else { panic!("{error}") };
    assert!(error.to_string().starts_with("dns.example.com: this solver sets up no dns-01 proofs"));
    assert!(!stands(&solver, "a"));
}

#[tokio::test]
async fn the_shelf_is_bounded() {
    let solver = Embedded::new();
    let full: Vec<_> = (0..Responses::CAPACITY).map(|n| proof(&format!("t{n}"))).collect();
    solver.provision(&full).await.unwrap();
    solver.provision(&full[..1]).await.unwrap();
    let error = solver.provision(&[proof("a")]).await.unwrap_err();
    assert!(matches!(error.kind, SolverErrorKind::Full { .. }), "{error}");
    solver.cleanup(&full).await.unwrap();
    solver.provision(&[proof("a")]).await.unwrap();
}

#[tokio::test]
async fn debug_output_shows_no_key_authorization() {
    let solver = Embedded::new();
    solver.provision(&[proof("a")]).await.unwrap();
    assert!(!format!("{solver:?}").contains("thumbprint"));
}
