//! A real client against a real server over HTTPS, with a fault in between; then once more without.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, Instant, SystemTime};

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use lacme::proto::{HttpRequest, HttpResponse, Resource};
use lacme::transport::{HttpsTransport, TransportError};
use lacme::{
    Certificate, Client, Error, ErrorKind, Identifier, PrivateKey, Store, Transport,
    TransportConfig, Trust, Url,
};
use lacme_ca::testing::{Fault, FaultScript};
use lacme_ca::{Authority, AuthorityOptions, ServerConfig, Service};
use lacme_tests::Shelf;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// One fault, and what our client makes of it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) resource: Resource,
    pub(crate) fault: Fault,
    pub(crate) times: Times,
    pub(crate) end: End,
    /// How long the client may take over it all.
    patience: Duration,
}

impl Case {
    /// Only the first so many requests meet the fault.
    pub(crate) fn first(mut self, count: u64) -> Self {
        self.times = Times::First(count);
        self
    }

    /// A client that does not wait for long. For faults that it would wait out.
    pub(crate) fn impatient(mut self) -> Self {
        self.patience = Duration::from_secs(2);
        self
    }
}

/// Which requests about the resource meet the fault.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Times {
    First(u64),
    Always,
}

/// How it ends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    /// The client gets over it, and the certificate comes.
    Issued,
    /// An error of this kind, and nothing stored as a certificate.
    Fails(ErrorKind, Next),
}

/// What the next run finds, once the fault is gone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Next {
    /// The order, and the key that was made for it.
    SameOrder,
    /// The key; no order is known.
    SameKey,
    /// Nothing.
    Anew,
}

/// A fault that our client meets once.
pub(crate) fn once(resource: Resource, fault: impl Into<Fault>, end: End) -> Case {
    always(resource, fault, end).first(1)
}

/// A fault that our client always meets.
pub(crate) fn always(resource: Resource, fault: impl Into<Fault>, end: End) -> Case {
    Case { resource, fault: fault.into(), times: Times::Always, end, patience: PATIENCE }
}

/// Every resource that a first certificate needs, in sequence.
pub(crate) const ALL: [Resource; 9] = [
    Resource::Directory,
    Resource::NewNonce,
    Resource::NewAccount,
    Resource::NewOrder,
    Resource::Authorization,
    Resource::Challenge,
    Resource::Order,
    Resource::Finalize,
    Resource::Certificate,
];

/// Those that are answered with a JSON object.
pub(crate) const OBJECTS: [Resource; 7] = [
    Resource::Directory,
    Resource::NewAccount,
    Resource::NewOrder,
    Resource::Authorization,
    Resource::Challenge,
    Resource::Order,
    Resource::Finalize,
];

/// What is left for the next run where a failure that may pass strikes at this resource.
pub(crate) fn left_over(resource: Resource) -> Next {
    match resource {
        Resource::Directory | Resource::NewNonce | Resource::NewAccount => Next::Anew,
        Resource::NewOrder => Next::SameKey,
        _ => Next::SameOrder,
    }
}

/// Enough for whatever is to succeed, on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(20);
/// Beyond it.
const MARGIN: Duration = Duration::from_secs(5);
const HOST: &str = "a.example";

/// Plays all cases, many at a time, and tells of all that went otherwise.
pub(crate) async fn play(cases: Vec<Case>) {
    assert!(!cases.is_empty());
    let plays = cases.into_iter().map(|case| {
        let told = format!("{} {:?} {:?}", case.resource, case.times, case.fault);
        let told: String = told.chars().take(200).collect();
        let playing = tokio::spawn(play_one(case));
        async move { playing.await.err().map(|panic| format!("{told}: {panic}")) }
    });
    let wrong: Vec<_> = stream::iter(plays)
        .buffer_unordered(24)
        .filter_map(|wrong| async { wrong })
        .collect()
        .await;
    assert!(wrong.is_empty(), "{} cases went wrong:\n{}", wrong.len(), wrong.join("\n"));
}

async fn play_one(case: Case) {
    let stage = Stage::new();
    let script = match case.times {
        Times::First(count) => FaultScript::new(1).first(count, case.resource, case.fault.clone()),
        Times::Always => FaultScript::new(1).every(case.resource, case.fault.clone()),
    };
    let server = stage.serve(Some(script)).await;
    let wire = Arc::new(stage.wire());
    let begun = Instant::now();
    let result = stage.client(&wire, case.patience).issue(host()).await;
    assert!(begun.elapsed() < case.patience + MARGIN, "it took {:?}", begun.elapsed());
    assert!(wire.count(case.resource) > 0, "the fault was not met");
    assert!(wire.sent().len() <= 60, "{} requests", wire.sent().len());
    assert!(stage.shelf.is_empty(), "a proof is left standing");
    server.stop().await;
    match (result, case.end) {
        (Ok(_), End::Issued) => stage.check_stored(None).await,
        (Ok(_), expected) => panic!("issued instead of {expected:?}"),
        (Err(error), End::Fails(kind, next)) => {
            check_error(&error, kind);
            stage.check_next(next).await;
        }
        (Err(error), End::Issued) => panic!("{:?}: {error}", error.kind()),
    }
}

