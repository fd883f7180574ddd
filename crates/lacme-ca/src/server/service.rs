//! The core, run: validations and issuance done, state written, answers given.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use acme_proto::{HttpRequest, HttpResponse, Problem, ProblemType};
use acme_store::{Store, StoreError};
use http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderValue, Method, StatusCode};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;

use super::config::ServerConfig;
use super::core::{AcmeServer, RestoreError, internal};
use super::jobs::{IssueRequest, Issuer, Job, OrderId};
use super::problem::Refusal;
use super::state::Change;
use super::verify::RealCrypto;
use super::writer::{self, Writer};
use crate::authority::Authority;
#[cfg(feature = "testing")]
use crate::testing::FaultScript;
use crate::validation::Validator;

/// An ACME server at work: an [`AcmeServer`] with an [`Authority`] that issues, a [`Validator`]
/// that looks at proofs, and a [`Store`] that remembers. Clones are the same server.
///
/// Besides the resources of ACME it answers `GET /root.pem`, the root certificate, and
/// `GET /crl`, the list of revoked certificates in DER, both below the base URL.
#[derive(Clone)]
pub struct Service(Arc<Inner>);

struct Inner {
    core: Mutex<AcmeServer>,
    base_path: String,
    body_limit: usize,
    answers_processing: bool,
    authority: Arc<Authority>,
    validator: Arc<dyn Validator>,
    validations: Arc<Semaphore>,
    writer: Option<Writer>,
    tasks: Mutex<JoinSet<()>>,
    crl: Mutex<Option<CachedCrl>>,
    #[cfg(feature = "testing")]
    faults: Option<Mutex<FaultScript>>,
}

struct CachedCrl {
    entries: usize,
    made: SystemTime,
    der: Vec<u8>,
}

/// Why a service cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The store failed.
    #[error("the ACME server's state cannot be read: {0}")]
    Store(#[from] StoreError),
    /// The store holds something that is not the server's state.
    #[error(transparent)]
    Restore(#[from] RestoreError),
}

/// With what a [`Service`] is made.
pub struct ServiceBuilder {
    config: ServerConfig,
    authority: Arc<Authority>,
    validator: Arc<dyn Validator>,
    store: Option<Store>,
    concurrent_validations: usize,
    #[cfg(feature = "testing")]
    faults: Option<FaultScript>,
}

impl ServiceBuilder {
    /// Where accounts, orders and certificates are kept, so that a restart loses nothing. Without
    /// one (default) they are gone with the service.
    #[must_use]
    pub fn store(mut self, store: Store) -> Self {
        self.store = Some(store);
        self
    }

    /// How many validations run at a time; others wait. Default 64.
    #[must_use]
    pub fn concurrent_validations(mut self, most: usize) -> Self {
        self.concurrent_validations = most.max(1);
        self
    }

    /// Misbehaviour on request. Default none.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn faults(mut self, script: FaultScript) -> Self {
        self.faults = Some(script);
        self
    }

    /// Reads what a former run wrote and takes up its work. Needs a tokio runtime.
    ///
    /// # Errors
    /// If the state in the store cannot be read.
    pub async fn build(self) -> Result<Service, ServiceError> {
        let base = self.config.base_url.as_str().trim_end_matches('/');
        let host = base.split_once("://").map_or(base, |(_, rest)| rest);
        let base_path = host.find('/').map_or("", |at| &host[at..]).to_owned();
        let body_limit = self.config.limits.body;
        let answers_processing = self.config.answers_processing;
        let random = |bytes: &mut [u8]| {
            aws_lc_rs::rand::fill(bytes).expect("the operating system has random bytes");
        };
        let mut core = AcmeServer::new(self.config, Arc::new(RealCrypto), Box::new(random));
        let mut unfinished = Vec::new();
        if let Some(store) = &self.store {
            core.keep_changes();
            writer::restore(&mut core, store).await?;
            unfinished = core.unfinished_jobs();
        }
        let service = Service(Arc::new(Inner {
            core: Mutex::new(core),
            base_path,
            body_limit,
            answers_processing,
            authority: self.authority,
            validator: self.validator,
            validations: Arc::new(Semaphore::new(self.concurrent_validations)),
            writer: self.store.map(Writer::start),
            tasks: Mutex::default(),
            crl: Mutex::default(),
            #[cfg(feature = "testing")]
            faults: self.faults.map(Mutex::new),
        }));
        unfinished.into_iter().for_each(|job| service.spawn(job));
        Ok(service)
    }
}

