use std::fs::OpenOptions;
use std::io::Write as _;
use std::{env, thread};

/// The variable that turns every skip into a failure, when set to `1`.
pub const REQUIRE_ALL: &str = "LACME_REQUIRE_ALL";

/// The variable that names a file to which each skip adds a line, `test: reason`.
pub const SKIP_LOG: &str = "LACME_SKIP_LOG";

/// Records that the calling test cannot run here; the test then returns.
///
/// The test is named by its thread, which is how Rust's test runner names it.
///
/// # Panics
///
/// When [`REQUIRE_ALL`] is set to `1`: a skip is a failure there.
pub fn skip(reason: &str) {
    let thread = thread::current();
    let test = thread.name().unwrap_or("unnamed test");
    assert!(!required(), "{test} may not be skipped here ({REQUIRE_ALL}=1): {reason}");
    note(&format!("{test}: {reason}"));
}

fn required() -> bool {
    env::var_os(REQUIRE_ALL).is_some_and(|value| value == "1")
}

#[expect(clippy::print_stderr, reason = "a skip nobody sees is a lie")]
fn note(line: &str) {
    eprintln!("skipped {line}");
    if let Some(log) = env::var_os(SKIP_LOG)
        && let Ok(mut file) = OpenOptions::new().create(true).append(true).open(log)
    {
        // One write a line: lines of tests that run at once do not mix.
        let _ = file.write_all(format!("{line}\n").as_bytes());
    }
}
