//! `simulation --seed N` and `simulation --runs N`; usually by `cargo xtask simulate`.

#![expect(clippy::print_stdout, reason = "a task talks to the person who runs it")]

use std::process::ExitCode;
use std::time::Instant;

const USAGE: &str = "Usage: cargo xtask simulate [--seed N] [--runs N]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u64>().ok();
    let is_kept = match words.as_slice() {
        [] => many(1_000),
        ["--runs", runs] => number(runs).and_then(many),
        ["--seed", seed] => number(seed).and_then(one),
        _ => None,
    };
    if let Some(true) = is_kept {
        return ExitCode::SUCCESS;
    }
    if is_kept.is_none() {
        println!("{USAGE}");
    }
    ExitCode::FAILURE
}

/// One seed with everything that happens.
fn one(seed: u64) -> Option<bool> {
    let (lines, result) = simulation::trace(seed);
    lines.iter().for_each(|line| println!("{line}"));
    match &result {
        Ok(tally) => println!("\nseed {seed}: every promise was kept\n{tally}"),
        Err(broken) => println!("\nseed {seed}: BROKEN: {}", broken.reason),
    }
    Some(result.is_ok())
}

/// Many seeds with their sums.
fn many(runs: u64) -> Option<bool> {
    let begun = Instant::now();
    match simulation::run_all(runs) {
        Ok(tally) => {
            let per_minute = tally.runs as f64 / begun.elapsed().as_secs_f64() * 60.0;
            println!("{tally}{:<28} {per_minute:>10.0}", "runs per minute");
            Some(true)
        }
        Err(broken) => {
            println!("{broken}");
            Some(false)
        }
    }
}