impl Service {
    /// A service on `authority`, whose `validator` decides about challenges.
    pub fn builder(
        config: ServerConfig,
        authority: Arc<Authority>,
        validator: Arc<dyn Validator>,
    ) -> ServiceBuilder {
        ServiceBuilder {
            config,
            authority,
            validator,
            store: None,
            concurrent_validations: 64,
            #[cfg(feature = "testing")]
            faults: None,
        }
    }

    /// Answers a request, with whatever HTTP server it came. `None` means that the connection is
    /// to be cut without an answer, which only a fault script asks for.
    ///
    /// It is answered only after everything that the answer tells of is written.
    pub async fn respond(&self, request: &HttpRequest) -> Option<HttpResponse> {
        #[cfg(feature = "testing")]
        if let Some(faults) = &self.0.faults {
            return self.respond_badly(request, faults).await;
        }
        Some(self.respond_well(request).await)
    }

    /// The core, between two requests: for tests that look into it and for
    /// [`set_renewal_window`](AcmeServer::set_renewal_window). What `look` returns as changes is
    /// written before this is done.
    ///
    /// # Errors
    /// If they cannot be written.
    pub async fn with_core(
        &self,
        change: impl FnOnce(&mut AcmeServer) -> Vec<Change>,
    ) -> Result<(), Problem> {
        let ((), written) = self.with(|core| ((), change(core)));
        self.wait(written).await
    }

    /// Stops the work in the background and waits until everything is written. What was not
    /// finished goes on after a restart.
    pub async fn stop(&self) {
        self.abort();
        let ((), written) = self.with(|_| ((), Vec::new()));
        if let Err(problem) = self.wait(written).await {
            tracing::error!(%problem, "the ACME server stops with its state unwritten");
        }
    }

    pub(super) fn abort(&self) {
        self.tasks().abort_all();
    }

    pub(super) fn authority(&self) -> &Arc<Authority> {
        &self.0.authority
    }

    /// One byte more than requests may have is enough to refuse them.
    pub(super) fn body_limit(&self) -> usize {
        self.0.body_limit
    }

    async fn respond_well(&self, request: &HttpRequest) -> HttpResponse {
        if let Some(response) = self.respond_beside(request) {
            return response;
        }
        let now = SystemTime::now();
        let ((mut response, jobs), written) = self.with(|core| {
            let outcome = core.handle(request, now);
            ((outcome.response, outcome.jobs), outcome.changes)
        });
        let mut result = self.wait(written).await;
        for job in jobs {
            match job {
                Job::Issue { order, request } if !self.0.answers_processing && result.is_ok() => {
                    result = self.issue(order, *request).await;
                    self.show_order(order, &mut response);
                }
                job => self.spawn(job),
            }
        }
        match result {
            Ok(()) => response,
            Err(problem) => failed(&response, problem),
        }
    }

    /// What is no resource of ACME.
    fn respond_beside(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let path = request.uri().path().strip_prefix(self.0.base_path.as_str())?;
        if request.method() != Method::GET {
            return None;
        }
        let (kind, body) = match path {
            "/root.pem" => ("application/x-pem-file", self.0.authority.root_pem().into_bytes()),
            // RFC 2585 §4.2.
            "/crl" => ("application/pkix-crl", self.crl()?),
            _ => return None,
        };
        let mut response = HttpResponse::new(body);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        Some(response)
    }

