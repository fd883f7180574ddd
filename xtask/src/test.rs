//! `cargo xtask test`: everything, with a verdict in its last line.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use harness::tools::{self, Tool};
use harness::{REQUIRE_ALL, SKIP_LOG};

use crate::{Outcome, examples, no_arguments, run};

/// Tested by itself: josekit turns a feature of serde_json on that the others must not see, and links
/// OpenSSL, which not every machine has.
pub(crate) const JOSEKIT: &str = "acme-josekit";

pub(crate) fn run(arguments: &[String]) -> Outcome {
    no_arguments(arguments)?;
    let mut report = Report::default();
    if has_openssl() {
        report.cargo_test(&mut run::cargo(["test", "-p", JOSEKIT, "--no-fail-fast"]));
    } else {
        report.skip(&format!(
            "{JOSEKIT}: it needs OpenSSL's headers (Debian: apt-get install pkg-config libssl-dev)"
        ));
    }
    match Servers::ready() {
        Ok(servers) => {
            report.cargo_test(servers.tell(&mut workspace_tests()));
            examples::run(&mut report);
        }
        Err(why) => {
            let without = ["--exclude", "harness", "--exclude", "lacme-tests"];
            report.cargo_test(workspace_tests().args(without));
            report.skip(&format!("tests and examples that talk to Pebble: {why}"));
        }
    }
    report.close()
}

fn workspace_tests() -> Command {
    run::cargo(["test", "--workspace", "--no-fail-fast", "--exclude", JOSEKIT])
}

fn has_openssl() -> bool {
    let mut ask = Command::new("pkg-config");
    let status = ask.args(["--exists", "openssl"]).stdin(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Pebble's programs, found or installed once for all tests.
pub(crate) struct Servers(Vec<(Tool, tools::Found)>);

impl Servers {
    pub(crate) fn ready() -> Result<Self, String> {
        let mut found = Vec::new();
        for tool in Tool::PEBBLE {
            let tool_found = tools::find(tool).map_err(|error| error.to_string())?;
            println!("using {tool_found}");
            found.push((tool, tool_found));
        }
        Ok(Self(found))
    }

    /// Tells a command where the programs are, so that it need not search or install.
    pub(crate) fn tell<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        for (tool, found) in &self.0 {
            command.env(tool.variable(), found.path());
        }
        command
    }
}

/// What passed, failed and was skipped, counted while it runs.
#[derive(Debug, Default)]
pub(crate) struct Report {
    passed: usize,
    failures: Vec<String>,
    /// Failures told by name since the last result line, which counts them once more.
    named: usize,
    ignored: usize,
    skipped: BTreeSet<String>,
}

impl Report {
    /// Runs `cargo test`, passes its output through and counts its results.
    pub(crate) fn cargo_test(&mut self, command: &mut Command) {
        let log = tempfile::NamedTempFile::new().map_err(|error| error.to_string());
        if let Err(why) = log.and_then(|log| {
            let ran = self.stream(command.env(SKIP_LOG, log.path()));
            self.skipped
                .extend(fs::read_to_string(&log).unwrap_or_default().lines().map(str::to_owned));
            ran
        }) {
            self.fail("cargo test", &why);
        }
    }

    fn stream(&mut self, command: &mut Command) -> Outcome {
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot run cargo: {error}"))?;
        let before = self.failed();
        let stdout = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        for line in stdout.split(b'\n') {
            let line = line.map_err(|error| format!("cannot read cargo's output: {error}"))?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            self.read(&line);
        }
        let status = child.wait().map_err(|error| format!("cannot wait for cargo: {error}"))?;
        // Neither code that does not compile nor a test that dies by a signal prints a result.
        if !status.success() && self.failed() == before {
            return Err(format!("ended with {status}; see above"));
        }
        Ok(())
    }

    /// Takes what one line of a test runner's output says.
    fn read(&mut self, line: &str) {
        if let Some(name) =
            line.strip_prefix("test ").and_then(|rest| rest.strip_suffix(" ... FAILED"))
        {
            self.failures.push(name.to_owned());
            self.named += 1;
        }
        let Some(counts) = line.strip_prefix("test result: ") else {
            return;
        };
        let count = |what: &str| {
            let words = counts.split(['.', ';']).find_map(|part| part.trim().strip_suffix(what));
            words.and_then(|number| number.trim().parse::<usize>().ok()).unwrap_or(0)
        };
        self.passed += count("passed");
        self.ignored += count("ignored");
        let named = std::mem::take(&mut self.named);
        for _ in named..count("failed") {
            self.failures.push("a test whose name was not told".to_owned());
        }
    }

    pub(crate) fn check(&mut self, name: &str, outcome: Outcome) {
        match outcome {
            Ok(()) => {
                println!("test {name} ... ok");
                self.passed += 1;
            }
            Err(why) => self.fail(name, &why),
        }
    }

    pub(crate) fn fail(&mut self, name: &str, why: &str) {
        println!("test {name} ... FAILED\n{why}");
        self.failures.push(name.to_owned());
    }

    fn skip(&mut self, what: &str) {
        self.skipped.insert(what.to_owned());
        if std::env::var_os(REQUIRE_ALL).is_some_and(|value| value == "1") {
            self.fail("everything that is required", what);
        }
    }

    fn failed(&self) -> usize {
        self.failures.len()
    }

    /// Prints what was skipped and what failed, and last the numbers alone.
    pub(crate) fn close(&self) -> Outcome {
        println!();
        if self.skipped.is_empty() {
            println!("Nothing was skipped.");
        } else {
            println!("Skipped, {} in all:", self.skipped.len());
            self.skipped.iter().for_each(|line| println!("  {line}"));
        }
        if self.ignored > 0 {
            println!("Ignored by their own mark: {}.", self.ignored);
        }
        if !self.failures.is_empty() {
            println!("Failed:");
            self.failures.iter().for_each(|name| println!("  {name}"));
        }
        println!("\n{} passed, {} failed", self.passed, self.failed());
        // The line above has said it all.
        if self.failures.is_empty() { Ok(()) } else { Err(String::new()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(lines: &[&str]) -> Report {
        let mut report = Report::default();
        lines.iter().for_each(|line| report.read(line));
        report
    }

    #[test]
    fn results_of_several_test_programs_add_up() {
        let report = report(&[
            "test result: ok. 13 passed; 0 failed; 2 ignored; 0 measured; 0 filtered out; finished in 1.24s",
            "test a::works ... ok",
            "test a::breaks ... FAILED",
            "test result: FAILED. 9 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out",
            "a line that says test result: ok. 70 passed",
        ]);
        assert_eq!((report.passed, report.ignored), (22, 2));
        assert_eq!(report.failures, ["a::breaks"]);
    }

    #[test]
    fn a_failure_without_a_name_is_counted_too() {
        let report = report(&["test result: FAILED. 1 passed; 2 failed; 0 ignored"]);
        assert_eq!((report.passed, report.failed()), (1, 2));
    }

    #[test]
    fn a_command_that_fails_without_a_result_is_a_failure() {
        let mut report = Report::default();
        report.cargo_test(Command::new("sh").args(["-c", "echo no results; exit 101"]));
        assert_eq!((report.passed, report.failed()), (0, 1));
    }

    #[test]
    fn skips_that_tests_write_down_are_told() {
        let mut report = Report::default();
        report.cargo_test(
            Command::new("sh").args(["-c", "echo 'a_test: no profiles' >>$LACME_SKIP_LOG"]),
        );
        assert_eq!(report.skipped.first().map(String::as_str), Some("a_test: no profiles"));
        assert_eq!(report.failed(), 0);
    }
}
