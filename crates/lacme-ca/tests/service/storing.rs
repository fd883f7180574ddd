//! State in a store: a restart loses nothing, and nothing is told that is not written.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use acme_proto::{CallError, ProblemType};
use acme_store::{
    Backend, Expected, Key, Kind, Lease, MemoryBackend, Parts, Record, Select, Store, StoreError,
    Version,
};
use async_trait::async_trait;
use lacme_ca::{AcmeServer, Authority, AuthorityOptions, LoopbackOptions};

use crate::client::Client;

#[tokio::test]
async fn a_restart_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::generate(AuthorityOptions::new(), SystemTime::now()).unwrap();
    let authority = Arc::new(authority);
    let start = |port| {
        let store = Store::open(dir.path()).unwrap();
        let options = LoopbackOptions::new().port(port).store(store);
        AcmeServer::spawn_on_loopback(options.authority(Arc::clone(&authority)))
    };
    let server = start(0).await.unwrap();
    let port: u16 = server.directory_url.authority().rsplit(':').next().unwrap().parse().unwrap();
    let mut client = Client::with_account(&server).await;
    let (issued, _) = client.issue(&["a.example"]).await.unwrap();
    server.shutdown().await;

    let server = start(port).await.unwrap();
    let download = acme_proto::GetCertificate { url: issued.certificate };
    let call = acme_proto::Request::call(&download, &client.directory).unwrap();
    let response = client.call(&call).await.unwrap();
    assert_eq!(response.body(), issued.pem.as_bytes());
    client.issue(&["a.example", "b.example"]).await.unwrap();
    server.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_written_is_not_told() {
    let full = Arc::new(AtomicBool::new(false));
    let backend = Disk { memory: MemoryBackend::default(), full: Arc::clone(&full) };
    let options = LoopbackOptions::new().store(Store::with_backend(backend));
    let server = AcmeServer::spawn_on_loopback(options).await.unwrap();
    let mut client = Client::new(&server).await;
    full.store(true, Ordering::SeqCst);
    let error = client.register().await.unwrap_err();
    assert!(error.is_problem(&ProblemType::ServerInternal), "{error}");
    assert!(matches!(error, CallError::Refused(refusal) if refusal.status == 500));
    full.store(false, Ordering::SeqCst);
    client.register().await.unwrap();
    client.issue(&["a.example"]).await.unwrap();
}

/// A backend that is full at times.
#[derive(Debug)]
struct Disk {
    memory: MemoryBackend,
    full: Arc<AtomicBool>,
}

#[async_trait]
impl Backend for Disk {
    async fn get(&self, key: &Key, select: Select<'_>) -> Result<Option<Record>, StoreError> {
        self.memory.get(key, select).await
    }

    async fn put(
        &self,
        key: &Key,
        parts: Parts,
        expected: Expected,
    ) -> Result<Version, StoreError> {
        if self.full.load(Ordering::SeqCst) {
            let what = key.to_string();
            return Err(StoreError::Unwritable { what, reason: "no space left".to_owned() });
        }
        self.memory.put(key, parts, expected).await
    }

    async fn list(&self, kind: Kind) -> Result<Vec<Key>, StoreError> {
        self.memory.list(kind).await
    }

    async fn delete(&self, key: &Key) -> Result<bool, StoreError> {
        self.memory.delete(key).await
    }

    async fn lease(&self, key: &Key, wait: Duration) -> Result<Lease, StoreError> {
        self.memory.lease(key, wait).await
    }
}
