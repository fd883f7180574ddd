//! Every fault of lacme-ca's fault script, met by our client: what it does about it.
//!
//! Each case is a whole issuance over HTTPS. In all of them the client comes to its end in bounded
//! time and requests, takes its proofs down and stores no wrong certificate. Where it fails, the
//! next run, with the fault gone, comes to its certificate: with the same order and key where the
//! CA still has the order, always with the same account.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod stage;

mod bodies;
mod certificates;
mod connections;
mod headers;
mod objects;
mod refusals;

use std::collections::BTreeSet;

use lacme_ca::testing::Fault;

use stage::Case;

/// The faults as they are defined. The enums are not exhaustive outside of their crate, so that the
/// compiler cannot tell which one is missing here.
const DEFINITIONS: &str = include_str!("../../crates/lacme-ca/src/testing/faults.rs");

#[test]
fn every_fault_of_the_script_is_met_by_a_test() {
    let cases: Vec<Case> = [
        connections::cases(),
        refusals::cases(),
        headers::cases(),
        bodies::cases(),
        objects::cases(),
        certificates::cases(),
    ]
    .concat();
    let met: BTreeSet<String> = cases.iter().flat_map(|case| kinds(&case.fault)).collect();
    for (name, variants) in [
        ("Fault", variants("Fault")),
        ("BodyFault", variants("BodyFault")),
        ("CertificateFault", variants("CertificateFault")),
    ] {
        assert!(variants.len() >= 6, "{name} was not found");
        for variant in variants {
            assert!(met.contains(&variant), "no test meets {name}::{variant}");
        }
    }
}

/// The names of a fault and of what is in it, as `Debug` writes them.
fn kinds(fault: &Fault) -> Vec<String> {
    let text = format!("{fault:?}");
    let name =
        |text: &str| text.split(|c: char| !c.is_ascii_alphanumeric()).next().map(str::to_owned);
    let inner = text.split_once('(').and_then(|(_, inner)| name(inner));
    name(&text).into_iter().chain(inner).collect()
}

/// The variants of an enum in the definitions.
fn variants(name: &str) -> Vec<String> {
    let (_, rest) = DEFINITIONS.split_once(&format!("pub enum {name} {{\n")).unwrap();
    let (body, _) = rest.split_once("\n}").unwrap();
    body.lines()
        .map(str::trim)
        .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        .map(|line| line.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap().to_owned())
        .collect()
}
