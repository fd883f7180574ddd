//! `cargo xtask simulate`: clients, server and a faulty network on a virtual clock, by seed.
//!
//! It is a program of its own (tests/simulation), so that the other tasks need not build the
//! server.

use crate::{Outcome, run};

/// `--seed N` tells everything that happens in one run, the same every time; `--runs N` runs the
/// seeds from 0 on and tells what was met; `--walk` goes through every state of the client.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let walk = arguments == ["--walk"];
    let mut command = match walk {
        true => run::cargo(["test", "--quiet", "-p", "acme-proto", "--test", "issuance"]),
        false => run::cargo(["run", "--quiet", "-p", "simulation", "--"]),
    };
    match walk {
        true => command.args(["--", "--nocapture", "walk::"]),
        false => command.args(arguments),
    };
    run::run(&mut command)
}
