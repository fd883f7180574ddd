//! `list`, `show`, `delete`: what is stored, without any network.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::stored_certificate;
use crate::connect;
use crate::exit::Failure;
use crate::output::{Report, human, json};
use crate::session::Session;

pub(super) async fn list(session: &Session) -> Result<Report, Failure> {
    let now = SystemTime::now();
    let (mut documents, mut text, mut failure) = (Vec::new(), String::new(), None);
    for (name, certificate) in connect::offline(session)?.certificates().await? {
        match certificate {
            Ok(info) => {
                documents.push(json::stored_certificate(&info, now));
                text += &human::certificate_line(&info, now);
            }
            // The others are listed all the same.
            Err(error) => {
                session.console.warn(&format!("{name}: {error}"));
                failure.get_or_insert(Failure::from(error));
            }
        }
    }
    if documents.is_empty() && failure.is_none() {
        text += "no certificates are stored; `lacme issue NAME` obtains one\n";
    }
    Ok(Report { failure, ..Report::new("certificates", Value::Array(documents), text) })
}

pub(super) async fn show(session: &Session, name: &str) -> Result<Report, Failure> {
    let now = SystemTime::now();
    let info = stored_certificate(&connect::offline(session)?, name).await?;
    let document = json::stored_certificate(&info, now);
    let due = info.due(now);
    let when = json::time(due.when);
    let text = format!(
        "{}  {:<12} {} ({}: {})\n",
        human::certificate(&info, now),
        "renewal",
        if due.due { "due" } else { "not due" },
        lacme::printable(&due.why),
        when
    );
    Ok(Report::new("certificate", document, text))
}

pub(super) async fn delete(session: &Session, name: &str) -> Result<Report, Failure> {
    let deleted = connect::offline(session)?.delete(name).await?;
    let mut report = Report::new("deleted", json!(deleted), String::new());
    if deleted {
        report.text = format!("deleted {}\n", lacme::printable(name));
    } else {
        report.failure = Some(lacme::Error::NotStored(name.to_owned()).into());
    }
    Ok(report)
}
