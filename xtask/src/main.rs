//! Everything that CI does, runnable by hand: `cargo xtask` lists the tasks.
//!
//! One file a task; `run.rs` starts commands and reports steps.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a task talks to the person who runs it"
)]

mod bench;
mod ci;
mod demo;
mod examples;
mod fuzz;
mod layers;
mod pebble;
mod run;
mod simulate;
mod test;

use std::env;
use std::process::ExitCode;

/// A task ends well, or badly for a reason that is told last.
type Outcome = Result<(), String>;

/// A task: its name, what it does in a line, and how, given the arguments after its name.
type Task = (&'static str, &'static str, fn(&[String]) -> Outcome);

const TASKS: &[Task] = &[
    (
        "test",
        "everything that can be tested: unit, doc and Pebble tests, and the examples",
        test::run,
    ),
    ("pebble", "only what talks to Pebble: the scenario tests and the examples", pebble::run),
    ("ci", "all that CI checks, then `test`; --no-test leaves that out", ci::run),
    ("layers", "proves who may know whom, from cargo's own metadata", layers::run),
    ("fuzz", "random inputs for every parser; [TARGET] [--seconds N] [--replay FILE]", fuzz::run),
    (
        "bench",
        "our ACME server under load, beside Pebble; [--full] [--orders N] [--clients N]",
        bench::run,
    ),
    (
        "simulate",
        "clients, server and a faulty network on a virtual clock; [--seed N] [--runs N] [--walk]",
        simulate::run,
    ),
    ("demo", "a certificate for three names from Pebble, by the real command", demo::run),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let outcome = match arguments.split_first() {
        None => help(),
        Some((name, _)) if ["help", "-h", "--help"].contains(&name.as_str()) => help(),
        Some((name, rest)) => match TASKS.iter().find(|task| task.0 == name) {
            Some((_, _, task)) => task(rest),
            None => {
                let _ = help();
                Err(format!("there is no task `{name}`"))
            }
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            if !why.is_empty() {
                eprintln!("error: {why}");
            }
            ExitCode::FAILURE
        }
    }
}

fn help() -> Outcome {
    println!("Usage: cargo xtask <task>\n");
    for (name, does, _) in TASKS {
        println!("  {name:<8} {does}");
    }
    Ok(())
}

/// Refuses arguments that a task does not know; for those that know none, all of them.
fn no_arguments(arguments: &[String]) -> Outcome {
    match arguments {
        [] => Ok(()),
        [first, ..] => Err(format!("`{first}` means nothing to this task")),
    }
}
