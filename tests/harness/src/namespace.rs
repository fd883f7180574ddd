//! Programs in a network and a view of the file system of their own, by util-linux.
//!
//! Root may make them; others may where the system allows user namespaces.

use std::process::Command;
use std::time::Duration;

use crate::Error;
use crate::process::output_within;

/// Whether they can be made here.
///
/// # Errors
///
/// The reason why not.
pub fn available() -> Result<(), Error> {
    let mut probe = new();
    output_within(probe.args(["ip", "link", "set", "lo", "up"]), Duration::from_secs(10)).map(drop)
}

/// The start of a command line that runs in a new network, without any interface up, and where a
/// mount is seen by nobody else.
#[must_use]
pub fn new() -> Command {
    let mut unshare = Command::new("unshare");
    unshare.args(["--net", "--mount"]).args(user(&["--map-root-user"])).arg("--");
    unshare
}

/// The start of a command line that sees the file `instead` where `path` is, and is otherwise where
/// we are.
#[must_use]
pub fn with_file(path: &str, instead: &std::path::Path) -> Command {
    let mut unshare = Command::new("unshare");
    unshare.arg("--mount").args(user(&["--map-root-user"])).arg("--");
    unshare.args(["sh", "-c", r#"mount --bind "$1" "$2" && shift 2 && exec "$@""#, "sh"]);
    unshare.arg(instead).arg(path);
    unshare
}

/// The start of a command line that runs where the process `pid` does.
#[must_use]
pub fn enter(pid: u32) -> Command {
    let mut nsenter = Command::new("nsenter");
    nsenter.args(["--target", &pid.to_string(), "--net", "--mount"]);
    nsenter.args(user(&["--user", "--preserve-credentials"])).arg("--");
    nsenter
}

/// These arguments, where we are not root.
fn user<'a>(arguments: &'a [&'a str]) -> &'a [&'a str] {
    if rustix::process::geteuid().is_root() { &[] } else { arguments }
}
