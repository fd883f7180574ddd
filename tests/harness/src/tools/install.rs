use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;

use super::inspect::version_file;
use crate::process::output_within;
use crate::{Error, Tool};

const MODULE: &str = "github.com/letsencrypt/pebble/v2/cmd";
const VERSION: &str = "v2.10.1";

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

/// Builds the newest tools we know.
pub(super) fn with_go(tools: &Path) -> Result<(), Error> {
    let staging = staging(tools)?;
    let mut go = Command::new("go");
    go.arg("install");
    go.args(Tool::ALL.map(|tool| format!("{MODULE}/{}@{VERSION}", tool.name())));
    // Settings of a Go project around us are not ours.
    go.env("GOBIN", staging.path()).env_remove("GOFLAGS").env("GOWORK", "off");
    go.current_dir(staging.path());
    output_within(&mut go, PATIENCE)?;
    for tool in Tool::ALL {
        keep(&staging.path().join(tool.name()), tools)?;
    }
    Ok(())
}

/// Unpacks Debian's package: older, but without a compiler.
pub(super) fn from_debian(tools: &Path) -> Result<(), Error> {
    let staging = staging(tools)?;
    let run = |command: &[&OsStr]| {
        let mut command_line = Command::new(command[0]);
        command_line.args(&command[1..]).current_dir(staging.path());
        output_within(&mut command_line, PATIENCE).map(drop)
    };
    let download = ["apt-get", "download", "--quiet", "pebble"].map(OsStr::new);
    if run(&download).is_err() {
        // Package lists may be missing or old; only root can fetch them.
        run(&["apt-get", "update", "--quiet"].map(OsStr::new))?;
        run(&download)?;
    }
    let package = downloaded(staging.path())?;
    let name = package.to_string_lossy().into_owned();
    run(&["dpkg".as_ref(), "-x".as_ref(), &package, "unpacked".as_ref()])?;
    for tool in Tool::ALL {
        keep(&staging.path().join("unpacked/usr/bin").join(tool.name()), tools)?;
        if let Some(version) = name.split('_').nth(1) {
            let path = version_file(&tools.join(tool.name()));
            fs::write(&path, version).map_err(Error::io(format!("write {}", path.display())))?;
        }
    }
    Ok(())
}

/// A folder beside the tools, so that finished ones move in by a rename: whole or not at all.
fn staging(tools: &Path) -> Result<TempDir, Error> {
    tempfile::Builder::new()
        .prefix(".installing")
        .tempdir_in(tools)
        .map_err(Error::io(format!("create a folder in {}", tools.display())))
}

fn keep(program: &Path, tools: &Path) -> Result<(), Error> {
    let name = program.file_name().expect("a program has a name");
    let target = tools.join(name);
    let _ = fs::remove_file(version_file(&target));
    fs::rename(program, &target).map_err(Error::io(format!("move {} there", target.display())))
}

fn downloaded(folder: &Path) -> Result<std::ffi::OsString, Error> {
    let entries = fs::read_dir(folder).map_err(Error::io("read the download"))?;
    entries
        .filter_map(|entry| Some(entry.ok()?.file_name()))
        .find(|name| name.to_string_lossy().ends_with(".deb"))
        .ok_or_else(|| Error::unexpected("apt-get download", "there is no .deb file"))
}
