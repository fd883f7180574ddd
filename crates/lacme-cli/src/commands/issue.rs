use std::path::Path;
use std::time::SystemTime;

use lacme::{Csr, Issuance};
use serde_json::json;

use super::obtain::{Wish, deploy, obtain};
use crate::args::{How, IssueArgs};
use crate::connect::{Destination, Solvers};
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
    let wish = Wish {
        destination: &Destination::chosen(&session.global),
        settings: &settings,
        names: args.names,
        name: args.cert_name.as_deref(),
        force: args.force,
        successor_of: None,
        not_after: args.how.not_after,
        remember: settings.to_value(),
    };
    let issuance = obtain(session, &Solvers::default(), wish).await?;

    let failure = if issuance.reissued {
        deploy(session, &settings, &issuance.certificate).await.err()
    } else {
        issuance.warnings.iter().for_each(|warning| session.progress.warn(warning));
        remember(session, &issuance, &args.how).await.err()
    };
    Ok(Report { failure, ..report(&issuance) })
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
    let elapsed = issuance.elapsed.as_millis();
    let document = [
        ("certificate", json::certificate(certificate)),
        ("order_url", json!(issuance.order_url)),
        ("reissued", json!(issuance.reissued)),
        ("requests", json!(issuance.requests)),
        ("elapsed_ms", json!(u64::try_from(elapsed).unwrap_or(u64::MAX))),
    ];
    let facts = human::certificate(certificate, SystemTime::now());
    let mut text = match issuance.reissued {
        true => format!("issued {facts}"),
        false => format!("not due yet, nothing to do (--force obtains a new one): {facts}"),
    };
    if let Some(former) = &issuance.replaced_names {
        text += &format!("it takes the place of the certificate for {}\n", human::names(former));
    }
    Report {
        document: document.map(|(field, value)| (field.to_owned(), value)).into_iter().collect(),
        text,
        failure: None,
    }
}
