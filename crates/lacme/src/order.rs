//! From a wish to a stored certificate: key, order, chain, one atomic write.

use std::time::SystemTime;

use acme_crypto::{
    AwsLc, CertificateChain, CsrOptions, PrivateKey, certificate_signing_request, public_jwk,
};
use acme_proto::{
    Directory, Event as Proto, GetCertificate, Identifier, Issuance, Issued, NewOrder, Plan,
    ProblemType, Signer as _, Url,
};
use acme_store::{CertificateMeta, StoredCertificate};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::authority::Authority;
use crate::certificates::{CertificateInfo, fill};
use crate::drive::{Journal, drive, read_journal, take_down};
use crate::issue::IssueOptions;
use crate::registration::{generate, stored_key};
use crate::work::{Identity, Work, random};
use crate::{Client, Error, Event};

/// At most so many alternate chains are looked at.
const MAX_ALTERNATES: usize = 10;

/// A certificate that was just obtained.
pub(crate) struct Ordered {
    pub(crate) certificate: CertificateInfo,
    pub(crate) order_url: Url,
    pub(crate) warnings: Vec<String>,
}

/// Obtains and stores a certificate. The caller holds the lease on its name.
pub(crate) async fn order(
    client: &Client,
    work: &Work<'_>,
    options: &IssueOptions,
    certificate: &str,
    names: &[Identifier],
    former: Option<CertificateInfo>,
) -> Result<Ordered, Error> {
    let wish = Wish { client, work, options, certificate, names, former };
    match wish.fulfil().await {
        // The CA lost the account, as test CAs do at each start: register the same key anew.
        Err(error) if error.is_problem(&ProblemType::AccountDoesNotExist) => {
            client.0.forget_account_url(work).await?;
            wish.fulfil().await
        }
        result => result,
    }
}

struct Wish<'a> {
    client: &'a Client,
    work: &'a Work<'a>,
    options: &'a IssueOptions,
    certificate: &'a str,
    names: &'a [Identifier],
    former: Option<CertificateInfo>,
}

