//! The programs that tests need: found, or installed into `target/tools`.

mod catalogue;
mod inspect;
mod install;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::{env, fmt};

use crate::{Error, workspace};

pub use catalogue::Tool;
pub use inspect::Capability;

use catalogue::Recipe;

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
    /// It has just been installed there from PyPI.
    PyPi,
}

/// A program on this machine.
#[derive(Clone, Debug)]
pub struct Found {
    tool: Tool,
    path: PathBuf,
    origin: Origin,
    version: Option<String>,
    missing: Vec<Capability>,
    runs: bool,
}

impl Found {
    fn at(tool: Tool, path: PathBuf, origin: Origin) -> Self {
        let inspect::Inspection { version, missing, runs } = inspect::inspect(tool, &path);
        Self { tool, path, origin, version, missing, runs }
    }

    /// Whether it does all that can be had of it: better ones need not be looked for.
    fn is_whole(&self) -> bool {
        let lacks = self.tool == Tool::Pebble && !self.missing.is_empty();
        self.runs && !lacks
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
/// be had. Then it is installed into `target/tools`: by `go install`, from Debian's package (which
/// needs no root and changes nothing outside that folder), or from PyPI. Processes take turns, so
/// that one installs and the others find.
///
/// The answer is remembered for the life of this process.
///
/// # Errors
///
/// When the variable points nowhere, or nothing is found and nothing can be installed.
pub fn find(tool: Tool) -> Result<Found, Error> {
    static KNOWN: Mutex<Vec<Result<Found, (Tool, String)>>> = Mutex::new(Vec::new());
    let mut known = KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for answer in known.iter() {
        match answer {
            Ok(found) if found.tool == tool => return Ok(found.clone()),
            Err((absent, tried)) if *absent == tool => return Err(not_installed(tool, tried)),
            _ => {}
        }
    }
    let found = match env::var_os(tool.variable()) {
        Some(path) => named(tool, path.into()),
        None => search(tool, env::var_os("PATH").unwrap_or_default(), &workspace::tools_dir()),
    };
    match &found {
        Ok(found) => known.push(Ok(found.clone())),
        // What could not be installed for one test is not tried again for the next.
        Err(Error::NotInstalled { tried, .. }) => known.push(Err((tool, tried.clone()))),
        Err(_) => {}
    }
    found
}

/// Finds a program; without it the calling test is skipped, see [`skip`](crate::skip).
///
/// # Panics
///
/// When a skip is a failure.
#[must_use = "a test that goes on without it fails"]
pub fn find_or_skip(tool: Tool) -> Option<Found> {
    find(tool).map_err(|error| crate::skip(&error.to_string().replace('\n', " "))).ok()
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
    if let Some(found) = on_path.clone().filter(Found::is_whole) {
        return Ok(found);
    }
    if let Some(found) = kept().filter(Found::is_whole) {
        return Ok(found);
    }

    let _turn = install::lock(tools)?;
    // Another process may have installed it while we waited.
    if let Some(found) = kept().filter(Found::is_whole) {
        return Ok(found);
    }
    let mut tried = String::new();
    let mut second_best = on_path.or_else(kept).filter(|found| found.runs);
    for recipe in tool.recipes() {
        let origin = match recipe {
            Recipe::Go(..) => Origin::Go,
            Recipe::PyPi(..) => Origin::PyPi,
            // Older than the others: not in the place of what is there.
            Recipe::Debian(..) => match second_best.take() {
                Some(found) => return Ok(found),
                None => Origin::Debian,
            },
        };
        let why = match install::follow(*recipe, tool, tools) {
            Ok(()) => {
                let found = Found::at(tool, tools.join(tool.name()), origin);
                if found.runs {
                    return Ok(found);
                }
                "it does not run here; a library that it needs may be missing".to_owned()
            }
            Err(error) => error.to_string(),
        };
        tried += &format!("  {recipe}: {why}\n");
    }
    second_best.ok_or_else(|| not_installed(tool, tried.trim_end()))
}

fn not_installed(tool: Tool, tried: &str) -> Error {
    let (variable, tried) = (tool.variable(), tried.to_owned());
    Error::NotInstalled { tool: tool.name(), variable, tried }
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
        for tool in Tool::PEBBLE {
            let found = search(tool, "/nowhere".into(), tools.path()).unwrap();
            assert_eq!((found.origin(), found.version()), (Origin::Go, Some("2.10.1")));
            assert!(found.missing().is_empty());
        }
    }

    #[test]
    #[ignore = "downloads a Debian package"]
    fn debians_package_is_unpacked_and_its_gaps_are_known() {
        let tools = tempfile::tempdir().unwrap();
        let found = search(Tool::Pebble240, "/nowhere".into(), tools.path()).unwrap();
        assert!(found.version().is_some_and(|version| version.starts_with("2.4.0")), "{found}");
        assert_eq!((found.origin(), found.missing()), (Origin::Debian, &Capability::ALL[..]));
    }

    #[test]
    fn a_program_that_does_not_run_is_not_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("uacme");
        std::fs::write(&path, "no program").unwrap();
        assert!(!Found::at(Tool::Uacme, path, Origin::Path).is_whole());
    }

    #[test]
    fn a_version_is_read_from_what_the_program_says() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("caddy");
        std::fs::write(&path, "#!/bin/sh\necho caddy: version v2.6.2 h1:x\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        let found = Found::at(Tool::Caddy, path, Origin::Path);
        assert_eq!((found.version(), found.is_whole()), (Some("2.6.2"), true));
    }
}
