//! The programs that tests need: found, or installed into `target/tools`.

mod inspect;
mod install;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::{env, fmt};

use crate::{Error, workspace};

pub use inspect::Capability;

/// A program that tests need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tool {
    /// The ACME test server of Let's Encrypt.
    Pebble,
    /// Pebble's companion: a DNS server whose records are set over HTTP.
    PebbleChallTestSrv,
}

impl Tool {
    /// Every tool there is.
    pub const ALL: [Self; 2] = [Self::Pebble, Self::PebbleChallTestSrv];

    /// The program's file name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pebble => "pebble",
            Self::PebbleChallTestSrv => "pebble-challtestsrv",
        }
    }

    /// The environment variable that points to the program.
    #[must_use]
    pub fn variable(self) -> &'static str {
        match self {
            Self::Pebble => "LACME_PEBBLE",
            Self::PebbleChallTestSrv => "LACME_PEBBLE_CHALLTESTSRV",
        }
    }
}

/// How a program was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Its environment variable names it.
    Variable,
    /// It is on `PATH`.
    Path,
    /// It was in `target/tools` already.
    Kept,
    /// It has just been built there by `go install`.
    Go,
    /// It has just been unpacked there from Debian's package.
    Debian,
}

/// A program on this machine.
#[derive(Clone, Debug)]
pub struct Found {
    tool: Tool,
    path: PathBuf,
    origin: Origin,
    version: Option<String>,
    missing: Vec<Capability>,
}

impl Found {
    fn at(tool: Tool, path: PathBuf, origin: Origin) -> Self {
        let inspect::Inspection { version, missing } = inspect::inspect(tool, &path);
        Self { tool, path, origin, version, missing }
    }

    /// Where the program is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How it was found.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Its version without a leading `v`, where that can be told.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// What tests want of the tool and this version lacks.
    #[must_use]
    pub fn missing(&self) -> &[Capability] {
        &self.missing
    }
}

/// One line: name, version, path, and what is missing.
impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.version().unwrap_or("of unknown version");
        write!(f, "{} {version} at {}", self.tool.name(), self.path.display())?;
        if !self.missing.is_empty() {
            let missing: Vec<_> = self.missing.iter().map(ToString::to_string).collect();
            write!(f, " (without {})", missing.join(", "))?;
        }
        Ok(())
    }
}

/// Finds a program, or installs it.
///
/// Looked at in this order: the tool's environment variable; `PATH`; `target/tools`. Except for the
/// variable's, a program that lacks something tests want is taken only when no better one can
/// be had. Then it is installed into `target/tools`: by `go install` where Go is there, else
/// from Debian's package, which needs no root and changes nothing outside that folder. Processes
/// take turns, so that one installs and the others find.
///
/// The answer is remembered for the life of this process.
///
/// # Errors
///
/// When the variable points nowhere, or nothing is found and nothing can be installed.
pub fn find(tool: Tool) -> Result<Found, Error> {
    static KNOWN: Mutex<Vec<Found>> = Mutex::new(Vec::new());
    let mut known = KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(found) = known.iter().find(|found| found.tool == tool) {
        return Ok(found.clone());
    }
    let found = match env::var_os(tool.variable()) {
        Some(path) => named(tool, path.into())?,
        None => search(tool, env::var_os("PATH").unwrap_or_default(), &workspace::tools_dir())?,
    };
    known.push(found.clone());
    Ok(found)
}

fn named(tool: Tool, path: PathBuf) -> Result<Found, Error> {
    if !path.is_file() {
        return Err(Error::NoSuchTool { variable: tool.variable(), path });
    }
    Ok(Found::at(tool, path, Origin::Variable))
}

fn search(tool: Tool, path: std::ffi::OsString, tools: &Path) -> Result<Found, Error> {
    let on_path = env::split_paths(&path)
        .map(|folder| folder.join(tool.name()))
        .find(|path| path.is_file())
        .map(|path| Found::at(tool, path, Origin::Path));
    let kept = || {
        let path = tools.join(tool.name());
        path.is_file().then(|| Found::at(tool, path, Origin::Kept))
    };
    let whole = |found: &Found| found.missing.is_empty();
    if let Some(found) = on_path.clone().filter(whole).or_else(|| kept().filter(whole)) {
        return Ok(found);
    }

    let _turn = install::lock(tools)?;
    // Another process may have installed it while we waited.
    if let Some(found) = kept().filter(whole) {
        return Ok(found);
    }
    let go = match install::with_go(tools) {
        Ok(()) => return Ok(Found::at(tool, tools.join(tool.name()), Origin::Go)),
        Err(error) => error,
    };
    if let Some(second_best) = on_path.or_else(kept) {
        return Ok(second_best);
    }
    match install::from_debian(tools) {
        Ok(()) => Ok(Found::at(tool, tools.join(tool.name()), Origin::Debian)),
        Err(debian) => Err(Error::NotInstalled {
            tool: tool.name(),
            variable: tool.variable(),
            tried: format!("  go install: {go}\n  Debian's package: {debian}"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_points_nowhere_says_so() {
        let error = named(Tool::Pebble, "/nowhere/pebble".into()).unwrap_err().to_string();
        assert_eq!(error, "LACME_PEBBLE is set to /nowhere/pebble, which is no file");
    }

    #[test]
    fn a_whole_tool_on_the_path_is_taken_before_one_that_is_kept() {
        let [on_path, kept] = [(); 2].map(|()| tempfile::tempdir().unwrap());
        for folder in [&on_path, &kept] {
            let everything = Capability::ALL.map(|capability| capability.mark()).join("\n");
            std::fs::write(folder.path().join("pebble"), everything).unwrap();
        }
        let found = search(Tool::Pebble, on_path.path().into(), kept.path()).unwrap();
        assert_eq!((found.origin(), found.missing()), (Origin::Path, &[][..]));
        std::fs::write(on_path.path().join("pebble"), "set-renewal-info").unwrap();
        let found = search(Tool::Pebble, on_path.path().into(), kept.path()).unwrap();
        assert_eq!(found.origin(), Origin::Kept);
    }

    #[test]
    #[ignore = "downloads and builds Pebble: a minute"]
    fn a_missing_tool_is_built_by_go() {
        let tools = tempfile::tempdir().unwrap();
        for (tool, origin) in [(Tool::Pebble, Origin::Go), (Tool::PebbleChallTestSrv, Origin::Kept)]
        {
            let found = search(tool, "/nowhere".into(), tools.path()).unwrap();
            assert_eq!((found.origin(), found.version()), (origin, Some("2.10.1")));
            assert!(found.missing().is_empty());
        }
    }

    #[test]
    #[ignore = "downloads a Debian package"]
    fn debians_package_is_unpacked_and_its_gaps_are_known() {
        let tools = tempfile::tempdir().unwrap();
        install::from_debian(tools.path()).unwrap();
        let path = tools.path().join("pebble");
        let found = Found::at(Tool::Pebble, path, Origin::Debian);
        assert!(found.version().is_some_and(|version| version.starts_with("2.4.0")), "{found}");
        assert_eq!(found.missing(), Capability::ALL);
    }
}
