use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, test_kill_process};

use crate::Error;

/// Runs a server and ends it when our end of the pipe closes, which the system does for us however
/// this process dies. The shell is the server's parent, so the pid it kills is always its own.
const WATCH: &str = r#"
log=$1; shift
exec 3<&0 </dev/null
"$@" 3<&- >"$log" 2>&1 &
server=$!
{ read -r _ <&3; kill -9 "$server"; } >/dev/null 2>&1 &
watch=$!
echo "$server"
exec >/dev/null
wait "$server"
status=$?
kill "$watch" 2>/dev/null
exit "$status"
"#;

/// A server process that lives no longer than its handle.
#[derive(Debug)]
pub(crate) struct Process {
    shell: Child,
    pid: u32,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; its output goes to the file `log`.
    pub(crate) fn start(command: &Command, log: PathBuf) -> Result<Self, Error> {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut shell = Command::new("sh");
        shell.args([OsStr::new("-c"), OsStr::new(WATCH), OsStr::new("sh"), log.as_os_str()]);
        shell.arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(key, value),
                None => shell.env_remove(key),
            };
        }
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut shell = shell.spawn().map_err(Error::io(format!("start {name}")))?;

        let mut line = String::new();
        let stdout = shell.stdout.take().expect("stdout is a pipe");
        let read = BufReader::new(stdout).read_line(&mut line);
        // From here on `drop` cleans up.
        let mut process = Self { shell, pid: 0, log };
        read.map_err(Error::io(format!("read the pid of {name}")))?;
        process.pid = line.trim().parse().map_err(|error| Error::unexpected("sh", error))?;
        Ok(process)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn is_running(&self) -> bool {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw);
        pid.is_some_and(|pid| test_kill_process(pid).is_ok())
    }

    /// What the process has printed so far.
    pub(crate) fn log(&self) -> String {
        read_lossy(&self.log)
    }

    /// Ends the process with SIGKILL and waits until it is gone. Once is enough.
    pub(crate) fn kill(&mut self) {
        drop(self.shell.stdin.take());
        if !matches!(wait(&mut self.shell, Duration::from_secs(10)), Ok(Some(_))) {
            let _ = self.shell.kill();
            let _ = self.shell.wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs `command` to its end and returns its standard output, if it succeeds within `limit`.
///
/// Standard error passes through to ours.
///
/// # Errors
///
/// When the command cannot be started, fails, or takes longer than `limit` (it is killed then).
pub fn output_within(command: &mut Command, limit: Duration) -> Result<String, Error> {
    let folder = tempfile::tempdir().map_err(Error::io("create a temporary folder"))?;
    let path = folder.path().join("stdout");
    let file = File::create(&path).map_err(Error::io("create a temporary file"))?;
    let line = format!("{command:?}");

    let child = command.stdin(Stdio::null()).stdout(file).spawn();
    let mut child = child.map_err(Error::io(format!("start {line}")))?;
    let ended = wait(&mut child, limit).map_err(Error::io(format!("wait for {line}")))?;
    let failed = |why| Error::Command { command: line, why };
    match ended {
        Some(status) if status.success() => Ok(read_lossy(&path)),
        Some(status) => Err(failed(format!("{status}\n{}", tail(&read_lossy(&path), 20)))),
        None => {
            let _ = child.kill();
            let _ = child.wait();
            Err(failed(format!("not done after {} s", limit.as_secs())))
        }
    }
}

/// The last `lines` lines of `text`.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let all: Vec<_> = text.lines().collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    loop {
        match child.try_wait()? {
            Some(status) => return Ok(Some(status)),
            None if Instant::now() >= deadline => return Ok(None),
            None => sleep(Duration::from_millis(5)),
        }
    }
}

fn read_lossy(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper(folder: &Path) -> Process {
        let mut command = Command::new("sleep");
        command.arg("600");
        Process::start(&command, folder.join("log")).unwrap()
    }

    #[test]
    fn a_dropped_process_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let process = sleeper(folder.path());
        let pid = Pid::from_raw(process.pid().try_into().unwrap()).unwrap();
        assert!(process.is_running());
        drop(process);
        assert!(test_kill_process(pid).is_err());
    }

    #[test]
    fn a_process_that_ends_by_itself_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo last words"]);
        let mut process = Process::start(&command, folder.path().join("log")).unwrap();
        assert!(wait(&mut process.shell, Duration::from_secs(10)).unwrap().unwrap().success());
        assert!(!process.is_running());
        assert_eq!(process.log(), "last words\n");
    }

    #[test]
    fn a_killed_parent_takes_its_servers_along() {
        let folder = tempfile::tempdir().unwrap();
        let process = sleeper(folder.path());
        // The watching shell dies first and without a chance to clean up; then we do.
        let mut process = process;
        process.shell.kill().unwrap();
        process.shell.wait().unwrap();
        assert!(process.is_running());
        drop(process.shell.stdin.take());
        let deadline = Instant::now() + Duration::from_secs(10);
        while process.is_running() {
            assert!(Instant::now() < deadline, "the server outlived us");
            sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn a_command_that_takes_too_long_is_ended() {
        let error = output_within(Command::new("sleep").arg("600"), Duration::from_millis(50));
        assert!(error.unwrap_err().to_string().contains("not done"));
    }
}
