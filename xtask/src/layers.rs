//! `cargo xtask layers`: the house's arrows, proven from `cargo metadata`.
//!
//! The rules are the two tables below; docs/architecture.md gives the reasons at length.

mod graph;

use std::fmt;
use std::time::Duration;

use crate::{Outcome, no_arguments, run};
use graph::Graph;

/// Who may know whom, among our own crates. A crate of the folder `crates/` that is not here has
/// no place in the house yet. Packages outside that folder may use anything; no crate may use them.
#[rustfmt::skip]
const ARROWS: &[(&str, &str)] = &[
    ("acme-proto",      ""),
    ("acme-crypto",     "acme-proto"),
    ("acme-transport",  "acme-proto"),
    ("acme-challenges", "acme-proto"),
    ("acme-store",      "acme-proto"),
    ("acme-josekit",    "acme-proto acme-crypto"),
    ("lacme",           "acme-proto acme-crypto acme-transport acme-challenges acme-store acme-josekit"),
    ("lacme-ca",        "acme-proto acme-crypto acme-store"),
    ("lacme-server",    "lacme"),
    ("lacme-cli",       "lacme lacme-server lacme-ca"),
];

/// What a crate must not reach, by any road: who, what, why.
#[rustfmt::skip]
const CLOSED: &[(&str, &str, &str)] = &[
    ("acme-proto", RUNTIMES, "the protocol runs on any runtime, or none"),
    ("acme-proto", CLIENTS, "the protocol never sends: its driver does"),
    ("acme-proto", CRYPTO, "signatures and digests are traits of the protocol"),
    ("acme-proto", "rand rand_core getrandom fastrand", "random numbers are arguments"),
    ("acme-proto", "chrono time", "the present time is an argument"),
    ("acme-proto", "libc rustix nix cc", "the protocol has no system and no C below it"),
    ("lacme lacme-ca lacme-cli", SECOND_CRYPTO, "the default build links one crypto library, aws-lc-rs"),
];

const RUNTIMES: &str = "tokio async-std smol async-io async-executor glommio mio";
const CLIENTS: &str = "hyper hyper-util h2 reqwest ureq isahc curl";
const CRYPTO: &str =
    "rustls ring openssl openssl-sys aws-lc-rs aws-lc-sys sha2 hmac p256 rsa rcgen";
const SECOND_CRYPTO: &str = "ring openssl openssl-sys native-tls boring boring-sys";

pub(crate) fn run(arguments: &[String]) -> Outcome {
    no_arguments(arguments)?;
    let limit = Duration::from_secs(120);
    let host = run::output(run::command("rustc").arg("-vV"), limit)?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or("rustc does not name its host")?;
    let metadata = ["metadata", "--format-version", "1", "--filter-platform", host];
    let graph = Graph::parse(&run::output(&mut run::cargo(metadata), limit)?)?;

    let broken = check(&graph);
    if broken.is_empty() {
        println!("{} crates, every arrow as it should be", graph.crates().count());
        return Ok(());
    }
    for arrow in &broken {
        eprintln!("broken: {arrow}");
    }
    Err(format!("{} arrows are broken (rules: xtask/src/layers.rs)", broken.len()))
}

/// A dependency that the rules do not allow.
#[derive(Debug, PartialEq, Eq)]
struct Broken {
    /// From the crate to what it must not use, each using the next.
    road: Vec<String>,
    why: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.road.join(" -> "), self.why)
    }
}

fn check(graph: &Graph) -> Vec<Broken> {
    let mut broken = Vec::new();
    for name in graph.crates() {
        let Some((_, allowed)) = ARROWS.iter().find(|(room, _)| *room == name) else {
            let why = "this crate is not in the table of arrows".to_owned();
            broken.push(Broken { road: vec![name.to_owned()], why });
            continue;
        };
        for used in graph.members_used_by(name) {
            if !words(allowed).any(|allowed| allowed == used) {
                let why = match *allowed {
                    "" => format!("{name} may use none of our crates"),
                    allowed => format!("{name} may use only {}", allowed.replace(' ', ", ")),
                };
                broken.push(Broken { road: vec![name.to_owned(), used.to_owned()], why });
            }
        }
    }
    for (crates, closed, why) in CLOSED {
        let present = words(crates).filter(|name| graph.crates().any(|there| there == *name));
        for road in present.flat_map(|name| words(closed).filter_map(|to| graph.road(name, to))) {
            broken.push(Broken { road, why: (*why).to_owned() });
        }
    }
    broken
}

