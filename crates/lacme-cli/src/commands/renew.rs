use std::time::SystemTime;

use futures_util::{StreamExt as _, stream};
use lacme::{CertificateInfo, Due, ErrorKind};
use serde_json::{Value, json};

use super::ca;
use super::obtain::{Wish, deploy, obtain};
use crate::args::RenewArgs;
use crate::connect::{self, Destination, Solvers};
use crate::exit::Failure;
use crate::output::{Report, json};
use crate::session::Session;
use crate::settings::Settings;

/// So many certificates are worked on at once.
const AT_ONCE: usize = 4;

/// All are tried; what fails does not keep the others from being renewed.
pub(super) async fn run(session: &Session, args: RenewArgs) -> Result<Report, Failure> {
    let chosen = chosen(session, &args.names).await?;
    session.progress.expect(chosen.len());
    let pass = Pass { session, args: &args, solvers: Solvers::default() };
    let entries: Vec<_> = stream::iter(chosen)
        .map(|(name, certificate)| pass.entry(name, certificate))
        .buffered(AT_ONCE)
        .collect()
        .await;
    Ok(report(&entries))
}

type Found = Result<CertificateInfo, Failure>;

/// The named certificates, or all.
async fn chosen(session: &Session, names: &[String]) -> Result<Vec<(String, Found)>, Failure> {
    let client = connect::offline(session)?;
    let mut chosen: Vec<(String, Found)> = Vec::new();
    if names.is_empty() {
        let all = client.certificates().await?;
        chosen.extend(all.into_iter().map(|(name, info)| (name, info.map_err(Failure::from))));
    }
    for name in names {
        if chosen.iter().all(|(known, _)| known != name) {
            let found = super::stored_certificate(&client, name).await;
            chosen.push((name.clone(), found));
        }
    }
    Ok(chosen)
}

/// What became of one certificate.
struct Entry {
    name: String,
    due: Option<Due>,
    forced: bool,
    action: Action,
    failure: Option<Failure>,
}

#[derive(Clone, Copy, PartialEq)]
enum Action {
    None,
    Renewed,
    Failed,
    WouldRenew,
}

/// One run over the certificates.
struct Pass<'a> {
    session: &'a Session,
    args: &'a RenewArgs,
    solvers: Solvers,
}

