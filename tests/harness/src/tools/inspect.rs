use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::Tool;
use crate::process::output_within;

/// Something that newer versions of Pebble can do and older ones cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Capability {
    /// renewalInfo, and setting a window by the management interface.
    RenewalInfo,
    /// Certificate profiles.
    Profiles,
    /// The challenge dns-account-01.
    DnsAccount01,
    /// The challenge dns-persist-01.
    DnsPersist01,
    /// Retry-After on orders and authorizations.
    RetryAfter,
    /// Subproblems in problem documents.
    Subproblems,
}

impl Capability {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::RenewalInfo,
        Self::Profiles,
        Self::DnsAccount01,
        Self::DnsPersist01,
        Self::RetryAfter,
        Self::Subproblems,
    ];

    /// Text that stands in the program when it can do this, and not otherwise.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::RenewalInfo => "set-renewal-info",
            Self::Profiles => "invalidProfile",
            Self::DnsAccount01 => "dns-account-01",
            Self::DnsPersist01 => "dns-persist-01",
            Self::RetryAfter => "RetryAfter",
            Self::Subproblems => "subproblems",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RenewalInfo => "renewalInfo",
            Self::Profiles => "profiles",
            Self::DnsAccount01 => "dns-account-01",
            Self::DnsPersist01 => "dns-persist-01",
            Self::RetryAfter => "Retry-After",
            Self::Subproblems => "subproblems",
        })
    }
}

pub(super) struct Inspection {
    pub(super) version: Option<String>,
    pub(super) missing: Vec<Capability>,
    pub(super) runs: bool,
}

/// Where the installer writes the version, which not every program can tell.
pub(super) fn version_file(program: &Path) -> PathBuf {
    program.with_file_name(format!("{}.version", program.file_name().unwrap_or_default().display()))
}

/// What a program is.
pub(super) fn inspect(tool: Tool, program: &Path) -> Inspection {
    let noted = fs::read_to_string(version_file(program)).ok();
    let noted = noted.map(|version| version.trim().to_owned());
    if tool.version_arguments().is_empty() {
        return inspect_pebble(tool, program, noted);
    }
    let told = ask(program, tool.version_arguments());
    let runs = told.is_some();
    let version = noted.or_else(|| {
        let told = told?;
        let words = told.split_whitespace().map(|word| word.trim_start_matches('v'));
        let mut numbers = words.filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
        numbers.next().map(str::to_owned)
    });
    Inspection { version, missing: Vec::new(), runs }
}

/// What the program says, if it runs at all: uacme tells its version on standard error and fails.
fn ask(program: &Path, arguments: &[&str]) -> Option<String> {
    let mut shell = Command::new("sh");
    // From 126 on: it cannot be started, its libraries are missing, or a signal ended it.
    shell.args(["-c", r#""$0" "$@" 2>&1; [ $? -lt 126 ]"#]).arg(program).args(arguments);
    output_within(&mut shell, Duration::from_secs(60)).ok()
}

/// Read from the program itself: `-version` is missing in old versions and says "dev" in those that
/// `go install` builds, while Go's build information names the version.
fn inspect_pebble(tool: Tool, program: &Path, noted: Option<String>) -> Inspection {
    let build = "letsencrypt/pebble/v2\tv[0-9A-Za-z.+-]+\t";
    let marks = Capability::ALL.map(Capability::mark).join("|");
    let mut grep = Command::new("grep");
    grep.env("LC_ALL", "C").args(["-aoE", &format!("{build}|{marks}")]).arg(program);
    let found = output_within(&mut grep, Duration::from_secs(30)).unwrap_or_default();

    let built = found.lines().find_map(|line| line.trim_end().split_once("\tv"));
    let version =
        built.map(|(_, version)| version.to_owned()).or(noted).or_else(|| debian_version(program));
    let missing = match tool {
        Tool::PebbleChallTestSrv => Vec::new(),
        _ => Capability::ALL
            .into_iter()
            .filter(|capability| !found.lines().any(|line| line == capability.mark()))
            .collect(),
    };
    Inspection { version, missing, runs: true }
}

fn debian_version(program: &Path) -> Option<String> {
    if !program.starts_with("/usr/bin") {
        return None;
    }
    let mut query = Command::new("dpkg-query");
    query.args(["-W", "-f", "${Version}", "pebble"]);
    output_within(&mut query, Duration::from_secs(30)).ok()
}
