use std::path::Path;
use std::time::SystemTime;

use lacme::{Csr, Issuance};

use super::obtain::{Wish, deploy, obtain};
use crate::args::{How, IssueArgs};
use crate::connect::{self, Destination, Solvers};
use crate::exit::Failure;
use crate::files;
use crate::output::{Report, human, json};
use crate::session::Session;
use crate::settings::Settings;

pub(super) async fn run(session: &Session, args: IssueArgs) -> Result<Report, Failure> {
    let mut settings = Settings::given(&session.global, &args.how);
    if let Some(path) = &args.csr {
        settings = settings.with_csr(&csr_file(path)?);
    }
    let force = args.force || is_issued_here(session, &args).await?;
    let wish = Wish {
        destination: &Destination::chosen(&session.global),
        settings: &settings,
        names: args.names,
        name: args.cert_name.as_deref(),
        force,
        successor_of: None,
        not_after: args.how.not_after,
        remember: settings.to_value(),
    };
    let issuance = obtain(session, &Solvers::default(), wish).await?;
    if let (true, Some(words)) = (session.global.json, replacement(&issuance)) {
        // The document has no place for it.
        session.progress.warn(&format!("{}: {words}", issuance.certificate.name()));
    }

    let failure = if issuance.reissued {
        deploy(session, &settings, &issuance.certificate).await.err()
    } else {
        issuance.warnings.iter().for_each(|warning| session.progress.warn(warning));
        remember(session, &issuance, &args.how).await.err()
    };
    Ok(Report { failure, ..report(&issuance) })
}

/// Whether the stored certificate is one of `lacme ca issue`, which nobody else trusts.
async fn is_issued_here(session: &Session, args: &IssueArgs) -> Result<bool, Failure> {
    let first = args.names.first().map(lacme::Identifier::to_string);
    let Some(name) = args.cert_name.clone().or(first) else { return Ok(false) };
    let stored = connect::offline(session)?.certificate(&name).await?;
    Ok(stored.is_some_and(|info| !info.meta.settings["private_ca"].is_null()))
}

fn csr_file(path: &Path) -> Result<Csr, Failure> {
    let bytes = files::read(path, "--csr")?;
    Csr::parse(&bytes).map_err(|error| Failure::usage(format!("--csr: {error}")))
}

/// The certificate stays as it is, and what this run was told counts for its renewal.
async fn remember(session: &Session, issuance: &Issuance, how: &How) -> Result<(), Failure> {
    let meta = &issuance.certificate.meta;
    let settings = Settings::of(&session.global, Some(meta))?.overridden_by(how).to_value();
    if settings != meta.settings {
        let change = |meta: &mut lacme::CertificateMeta| meta.settings.clone_from(&settings);
        session.store.update_certificate_meta(&meta.name, change).await?;
    }
    Ok(())
}

fn report(issuance: &Issuance) -> Report {
    let certificate = &issuance.certificate;
    let document = json::issuance(
        certificate,
        issuance.order_url.as_ref(),
        issuance.reissued,
        issuance.requests,
        issuance.elapsed,
    );
    let facts = human::certificate(certificate, SystemTime::now());
    let mut text = match issuance.reissued {
        true => format!("issued {facts}"),
        false => format!("not due yet, nothing to do (--force obtains a new one): {facts}"),
    };
    if let Some(words) = replacement(issuance) {
        text += &format!("{words}\n");
    }
    Report { document, text, ..Report::default() }
}

/// What it replaced, where that was for other names.
fn replacement(issuance: &Issuance) -> Option<String> {
    let former = issuance.replaced_names.as_deref().map(human::names)?;
    Some(format!("it takes the place of the certificate for {former}"))
}
