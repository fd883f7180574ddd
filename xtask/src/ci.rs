//! `cargo xtask ci`: every check that CI makes.

use std::path::PathBuf;
use std::time::Duration;

use harness::workspace;

use crate::run::{Steps, cargo, command, output, program};
use crate::{Outcome, fuzz, layers, no_arguments, run, test};

/// The oldest Rust that the libraries promise to build with; `rust-version` in Cargo.toml.
const MSRV: &str = "1.88.0";
const CARGO_DENY: &str = "0.20.2";
const WASM: &str = "wasm32-unknown-unknown";

/// What other programs link; the rest of the workspace may ask for a newer Rust.
const LIBRARIES: [&str; 6] =
    ["acme-proto", "acme-crypto", "acme-transport", "acme-challenges", "acme-store", "lacme"];

/// Enough to run the whole corpus and some more; by hand `cargo xtask fuzz` gives each target longer.
const FUZZ_SECONDS: &str = "3";

const QUICK: Duration = Duration::from_secs(60);

/// Every check runs, whatever becomes of the others; the tests only when all have passed.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let no_test = arguments == ["--no-test"];
    if !no_test {
        no_arguments(arguments)?;
    }
    let mut steps = Steps::default();
    steps.step("formatting", || run::run(&mut cargo(["fmt", "--all", "--check"])));
    steps.step("layers", || layers::run(&[]));
    steps.step("dependencies: bans, licences, sources", deny);
    steps.step("clippy", clippy);
    steps.step("documentation", documentation);
    steps.step("acme-proto on WebAssembly", wasm);
    steps.step(&format!("libraries on Rust {MSRV}"), msrv);
    steps.step("fuzzing, a moment for each target", || {
        fuzz::run(&["--seconds".to_owned(), FUZZ_SECONDS.to_owned()])
    });
    steps.summary();
    match steps.failed() {
        0 if no_test => Ok(()),
        0 => test::run(&[]),
        failed => Err(format!("{failed} of the checks failed; the tests did not run")),
    }
}

fn clippy() -> Outcome {
    let rest = ["--all-targets", "--", "-D", "warnings"];
    run::run(cargo(["clippy", "--workspace", "--exclude", test::JOSEKIT]).args(rest))?;
    run::run(cargo(["clippy", "-p", test::JOSEKIT]).args(rest))
}

fn documentation() -> Outcome {
    // Libraries: the command and the library `lacme` would write the same pages.
    let pages = |packages: &[&str]| {
        let mut doc = cargo(["doc", "--no-deps", "--lib"]);
        run::run(doc.args(packages).env("RUSTDOCFLAGS", "-Dwarnings"))
    };
    pages(&["--workspace", "--exclude", test::JOSEKIT])?;
    pages(&["-p", test::JOSEKIT])
}

fn deny() -> Outcome {
    let deny = cargo_deny()?;
    let checks = ["check", "--hide-inclusion-graph", "bans", "licenses", "sources"];
    run::run(command(deny).arg("--workspace").args(checks))
}

fn cargo_deny() -> Result<PathBuf, String> {
    if let Some(found) = program("cargo-deny") {
        return Ok(found);
    }
    println!("installing cargo-deny {CARGO_DENY}: this takes some minutes, once");
    let mut install = cargo(["install", "--locked", "cargo-deny", "--version", CARGO_DENY]);
    run::run(install.arg("--root").arg(workspace::tools_dir()))?;
    program("cargo-deny").ok_or_else(|| "cargo-deny was installed and is not there".to_owned())
}

fn wasm() -> Outcome {
    let installed = output(command("rustup").args(["target", "list", "--installed"]), QUICK)?;
    if !installed.lines().any(|target| target == WASM) {
        run::run(command("rustup").args(["target", "add", WASM]))?;
    }
    run::run(&mut cargo(["check", "-p", "acme-proto", "--target", WASM]))
}

fn msrv() -> Outcome {
    let installed = output(command("rustup").args(["toolchain", "list"]), QUICK)?;
    if !installed.lines().any(|toolchain| toolchain.starts_with(MSRV)) {
        run::run(command("rustup").args(["toolchain", "install", MSRV, "--profile", "minimal"]))?;
    }
    let mut check = command("rustup");
    check.args(["run", MSRV, "cargo", "check"]);
    check.args(LIBRARIES.iter().flat_map(|library| ["-p", library]));
    // Two compilers that share a folder would rebuild each other's work.
    check.env("CARGO_TARGET_DIR", workspace::target_dir().join("msrv"));
    // Those of the cargo that runs us name its own compiler.
    check.env_remove("CARGO").env_remove("RUSTC").env_remove("RUSTDOC");
    run::run(&mut check)
}