fn check_error(error: &Error, kind: ErrorKind) {
    assert_eq!(error.kind(), kind, "{error}");
    let text = error.to_string();
    assert!(text.len() < 700, "{} characters of error", text.len());
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

/// A CA that can be stopped and started again, and a client's store.
struct Stage {
    listener: TcpListener,
    directory: Url,
    authority: Arc<Authority>,
    /// The server's.
    state: Store,
    /// The client's.
    store: Store,
    shelf: Arc<Shelf>,
}

struct Serving {
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Serving {
    async fn stop(self) {
        drop(self.stop);
        self.serving.await.expect("the server does not panic");
    }
}

impl Stage {
    fn new() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        // One is enough for all: it holds no state.
        static AUTHORITY: LazyLock<Arc<Authority>> = LazyLock::new(|| {
            Arc::new(Authority::generate(AuthorityOptions::new(), SystemTime::now()).unwrap())
        });
        Self {
            listener,
            directory: Url::parse(format!("https://localhost:{port}/directory")).unwrap(),
            authority: AUTHORITY.clone(),
            state: Store::memory(),
            store: Store::memory(),
            shelf: Arc::default(),
        }
    }

    /// Serves on the same port each time, from the same state.
    async fn serve(&self, script: Option<FaultScript>) -> Serving {
        let base = self.directory.as_str().trim_end_matches("/directory");
        let config = ServerConfig::new(Url::parse(base).unwrap()).unwrap();
        let builder = Service::builder(config, self.authority.clone(), self.shelf.clone());
        let mut builder = builder.store(self.state.clone());
        if let Some(script) = script {
            builder = builder.faults(script);
        }
        let service = builder.build().await.unwrap();
        let listener = self.listener.try_clone().unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let (stop, told) = oneshot::channel::<()>();
        let names = vec![Identifier::parse("localhost").unwrap()];
        let serving = tokio::spawn(async move {
            let until = async {
                let _ = told.await;
            };
            service.serve(listener, names, until).await.unwrap();
        });
        Serving { stop, serving }
    }

    fn wire(&self) -> Wire {
        let trust = Trust::only(self.authority.root_pem());
        let config = TransportConfig::default().with_trust(trust);
        Wire { way: HttpsTransport::new(config).unwrap(), sent: Mutex::default() }
    }

    fn client(&self, wire: &Arc<Wire>, patience: Duration) -> Client {
        let builder = Client::builder()
            .directory(self.directory.clone())
            .transport(wire.clone())
            .store(self.store.clone())
            .agree_to_terms(true)
            .solver(self.shelf.clone())
            .timeout(patience);
        builder.build().unwrap()
    }

    /// The certificate is there, for the right name and with its key, and nothing is left to do.
    async fn check_stored(&self, key_before: Option<String>) {
        let stored = self.store.certificate(HOST).await.unwrap().expect("a stored certificate");
        let certificate = Certificate::from_pem(stored.cert_pem.as_bytes()).unwrap();
        assert_eq!(certificate.identifiers(), host());
        let pem = stored.key_pem.as_ref().expect("its key");
        let key = PrivateKey::from_pem(pem).unwrap();
        assert_eq!(key.public_key_der(), certificate.public_key_der());
        assert!(key_before.is_none_or(|before| before == **pem), "the key was made anew");
        assert!(self.store.order(HOST).await.unwrap().is_none(), "the journal is open");
    }

    /// After a failure: nothing wrong is stored, and the next run comes to its end with what is
    /// left.
    async fn check_next(&self, next: Next) {
        assert!(self.store.certificates().await.unwrap().is_empty());
        let journal = self.store.order(HOST).await.unwrap();
        let key = journal.map(|journal| journal.key_pem.expect("a key").to_string());
        assert_eq!(key.is_some(), next != Next::Anew, "whether a journal is kept");
        let accounts = self.accounts().await;

        let server = self.serve(None).await;
        let wire = Arc::new(self.wire());
        let client = self.client(&wire, PATIENCE);
        client.issue(host()).await.unwrap_or_else(|error| panic!("the next run: {error}"));
        server.stop().await;
        let orders = usize::from(next != Next::SameOrder);
        assert_eq!(wire.count(Resource::NewOrder), orders, "orders of the next run");
        self.check_stored(key).await;
        assert!(self.shelf.is_empty());
        let later = self.accounts().await;
        assert_eq!(later.len(), 1);
        if let Some((key, url)) = accounts.first() {
            assert_eq!(key, &later[0].0, "the account's key was made anew");
            assert!(url.is_none() || *url == later[0].1, "the account was made anew");
        }
    }

    /// Keys and URLs of the accounts in the store.
    async fn accounts(&self) -> Vec<(String, Option<Url>)> {
        let accounts = self.store.accounts().await.unwrap().into_iter().map(Result::unwrap);
        accounts.map(|account| (account.key_pem.to_string(), account.url)).collect()
    }
}

fn host() -> [Identifier; 1] {
    [Identifier::parse(HOST).unwrap()]
}

/// The way to the server, with everything noted that was sent.
struct Wire {
    way: HttpsTransport,
    sent: Mutex<Vec<String>>,
}

impl Wire {
    fn sent(&self) -> Vec<String> {
        self.sent.lock().unwrap().clone()
    }

    fn count(&self, resource: Resource) -> usize {
        let path = match resource {
            Resource::Directory => "/directory",
            Resource::NewNonce => "/new-nonce",
            Resource::NewAccount => "/new-account",
            Resource::NewOrder => "/new-order",
            Resource::Authorization => "/authorization/",
            Resource::Challenge => "/challenge/",
            Resource::Order => "/order/",
            Resource::Finalize => "/finalize/",
            Resource::Certificate => "/certificate/",
            other => panic!("{other} is not on the way to a certificate"),
        };
        self.sent().iter().filter(|sent| sent.starts_with(path)).count()
    }
}

#[async_trait]
impl Transport for Wire {
    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.sent.lock().unwrap().push(request.uri().path().to_owned());
        self.way.send(request).await
    }
}
