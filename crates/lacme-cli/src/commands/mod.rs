//! One file a command.

mod account;
mod ari;
mod ca;
mod completions;
mod demo;
mod issue;
mod obtain;
mod renew;
mod revoke;
mod stored;

use std::process::ExitCode;

use lacme::{Cancel, Certificate, CertificateInfo, Client};

use crate::args::{Cli, Command};
use crate::connect;
use crate::exit::Failure;
use crate::output::{Console, Report};
use crate::session::Session;
use crate::signals;

/// Runs the command to its end.
pub(crate) fn run(cli: Cli) -> ExitCode {
    let console = Console::new(&cli.global);
    if let Command::Completions(args) = &cli.command {
        return console.conclude(Ok(completions::run(args)));
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let message = format!("the system refuses what a program needs: {error}");
            return console.conclude(Err(Failure::internal(message)));
        }
    };
    let result = runtime.block_on(dispatch(cli, console));
    // A question that nobody answered may still wait for its answer.
    runtime.shutdown_background();
    console.conclude(result)
}

async fn dispatch(cli: Cli, console: Console) -> Result<Report, Failure> {
    let cancel = Cancel::new();
    let ending = signals::watch(cancel.clone(), console)
        .map_err(|error| Failure::internal(format!("signals cannot be received: {error}")))?;
    let mut global = cli.global;
    let temporary = match (&cli.command, &global.store) {
        (Command::Demo, None) => Some(demo::temporary_store(&mut global)?),
        _ => None,
    };
    let session = Session::new(global, console, cancel, ending)?;
    let result = match cli.command {
        Command::Issue(args) => issue::run(&session, *args).await,
        Command::Renew(args) => renew::run(&session, *args).await,
        Command::Revoke(args) => revoke::run(&session, args).await,
        Command::List => stored::list(&session).await,
        Command::Show(args) => stored::show(&session, &args.name).await,
        Command::Delete(args) => stored::delete(&session, &args.name).await,
        Command::Account(command) => account::run(&session, command).await,
        Command::Ari(args) => ari::run(&session, args).await,
        Command::Demo => demo::run(&session, temporary.is_none()).await,
        Command::Ca(command) => ca::run(&session, command).await,
        Command::Completions(args) => Ok(completions::run(&args)),
    };
    session.progress.end();
    result
}

/// The stored certificate of that name.
async fn stored_certificate(client: &Client, name: &str) -> Result<CertificateInfo, Failure> {
    let found = client.certificate(name).await?;
    found.ok_or_else(|| lacme::Error::NotStored(name.to_owned()).into())
}

/// The certificate in a file that the user names.
fn certificate_file(path: &std::path::Path) -> Result<Certificate, Failure> {
    let bytes = crate::files::read(path, "--cert")?;
    Certificate::from_pem(&bytes).map_err(|error| Failure::usage(format!("--cert: {error}")))
}

/// What is known of a certificate that came as a file, should it be stored here too.
async fn known_by_content(
    session: &Session,
    certificate: &Certificate,
) -> Result<Option<CertificateInfo>, Failure> {
    let sha256 = certificate.sha256_hex();
    let stored = connect::offline(session)?.certificates().await?;
    Ok(stored
        .into_iter()
        .filter_map(|(_, info)| info.ok())
        .find(|info| info.meta.sha256.as_deref() == Some(&sha256)))
}
