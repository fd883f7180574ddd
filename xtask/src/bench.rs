//! `cargo xtask bench`: our ACME server under load, beside Pebble in the same run.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use harness::{Pebble, workspace};
use serde_json::Value;

use crate::{Outcome, run};

const ORDERS: usize = 10_000;
const CLIENTS: usize = 100;
/// Unless `--full` is given, that many orders at our server for one at Pebble, which is slower.
const SHARE: usize = 5;
/// Pebble 2.10.1 gets stuck when many clients order at once: then it gets so many times fewer of them.
const RELIEF: usize = 4;

const BUILD: Duration = Duration::from_secs(1800);
const RUN: Duration = Duration::from_secs(600);

/// How much load, and at whom.
#[derive(Debug, PartialEq, Eq)]
struct Size {
    orders: usize,
    at_pebble: usize,
    clients: usize,
}

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let Size { orders, at_pebble: fewer, clients } = parse(arguments)?;
    println!("building the release profile; the first time takes minutes");
    let mut build = run::cargo(["build", "--quiet", "--release", "-p", "lacme-tests"]);
    run::output(build.args(["--example", "load"]), BUILD)?;
    let load = workspace::target_dir().join("release/examples/load");

    let ours = at_lacme(&load, orders, clients)?;
    let pebble = at_pebble(&load, fewer, clients)?;
    // What is compared has to bear the same load.
    let same = at_lacme(&load, fewer, pebble.clients)?;
    print(&ours, &same, &pebble);
    Ok(())
}

fn parse(arguments: &[String]) -> Result<Size, String> {
    let (mut orders, mut clients, mut share) = (ORDERS, CLIENTS, SHARE);
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        let mut number = || {
            let number = words.next().and_then(|number| number.parse().ok());
            number.filter(|number| *number > 0).ok_or(format!("{word} takes a number"))
        };
        match word.as_str() {
            "--full" => share = 1,
            "--orders" => orders = number()?,
            "--clients" => clients = number()?,
            _ => return Err(format!("`{word}` means nothing to this task")),
        }
    }
    Ok(Size { orders, at_pebble: (orders / share).max(1), clients })
}

/// What a server did.
struct Figures {
    server: String,
    clients: usize,
    load: Value,
    /// Resident memory in KiB: before the load, after it, and the most there was.
    before: u64,
    after: u64,
    most: u64,
}

/// A server as the load sees it.
struct Target<'a> {
    name: String,
    directory: &'a str,
    root: &'a Path,
    process: u32,
}

fn at_lacme(load: &Path, orders: usize, clients: usize) -> Result<Figures, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let root = folder.path().join("root.pem");
    let server = Server::start(Command::new(load).arg("serve").arg(&root))?;
    let (name, directory) = ("lacme".to_owned(), server.directory.as_str());
    let target = Target { name, directory, root: &root, process: server.child.id() };
    measure(load, target, orders, clients)
}

fn at_pebble(load: &Path, orders: usize, mut clients: usize) -> Result<Figures, String> {
    loop {
        let builder = Pebble::builder().always_valid(true).nonce_reject(0).authz_reuse(0);
        let pebble = builder.try_start().map_err(|error| error.to_string())?;
        let name = format!("Pebble {}", pebble.program().version().unwrap_or_default());
        let (directory, root) = (&pebble.directory_url(), pebble.ca_bundle());
        let target = Target { name, directory, root, process: pebble.pid() };
        match measure(load, target, orders, clients) {
            Err(_) if clients > 1 && !pebble.is_answering() => {
                println!("  Pebble is stuck; once more with fewer clients");
                clients = (clients / RELIEF).max(1);
            }
            outcome => return outcome,
        }
    }
}

fn measure(
    load: &Path,
    target: Target<'_>,
    orders: usize,
    clients: usize,
) -> Result<Figures, String> {
    let Target { name: server, directory, root, process } = target;
    println!("{orders} orders by {clients} clients at {server}");
    let before = memory(process, "VmRSS")?;
    let mut command = Command::new(load);
    command.args(["run", directory]).arg(root).args([orders.to_string(), clients.to_string()]);
    let load = run::output(&mut command, RUN)?;
    let load = serde_json::from_str(&load).map_err(|error| format!("{error}: {load}"))?;
    let (after, most) = (memory(process, "VmRSS")?, memory(process, "VmHWM")?);
    Ok(Figures { server, clients, load, before, after, most })
}

