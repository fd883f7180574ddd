//! `cargo xtask fuzz`: random inputs, guided by coverage, for every parser that takes bytes from
//! outside. The targets are in tests/fuzz, each with a small corpus to begin with.
//!
//! libFuzzer comes with the crate `libfuzzer-sys`; the counters it steers by are a pass of the
//! stable compiler. No address sanitizer, which is what would need a nightly one: the workspace
//! forbids `unsafe`, and overflow checks and debug assertions are on.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use harness::workspace;

use crate::{Outcome, run};

/// A target: its name, the longest input in bytes, and the words that its inputs are made of.
type Target = (&'static str, usize, Option<&'static str>);

/// All targets; a new one is a row here, a `[[bin]]` in tests/fuzz/Cargo.toml, a file in
/// tests/fuzz/targets and a folder in tests/fuzz/corpus.
const TARGETS: &[Target] = &[
    // What a CA sends.
    ("resources", 8192, Some("json.dict")),
    ("responses", 8192, Some("responses.dict")),
    ("issuance", 4096, Some("responses.dict")),
    ("chain", 16384, Some("pem.dict")),
    ("certificate", 4096, None),
    // What a client sends, to a server of ours or to the http-01 responder.
    ("jws", 8192, Some("json.dict")),
    ("jwk", 4096, Some("json.dict")),
    ("server", 2048, Some("json.dict")),
    ("csr", 4096, Some("pem.dict")),
    ("http01", 1024, None),
    // What people type, and the files they bring.
    ("names", 512, None),
    ("private_key", 8192, Some("pem.dict")),
    ("hmac_key", 512, None),
    ("store", 8192, Some("json.dict")),
];

const SECONDS: u64 = 10;
const MEMORY_MB: u32 = 2048;
/// An input that takes longer is a finding, too.
const SECONDS_EACH: u32 = 10;

const USAGE: &str = "Usage: cargo xtask fuzz [TARGET] [--seconds N] [--replay FILE]";

/// What cargo-fuzz sets, less the sanitizer.
const FLAGS: [&str; 6] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    // Conditions joined by `&&` stay apart: otherwise nothing tells that the first one holds.
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
];

/// Every target for a while, or one; `--replay` gives one target one input.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let wanted = Wanted::read(arguments)?;
    let targets: Vec<&Target> =
        TARGETS.iter().filter(|target| wanted.target.is_none_or(|name| name == target.0)).collect();
    if targets.is_empty() {
        let names: Vec<_> = TARGETS.iter().map(|target| target.0).collect();
        return Err(format!("there is no such target; there are {}", names.join(", ")));
    }
    let programs = build()?;
    if let (Some(input), [(name, ..)]) = (wanted.replay, targets.as_slice()) {
        let input = std::path::absolute(input).map_err(|error| format!("{input}: {error}"))?;
        return run::run(run::command(programs.join(name)).arg(input));
    }
    println!(
        "{:<12} {:>6} {:>12} {:>16} {:>7}",
        "target", "s", "executions", "edges reached", "new"
    );
    let mut failures = Vec::new();
    for target in targets {
        failures.extend(fuzz(target, &programs, wanted.seconds).err());
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n\n")) }
}

struct Wanted<'a> {
    target: Option<&'a str>,
    seconds: u64,
    replay: Option<&'a str>,
}

impl<'a> Wanted<'a> {
    fn read(arguments: &'a [String]) -> Result<Self, String> {
        let mut wanted = Self { target: None, seconds: SECONDS, replay: None };
        let mut words = arguments.iter().map(String::as_str);
        while let Some(word) = words.next() {
            match word {
                "--seconds" => {
                    let seconds = words.next().and_then(|text| text.parse().ok());
                    // 0 would mean for ever.
                    wanted.seconds = seconds.filter(|n| *n > 0).ok_or(USAGE)?;
                }
                "--replay" => wanted.replay = Some(words.next().ok_or(USAGE)?),
                name if wanted.target.is_none() && !name.starts_with('-') => {
                    wanted.target = Some(name);
                }
                _ => return Err(USAGE.to_owned()),
            }
        }
        if wanted.replay.is_some() && wanted.target.is_none() {
            return Err(USAGE.to_owned());
        }
        Ok(wanted)
    }
}

