use std::io::{BufRead as _, IsTerminal as _, Write as _};

use lacme::{AccountInfo, Client, KeyType};
use serde_json::Value;

use crate::args::{AccountCommand, DeactivateArgs};
use crate::connect::{self, Destination};
use crate::exit::Failure;
use crate::output::{Report, human, json};
use crate::session::Session;
use crate::settings::Settings;

pub(super) async fn run(session: &Session, command: AccountCommand) -> Result<Report, Failure> {
    let account = match command {
        AccountCommand::List => return list(session).await,
        AccountCommand::Create(args) => {
            client(session, args.account_key_type)?.account().create().await?
        }
        AccountCommand::Show => show(session).await?,
        AccountCommand::Update => update(session).await?,
        AccountCommand::Rollover(args) => {
            let key_type = args.account_key_type.unwrap_or_default();
            client(session, None)?.account().rollover(key_type).await?
        }
        AccountCommand::Deactivate(args) => deactivate(session, &args).await?,
    };
    Ok(Report::new("account", json::account(&account), human::account(&account)))
}

/// As the CA knows it; of an account that was given up it tells nothing any more.
async fn show(session: &Session) -> Result<AccountInfo, Failure> {
    let client = client(session, None)?;
    let error = match client.account().find().await {
        Ok(account) => return Ok(account),
        Err(error) => error,
    };
    let name = session.global.account.as_deref().unwrap_or("default");
    let stored = client.accounts().await?.into_iter().filter_map(Result::ok);
    let given_up = |account: &AccountInfo| {
        account.name == name
            && account.directory == *client.directory()
            && account.status == "deactivated"
    };
    match stored.into_iter().find(given_up) {
        Some(account) if error.problem().is_some() => Ok(account),
        _ => Err(error.into()),
    }
}

async fn list(session: &Session) -> Result<Report, Failure> {
    let (mut documents, mut text, mut failure) = (Vec::new(), String::new(), None);
    for account in connect::offline(session)?.accounts().await? {
        match account {
            Ok(account) => {
                documents.push(json::account(&account));
                text += &human::account(&account);
            }
            // The others are listed all the same.
            Err(error) => {
                failure.get_or_insert(Failure::from(error));
            }
        }
    }
    if documents.is_empty() && failure.is_none() {
        text += "no accounts are stored; `lacme account create` makes one\n";
    }
    Ok(Report { failure, ..Report::new("accounts", Value::Array(documents), text) })
}

async fn update(session: &Session) -> Result<AccountInfo, Failure> {
    let contact = session.global.contact.clone();
    if contact.is_empty() {
        return Err(Failure::usage("say what to change: --contact MAIL, which may be repeated"));
    }
    Ok(client(session, None)?.account().update_contact(contact).await?)
}

async fn deactivate(session: &Session, args: &DeactivateArgs) -> Result<AccountInfo, Failure> {
    let client = client(session, None)?;
    if !args.yes {
        let name = session.global.account.as_deref().unwrap_or("default");
        let directory = client.directory().as_str();
        let question = format!(
            "Deactivate the account {name:?} at {}, for good? [y/N] ",
            lacme::printable(directory)
        );
        if !confirmed(session, question).await? {
            return Err(Failure::usage("not confirmed: the account stays as it is"));
        }
    }
    Ok(client.account().deactivate().await?)
}

/// Asks on the terminal; without one nobody can answer.
async fn confirmed(session: &Session, question: String) -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::usage("deactivating an account is for good: confirm it by --yes"));
    }
    let answer = tokio::task::spawn_blocking(move || {
        let mut line = String::new();
        let mut err = std::io::stderr();
        let asked = err.write_all(question.as_bytes()).and_then(|()| err.flush());
        asked.and_then(|()| std::io::stdin().lock().read_line(&mut line)).map(|_| line)
    });
    tokio::select! {
        () = session.cancel.cancelled() => Err(Failure::interrupted()),
        answer = answer => {
            let line = answer.ok().and_then(Result::ok).unwrap_or_default();
            Ok(matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
        }
    }
}

fn client(session: &Session, key_type: Option<KeyType>) -> Result<Client, Failure> {
    let settings = Settings { account_key_type: key_type, ..Settings::of(&session.global, None)? };
    Ok(Destination::chosen(&session.global).client(session, &settings)?.build()?)
}
