use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use lacme::{Identifier, Url};
use lacme_ca::{AuthorityOptions, NetworkValidator, ServerConfig, Service, ServiceError};
use serde_json::{Map, json};
use tokio::net::{TcpListener, lookup_host};

use super::{external_accounts, open_or_make, root_file};
use crate::args::{CaServeArgs, Listen};
use crate::exit::Failure;
use crate::output::{Report, human};
use crate::session::Session;

/// Runs until a signal ends it: SIGTERM well, Ctrl-C as an interruption.
pub(super) async fn run(session: &Session, args: CaServeArgs) -> Result<Report, Failure> {
    let accounts = args.eab_file.as_deref().map(external_accounts::read).transpose()?;
    let validator = validator(&args)?;
    let (authority, made) = open_or_make(session, AuthorityOptions::new()).await?;
    let listener = listen(&args.listen).await?;
    let port = listener.local_addr().map_err(|error| unheard(&args.listen, &error))?.port();
    let host = host(&args.listen);
    let config = config(&host, port, accounts)?;
    let directory = config.directory_url();
    let service = Service::builder(config, Arc::new(authority), Arc::new(validator))
        .store(session.store.clone())
        .build()
        .await
        .map_err(unable)?;

    if made {
        session.console.note("there was no CA in this store: one was made");
    }
    session.console.announce(Report {
        document: Map::from_iter([
            ("directory".to_owned(), json!(directory)),
            ("root".to_owned(), json!(root_file(session).to_string_lossy())),
        ]),
        text: welcome(session, &args, &directory, made),
        ..Report::default()
    });
    service.serve(listener, names(&host), session.cancel.cancelled()).await?;

    let stopped = || Failure::stopped("interrupted; the server has stopped");
    Ok(Report::announced((!session.ending.is_termination()).then(stopped)))
}

/// Looks at proofs where the options say; names are looked up as this system does it, if they do not.
fn validator(args: &CaServeArgs) -> Result<NetworkValidator, Failure> {
    let mut validator = NetworkValidator::builder()
        .http_port(args.http_port)
        .tls_port(args.tls_port)
        .system_resolver(args.resolver.is_empty());
    for resolver in &args.resolver {
        validator = validator.resolver(*resolver);
    }
    validator.build().map_err(|error| Failure::usage(format!("{error} (--resolver ADDR)")))
}

async fn listen(wanted: &Listen) -> Result<TcpListener, Failure> {
    let listener = match wanted {
        // A machine without IPv6 means all of its addresses too.
        Listen::Address(all) if all.ip().is_unspecified() => {
            let ipv4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, all.port()));
            TcpListener::bind(&[*all, ipv4][..]).await
        }
        Listen::Address(address) => TcpListener::bind(address).await,
        Listen::Name(name, port) => match lookup_host((name.as_str(), *port)).await {
            Ok(found) => {
                let mut addresses: Vec<_> = found.collect();
                addresses.sort_by_key(|address| !address.is_ipv4());
                TcpListener::bind(addresses.as_slice()).await
            }
            Err(error) => Err(error),
        },
    };
    listener.map_err(|error| unheard(wanted, &error))
}

/// What clients call this server.
fn host(listen: &Listen) -> String {
    match listen {
        Listen::Name(name, _) => name.clone(),
        Listen::Address(address) if address.ip().is_unspecified() => "localhost".to_owned(),
        Listen::Address(SocketAddr::V6(address)) => format!("[{}]", address.ip()),
        Listen::Address(address) => address.ip().to_string(),
    }
}

/// The names in the server's own certificate.
fn names(host: &str) -> Vec<Identifier> {
    let host = host.trim_matches(['[', ']']);
    let mut names: Vec<Identifier> = Vec::new();
    for name in [host, "localhost", "127.0.0.1", "::1"] {
        let name = lacme::parse_name(name).ok().filter(|name| !names.contains(name));
        names.extend(name);
    }
    names
}

fn config(
    host: &str,
    port: u16,
    accounts: Option<Vec<(String, lacme::HmacKey)>>,
) -> Result<ServerConfig, Failure> {
    let unusable = |error: &dyn std::fmt::Display| Failure::usage(format!("--listen: {error}"));
    let base = Url::parse(format!("https://{host}:{port}")).map_err(|error| unusable(&error))?;
    let mut config = ServerConfig::new(base).map_err(|error| unusable(&error))?;
    if host.contains('.') && matches!(lacme::parse_name(host), Ok(Identifier::Dns(_))) {
        config = config.caa_identities([host.to_owned()]);
    }
    let Some(accounts) = accounts else {
        return Ok(config);
    };
    let bound = config.require_external_account(true);
    Ok(accounts.into_iter().fold(bound, |config, (kid, key)| config.external_account(kid, key)))
}

fn welcome(session: &Session, args: &CaServeArgs, directory: &str, made: bool) -> String {
    let root = root_file(session);
    let root = human::word(&root.to_string_lossy());
    let made = if made { "there was no certificate authority here: one was made\n" } else { "" };
    let port = match args.http_port {
        80 => String::new(),
        port => format!(" --http-addr :{port}"),
    };
    let account = match args.eab_file {
        Some(_) => " --eab-kid KID --eab-hmac-key KEY",
        None => "",
    };
    let mut text = format!(
        "{made}the ACME server of your CA is at {directory}\n\
         its clients have to trust {root}\n\
         try: {} --directory {directory} --ca-bundle {root}{account} issue demo.localhost{port}\n",
        human::program(),
    );
    if matches!(args.listen, Listen::Address(all) if all.ip().is_unspecified()) {
        text += "it listens on all addresses, but calls itself localhost: for clients on other \
                 machines give it a name (--listen NAME:PORT)\n";
    }
    text + "Ctrl-C ends it; what it knows stays in the store\n"
}

fn unheard(listen: &Listen, error: &std::io::Error) -> Failure {
    Failure::internal(format!("cannot listen on {listen}: {error}"))
}

fn unable(error: ServiceError) -> Failure {
    match error {
        ServiceError::Store(error) => error.into(),
        error => Failure::store(lacme::printable(&error.to_string())),
    }
}