fn memory(process: u32, field: &str) -> Result<u64, String> {
    let path = PathBuf::from(format!("/proc/{process}/status"));
    let status = fs::read_to_string(&path).map_err(|error| format!("{path:?}: {error}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    number.ok_or_else(|| format!("{path:?} has no {field}"))
}

/// Our server; it ends when its standard input is closed, so also when we are killed.
struct Server {
    child: Child,
    directory: String,
}

impl Server {
    fn start(command: &mut Command) -> Result<Self, String> {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = child.map_err(|error| format!("cannot start the server: {error}"))?;
        let stdout = child.stdout.take().expect("stdout is a pipe");
        let mut server = Self { child, directory: String::new() };
        let read = BufReader::new(stdout).read_line(&mut server.directory);
        read.map_err(|error| format!("the server does not say where it is: {error}"))?;
        server.directory.truncate(server.directory.trim_end().len());
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A line a figure; a column a server, and how often the last one fits into the one before it.
fn print(ours: &Figures, same: &Figures, pebble: &Figures) {
    let columns = [ours, same, pebble];
    println!(
        "\n{:<24}{:>14}{:>14}{:>15}{:>9}",
        "", ours.server, same.server, pebble.server, "ratio"
    );
    for (name, decimals, figure) in ROWS {
        let [ours, same, pebble] = columns.map(figure);
        let ratio = same / pebble;
        println!(
            "{name:<24}{ours:>14.decimals$}{same:>14.decimals$}{pebble:>15.decimals$}{ratio:>9.2}"
        );
    }
    println!("\nBoth keep everything in memory and take each challenge for valid without looking.");
    println!("Clients and server share this machine. The ratio is of the last two columns.");
}

/// What it is called, how many decimals it is shown with, and what it is.
type Row = (&'static str, usize, fn(&Figures) -> f64);

#[rustfmt::skip]
const ROWS: [Row; 10] = [
    ("clients",                0, |f| f.clients as f64),
    ("orders",                 0, |f| f.number("orders")),
    ("seconds",                1, |f| f.number("seconds")),
    ("orders a second",        1, |f| f.number("orders") / f.number("seconds")),
    ("requests an order",      1, |f| f.number("requests") / f.number("orders")),
    ("median of an order, ms", 1, |f| f.number("median_ms")),
    ("99th percentile, ms",    1, |f| f.number("p99_ms")),
    ("memory at start, MiB",   1, |f| f.before as f64 / 1024.0),
    ("most memory, MiB",       1, |f| f.most as f64 / 1024.0),
    ("memory an order, KiB",   1, |f| f.after.saturating_sub(f.before) as f64 / f.number("orders")),
];

impl Figures {
    fn number(&self, field: &str) -> f64 {
        self.load[field].as_f64().unwrap_or(f64::NAN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Size, String> {
        parse(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn the_size_can_be_said() {
        let size = |orders, at_pebble, clients| Ok(Size { orders, at_pebble, clients });
        assert_eq!(parsed(&[]), size(10_000, 2_000, 100));
        assert_eq!(parsed(&["--full", "--orders", "70", "--clients", "2"]), size(70, 70, 2));
        assert_eq!(parsed(&["--orders", "1"]), size(1, 1, 100));
        assert!(parsed(&["--orders", "0"]).is_err() && parsed(&["--orders"]).is_err());
        assert!(parsed(&["--quick"]).is_err());
    }

    #[test]
    fn memory_is_read_in_kib() {
        let own = std::process::id();
        let (now, most) = (memory(own, "VmRSS").unwrap(), memory(own, "VmHWM").unwrap());
        assert!(now > 500 && most >= now, "{now} {most}");
        assert!(memory(own, "VmNothing").is_err());
    }
}
