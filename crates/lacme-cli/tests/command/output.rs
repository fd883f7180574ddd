use std::process::Stdio;

use crate::support::{Lacme, Ran};

#[test]
fn help_and_version_are_text_even_with_json() {
    let lacme = Lacme::new();
    for line in ["--help --json", "--json issue --help", "help issue", "--version --json"] {
        let ran = lacme.run(line);
        assert_eq!(ran.status(), 0, "{line}: {}", ran.stderr());
        assert!(ran.stdout().contains("lacme") && ran.stderr().is_empty(), "{line}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    for line in ["list", "list --json", "--help", "completions bash", "--json bogus"] {
        let lacme = Lacme::new();
        let mut child =
            lacme.command(line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let ran = Ran(child.wait_with_output().unwrap());
        let expected = if line.contains("bogus") { 2 } else { 0 };
        assert_eq!(ran.status(), expected, "{line}: {}", ran.stderr());
        assert!(!ran.stderr().contains("panicked"), "{}", ran.stderr());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_is_lost_is_a_failure() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = Lacme::new().command("list").stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_person_reads_the_result_alone_and_a_quiet_one_errors_only() {
    let lacme = Lacme::new();
    let ran = lacme.run("list");
    assert!(ran.stdout().contains("lacme issue NAME") && ran.stderr().is_empty());
    let ran = lacme.run("-q show x");
    assert!(ran.stdout().is_empty() && ran.stderr().starts_with("error: "));
}

#[test]
fn completions_know_commands_and_options() {
    for shell in ["bash", "zsh", "fish"] {
        let script = Lacme::new().run(&format!("completions {shell}")).stdout();
        assert!(script.contains("rollover") && script.contains("ca-bundle"), "{shell}");
    }
}
