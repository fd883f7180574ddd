use std::sync::{Arc, Mutex};
use std::time::Duration;

use acme_challenges::Solver;
use acme_crypto::{HmacKey, KeyType};
use acme_proto::{ChallengeType, Identifier, NoncePool, Signer, Url};
use acme_store::Store;
use acme_transport::{HttpsTransport, Transport, TransportConfig};
use tokio::sync::Semaphore;

use crate::client::{AccountOptions, Client, Inner};
use crate::events::{Event, Events, Listener};
use crate::solvers::{Route, Solvers};
use crate::{Authority, Cancel, Error};

/// The credentials by which a CA knows its customer (RFC 8555 §7.3.4).
#[derive(Clone, Debug)]
pub struct ExternalAccount {
    pub(crate) kid: String,
    pub(crate) hmac_key: HmacKey,
}

impl ExternalAccount {
    /// The key identifier and the MAC key that the CA handed out together.
    pub fn new(kid: impl Into<String>, hmac_key: HmacKey) -> Self {
        Self { kid: kid.into(), hmac_key }
    }
}

/// Sets a [`Client`] up. Nothing touches network or disk before the client is used.
#[must_use]
pub struct ClientBuilder {
    directory: Url,
    store: Store,
    account: AccountOptions,
    transport: Option<Arc<dyn Transport>>,
    transport_config: TransportConfig,
    solvers: Solvers,
    concurrency: usize,
    timeout: Duration,
    cancel: Cancel,
    listeners: Vec<Listener>,
}

impl ClientBuilder {
    pub(crate) fn new() -> Self {
        Self {
            directory: Authority::default().directory(),
            store: Store::memory(),
            account: AccountOptions {
                name: "default".to_owned(),
                contact: Vec::new(),
                agree_to_terms: false,
                external: None,
                key_type: KeyType::EcdsaP256,
                signer: None,
            },
            transport: None,
            transport_config: TransportConfig::default(),
            solvers: Solvers::default(),
            concurrency: 10,
            timeout: Duration::from_secs(300),
            cancel: Cancel::new(),
            listeners: Vec::new(),
        }
    }

    /// The CA, by its directory's URL. Default: Let's Encrypt.
    pub fn directory(mut self, directory: Url) -> Self {
        self.directory = directory;
        self
    }

    /// A CA that is known by name.
    pub fn authority(self, authority: Authority) -> Self {
        self.directory(authority.directory())
    }

    /// Where accounts, certificates and unfinished orders are kept. Default: in memory, which
    /// forgets the account's key with the process: for tests only.
    pub fn store(mut self, store: Store) -> Self {
        self.store = store;
        self
    }

    /// Which of several accounts at this CA. Default `default`.
    pub fn account_name(mut self, name: impl Into<String>) -> Self {
        self.account.name = name.into();
        self
    }

    /// How the CA can reach the account's holder: mail addresses, or whole URLs.
    pub fn contact<S: Into<String>>(mut self, contact: impl IntoIterator<Item = S>) -> Self {
        self.account.contact = contact.into_iter().map(|c| contact_url(c.into())).collect();
        self
    }

    /// Whether the holder agrees to the CA's terms of service. Default no: then only an account
    /// that exists already can be used.
    pub fn agree_to_terms(mut self, agree: bool) -> Self {
        self.account.agree_to_terms = agree;
        self
    }

    /// The customer's credentials, for CAs that ask for them.
    pub fn external_account(mut self, external: ExternalAccount) -> Self {
        self.account.external = Some(external);
        self
    }

    /// The type of a new account key. Default ECDSA P-256.
    pub fn account_key_type(mut self, key_type: KeyType) -> Self {
        self.account.key_type = key_type;
        self
    }

    /// An account key that lives elsewhere, as in an HSM. The store then holds no account; its URL
    /// is asked for once by each client.
    pub fn signer(mut self, signer: Arc<dyn Signer>) -> Self {
        self.account.signer = Some(signer);
        self
    }

    /// How the CA is reached: roots, client certificate, proxy, limits.
    pub fn transport_config(mut self, config: TransportConfig) -> Self {
        self.transport_config = config;
        self
    }

    /// Another way to send requests than hyper and rustls.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Who sets up the proofs for all names without a solver of their own.
    pub fn solver(mut self, solver: Arc<dyn Solver>) -> Self {
        self.solvers.default = Some(solver);
        self
    }

    /// Which challenge all names without one of their own are proven by. Default http-01.
    pub fn challenge(mut self, challenge: ChallengeType) -> Self {
        self.solvers.challenge = Some(challenge);
        self
    }

    /// Another challenge and solver for one name, a wildcard with its `*.`.
    pub fn solver_for(
        mut self,
        name: Identifier,
        challenge: ChallengeType,
        solver: Arc<dyn Solver>,
    ) -> Self {
        self.solvers.names.insert(name, Route { challenge, solver });
        self
    }

    /// How many requests are under way at once, over all operations. Default 10, at least 1.
    pub fn concurrency(mut self, requests: usize) -> Self {
        self.concurrency = requests.clamp(1, 1000);
        self
    }

    /// How long one operation, such as issuing a certificate, may take in all. Default 300 s.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Lets `cancel` call the client's operations off.
    pub fn cancel_with(mut self, cancel: Cancel) -> Self {
        self.cancel = cancel;
        self
    }

    /// Calls `listener` with each event, from the task that it happens in: it must not block.
    pub fn on_event(mut self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.listeners.push(Arc::new(listener));
        self
    }

    /// The client.
    ///
    /// # Errors
    /// [`Error::Transport`] where roots, client certificate or proxy cannot be used;
    /// [`Error::Usage`] for an `http://` directory unless the transport allows it.
    pub fn build(self) -> Result<Client, Error> {
        let transport = match self.transport {
            Some(transport) => transport,
            None => {
                if !self.directory.is_https() && !self.transport_config.allows_insecure() {
                    let directory = &self.directory;
                    return Err(Error::Usage(format!(
                        "{directory} is no https URL: allow insecure ones (--allow-insecure) only \
                         where the network is yours"
                    )));
                }
                let product = concat!("lacme/", env!("CARGO_PKG_VERSION"));
                Arc::new(HttpsTransport::new(self.transport_config.with_user_agent(product))?)
            }
        };
        Ok(Client(Arc::new(Inner {
            directory: self.directory,
            store: self.store,
            account: self.account,
            transport,
            solvers: self.solvers,
            concurrency: self.concurrency,
            timeout: self.timeout,
            cancel: self.cancel,
            events: Events::new(self.listeners),
            pool: Mutex::new(NoncePool::new()),
            permits: Semaphore::new(self.concurrency),
            known_directory: tokio::sync::Mutex::new(None),
            identity: tokio::sync::Mutex::new(None),
        })))
    }
}

impl std::fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientBuilder").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// A bare mail address becomes a `mailto:` URL (RFC 8555 §7.3).
pub(crate) fn contact_url(contact: String) -> String {
    let has_scheme = contact.split_once(':').is_some_and(|(scheme, _)| {
        !scheme.is_empty()
            && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
    });
    if has_scheme { contact } else { format!("mailto:{contact}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_address_becomes_a_mailto_url() {
        assert_eq!(contact_url("a@b.example".into()), "mailto:a@b.example");
        assert_eq!(contact_url("mailto:a@b.example".into()), "mailto:a@b.example");
        assert_eq!(contact_url("tel:+49123".into()), "tel:+49123");
    }
}
