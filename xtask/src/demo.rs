//! `cargo xtask demo`: the real command, a real ACME server, three names, nothing to set up.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use harness::{Pebble, pem, workspace};
use serde_json::Value;

use crate::{Outcome, no_arguments, run};

const NAMES: [&str; 3] = ["one.demo.example", "two.demo.example", "three.demo.example"];
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn run(arguments: &[String]) -> Outcome {
    no_arguments(arguments)?;
    println!("Building the `lacme` command ...");
    run::run(&mut run::cargo(["build", "--quiet", "-p", "lacme-cli"]))?;
    let lacme = workspace::target_dir().join("debug/lacme");

    println!("Starting Pebble, an ACME server for tests (built first where it is missing) ...");
    let pebble = Pebble::builder().try_start().map_err(|error| error.to_string())?;
    println!("It is {}, and answers at {}.", pebble.program(), pebble.directory_url());
    println!("For every name it asks this machine on port {}.\n", pebble.http_port());

    let store = workspace::target_dir().join("demo");
    if store.exists() {
        fs::remove_dir_all(&store)
            .map_err(|error| format!("cannot empty {}: {error}", store.display()))?;
    }
    issue(&lacme, &store, &pebble)?;
    report(&show(&lacme, &store)?)?;
    next(&lacme, &store);
    Ok(())
}

fn issue(lacme: &Path, store: &Path, pebble: &Pebble) -> Outcome {
    let address = format!("127.0.0.1:{}", pebble.http_port());
    let mut issue = command(lacme, store);
    issue
        .args(["--directory", &pebble.directory_url(), "--ca-bundle"])
        .arg(pebble.ca_bundle())
        .args(["--agree-tos", "--contact", "demo@demo.example", "-v"])
        .args(["issue", "--http-addr", &address])
        .args(NAMES);
    println!("Asking for a certificate for {}:\n", NAMES.join(", "));
    println!("$ {}\n", line(&issue));
    run::run(&mut issue)
}

/// The stored certificate as the command itself reports it.
fn show(lacme: &Path, store: &Path) -> Result<Value, String> {
    let mut show = command(lacme, store);
    show.args(["show", NAMES[0], "--json"]);
    let document = run::output(&mut show, PATIENCE)?;
    let document: Value = serde_json::from_str(&document)
        .map_err(|error| format!("`lacme show --json` printed no JSON: {error}"))?;
    Ok(document["certificate"].clone())
}

fn report(certificate: &Value) -> Outcome {
    let field = |name: &str| certificate[name].as_str().unwrap_or("?").to_owned();
    let path = |name: &str| certificate["paths"][name].as_str().unwrap_or("?").to_owned();
    let chain = fs::read_to_string(path("fullchain"))
        .map_err(|error| format!("cannot read {}: {error}", path("fullchain")))?;
    let chain = pem::certificates(&chain).map_err(|error| error.to_string())?;
    if let Some(name) = NAMES.iter().find(|name| !pem::names(&chain[0], name)) {
        return Err(format!("the certificate does not name {name}"));
    }

    println!("\nThe certificate is yours:");
    println!("  names        {}", NAMES.join(", "));
    println!("  issued by    {}", field("issuer"));
    println!("  valid        {} to {}", field("not_before"), field("not_after"));
    println!("  serial       {}", field("serial"));
    println!("  certificate  {}", path("cert"));
    println!("  full chain   {}", path("fullchain"));
    println!("  private key  {}", path("key"));
    Ok(())
}

fn next(lacme: &Path, store: &Path) {
    let (lacme, store) = (relative(lacme), relative(store));
    println!("\nPebble is stopped again; the files stay. What to try next:");
    println!("  {lacme} --store {store} list");
    println!("  openssl x509 -noout -text -in {store}/certs/{}/cert.pem", NAMES[0]);
    println!("  {lacme} --staging --agree-tos issue your.name.example   (a public name, port 80)");
    println!("  cargo xtask test");
}

/// `lacme` on `store`, with no setting from the environment.
fn command(lacme: &Path, store: &Path) -> Command {
    let mut command = Command::new(relative(lacme));
    command.current_dir(workspace::root()).arg("--store").arg(store);
    for (variable, _) in std::env::vars_os() {
        if variable.to_string_lossy().starts_with("LACME_") {
            command.env_remove(variable);
        }
    }
    command
}

/// The command as a person would type it.
fn line(command: &Command) -> String {
    let words = [command.get_program()].into_iter().chain(command.get_args());
    words.map(|word| relative(Path::new(word))).collect::<Vec<_>>().join(" ")
}

/// The path as seen from the workspace's root.
fn relative(path: &Path) -> String {
    path.strip_prefix(workspace::root()).unwrap_or(path).display().to_string()
}
