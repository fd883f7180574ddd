use clap::CommandFactory as _;
use serde_json::json;

use crate::args::{Cli, CompletionsArgs};
use crate::output::Report;

pub(super) fn run(args: &CompletionsArgs) -> Report {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "lacme", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    Report::new("completions", json!({"shell": args.shell.to_string(), "script": script}), script)
}
