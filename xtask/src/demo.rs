//! `cargo xtask demo`: the command's own demo, with whatever else it is told.

use crate::{Outcome, run};

pub(crate) fn run(arguments: &[String]) -> Outcome {
    run::run(run::cargo(["run", "--quiet", "--", "demo"]).args(arguments))
}
