use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use acme_crypto::{Csr, KeyType};
use acme_proto::{Identifier, Url};
use serde_json::Value;

use crate::certificates::{CertificateInfo, same_set};
use crate::names::check_names;
use crate::work::Work;
use crate::{Client, Error};

/// A certificate that was asked for; `.await` it.
///
/// Asking is idempotent: a stored certificate for the same names from the same CA that is not due
/// is reported rather than issued again.
#[must_use = "nothing is issued before it is awaited"]
#[derive(Clone, Debug)]
pub struct IssueRequest {
    pub(crate) client: Client,
    pub(crate) names: Vec<Identifier>,
    pub(crate) options: IssueOptions,
}

#[derive(Clone, Debug)]
pub(crate) struct IssueOptions {
    pub(crate) certificate: Option<String>,
    pub(crate) force: bool,
    pub(crate) successor_of: Option<String>,
    pub(crate) key_type: KeyType,
    pub(crate) reuse_key: bool,
    pub(crate) csr: Option<Csr>,
    pub(crate) common_name: bool,
    pub(crate) must_staple: bool,
    pub(crate) profile: Option<String>,
    pub(crate) preferred_chain: Option<String>,
    pub(crate) not_before: Option<SystemTime>,
    pub(crate) not_after: Option<SystemTime>,
    pub(crate) allow_extra_names: bool,
    pub(crate) replaces: bool,
    pub(crate) settings: Value,
    pub(crate) hook_pending: bool,
}

/// What came of an [`IssueRequest`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Issuance {
    /// The certificate, as it is stored now.
    pub certificate: CertificateInfo,
    /// Whether this run obtained it.
    pub reissued: bool,
    /// The names of the certificate whose place it took, where those were others.
    pub replaced_names: Option<Vec<Identifier>>,
    /// The order; `None` where nothing was ordered.
    pub order_url: Option<Url>,
    /// How many requests it took, those for account, directory and nonces included.
    pub requests: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// What a person should know, such as a preferred chain that the CA does not offer.
    pub warnings: Vec<String>,
}

impl Client {
    /// Asks for a certificate for these names: DNS names, wildcards, IP addresses.
    ///
    /// With a [`csr`](IssueRequest::csr) the names may be left out.
    pub fn issue(&self, names: impl IntoIterator<Item = Identifier>) -> IssueRequest {
        IssueRequest {
            client: self.clone(),
            names: names.into_iter().collect(),
            options: IssueOptions {
                certificate: None,
                force: false,
                successor_of: None,
                key_type: KeyType::default(),
                reuse_key: false,
                csr: None,
                common_name: false,
                must_staple: false,
                profile: None,
                preferred_chain: None,
                not_before: None,
                not_after: None,
                allow_extra_names: false,
                replaces: true,
                settings: Value::Null,
                hook_pending: false,
            },
        }
    }
}

