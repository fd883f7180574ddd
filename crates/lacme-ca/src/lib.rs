//! A private certificate authority and the ACME server on it.

mod authority;
mod server;
#[cfg(feature = "testing")]
pub mod testing;
mod validation;

pub use authority::{
    Authority, AuthorityError, AuthorityOptions, Crl, IssuedLeaf, LeafRequest, RevokedCertificate,
    Usage,
};
#[cfg(feature = "rustls")]
pub use authority::{TlsConfigError, client_config, server_config};
pub use server::{
    AcmeServer, ChallengeId, Change, Collection, InvalidBaseUrl, IssueRequest, IssuedCertificate,
    Issuer, Job, Limits, LoopbackOptions, OrderId, Outcome, Profile, Random, RealCrypto,
    RestoreError, Running, ServerConfig, Service, ServiceBuilder, ServiceError, SigningRequest,
    SpawnError, Verify,
};
pub use validation::{
    AddressPreference, NetworkValidator, NetworkValidatorBuilder, ResolverError, Validation,
    Validator,
};
