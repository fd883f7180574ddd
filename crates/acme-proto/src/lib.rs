//! The ACME protocol (RFC 8555, RFC 9773), sans-IO.
//!
//! No socket, clock, randomness, runtime or crypto library lives here. Requests come out as
//! values, responses go in as values; `now`, random numbers and SHA-256 are arguments. So the same
//! core runs on tokio, in a blocking loop, in a browser's WebAssembly, and in a simulation.
//!
//! Three layers, each usable without the ones above it:
//!
//! - **Objects and requests**: every resource of RFC 8555 as a type ([`Order`], [`Account`], ...)
//!   and every request as a [`Request`] that turns into a [`Call`] and reads its response.
//! - **[`Exchange`]**: one [`Call`] to its answer, with nonce, signature, and the retries that the
//!   protocol asks for.
//! - **[`Issuance`]**: newOrder to certificate. It can be written down at any moment and resumed
//!   by another process.
//!
//! A driver is a loop over two questions, what to do next and what came of it:
//!
//! ```
//! use std::time::SystemTime;
//! use acme_proto::{Call, Exchange, GetDirectory, NoncePool, Reply, Request as _, RetryLimits, Step, Url};
//!
//! # fn http(request: &acme_proto::HttpRequest) -> acme_proto::HttpResponse {
//! #     let json = r#"{"newNonce":"https://ca.example/n","newAccount":"https://ca.example/a",
//! #         "newOrder":"https://ca.example/o"}"#;
//! #     http::Response::new(json.into())
//! # }
//! let request = GetDirectory { url: Url::parse("https://ca.example/directory")? };
//! let mut pool = NoncePool::new();
//! let mut exchange = Exchange::new(request.to_call(), None, RetryLimits::default(), 7, &mut pool)?;
//! let response = loop {
//!     let reply = match exchange.step() {
//!         Step::Send(request) => Reply::Response(http(request)),
//!         Step::WaitUntil(_) => Reply::Woken, // a real driver sleeps
//!         Step::Sign(_) => unreachable!("a directory is read without signature"),
//!         Step::Done(_) => break exchange.into_result(),
//!     };
//!     exchange.reply(reply, SystemTime::now(), &mut pool)?;
//! };
//! let directory = request.read(&request.to_call(), response)?;
//! assert!(directory.key_change.is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod ari;
mod crypto;
mod error;
mod exchange;
mod issuance;
mod jose;
mod link;
mod nonce;
mod objects;
mod printable;
pub mod proof;
mod requests;
mod retry;

pub use ari::CertificateId;
pub use crypto::{Digest, Mac, SignError, Signer};
pub use error::{CallError, Delivery, Misuse, ParseError, Refusal, Unsupported};
pub use exchange::{Credentials, Exchange, Reply, RetryLimits, Step};
pub use issuance::{Action, Event, FailedChallenge, Issuance, IssuanceError, Issued, Phase, Plan};
pub use jose::{
    Algorithm, Jwk, KeyChangeDraft, KeyId, MacAlgorithm, Thumbprint, Unsigned,
    external_account_binding,
};
pub use nonce::NoncePool;
pub use objects::{
    Account, AccountStatus, Authorization, AuthorizationStatus, Challenge, ChallengeStatus,
    ChallengeType, Directory, DnsName, Identifier, InvalidName, InvalidReason, InvalidToken,
    InvalidUrl, Meta, Order, OrderStatus, OrdersPage, Problem, ProblemType, RenewalInfo,
    RevocationReason, Subproblem, Token, Url, Window,
};
pub use printable::printable;
pub use proof::{Proof, ProofError, ProofKind};
pub use requests::{
    AccountLocation, AnswerChallenge, Call, DeactivateAccount, DeactivateAuthorization, Download,
    FinalizeOrder, GetAccount, GetAuthorization, GetCertificate, GetChallenge, GetDirectory,
    GetOrder, GetRenewalInfo, KeyChange, KeyRef, ListOrders, Located, NewAccount, NewAuthorization,
    NewOrder, Payload, RenewalInfoAnswer, Request, Resource, RevokeCertificate, UpdateAccount,
};
pub use retry::RetryAfter;

/// A request as bytes and headers; any HTTP client can send it.
pub type HttpRequest = http::Request<Vec<u8>>;
/// A response as bytes and headers.
pub type HttpResponse = http::Response<Vec<u8>>;