fn words(list: &str) -> impl Iterator<Item = &str> {
    list.split_whitespace()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Folder (none: not ours), name, and what it uses with the kind of use.
    type Package<'a> = (&'a str, &'a str, &'a [(&'a str, Value)]);

    /// What cargo would print for these packages.
    fn metadata(packages: &[Package<'_>]) -> Graph {
        let of = |(folder, name, _): &Package<'_>| {
            let path = format!("/w/{folder}/{name}/Cargo.toml");
            json!({"id": name, "name": name, "manifest_path": path})
        };
        let node = |(_, name, uses): &Package<'_>| {
            let deps: Vec<_> = uses
                .iter()
                .map(|(to, kind)| json!({"pkg": to, "dep_kinds": [{"kind": kind}]}))
                .collect();
            json!({"id": name, "deps": deps})
        };
        let ours = packages.iter().filter(|(folder, ..)| !folder.is_empty());
        let text = json!({
            "workspace_root": "/w",
            "workspace_members": ours.map(|(_, name, _)| *name).collect::<Vec<_>>(),
            "packages": packages.iter().map(of).collect::<Vec<_>>(),
            "resolve": {"nodes": packages.iter().map(node).collect::<Vec<_>>()},
        });
        Graph::parse(&text.to_string()).unwrap()
    }

    fn told(graph: &Graph) -> Vec<String> {
        check(graph).iter().map(ToString::to_string).collect()
    }

    const NORMAL: Value = Value::Null;

    #[test]
    fn a_sound_house_breaks_no_arrow() {
        let graph = metadata(&[
            ("crates", "acme-proto", &[("serde", NORMAL)]),
            ("crates", "lacme", &[("acme-proto", NORMAL), ("tokio", NORMAL)]),
            ("", "serde", &[]),
            ("", "tokio", &[]),
        ]);
        assert_eq!(check(&graph), []);
    }

    #[test]
    fn siblings_do_not_know_each_other() {
        let graph = metadata(&[
            ("crates", "acme-store", &[("acme-crypto", NORMAL)]),
            ("crates", "acme-crypto", &[]),
        ]);
        assert_eq!(told(&graph), ["acme-store -> acme-crypto: acme-store may use only acme-proto"]);
    }

    #[test]
    fn a_forbidden_crate_is_found_at_the_end_of_a_long_road() {
        let graph = metadata(&[
            ("crates", "acme-proto", &[("helpful", NORMAL)]),
            ("", "helpful", &[("deep", NORMAL)]),
            ("", "deep", &[("tokio", NORMAL), ("helpful", NORMAL)]),
            ("", "tokio", &[]),
        ]);
        let line =
            "acme-proto -> helpful -> deep -> tokio: the protocol runs on any runtime, or none";
        assert_eq!(told(&graph), [line]);
    }

    #[test]
    fn tests_may_use_what_the_crate_may_not() {
        let dev = || json!("dev");
        let graph = metadata(&[
            ("crates", "acme-proto", &[("tokio", dev()), ("harness", dev())]),
            ("tests", "harness", &[]),
            ("", "tokio", &[]),
        ]);
        assert_eq!(check(&graph), []);
    }

    #[test]
    fn what_a_build_script_uses_counts() {
        let graph = metadata(&[
            ("crates", "lacme", &[("wrapper", NORMAL)]),
            ("", "wrapper", &[("openssl-sys", json!("build"))]),
            ("", "openssl-sys", &[]),
        ]);
        assert_eq!(told(&graph).len(), 1);
    }

    #[test]
    fn a_crate_without_a_place_is_told() {
        let graph = metadata(&[("crates", "acme-attic", &[])]);
        assert_eq!(told(&graph), ["acme-attic: this crate is not in the table of arrows"]);
    }

    #[test]
    fn no_crate_uses_a_package_of_the_tests() {
        let graph =
            metadata(&[("crates", "lacme-cli", &[("harness", NORMAL)]), ("tests", "harness", &[])]);
        assert_eq!(told(&graph).len(), 1);
    }

    #[test]
    fn every_name_in_the_table_has_a_row() {
        for used in ARROWS.iter().flat_map(|(_, allowed)| words(allowed)) {
            assert!(ARROWS.iter().any(|(name, _)| *name == used), "{used}");
        }
    }
}
