//! Starting commands and telling how steps went.

use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use harness::workspace;

use crate::Outcome;

/// The cargo that runs us, at the workspace's root.
pub(crate) fn cargo<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut cargo = command(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(arguments);
    cargo
}

/// Any command, at the workspace's root.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace::root());
    command
}

/// Runs a command whose output goes where ours goes.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let line = describe(command);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}` ended with {status}")),
        Err(error) => Err(format!("cannot run `{line}`: {error}")),
    }
}

/// Runs a command and returns what it printed.
pub(crate) fn output(command: &mut Command, limit: Duration) -> Result<String, String> {
    harness::output_within(command, limit).map_err(|error| error.to_string())
}

/// A program's path on `PATH` or in the folders where this workspace installs tools.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain([workspace::tools_dir().join("bin")])
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

/// Named steps, each told as it starts and summed up at the end.
#[derive(Default)]
pub(crate) struct Steps {
    done: Vec<(String, Duration, Outcome)>,
}

impl Steps {
    /// Runs a step; the following ones run whatever becomes of it.
    pub(crate) fn step(&mut self, name: &str, step: impl FnOnce() -> Outcome) {
        println!("\n==> {name}");
        let start = Instant::now();
        let outcome = step();
        if let Err(why) = &outcome {
            eprintln!("{name} failed: {why}");
        }
        self.done.push((name.to_owned(), start.elapsed(), outcome));
    }

    pub(crate) fn failed(&self) -> usize {
        self.done.iter().filter(|(_, _, outcome)| outcome.is_err()).count()
    }

    /// Prints one line a step.
    pub(crate) fn summary(&self) {
        println!();
        for (name, took, outcome) in &self.done {
            let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
            println!("{verdict:>8}  {name} ({:.1} s)", took.as_secs_f32());
        }
    }
}

fn describe(command: &Command) -> String {
    let program = PathBuf::from(command.get_program());
    let words = command.get_args().map(OsStr::to_string_lossy);
    let program = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    words.fold(program, |line, word| line + " " + &word)
}
