//! The deploy hook: a command of the user's that hears of each new certificate.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use lacme::{Cancel, CertificateInfo, Store};
use tokio::process::Command;

use crate::exit::Failure;
use crate::output::json;

/// Long enough to restart anything; a hook that hangs must not hang renewals for good.
const PATIENCE: Duration = Duration::from_secs(600);

/// Runs `command` for a certificate. The store says that it has to, from the write that stored the
/// certificate until the command succeeds.
pub(crate) async fn deploy(
    store: &Store,
    certificate: &CertificateInfo,
    command: &str,
    cancel: &Cancel,
) -> Result<(), Failure> {
    let name = &certificate.meta.name;
    run(certificate, command, cancel).await?;
    store.update_certificate_meta(name, |meta| meta.hook_pending = false).await?;
    Ok(())
}

async fn run(certificate: &CertificateInfo, command: &str, cancel: &Cancel) -> Result<(), Failure> {
    let name = &certificate.meta.name;
    let failed = |reason: String| {
        Failure::hook(format!(
            "the deploy hook for {name:?} failed ({reason}); the certificate is kept, and the next \
             `lacme renew` tries the hook again"
        ))
    };
    let mut child = prepared(certificate, command)
        .spawn()
        .map_err(|error| failed(format!("it did not start: {error}")))?;
    let ended = tokio::select! {
        ended = child.wait() => ended,
        () = cancel.cancelled() => return Err(Failure::interrupted()),
        () = tokio::time::sleep(PATIENCE) => return Err(failed("it took longer than 10 minutes".into())),
    };
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(failed(in_words(status))),
        Err(error) => Err(failed(error.to_string())),
    }
}

fn prepared(certificate: &CertificateInfo, command: &str) -> Command {
    let meta = &certificate.meta;
    let mut shell = Command::new("sh");
    shell
        .args(["-c", command])
        .env("LACME_HOOK_NAME", &meta.name)
        .env("LACME_HOOK_SERIAL", meta.serial.as_deref().unwrap_or_default())
        .env("LACME_HOOK_NOT_AFTER", meta.not_after.map(json::time).unwrap_or_default())
        .env_remove("LACME_EAB_HMAC_KEY")
        .stdin(Stdio::null())
        // Standard output belongs to the command's result.
        .stdout(Stdio::from(std::io::stderr()))
        .kill_on_drop(true);
    if let Some(paths) = &certificate.paths {
        shell.env("LACME_HOOK_CERT", &paths.cert).env("LACME_HOOK_FULLCHAIN", &paths.fullchain);
        // No key with a request of the user's own.
        shell.env("LACME_HOOK_KEY", paths.key.clone().unwrap_or_default());
    }
    shell
}

fn in_words(status: ExitStatus) -> String {
    match status.code() {
        Some(code) => format!("exit status {code}"),
        None => "ended by a signal".to_owned(),
    }
}