    /// The list of revoked certificates, made anew when one more is revoked and every hour; good
    /// for a day.
    fn crl(&self) -> Option<Vec<u8>> {
        const HOUR: Duration = Duration::from_secs(3600);
        let now = SystemTime::now();
        let revoked: Vec<_> = self.core().revoked().collect();
        let mut cached = self.0.crl.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(crl) = cached.as_ref() {
            let age = now.duration_since(crl.made).unwrap_or(HOUR);
            if crl.entries == revoked.len() && age < HOUR {
                return Some(crl.der.clone());
            }
        }
        let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let number = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX);
        match self.0.authority.crl(&revoked, number, now, now + 24 * HOUR) {
            Ok(crl) => {
                let entries = revoked.len();
                *cached = Some(CachedCrl { entries, made: now, der: crl.der.clone() });
                Some(crl.der)
            }
            Err(error) => {
                tracing::error!(%error, "the CRL cannot be made");
                None
            }
        }
    }

    /// Does a job in the background.
    fn spawn(&self, job: Job) {
        let service = self.clone();
        let mut tasks = self.tasks();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(async move {
            let result = match job {
                Job::Issue { order, request } => service.issue(order, *request).await,
                Job::Validate { challenge, validation } => {
                    // The semaphore is never closed.
                    let _turn = service.0.validations.acquire().await;
                    let result = service.0.validator.validate(&validation).await;
                    let ((), written) = service.with(|core| {
                        ((), core.finish_validation(&challenge, result, SystemTime::now()))
                    });
                    service.wait(written).await
                }
            };
            if let Err(problem) = result {
                tracing::error!(%problem, "a job of the ACME server came to nothing");
            }
        });
    }

    /// Issues, off the runtime's threads, and tells the core.
    async fn issue(&self, order: OrderId, request: IssueRequest) -> Result<(), Problem> {
        let authority = Arc::clone(&self.0.authority);
        let issuing =
            tokio::task::spawn_blocking(move || authority.certify(&request, SystemTime::now()));
        let result =
            issuing.await.unwrap_or_else(|_| Err(Box::new(internal("issuing was cut short"))));
        let ((), written) =
            self.with(|core| ((), core.finish_issuance(order, result, SystemTime::now())));
        self.wait(written).await
    }

    /// Puts the order as it is now in place of the processing one.
    fn show_order(&self, order: OrderId, response: &mut HttpResponse) {
        if let Some(body) = self.core().order_body(order, SystemTime::now()) {
            *response.body_mut() = body;
            response.headers_mut().remove(RETRY_AFTER);
        }
    }

    /// Works with the core and hands its changes over, in one step, so that they are written in
    /// the sequence in which they happened.
    fn with<R>(
        &self,
        work: impl FnOnce(&mut AcmeServer) -> (R, Vec<Change>),
    ) -> (R, Option<oneshot::Receiver<bool>>) {
        let mut core = self.core();
        let (result, changes) = work(&mut core);
        let written = self.0.writer.as_ref().map(|writer| writer.write(changes));
        (result, written)
    }

    async fn wait(&self, written: Option<oneshot::Receiver<bool>>) -> Result<(), Problem> {
        match written {
            None => Ok(()),
            Some(written) => match written.await {
                Ok(true) => Ok(()),
                _ => Err(internal("the server's state cannot be written: try again later")),
            },
        }
    }

    fn core(&self) -> MutexGuard<'_, AcmeServer> {
        self.0.core.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// As the script has it.
    #[cfg(feature = "testing")]
    async fn respond_badly(
        &self,
        request: &HttpRequest,
        faults: &Mutex<FaultScript>,
    ) -> Option<HttpResponse> {
        use crate::testing::Interruption;
        let faults = || faults.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(resource) = self.core().resource(request) else {
            return Some(self.respond_well(request).await);
        };
        let encounter = faults().meet(resource);
        tokio::time::sleep(encounter.delay()).await;
        match encounter.before() {
            Some(Interruption::Dropped) => None,
            Some(Interruption::Answered(mut response)) => {
                self.core().add_nonce(&mut response, SystemTime::now());
                Some(response)
            }
            None => {
                let response = self.respond_well(request).await;
                faults().note(&response);
                encounter.after(response)
            }
        }
    }
}

/// A 500 in place of an answer, with that answer's nonce.
fn failed(response: &HttpResponse, problem: Problem) -> HttpResponse {
    let status = StatusCode::INTERNAL_SERVER_ERROR;
    let detail = problem.detail.unwrap_or_default();
    let refusal = Refusal::new(status, ProblemType::ServerInternal, detail);
    let mut failed = refusal.into_response();
    for (name, value) in response.headers() {
        if name != LOCATION && !failed.headers().contains_key(name) {
            failed.headers_mut().insert(name.clone(), value.clone());
        }
    }
    failed
}

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service").finish_non_exhaustive()
    }
}

impl std::fmt::Debug for ServiceBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServiceBuilder").field("config", &self.config).finish_non_exhaustive()
    }
}
