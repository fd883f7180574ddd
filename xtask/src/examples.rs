//! The programs under docs/examples, each run against a Pebble of its own.

use std::time::Duration;

use harness::{Pebble, pem};

use crate::test::Report;
use crate::{Outcome, run};

const EXAMPLES: [&str; 2] = ["example-blocking", "example-smol"];
const NAMES: [&str; 2] = ["one.example", "two.example"];

/// Building is bounded by the longer time, one issuance by the shorter.
const BUILD: Duration = Duration::from_secs(900);
const ISSUE: Duration = Duration::from_secs(60);

pub(crate) fn run(report: &mut Report) {
    for example in EXAMPLES {
        report.check(&format!("{example} issues a certificate"), issues(example));
        report.check(&format!("{example} links no tokio"), links_no_tokio(example));
    }
}

fn issues(example: &str) -> Outcome {
    let build = &mut run::cargo(["build", "--quiet", "-p", example]);
    run::output(build, BUILD)?;

    let pebble = Pebble::builder().try_start().map_err(|error| error.to_string())?;
    let mut program = run::cargo(["run", "--quiet", "-p", example, "--"]);
    program
        .args(NAMES)
        .env("LACME_DIRECTORY", pebble.directory_url())
        .env("LACME_CA_BUNDLE", pebble.ca_bundle())
        .env("LACME_HTTP_ADDR", format!("127.0.0.1:{}", pebble.http_port()));
    let chain = run::output(&mut program, ISSUE)?;

    let chain = pem::certificates(&chain).map_err(|error| error.to_string())?;
    if chain.len() < 2 {
        return Err("the chain has no intermediate".to_owned());
    }
    match NAMES.iter().find(|name| !pem::names(&chain[0], name)) {
        Some(name) => Err(format!("the certificate does not name {name}")),
        None => Ok(()),
    }
}

fn links_no_tokio(example: &str) -> Outcome {
    let tree = &mut run::cargo(["tree", "--prefix", "none", "-e", "normal,build", "-p", example]);
    let tree = run::output(tree, ISSUE)?;
    match tree.lines().find(|line| line.starts_with("tokio ")) {
        Some(line) => Err(format!("it links {line}")),
        None => Ok(()),
    }
}