/// Where everything of this task is kept: programs, inputs found, crashes.
fn folder() -> PathBuf {
    workspace::target_dir().join("fuzz")
}

/// Builds all targets and returns the folder they are in.
fn build() -> Result<PathBuf, String> {
    if std::env::var_os("CXX").is_none() && run::program("c++").is_none() {
        return Err("libFuzzer is C++: install a compiler for it, for example by \
                    apt-get install g++"
            .to_owned());
    }
    // For a target that is named, cargo keeps the flags away from build scripts.
    let host = host()?;
    let mut build = run::cargo(["build", "--release", "--quiet", "--bins", "--target", &host]);
    build.current_dir(workspace::root().join("tests/fuzz"));
    build.arg("--target-dir").arg(folder());
    build.env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"));
    println!("Building the targets (some minutes, the first time) ...");
    run::run(&mut build)?;
    Ok(folder().join(host).join("release"))
}

fn host() -> Result<String, String> {
    let version = run::output(run::command("rustc").arg("-vV"), Duration::from_secs(60))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc does not say for what it compiles".to_owned())
}

/// Runs one target and prints a line about it; the error tells how to see a crash again.
fn fuzz(target: &Target, programs: &Path, seconds: u64) -> Outcome {
    let (name, max_length, dictionary) = *target;
    let tests = workspace::root().join("tests/fuzz");
    let (found, crashes) = (folder().join("corpus").join(name), folder().join("crashes"));
    for folder in [&found, &crashes] {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let mut fuzzer = run::command(programs.join(name));
    fuzzer.arg(&found).arg(tests.join("corpus").join(name));
    fuzzer.arg(format!("-max_total_time={seconds}"));
    fuzzer.arg(format!("-max_len={max_length}"));
    fuzzer.arg(format!("-rss_limit_mb={MEMORY_MB}"));
    fuzzer.arg(format!("-timeout={SECONDS_EACH}"));
    fuzzer.arg(format!("-artifact_prefix={}/{name}-", crashes.display()));
    fuzzer.args(["-print_final_stats=1", "-verbosity=1"]);
    if let Some(dictionary) = dictionary {
        fuzzer.arg(format!("-dict={}", tests.join("dictionaries").join(dictionary).display()));
    }
    let begin = Instant::now();
    let (succeeded, log) = finish(&mut fuzzer)?;
    let told = Told::read(&log);
    println!(
        "{name:<12} {:>6.1} {:>12} {:>16} {:>7}",
        begin.elapsed().as_secs_f32(),
        told.executions,
        format!("{} of {}", told.reached, told.edges),
        told.added,
    );
    if succeeded {
        return Ok(());
    }
    let log_file = crashes.join(format!("{name}.log"));
    fs::write(&log_file, &log).map_err(|error| format!("{}: {error}", log_file.display()))?;
    Err(match told.crash {
        Some(input) => format!(
            "{name} failed{}\n  the input:   {input}\n  to see it:   \
             cargo xtask fuzz {name} --replay {input}\n  what it said: {}",
            told.panic.map(|line| format!(": {line}")).unwrap_or_default(),
            log_file.display(),
        ),
        None => format!("{name} failed; what it said: {}", log_file.display()),
    })
}

/// What the fuzzer writes while it runs, some lines a second, is read at its end.
fn finish(fuzzer: &mut Command) -> Result<(bool, String), String> {
    let cannot = |error| format!("cannot run the fuzzer: {error}");
    let output = fuzzer.stdin(Stdio::null()).output().map_err(cannot)?;
    Ok((output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// What the fuzzer's output says.
#[derive(Debug, Default, PartialEq)]
struct Told<'a> {
    executions: &'a str,
    /// How many edges of the program's flow there are, and how many were taken.
    edges: &'a str,
    reached: &'a str,
    /// Inputs that reached something new.
    added: &'a str,
    panic: Option<&'a str>,
    crash: Option<&'a str>,
}

impl<'a> Told<'a> {
    fn read(log: &'a str) -> Self {
        let mut told = Self::default();
        let mut lines = log.lines();
        while let Some(line) = lines.next() {
            let after = |label: &str| line.split_once(label).map(|(_, rest)| rest.trim());
            let word = |label: &str| after(label).and_then(|rest| rest.split(' ').next());
            if let Some(count) = word("stat::number_of_executed_units:") {
                told.executions = count;
            } else if let Some(count) = word("stat::new_units_added:") {
                told.added = count;
            } else if line.starts_with("INFO: Loaded") && line.contains("counters") {
                told.edges = word("modules   (").unwrap_or_default();
            } else if line.starts_with('#') {
                told.reached = word(" cov: ").unwrap_or(told.reached);
            } else if line.contains("panicked at ") {
                told.panic = lines.next();
            } else if let Some(file) = after("Test unit written to ") {
                told.crash = Some(file);
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn names(folder: &str) -> BTreeSet<String> {
        let entries = fs::read_dir(workspace::root().join("tests/fuzz").join(folder)).unwrap();
        entries.map(|e| e.unwrap().path().file_stem().unwrap().display().to_string()).collect()
    }

    #[test]
    fn every_target_has_its_row_its_file_and_its_corpus() {
        let rows: BTreeSet<String> = TARGETS.iter().map(|target| target.0.to_owned()).collect();
        assert_eq!(names("targets"), rows);
        assert_eq!(names("corpus"), rows);
        let used =
            TARGETS.iter().filter_map(|target| target.2).map(|file| file.replace(".dict", ""));
        assert_eq!(names("dictionaries"), used.collect());
    }

    #[test]
    fn no_seed_is_longer_than_its_targets_inputs_and_no_corpus_is_large() {
        for (name, max_length, _) in TARGETS {
            let folder = workspace::root().join("tests/fuzz/corpus").join(name);
            let sizes: Vec<u64> = fs::read_dir(folder)
                .unwrap()
                .map(|f| f.unwrap().metadata().unwrap().len())
                .collect();
            assert!(sizes.iter().all(|size| *size <= *max_length as u64), "{name}");
            assert!(!sizes.is_empty() && sizes.iter().sum::<u64>() < 30_000, "{name}");
        }
    }

    #[test]
    fn a_crash_and_what_led_to_it_are_found_in_the_output() {
        let log = "INFO: Loaded 1 modules   (158 inline 8-bit counters): 158 [0x1, 0x2), \n\
                   #2\tINITED cov: 8 ft: 8 corp: 1/1b exec/s: 0 rss: 27Mb\n\
                   #205\tNEW    cov: 9 ft: 9 corp: 2/7b lim: 6 exec/s: 0 rss: 27Mb\n\
                   thread '<unnamed>' (1) panicked at src/lib.rs:1:1:\n\
                   found it\n\
                   artifact_prefix='x/'; Test unit written to x/crash-1\n\
                   stat::number_of_executed_units: 205\n\
                   stat::new_units_added:          2\n";
        let told = Told::read(log);
        assert_eq!(
            (told.executions, told.reached, told.edges, told.added),
            ("205", "9", "158", "2")
        );
        assert_eq!((told.panic, told.crash), (Some("found it"), Some("x/crash-1")));
        assert_eq!(Told::read("").crash, None);
    }

    #[test]
    fn arguments_may_stand_in_any_order() {
        let read = |line: &str| {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            Wanted::read(&words).map(|wanted| (wanted.target.map(str::to_owned), wanted.seconds))
        };
        assert_eq!(read(""), Ok((None, SECONDS)));
        assert_eq!(read("--seconds 3 csr"), Ok((Some("csr".to_owned()), 3)));
        for bad in ["a b", "--seconds", "--seconds 0", "--seconds x", "--replay f", "-x"] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
