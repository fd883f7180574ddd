use lacme::{PrivateKey, Revoked};
use serde_json::json;

use super::{certificate_file, known_by_content, stored_certificate};
use crate::args::RevokeArgs;
use crate::connect::{self, Destination};
use crate::exit::Failure;
use crate::files;
use crate::output::Report;
use crate::session::Session;
use crate::settings::Settings;

pub(super) async fn run(session: &Session, args: RevokeArgs) -> Result<Report, Failure> {
    let reason = args.reason.unwrap_or_default();
    let revoked = match &args.cert {
        Some(path) => {
            let certificate = certificate_file(path)?;
            let key = args.key.as_deref().map(private_key_file).transpose()?;
            let stored = known_by_content(session, &certificate).await?;
            let client = client(session, stored.as_ref().map(|info| &info.meta))?;
            match key {
                Some(key) => client.revoke_with_key(&certificate, &key, reason).await?,
                None => client.revoke(&certificate, reason).await?,
            }
        }
        None => {
            let name = args.name.as_deref().unwrap_or_default(); // clap asks for one of the two
            let stored = stored_certificate(&connect::offline(session)?, name).await?;
            client(session, Some(&stored.meta))?.revoke_stored(name, reason).await?
        }
    };
    Ok(report(&revoked))
}

fn client(
    session: &Session,
    stored: Option<&lacme::CertificateMeta>,
) -> Result<lacme::Client, Failure> {
    let settings = Settings::of(&session.global, stored)?;
    settings.ordered_by_acme()?;
    Ok(Destination::of(&session.global, stored).client(session, &settings)?.build()?)
}

fn private_key_file(path: &std::path::Path) -> Result<PrivateKey, Failure> {
    let pem = files::read_text(path, "--key")?;
    PrivateKey::from_pem(&pem).map_err(|error| Failure::usage(format!("--key: {error}")))
}

fn report(revoked: &Revoked) -> Report {
    let document = json!({
        "serial": revoked.serial,
        "reason": revoked.reason.name(),
        "already": revoked.already,
    });
    let already = if revoked.already { "was revoked already" } else { "is revoked" };
    Report::new("revoked", document, format!("the certificate {} {already}\n", revoked.serial))
}
