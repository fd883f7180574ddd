//! The private CA in the store: made, used without ACME, served by ACME.

mod external_accounts;
mod issue;
mod serve;

use std::path::PathBuf;
use std::time::SystemTime;

use lacme::{Certificate, printable};
use lacme_ca::{Authority, AuthorityError, AuthorityOptions};
use serde_json::json;

use crate::args::{CaCommand, CaInitArgs};
use crate::exit::Failure;
use crate::output::{Report, json};
use crate::session::Session;

pub(super) use issue::certify;

pub(super) async fn run(session: &Session, command: CaCommand) -> Result<Report, Failure> {
    match command {
        CaCommand::Init(args) => init(session, args).await,
        CaCommand::Issue(args) => issue::run(session, args).await,
        CaCommand::Serve(args) => serve::run(session, args).await,
    }
}

/// Where the root's certificate is, for whoever is to trust it.
pub(super) fn root_file(session: &Session) -> PathBuf {
    session.folder.join("ca").join("root.pem")
}

/// The store's authority, made where there is none yet; and whether it was made.
pub(super) async fn open_or_make(
    session: &Session,
    options: AuthorityOptions,
) -> Result<(Authority, bool), Failure> {
    match Authority::init(&session.store, options, SystemTime::now()).await {
        Ok(authority) => Ok((authority, true)),
        Err(AuthorityError::Exists) => Ok((Authority::open(&session.store).await?, false)),
        Err(error) => Err(error.into()),
    }
}

async fn init(session: &Session, args: CaInitArgs) -> Result<Report, Failure> {
    let options = match &args.name {
        Some(name) => AuthorityOptions::new().name(name.as_str()),
        None => AuthorityOptions::new(),
    };
    let (authority, made) = open_or_make(session, options).await?;
    let root = Certificate::from_pem(authority.root_pem().as_bytes())
        .map_err(|error| Failure::store(format!("the CA's root: {error}")))?;
    let name = root.subject_common_name().unwrap_or_default();
    if let Some(wanted) = args.name.filter(|wanted| !made && wanted != name) {
        session.console.warn(&format!("the CA in this store stays {name:?}, not {wanted:?}"));
    }

    let (root_path, intermediate) = (root_file(session), root_file(session));
    let intermediate = intermediate.with_file_name("intermediate.pem");
    let shown = |path: &PathBuf| printable(&path.to_string_lossy());
    let verb = if made { "made" } else { "there is one already:" };
    let text = format!(
        "{verb} the certificate authority {name:?}, valid until {}\n  {:<12} {}\n  {:<12} {}\n\
         whoever is to trust its certificates has to trust this root; its keys lie beside it: keep \
         them to yourself, and a copy of the folder in a safe place\n",
        json::time(root.not_after()),
        "root",
        shown(&root_path),
        "intermediate",
        shown(&intermediate),
    );
    let paths = json!({
        "root": root_path.to_string_lossy(),
        "intermediate": intermediate.to_string_lossy(),
    });
    Ok(Report::new("ca", paths, text))
}
