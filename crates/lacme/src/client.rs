use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use acme_crypto::KeyType;
use acme_proto::{CallError, Directory, GetDirectory, NoncePool, Request as _, Signer, Url};
use acme_store::Store;
use acme_transport::Transport;
use tokio::sync::Semaphore;

use crate::builder::ClientBuilder;
use crate::events::{EventStream, Events};
use crate::solvers::Solvers;
use crate::work::{Identity, Work};
use crate::{Cancel, Error, ExternalAccount};

/// A client of one CA, with one account.
///
/// Clones share account, connections, nonces and limits. See the [crate's page](crate) for a
/// first certificate.
#[derive(Clone)]
pub struct Client(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) directory: Url,
    pub(crate) store: Store,
    pub(crate) account: AccountOptions,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) solvers: Solvers,
    pub(crate) concurrency: usize,
    pub(crate) timeout: Duration,
    pub(crate) cancel: Cancel,
    pub(crate) events: Events,
    pub(crate) pool: Mutex<NoncePool>,
    pub(crate) permits: Semaphore,
    /// What the directory said, and whether it was read from the CA by this client.
    pub(crate) known_directory: tokio::sync::Mutex<Option<(Arc<Directory>, bool)>>,
    pub(crate) identity: tokio::sync::Mutex<Option<Arc<Identity>>>,
}

/// How the account is found or made.
pub(crate) struct AccountOptions {
    pub(crate) name: String,
    pub(crate) contact: Vec<String>,
    pub(crate) agree_to_terms: bool,
    pub(crate) external: Option<ExternalAccount>,
    pub(crate) key_type: KeyType,
    pub(crate) signer: Option<Arc<dyn Signer>>,
}

/// A directory seldom changes; a day is what CAs themselves let caches keep it.
const DIRECTORY_AGE: Duration = Duration::from_secs(24 * 3600);

impl Client {
    /// Begins to set a client up.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::new()
    }

    /// The CA's directory URL.
    pub fn directory(&self) -> &Url {
        &self.0.directory
    }

    /// Where accounts, certificates and unfinished orders are kept.
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// What the client does from now on, as it does it.
    pub fn events(&self) -> EventStream {
        self.0.events.stream()
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("directory", &self.0.directory)
            .field("account", &self.0.account.name)
            .finish_non_exhaustive()
    }
}

impl Inner {
    /// The CA's directory: as this client read it, as the store remembers it, or read now.
    pub(crate) async fn directory(&self, work: &Work<'_>) -> Result<Arc<Directory>, Error> {
        let mut known = self.known_directory.lock().await;
        if let Some((directory, _)) = &*known {
            return Ok(directory.clone());
        }
        if let Some(directory) = self.remembered_directory().await {
            *known = Some((directory.clone(), false));
            return Ok(directory);
        }
        let directory = self.read_directory(work).await?;
        *known = Some((directory.clone(), true));
        Ok(directory)
    }

    /// The CA's directory, read anew unless this client did so already. `None` where it was.
    pub(crate) async fn fresh_directory(
        &self,
        work: &Work<'_>,
    ) -> Result<Option<Arc<Directory>>, Error> {
        let mut known = self.known_directory.lock().await;
        if matches!(&*known, Some((_, true))) {
            return Ok(None);
        }
        let directory = self.read_directory(work).await?;
        *known = Some((directory.clone(), true));
        Ok(Some(directory))
    }

    async fn remembered_directory(&self) -> Option<Arc<Directory>> {
        let (json, fetched) = self.store.cached_directory(&self.directory).await?;
        let age = SystemTime::now().duration_since(fetched).ok()?; // one from the future is wrong
        let directory = serde_json::from_value(json).ok()?;
        (age < DIRECTORY_AGE).then(|| Arc::new(directory))
    }

    async fn read_directory(&self, work: &Work<'_>) -> Result<Arc<Directory>, Error> {
        let request = GetDirectory { url: self.directory.clone() };
        let call = request.to_call();
        let result = work.bounded(work.call(&call, None)).await?;
        let response = result.map_err(|error| self.no_directory(error))?;
        let directory = request.read(&call, Ok(response))?;
        if let Ok(json) = serde_json::to_value(&directory) {
            let cached =
                self.store.cache_directory(&self.directory, &json, SystemTime::now()).await;
            // The cache only saves a request.
            if let Err(error) = cached {
                self.warn(format!("the directory is not remembered: {error}"));
            }
        }
        Ok(Arc::new(directory))
    }

    /// Without a directory nothing says that there is a CA at all.
    fn no_directory(&self, error: CallError) -> Error {
        let url = self.directory.clone();
        match error {
            CallError::Http { status, .. } if status < 500 && status != 429 => {
                Error::NoDirectory { url, reason: format!("HTTP status {status}") }
            }
            CallError::Refused(refusal) if matches!(refusal.status, 404 | 405 | 410) => {
                Error::NoDirectory { url, reason: refusal.problem.to_string() }
            }
            error => error.into(),
        }
    }

    pub(crate) fn warn(&self, message: String) {
        self.events.emit(crate::Event::Warning { message });
    }

    /// Passes on what the store noticed, such as a key that others can read.
    pub(crate) fn pass_on_store_warnings(&self) {
        self.store.warnings().into_iter().for_each(|message| self.warn(message));
    }
}
