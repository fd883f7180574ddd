//! `cargo xtask pebble`: the scenario tests and the examples, against real servers.

use crate::test::{Report, Servers};
use crate::{Outcome, examples, run};

/// Arguments are passed on to `cargo test`: a test's name, for example.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let servers = Servers::ready()?;
    let mut report = Report::default();
    let mut tests = run::cargo(["test", "--no-fail-fast", "-p", "lacme-tests"]);
    report.cargo_test(servers.tell(tests.args(arguments)));
    if arguments.is_empty() {
        examples::run(&mut report);
    }
    report.close()
}