impl IssueRequest {
    /// What the certificate is called in the store. Default: its first name, or another of its
    /// names where the same set is stored under that.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.options.certificate = Some(name.into());
        self
    }

    /// Issues even where a stored certificate would do. Default no.
    pub fn force(mut self, force: bool) -> Self {
        self.options.force = force;
        self
    }

    /// Issues where the stored certificate is still the one with this serial number (lower-case
    /// hex), due or not; one that took its place meanwhile is reported instead. So two processes
    /// that see the same certificate due renew it once.
    pub fn successor_of(mut self, serial: impl Into<String>) -> Self {
        self.options.successor_of = Some(serial.into());
        self
    }

    /// The type of the certificate's key. Default ECDSA P-256.
    pub fn key_type(mut self, key_type: KeyType) -> Self {
        self.options.key_type = key_type;
        self
    }

    /// Keeps the key of the stored certificate whose place the new one takes. Default no.
    pub fn reuse_key(mut self, reuse: bool) -> Self {
        self.options.reuse_key = reuse;
        self
    }

    /// Certifies the key of this request, which stays where it is; no key is stored.
    pub fn csr(mut self, csr: Csr) -> Self {
        self.options.csr = Some(csr);
        self
    }

    /// Puts the first DNS name into the subject as well. Default no: CAs choose themselves.
    pub fn common_name(mut self, common_name: bool) -> Self {
        self.options.common_name = common_name;
        self
    }

    /// Asks for the must-staple extension (RFC 7633). Default no; CAs without OCSP refuse it.
    pub fn must_staple(mut self, must_staple: bool) -> Self {
        self.options.must_staple = must_staple;
        self
    }

    /// One of the CA's profiles.
    pub fn profile(mut self, profile: impl Into<String>) -> Self {
        self.options.profile = Some(profile.into());
        self
    }

    /// Prefers the chain whose last certificate was issued by this common name. Where the CA
    /// offers none, its default chain is taken, with a warning.
    pub fn preferred_chain(mut self, issuer: impl Into<String>) -> Self {
        self.options.preferred_chain = Some(issuer.into());
        self
    }

    /// The wished begin of validity; Let's Encrypt refuses it.
    pub fn not_before(mut self, not_before: SystemTime) -> Self {
        self.options.not_before = Some(not_before);
        self
    }

    /// The wished end of validity; Let's Encrypt refuses it.
    pub fn not_after(mut self, not_after: SystemTime) -> Self {
        self.options.not_after = Some(not_after);
        self
    }

    /// Accepts a certificate with names that nobody asked for. Default no, but for CAs that are
    /// known to add them.
    pub fn allow_extra_names(mut self, allow: bool) -> Self {
        self.options.allow_extra_names = allow;
        self
    }

    /// Tells the CA which stored certificate the new one takes over from (RFC 9773 §5), where it
    /// offers renewal information. Default yes: such renewals are exempt from rate limits.
    pub fn replaces(mut self, replaces: bool) -> Self {
        self.options.replaces = replaces;
        self
    }

    /// Anything to be kept with the certificate, to be read again from
    /// [`CertificateMeta::settings`](acme_store::CertificateMeta::settings).
    pub fn settings(mut self, settings: Value) -> Self {
        self.options.settings = settings;
        self
    }

    /// Marks the new certificate as one whose deploy hook still has to run, in the same write that
    /// stores it. Default no.
    pub fn hook_pending(mut self, pending: bool) -> Self {
        self.options.hook_pending = pending;
        self
    }

    async fn run(self) -> Result<Issuance, Error> {
        let Self { client, names, options } = self;
        let work = Work::new(&client.0);
        let solvers = &client.0.solvers;
        let names = match &options.csr {
            None => names,
            Some(csr) if names.is_empty() || same_set(&names, csr.identifiers()) => {
                if names.is_empty() { csr.identifiers().to_vec() } else { names }
            }
            Some(_) => {
                let reason = "the names are not those of the certificate signing request";
                return Err(Error::Usage(reason.to_owned()));
            }
        };
        let names = check_names(names, |name| solvers.challenge_for(name))?;
        solvers.check(&names)?;
        let certificate = match &options.certificate {
            Some(name) => name.clone(),
            None => client.usual_name(&names).await,
        };

        let lease = client.0.store.lease_certificate(&certificate, work.time_left());
        let _lease = work.bounded(lease).await??;
        client.0.store.check_certificate_name(&certificate).await?;
        let former = client.certificate(&certificate).await?;
        if let Some(info) = &former {
            let serves = info.serves(&names, client.directory());
            if serves && !options.is_wanted_in_place_of(info) {
                return Ok(Issuance {
                    certificate: info.clone(),
                    reissued: false,
                    replaced_names: None,
                    order_url: None,
                    requests: work.requests(),
                    elapsed: work.begun.elapsed(),
                    warnings: client.0.store.warnings(),
                });
            }
        }
        let replaced_names = former
            .as_ref()
            .map(|info| info.meta.identifiers.clone())
            .filter(|former| !same_set(former, &names));
        let ordered =
            crate::order::order(&client, &work, &options, &certificate, &names, former).await?;
        Ok(Issuance {
            certificate: ordered.certificate,
            reissued: true,
            replaced_names,
            order_url: Some(ordered.order_url),
            requests: work.requests(),
            elapsed: work.begun.elapsed(),
            warnings: ordered.warnings,
        })
    }
}

impl Client {
    /// What a certificate for these names, of which there is one at least, is called by default.
    async fn usual_name(&self, names: &[Identifier]) -> String {
        for name in names.iter().map(Identifier::to_string) {
            let stored = self.certificate(&name).await.ok().flatten();
            let directory = self.directory();
            if stored.is_some_and(|info| {
                info.meta.directory.as_ref() == Some(directory) && info.serves(names, directory)
            }) {
                return name;
            }
        }
        names[0].to_string()
    }
}

impl IssueOptions {
    /// Whether a new certificate is wanted although `stored` is for the same names.
    fn is_wanted_in_place_of(&self, stored: &CertificateInfo) -> bool {
        let is_the_one = self.successor_of.is_some() && self.successor_of == stored.meta.serial;
        self.force || is_the_one || stored.due(SystemTime::now()).due
    }
}

impl IntoFuture for IssueRequest {
    type Output = Result<Issuance, Error>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
