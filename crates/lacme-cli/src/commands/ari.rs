use std::time::SystemTime;

use serde_json::json;

use super::{certificate_file, known_by_content, stored_certificate};
use crate::args::AriArgs;
use crate::connect::{self, Destination};
use crate::exit::{Failure, whole_seconds};
use crate::output::{Report, json};
use crate::session::Session;
use crate::settings::Settings;

pub(super) async fn run(session: &Session, args: AriArgs) -> Result<Report, Failure> {
    let (certificate, stored) = match (&args.name, &args.cert) {
        (_, Some(path)) => {
            let certificate = certificate_file(path)?;
            let known = known_by_content(session, &certificate).await?;
            (certificate, known)
        }
        (name, None) => {
            let name = name.as_deref().unwrap_or_default(); // clap asks for one of the two
            let offline = connect::offline(session)?;
            let stored = stored_certificate(&offline, name).await?;
            (offline.stored_certificate(name).await?, Some(stored))
        }
    };
    let meta = stored.as_ref().map(|info| &info.meta);
    let settings = Settings::of(&session.global, meta)?;
    settings.ordered_by_acme()?;
    let client = Destination::of(&session.global, meta).client(session, &settings)?.build()?;
    let answer = client.renewal_info(&certificate).await?;

    let window = answer.info.suggested_window;
    let (start, end) = (json::time(window.start), json::time(window.end));
    let selected = json::time(answer.selected);
    let mut document = json!({
        "start": start,
        "end": end,
        "selected": selected,
        "retry_after": answer.retry_after.map(|retry| whole_seconds(retry.delay(SystemTime::now()))),
    });
    let mut text = format!(
        "the CA suggests renewal between {start} and {end}; the moment chosen for this certificate is {selected}\n"
    );
    if let Some(url) = &answer.info.explanation_url {
        document["explanation_url"] = json!(url);
        text += &format!("why: {}\n", lacme::printable(url));
    }
    Ok(Report::new("renewal_info", document, text))
}
