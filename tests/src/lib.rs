//! What the scenario tests share: a client set up against a Pebble of the test's own, and a wire
//! that notes what passes over it and may meddle with it.

mod shelf;
mod wire;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use harness::{Pebble, workspace};
use lacme::{
    Certificate, Client, ClientBuilder, Identifier, PrivateKey, Store, StoredCertificate,
    TransportConfig, Trust, Url, http01,
};

pub use shelf::Shelf;
pub use wire::{Act, Moment, Sent, Wire, answer, lost};

/// A client's builder for this Pebble: trusts its HTTPS, proves by http-01 on its validation port,
/// agrees to its terms, keeps everything in `store`.
pub fn client_for(pebble: &Pebble, store: Store) -> ClientBuilder {
    Client::builder()
        .directory(directory_of(pebble))
        .transport_config(way_to(pebble))
        .store(store)
        .contact(["admin@example.com"])
        .agree_to_terms(true)
        .solver(Arc::new(http01::Standalone::new().address(validation_address(pebble))))
}

/// The directory's URL.
pub fn directory_of(pebble: &Pebble) -> Url {
    Url::parse(pebble.directory_url()).expect("the harness gives a URL")
}

/// Trusts this Pebble's HTTPS and nobody else's.
pub fn way_to(pebble: &Pebble) -> TransportConfig {
    let roots = std::fs::read(pebble.ca_bundle()).expect("the harness wrote the bundle");
    TransportConfig::default().with_trust(Trust::only(roots))
}

/// Where this Pebble looks for http-01's proofs.
pub fn validation_address(pebble: &Pebble) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, pebble.http_port()))
}

/// Whether nobody listens where this Pebble looks for proofs: all of them were taken down.
pub fn proofs_are_gone(pebble: &Pebble) -> bool {
    TcpListener::bind(validation_address(pebble)).is_ok()
}

/// The `lacme` command, built once if it is not up to date.
pub fn binary() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--quiet", "--package", "lacme-cli"]).current_dir(workspace::root());
        harness::output_within(&mut build, Duration::from_secs(900))
            .expect("lacme-cli can be built");
        workspace::target_dir().join("debug/lacme")
    })
}

/// Names as identifiers.
pub fn names<const N: usize>(names: [&str; N]) -> [Identifier; N] {
    names.map(name)
}

/// A name as an identifier.
pub fn name(text: &str) -> Identifier {
    lacme::parse_name(text).expect("a test's name is valid")
}

/// What the store holds under this name.
pub async fn stored(store: &Store, name: &str) -> StoredCertificate {
    let stored = store.certificate(name).await.expect("the store can be read");
    stored.expect("a certificate is stored")
}

/// The stored certificate itself.
pub fn leaf(stored: &StoredCertificate) -> Certificate {
    Certificate::from_pem(stored.cert_pem.as_bytes()).expect("what is stored can be read")
}

/// The stored certificate's key.
pub fn key(stored: &StoredCertificate) -> PrivateKey {
    let pem = stored.key_pem.as_ref().expect("a key is stored");
    PrivateKey::from_pem(pem).expect("what is stored can be read")
}

/// How many certificates this Pebble has issued in its life.
pub fn certificates_issued(pebble: &Pebble) -> usize {
    pebble.log().matches("Issued certificate serial").count()
}
