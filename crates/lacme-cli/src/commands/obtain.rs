//! What `issue` and `renew` have in common: a certificate by given settings, and its deploy hook.

use std::time::SystemTime;

use lacme::{CertificateInfo, Identifier, Issuance};
use serde_json::Value;

use crate::connect::{Destination, Solvers};
use crate::exit::Failure;
use crate::hook;
use crate::session::Session;
use crate::settings::Settings;

/// A certificate to obtain.
pub(super) struct Wish<'a> {
    pub(super) destination: &'a Destination,
    pub(super) settings: &'a Settings,
    pub(super) names: Vec<Identifier>,
    /// What it is called here; by default its first name.
    pub(super) name: Option<&'a str>,
    pub(super) force: bool,
    /// Only where the stored certificate still has this serial number, due or not.
    pub(super) successor_of: Option<&'a str>,
    pub(super) not_after: Option<SystemTime>,
    /// What is written down for the next renewal.
    pub(super) remember: Value,
}

/// Has the CA issue the certificate, unless it is there and good.
pub(super) async fn obtain(
    session: &Session,
    solvers: &Solvers,
    wish: Wish<'_>,
) -> Result<Issuance, Failure> {
    let settings = wish.settings;
    let client = wish
        .destination
        .client(session, settings)?
        .challenge(settings.challenge()?)
        .solver(solvers.http01(session, settings))
        .build()?;
    let mut request = client
        .issue(wish.names)
        .force(wish.force)
        .key_type(settings.key_type.unwrap_or_default())
        .reuse_key(settings.reuse_key)
        .must_staple(settings.must_staple)
        .hook_pending(settings.deploy_hook.is_some())
        .settings(wish.remember);
    if let Some(name) = wish.name {
        request = request.name(name);
    }
    if let Some(serial) = wish.successor_of {
        request = request.successor_of(serial);
    }
    if let Some(csr) = settings.csr()? {
        request = request.csr(csr);
    }
    if let Some(profile) = &settings.profile {
        request = request.profile(profile);
    }
    if let Some(issuer) = &settings.preferred_chain {
        request = request.preferred_chain(issuer);
    }
    if let Some(time) = wish.not_after {
        request = request.not_after(time);
    }
    Ok(request.await?)
}

/// Runs the deploy hook, where there is one.
pub(super) async fn deploy(
    session: &Session,
    settings: &Settings,
    certificate: &CertificateInfo,
) -> Result<(), Failure> {
    match &settings.deploy_hook {
        Some(command) => hook::deploy(&session.store, certificate, command, &session.cancel).await,
        None => Ok(()),
    }
}
