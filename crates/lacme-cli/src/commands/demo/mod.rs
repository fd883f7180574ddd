//! A certificate from start to end, all on this machine: a CA and its ACME server, the real client,
//! a proof over HTTP, a server with the new certificate, and a client that trusts the CA alone.

mod https;
mod proof;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use lacme::{Client, Event, Issuance, Proxy, TransportConfig, Trust, http01};
use lacme_ca::{AcmeServer, AuthorityOptions, LoopbackOptions, Running};
use serde_json::json;
use tempfile::TempDir;

use super::ca::{open_or_make, root_file};
use crate::args::Global;
use crate::exit::Failure;
use crate::output::{Console, Report, human, json};
use crate::session::Session;
use https::Fetched;
use proof::OnThisMachine;

const NAME: &str = "demo.localhost";

/// A folder for a run that keeps nothing; it goes with its last use.
pub(super) fn temporary_store(global: &mut Global) -> Result<TempDir, Failure> {
    let made = tempfile::Builder::new().prefix("lacme-demo-").tempdir();
    let folder =
        made.map_err(|error| Failure::store(format!("no temporary folder can be made: {error}")))?;
    global.store = Some(folder.path().to_owned());
    Ok(folder)
}

/// Shows it all; `kept` says that the store is the user's own.
pub(super) async fn run(session: &Session, kept: bool) -> Result<Report, Failure> {
    tokio::select! {
        () = session.cancel.cancelled() => Err(Failure::stopped("interrupted; nothing is left running")),
        shown = show(session, kept) => shown,
    }
}

async fn show(session: &Session, kept: bool) -> Result<Report, Failure> {
    let console = session.console;
    let options = AuthorityOptions::new().name("lacme demo CA");
    let (authority, made) = open_or_make(session, options).await?;
    let origin = if made { "made for this demo" } else { "the one in this store" };
    console.step("CA", &format!("{origin}: a root and an intermediate"));

    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let solver = Arc::new(http01::Standalone::new().address(any_port));
    let options = LoopbackOptions::new()
        .authority(Arc::new(authority))
        .validator(Arc::new(OnThisMachine { solver: Arc::clone(&solver), console }));
    let server = AcmeServer::spawn_on_loopback(options)
        .await
        .map_err(|error| Failure::internal(error.to_string()))?;
    console.step("ACME server", server.directory_url.as_str());
    let result = with_server(session, &server, solver).await;
    server.shutdown().await;

    let (issuance, fetched) = result?;
    Ok(report(session, issuance, &fetched, kept))
}

async fn with_server(
    session: &Session,
    server: &Running,
    solver: Arc<http01::Standalone>,
) -> Result<(Issuance, Fetched), Failure> {
    let console = session.console;
    let issuance = issue(session, server, solver).await?;
    let info = &issuance.certificate;
    let certificate = format!(
        "by {:?}, valid until {} ({} requests, {} ms)",
        info.meta.issuer.as_deref().unwrap_or_default(),
        info.meta.not_after.map(json::time).unwrap_or_default(),
        issuance.requests,
        issuance.elapsed.as_millis(),
    );
    console.step("certificate", &certificate);

    let stored = session.store.certificate(info.name()).await?;
    let key = stored.as_ref().and_then(|stored| stored.key_pem.as_ref());
    let (Some(stored), Some(key)) = (&stored, key) else {
        return Err(lacme::Error::NotStored(info.name().to_owned()).into());
    };
    let fetched = https::serve_and_fetch(&stored.fullchain_pem, key, &server.root_pem).await?;
    console.step("served", &format!("{} shows it, and says {:?}", fetched.url, fetched.body));
    let seen = format!(
        "by a client that trusts the demo's root alone: {}, {} by {:?}",
        fetched.tls,
        human::names(fetched.certificate.identifiers()),
        fetched.certificate.issuer_common_name().unwrap_or_default(),
    );
    console.step("seen", &seen);
    Ok((issuance, fetched))
}

/// The real client, as it would ask any CA.
async fn issue(
    session: &Session,
    server: &Running,
    solver: Arc<http01::Standalone>,
) -> Result<Issuance, Failure> {
    let transport = TransportConfig::default()
        .with_trust(Trust::only(server.root_pem.as_str()))
        .with_proxy(Proxy::none());
    let console = session.console;
    let client = Client::builder()
        .directory(server.directory_url.clone())
        .store(session.store.clone())
        .transport_config(transport)
        .solver(solver)
        .timeout(session.time_left())
        .cancel_with(session.cancel.clone())
        .on_event(move |event| tell(console, event))
        .build()?;
    let name = lacme::parse_name(NAME)?;
    Ok(client.issue([name]).force(true).await?)
}

fn tell(console: Console, event: &Event) {
    match event {
        Event::AccountCreated { url } => console.step("account", url.as_str()),
        Event::Ordered { .. } => console.step("order", &format!("one name: {NAME}")),
        Event::Warning { message } => console.warn(message),
        _ => {}
    }
}

fn report(session: &Session, issuance: Issuance, fetched: &Fetched, kept: bool) -> Report {
    let mut certificate = issuance.certificate;
    if !kept {
        certificate.paths = None; // gone in a moment
    }
    let order = issuance.order_url.as_ref();
    let (requests, elapsed) = (issuance.requests, issuance.elapsed);
    let mut document = json::issuance(&certificate, order, issuance.reissued, requests, elapsed);
    let root = root_file(session);
    document.insert("root".to_owned(), json!(kept.then(|| root.to_string_lossy())));
    document.insert("fetched".to_owned(), fetched.document());
    Report { document, text: farewell(session, kept), ..Report::default() }
}

fn farewell(session: &Session, kept: bool) -> String {
    let program = human::program();
    let folder = if kept { session.folder.as_path() } else { Path::new("demo") };
    let store = human::word(&folder.to_string_lossy());
    let files = match kept {
        true => format!("The files are in {store}, and nothing is left running."),
        false => "Nothing is left: no process, no file.".to_owned(),
    };
    let first = match kept {
        true => ("what was stored", format!("--store {store} show {NAME}")),
        false => ("once more, with the files kept", format!("demo --store {store}")),
    };
    let serve = format!("--store {store} ca serve --listen localhost:14000 --http-port 8080");
    let public = "--staging --agree-tos issue your.public.name".to_owned();
    let tries = [
        first,
        ("a CA of your own for any ACME client, until Ctrl-C", serve),
        ("a public name, by Let's Encrypt's staging environment; needs port 80", public),
    ];
    let tries = tries.map(|(what, command)| format!("  # {what}\n  {program} {command}\n"));
    format!("\n{files} What to try next:\n\n{}", tries.concat())
}
