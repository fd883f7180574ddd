use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;

use super::catalogue::{Recipe, Tool};
use super::inspect::version_file;
use crate::Error;
use crate::process::output_within;

/// Long enough for a slow line and an empty build cache.
const PATIENCE: Duration = Duration::from_secs(600);

/// Waits for our turn to install. The turn ends when the file is dropped.
pub(super) fn lock(tools: &Path) -> Result<File, Error> {
    fs::create_dir_all(tools).map_err(Error::io(format!("create {}", tools.display())))?;
    let path = tools.join(".lock");
    let file = OpenOptions::new().create(true).append(true).open(&path);
    let file = file.map_err(Error::io(format!("open {}", path.display())))?;
    flock(&file, FlockOperation::LockExclusive)
        .map_err(|error| Error::io(format!("lock {}", path.display()))(error.into()))?;
    Ok(file)
}

/// Puts the tool into the folder `tools`, by this recipe.
pub(super) fn follow(recipe: Recipe, tool: Tool, tools: &Path) -> Result<(), Error> {
    let staging = staging(tools)?;
    let (program, version) = match recipe {
        Recipe::Go(package, version) => {
            (go(package, version, staging.path())?, Some(version.to_owned()))
        }
        Recipe::Debian(package, program) => debian(package, program, staging.path())?,
        Recipe::PyPi(project, version) => {
            (pypi(project, version, tools, staging.path())?, Some(version.to_owned()))
        }
    };
    keep(&program, &tools.join(tool.name()), version.as_deref())
}

fn go(package: &str, version: &str, staging: &Path) -> Result<PathBuf, Error> {
    let mut go = Command::new("go");
    go.arg("install").arg(format!("{package}@{version}"));
    // Settings of a Go project around us are not ours.
    go.env("GOBIN", staging).env_remove("GOFLAGS").env("GOWORK", "off");
    run(go.current_dir(staging))?;
    let name = package.rsplit('/').next().expect("split gives at least one part");
    Ok(staging.join(name))
}

/// Unpacks a package without installing it. What it depends on has to be there already.
fn debian(
    package: &str,
    program: &str,
    staging: &Path,
) -> Result<(PathBuf, Option<String>), Error> {
    let here = |program: &str, arguments: &[&str]| {
        run(Command::new(program).args(arguments).current_dir(staging))
    };
    // Root would be told that another user cannot write here.
    let download = ["download", "--quiet", "-o", "APT::Sandbox::User=root", package];
    if here("apt-get", &download).is_err() {
        // Package lists may be missing or old; only root can fetch them.
        here("apt-get", &["update", "--quiet"])?;
        here("apt-get", &download)?;
    }
    let file = downloaded(staging)?;
    here("dpkg", &["-x", &file, "unpacked"])?;
    let version = file.split('_').nth(1).map(str::to_owned);
    Ok((staging.join("unpacked/usr/bin").join(program), version))
}

/// A virtual environment cannot be moved, so it is made where it stays; the link to its program,
/// which `keep` moves, says that it is whole.
fn pypi(project: &str, version: &str, tools: &Path, staging: &Path) -> Result<PathBuf, Error> {
    let home = tools.join(format!("{project}-{version}"));
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&home))?;
    let mut pip = Command::new(home.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"]);
    run(pip.arg(format!("{project}=={version}")))?;
    let link = staging.join(project);
    symlink(home.join("bin").join(project), &link)
        .map_err(Error::io(format!("link {}", link.display())))?;
    Ok(link)
}

/// A folder beside the tools, so that finished ones move in by a rename: whole or not at all.
fn staging(tools: &Path) -> Result<TempDir, Error> {
    tempfile::Builder::new()
        .prefix(".installing")
        .tempdir_in(tools)
        .map_err(Error::io(format!("create a folder in {}", tools.display())))
}

fn keep(program: &Path, target: &Path, version: Option<&str>) -> Result<(), Error> {
    let note = version_file(target);
    let _ = fs::remove_file(&note);
    fs::rename(program, target).map_err(Error::io(format!("move {} there", target.display())))?;
    let Some(version) = version else {
        return Ok(());
    };
    let version = version.trim_start_matches('v');
    fs::write(&note, version).map_err(Error::io(format!("write {}", note.display())))
}

fn downloaded(folder: &Path) -> Result<String, Error> {
    let entries = fs::read_dir(folder).map_err(Error::io("read the download"))?;
    entries
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .find(|name| name.ends_with(".deb"))
        .ok_or_else(|| Error::unexpected("apt-get download", "there is no .deb file"))
}

fn run(command: &mut Command) -> Result<(), Error> {
    output_within(command, PATIENCE).map(drop)
}
