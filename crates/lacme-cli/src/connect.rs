//! Clients from options: which CA, as whom, and by which way.

use std::collections::HashMap;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lacme::{
    Authority, CertificateMeta, Client, ClientBuilder, ExternalAccount, HmacKey, KeyType, Proxy,
    Solver, TransportConfig, Trust, Url, http01,
};

use crate::args::Global;
use crate::exit::Failure;
use crate::files;
use crate::session::Session;
use crate::settings::Settings;

/// The CA and the account there.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    directory: Url,
    account: String,
}

impl Destination {
    /// What the options say, and their defaults.
    pub(crate) fn chosen(global: &Global) -> Self {
        Self::of(global, None)
    }

    /// Where a stored certificate came from, unless the options say otherwise.
    pub(crate) fn of(global: &Global, stored: Option<&CertificateMeta>) -> Self {
        let staging = global.staging.then(|| Authority::LetsEncryptStaging.directory());
        let directory = global.directory.clone().or(staging);
        let account = global.account.clone();
        Self {
            directory: directory
                .or_else(|| stored?.directory.clone())
                .unwrap_or_else(|| Authority::default().directory()),
            account: account
                .or_else(|| stored?.account.clone())
                .unwrap_or_else(|| "default".to_owned()),
        }
    }

    /// A client on its way there, to be completed with solvers.
    pub(crate) fn client(
        &self,
        session: &Session,
        settings: &Settings,
    ) -> Result<ClientBuilder, Failure> {
        let global = &session.global;
        if !self.directory.is_https() && !settings.allow_insecure {
            return Err(Failure::usage(format!(
                "{} is not https: anybody on the way could answer in the CA's place; for a test \
                 server add --allow-insecure",
                lacme::printable(self.directory.as_str())
            )));
        }
        let progress = session.progress.clone();
        let mut client = Client::builder()
            .directory(self.directory.clone())
            .store(session.store.clone())
            .account_name(self.account.clone())
            .contact(global.contact.iter().cloned())
            .agree_to_terms(global.agree_tos)
            .account_key_type(settings.account_key_type.unwrap_or(KeyType::EcdsaP256))
            .transport_config(way(settings)?)
            .timeout(session.time_left())
            .cancel_with(session.cancel.clone())
            .on_event(move |event| progress.on(event));
        if let Some(external) = external_account(global)? {
            client = client.external_account(external);
        }
        Ok(client)
    }
}

/// A client for what needs the store alone.
pub(crate) fn offline(session: &Session) -> Result<Client, Failure> {
    let nowhere =
        TransportConfig::default().with_trust(Trust::webpki_roots()).with_proxy(Proxy::none());
    Ok(Client::builder().store(session.store.clone()).transport_config(nowhere).build()?)
}

/// How the CA's server is reached and whom to believe that it is there.
fn way(settings: &Settings) -> Result<TransportConfig, Failure> {
    let mut config = TransportConfig::default().allow_insecure(settings.allow_insecure);
    if let Some(bundle) = &settings.ca_bundle {
        config = config.with_trust(Trust::only(files::read(bundle, "--ca-bundle")?));
    }
    if let (Some(chain), Some(key)) = (&settings.client_cert, &settings.client_key) {
        let read = |path: &Path, option| files::read(path, option);
        config = config
            .with_client_certificate(read(chain, "--client-cert")?, read(key, "--client-key")?);
    }
    if let Some(proxy) = &settings.proxy {
        config = config.with_proxy(Proxy::url(proxy.clone()));
    }
    Ok(config)
}

/// The customer's credentials; clap has seen to it that both halves are there.
fn external_account(global: &Global) -> Result<Option<ExternalAccount>, Failure> {
    let (Some(kid), Some(key)) = (&global.eab_kid, &global.eab_hmac_key) else {
        return Ok(None);
    };
    let key = HmacKey::from_base64url(&key.0)
        .map_err(|error| Failure::usage(format!("--eab-hmac-key: {error}")))?;
    Ok(Some(ExternalAccount::new(kid.clone(), key)))
}

/// So long before the deadline a busy port is given up, so that the error can name it.
const TO_COMPLAIN: Duration = Duration::from_secs(1);

/// The solvers of this run: one for each address, since concurrent orders share a port that way.
#[derive(Default)]
pub(crate) struct Solvers(Mutex<HashMap<SocketAddr, Arc<http01::Standalone>>>);

impl Solvers {
    /// The http-01 server that the settings ask for. A busy port is waited for until the deadline.
    pub(crate) fn http01(&self, session: &Session, settings: &Settings) -> Arc<dyn Solver> {
        let address = settings.http_addr.unwrap_or((Ipv6Addr::UNSPECIFIED, 80).into());
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let solver = known.entry(address).or_insert_with(|| {
            let wait = session.time_left().saturating_sub(TO_COMPLAIN);
            Arc::new(http01::Standalone::new().address(address).port_wait(wait))
        });
        solver.clone()
    }
}