impl Wish<'_> {
    async fn fulfil(&self) -> Result<Ordered, Error> {
        let inner = &self.client.0;
        let identity = inner.identity(self.work).await?;
        let directory = self.directory_with_profile().await?;
        let (mut issuance, journal) = self.begin(&identity, &directory).await?;
        let issued = match drive(self.work, &mut issuance, &identity, &journal).await {
            Ok(issued) => issued,
            Err(error) => {
                if is_final(&error) {
                    journal.close().await?;
                }
                return Err(error);
            }
        };
        let key = journal.key_pem.as_ref().map(|pem| self.stored_key(pem)).transpose()?;
        let (chain, warnings) =
            match self.checked_chain(&issued, key.as_ref(), &identity, &directory).await {
                Ok(chain) => chain,
                Err(error) => {
                    journal.close().await?; // the CA would only deliver the same again
                    return Err(error);
                }
            };
        let info = self.save(&issued, &chain, journal.key_pem.clone()).await?;
        journal.close().await?;
        inner.events.emit(Event::Issued {
            certificate: self.certificate.to_owned(),
            not_after: chain.leaf().not_after(),
            renewed: self.former.is_some(),
        });
        inner.pass_on_store_warnings();
        Ok(Ordered { certificate: info, order_url: issued.order, warnings })
    }

    /// The directory, which lists the wished profile.
    async fn directory_with_profile(&self) -> Result<std::sync::Arc<Directory>, Error> {
        let inner = &self.client.0;
        let mut directory = inner.directory(self.work).await?;
        let Some(profile) = &self.options.profile else {
            return Ok(directory);
        };
        if !directory.meta.profiles.contains_key(profile) {
            // What is remembered may be from before the profile came.
            if let Some(fresh) = inner.fresh_directory(self.work).await? {
                directory = fresh;
            }
        }
        if !directory.meta.profiles.contains_key(profile) {
            let offered = directory.meta.profiles.keys().cloned().collect();
            return Err(Error::UnknownProfile { profile: profile.clone(), offered });
        }
        Ok(directory)
    }

    /// The issuance of an earlier run for the same wish, else a new one with its key; in the
    /// journal before anything is sent.
    async fn begin(
        &self,
        identity: &Identity,
        directory: &Directory,
    ) -> Result<(Issuance, Journal<'_>), Error> {
        let store = &self.client.0.store;
        let wish = self.written_down(identity);
        let mut journal = Journal { store, certificate: self.certificate, wish, key_pem: None };
        let stored = match store.order(self.certificate).await {
            Ok(stored) => stored,
            Err(error @ acme_store::StoreError::Corrupt { .. }) => {
                self.client.0.warn(format!("an unfinished order is given up: {error}"));
                None
            }
            Err(error) => return Err(error.into()),
        };
        if let Some(stored) = stored {
            match read_journal(&stored, &journal.wish) {
                // Stored already; the run died before it could close the journal.
                Some((issuance, _)) if self.is_stored(&issuance) => {}
                Some((mut issuance, true)) => {
                    journal.key_pem = stored.key_pem;
                    let resumed = issuance.handle(Proto::Resume, SystemTime::now(), &AwsLc);
                    resumed.map_err(|misuse| Error::Internal(misuse.to_string()))?;
                    return Ok((issuance, journal));
                }
                // Another wish under the same name: only its proofs are of interest.
                Some((issuance, false)) => {
                    take_down(self.work, issuance.standing(), self.certificate).await;
                }
                None => {}
            }
        }
        let (csr, key_pem) = self.csr(identity).await?;
        journal.key_pem = key_pem;
        let challenges = self.names.iter().map(|name| self.client.0.solvers.challenge_for(name));
        let mut plan = Plan::new(
            directory.clone(),
            identity.url.clone(),
            identity.thumbprint.clone(),
            self.new_order(directory).await?,
            challenges.collect(),
            csr,
        );
        plan.patience = self.client.0.timeout;
        plan.seed = random();
        let issuance = Issuance::new(plan);
        journal.keep(&issuance).await?;
        Ok((issuance, journal))
    }

    /// Whether the certificate of this issuance is the one in the store.
    fn is_stored(&self, issuance: &Issuance) -> bool {
        let stored = self.former.as_ref().and_then(|former| former.meta.order_url.as_ref());
        stored.is_some() && stored == issuance.order_url()
    }

    /// What makes two wishes the same: then the order of one serves the other.
    fn written_down(&self, identity: &Identity) -> Value {
        let seconds = |time: Option<SystemTime>| {
            time.and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok())
                .map(|d| d.as_secs())
        };
        let solvers = &self.client.0.solvers;
        let challenges: Vec<_> =
            self.names.iter().map(|name| solvers.challenge_for(name)).collect();
        json!({
            "directory": self.client.directory(),
            "account": identity.url,
            "account_key": identity.thumbprint, // proofs are made with it
            "identifiers": self.names,
            "challenges": challenges,
            "profile": self.options.profile,
            "not_before": seconds(self.options.not_before),
            "not_after": seconds(self.options.not_after),
            "key_type": self.options.csr.is_none().then_some(self.options.key_type.as_str()),
            "reuse_key": self.options.reuse_key,
            "common_name": self.options.common_name,
            "must_staple": self.options.must_staple,
            "csr": self.options.csr.as_ref().map(|csr| csr.der()),
        })
    }

    async fn new_order(&self, directory: &Directory) -> Result<NewOrder, Error> {
        let mut order = NewOrder::new(self.names);
        order.profile.clone_from(&self.options.profile);
        order.not_before = self.options.not_before;
        order.not_after = self.options.not_after;
        // RFC 9773 §5: the same account, and a name in common.
        let replaced = self.former.as_ref().filter(|former| {
            self.options.replaces
                && directory.renewal_info.is_some()
                && former.meta.directory.as_ref() == Some(self.client.directory())
                && former.meta.account.as_deref() == Some(self.client.0.account.name.as_str())
                && former.meta.identifiers.iter().any(|name| self.names.contains(name))
        });
        if let Some(former) = replaced {
            order.replaces = self.client.stored_certificate(former.name()).await?.id();
        }
        Ok(order)
    }

    /// A key that was written down for this certificate.
    fn stored_key(&self, pem: &str) -> Result<PrivateKey, Error> {
        stored_key(pem, || format!("the key of {:?}", self.certificate))
    }

    /// The signing request, and the key where it is ours.
    async fn csr(
        &self,
        identity: &Identity,
    ) -> Result<(Vec<u8>, Option<Zeroizing<String>>), Error> {
        let options = self.options;
        if let Some(csr) = &options.csr {
            if public_jwk(csr.public_key_der()).as_ref() == Some(&identity.credentials.jwk) {
                return Err(Error::SharedKey);
            }
            return Ok((csr.der().to_vec(), None));
        }
        let former = match &self.former {
            Some(former) if options.reuse_key => self.client.stored(former.name()).await?.key_pem,
            _ => None,
        };
        let key = match former {
            Some(pem) => self.stored_key(&pem)?,
            None => generate(options.key_type).await?,
        };
        if *key.jwk() == identity.credentials.jwk {
            return Err(Error::SharedKey);
        }
        let csr_options =
            CsrOptions { common_name: options.common_name, must_staple: options.must_staple };
        let csr = certificate_signing_request(&key, self.names, &csr_options)?;
        Ok((csr, Some(key.to_pkcs8_pem())))
    }

    /// The chain, checked against key and names; a preferred one where the CA offers it.
    async fn checked_chain(
        &self,
        issued: &Issued,
        key: Option<&PrivateKey>,
        identity: &Identity,
        directory: &Directory,
    ) -> Result<(CertificateChain, Vec<String>), Error> {
        let default = self.check(&issued.pem, key)?;
        let Some(preferred) = &self.options.preferred_chain else {
            return Ok((default, Vec::new()));
        };
        if ends_at(&default, preferred) {
            return Ok((default, Vec::new()));
        }
        for url in issued.alternates.iter().take(MAX_ALTERNATES) {
            let request = GetCertificate { url: url.clone() };
            let download =
                self.work.request(&request, Some(&identity.signature()), directory).await;
            match download.and_then(|download| self.check(&download.pem, key)) {
                Ok(chain) if ends_at(&chain, preferred) => return Ok((chain, Vec::new())),
                Ok(_) => {}
                Err(error) => {
                    self.client.0.warn(format!("an alternate chain is left out: {error}"))
                }
            }
        }
        let warning = format!(
            "the CA offers no chain that ends at {preferred:?}; its default chain was taken"
        );
        self.client.0.warn(warning.clone());
        Ok((default, vec![warning]))
    }

    fn check(&self, pem: &str, key: Option<&PrivateKey>) -> Result<CertificateChain, Error> {
        let chain = CertificateChain::parse(pem.as_bytes())?;
        let public_key = match (key, &self.options.csr) {
            (Some(key), _) => key.public_key_der(),
            (None, Some(csr)) => csr.public_key_der(),
            (None, None) => {
                return Err(Error::Internal("the certificate's key is lost".to_owned()));
            }
        };
        let adds_names = Authority::of(self.client.directory()).is_some_and(Authority::adds_names);
        chain.check(public_key, self.names, self.options.allow_extra_names || adds_names)?;
        Ok(chain)
    }

    /// Everything about the certificate, as one.
    async fn save(
        &self,
        issued: &Issued,
        chain: &CertificateChain,
        key_pem: Option<Zeroizing<String>>,
    ) -> Result<CertificateInfo, Error> {
        let mut meta = CertificateMeta::new(self.certificate);
        meta.identifiers = self.names.to_vec();
        fill(&mut meta, chain.leaf());
        meta.issued_at = Some(SystemTime::now());
        meta.directory = Some(self.client.directory().clone());
        meta.account = Some(self.client.0.account.name.clone());
        meta.order_url = Some(issued.order.clone());
        meta.settings = self.options.settings.clone();
        meta.hook_pending = self.options.hook_pending;
        let stored = StoredCertificate::new(meta.clone(), chain.leaf_pem(), chain.pem(), key_pem);
        self.client.0.store.save_certificate(&stored).await?;
        self.client.info(meta).await
    }
}

/// Whether the CA's order is of no use any more, so that the next run begins anew.
fn is_final(error: &Error) -> bool {
    matches!(error, Error::Issuance(error) if !error.is_resumable())
}

fn ends_at(chain: &CertificateChain, issuer: &str) -> bool {
    chain.certificates().last().and_then(|last| last.issuer_common_name()) == Some(issuer)
}