impl Pass<'_> {
    async fn entry(&self, name: String, certificate: Found) -> Entry {
        let mut entry =
            Entry { name, due: None, forced: self.args.force, action: Action::None, failure: None };
        let result = match certificate {
            _ if self.session.cancel.is_cancelled() => Err(Failure::interrupted()),
            Ok(certificate) => self.work(&certificate, &mut entry).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = result {
            if entry.action != Action::Renewed {
                entry.action = Action::Failed;
            }
            entry.failure = Some(failure);
        }
        self.session.progress.advance();
        entry
    }

    async fn work(&self, stored: &CertificateInfo, entry: &mut Entry) -> Result<(), Failure> {
        let (session, args) = (self.session, self.args);
        let meta = &stored.meta;
        let settings = Settings::of(&session.global, Some(meta))?.overridden_by(&args.how);
        let destination = Destination::of(&session.global, Some(meta));
        let due = match settings.private_ca {
            Some(_) => self.due_by_lifetime(stored),
            None => self.due(stored, &destination, &settings).await?,
        };
        let wanted = due.due || args.force;
        entry.due = Some(due);
        match (wanted, args.dry_run) {
            (true, true) => {
                entry.action = Action::WouldRenew;
                Ok(())
            }
            (false, false) if meta.hook_pending => deploy(session, &settings, stored).await,
            (false, _) => Ok(()),
            (true, false) => {
                if let Some(how) = settings.private_ca {
                    let names = &meta.identifiers;
                    let renewed = ca::certify(session, &meta.name, names, how).await?;
                    entry.action = Action::Renewed;
                    return deploy(session, &settings, &renewed).await;
                }
                let wish = Wish {
                    destination: &destination,
                    settings: &settings,
                    names: meta.identifiers.clone(),
                    name: Some(&meta.name),
                    force: args.force,
                    // The library looks again, lest two runs renew the same.
                    successor_of: meta.serial.as_deref(),
                    not_after: args.how.not_after,
                    remember: meta.settings.clone(),
                };
                let issuance = obtain(session, &self.solvers, wish).await?;
                if issuance.reissued {
                    entry.action = Action::Renewed;
                    deploy(session, &settings, &issuance.certificate).await?;
                }
                Ok(())
            }
        }
    }

    fn due_by_lifetime(&self, stored: &CertificateInfo) -> Due {
        let now = SystemTime::now();
        match self.args.days {
            Some(days) => stored.due_before_end(now, days),
            None => stored.due(now),
        }
    }

    /// Whether its time has come, by its lifetime or by the CA's word (RFC 9773).
    async fn due(
        &self,
        stored: &CertificateInfo,
        destination: &Destination,
        settings: &Settings,
    ) -> Result<Due, Failure> {
        let now = SystemTime::now();
        let by_lifetime = self.due_by_lifetime(stored);
        if by_lifetime.due || self.args.force {
            return Ok(by_lifetime);
        }
        let client = destination.client(self.session, settings)?.build()?;
        let certificate = client.stored_certificate(stored.name()).await?;
        match client.renewal_info(&certificate).await {
            Ok(advice) => {
                let window = advice.info.suggested_window;
                let by_window = stored.due_by_window(now, window, advice.selected);
                let ask_window = self.args.days.is_none() || by_window.due;
                Ok(if ask_window { by_window } else { by_lifetime })
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Err(error.into()),
            Err(lacme::Error::Unsupported(_)) => Ok(by_lifetime),
            // There is time left: the next run asks again.
            Err(error) => {
                let name = stored.name();
                self.session.progress.warn(&format!("{name}: no renewal information: {error}"));
                Ok(by_lifetime)
            }
        }
    }
}

fn report(entries: &[Entry]) -> Report {
    let failures = || entries.iter().filter_map(|entry| entry.failure.as_ref());
    let interruption = failures().find(|failure| failure.is_interruption());
    let failure = interruption.or_else(|| failures().next()).cloned();
    let text = match entries {
        [] => "no certificates are stored; `lacme issue NAME` obtains one\n".to_owned(),
        entries => entries.iter().map(Entry::line).collect(),
    };
    let documents = entries.iter().map(Entry::document).collect();
    Report { failure, ..Report::new("certificates", Value::Array(documents), text) }
}

impl Entry {
    fn document(&self) -> Value {
        let mut document = json!({
            "name": self.name,
            "due": self.due.as_ref().is_some_and(|due| due.due),
            "why": self.why(),
            "when": self.due.as_ref().map(|due| json::time(due.when)),
            "action": self.action.as_str(),
        });
        if let Some(failure) = &self.failure {
            document["error"] = failure.to_json();
        }
        document
    }

    fn line(&self) -> String {
        let when = self.due.as_ref().map(|due| format!(", {}", json::time(due.when)));
        let what = match self.action {
            Action::None => "not renewed",
            Action::Renewed => "renewed",
            Action::Failed => "FAILED",
            Action::WouldRenew => "would be renewed",
        };
        let failure = self.failure.as_ref().map(|failure| format!(": {}", failure.message));
        let (when, failure) = (when.unwrap_or_default(), failure.unwrap_or_default());
        let line = format!("{}: {what} ({}{when}){failure}", self.name, self.why());
        format!("{}\n", lacme::printable(&line))
    }

    fn why(&self) -> &str {
        match &self.due {
            Some(due) if !due.due && self.forced => "--force was given",
            Some(due) if due.due && self.action == Action::None => "it was renewed meanwhile",
            Some(due) => &due.why,
            None => "it could not be judged",
        }
    }
}

impl Action {
    fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Renewed => "renewed",
            Self::Failed => "failed",
            Self::WouldRenew => "would-renew",
        }
    }
}
