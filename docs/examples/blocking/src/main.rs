//! A certificate without an async runtime: the core of lacme driven by a plain loop and [`ureq`].
//!
//! `acme-proto` decides what has to happen and does nothing itself. So a driver consists of two
//! loops, and both look alike: ask for the next step, do it, tell what came of it.
//!
//! - [`Session::call`] brings one [`Call`] to its answer: sign, send, wait, and again where the
//!   server asks for it. Nonces and retries are the [`Exchange`]'s business.
//! - [`issue`] brings an order to its certificate: make calls, set proofs up, wait, take them down.
//!   Which call comes when is the [`Issuance`]'s business.
//!
//! The rest is the outside world: an HTTP client (`http.rs`) and a web server that answers http-01
//! (`responder.rs`). To run it against a CA of your own:
//!
//! ```sh
//! LACME_DIRECTORY=https://localhost:14000/dir \
//! LACME_CA_BUNDLE=ca.pem \
//! LACME_HTTP_ADDR=0.0.0.0:80 \
//!     cargo run -p example-blocking -- example.com www.example.com > chain.pem
//! ```
//!
//! `LACME_CA_BUNDLE` is a PEM file with the roots that the CA's HTTPS is checked against.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command")]

mod http;
mod responder;

use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use std::{env, thread};

use acme_crypto::{
    AwsLc, CertificateChain, CsrOptions, KeyType, PrivateKey, certificate_signing_request,
};
use acme_proto::{
    Action, Call, CallError, ChallengeType, Credentials, Event, Exchange, GetDirectory,
    HttpResponse, Identifier, Issuance, IssuanceError, Issued, NewAccount, NewOrder, NoncePool,
    Plan, Reply, Request, RetryLimits, Signer, Step, Url,
};

use crate::http::HttpClient;
use crate::responder::Shelf;

/// How long one call may take, retries and the waits that a busy CA asks for included.
const PATIENCE: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    match run() {
        Ok(chain) => {
            print!("{chain}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("example-blocking: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String, Box<dyn Error>> {
    let names =
        env::args().skip(1).map(|name| Identifier::parse(&name)).collect::<Result<Vec<_>, _>>()?;
    if names.is_empty() {
        return Err("give the names that the certificate is for as arguments".into());
    }
    let shelf = Shelf::open(&setting("LACME_HTTP_ADDR")?)?;

    // A program that runs more than once keeps this key, and with it the account.
    let account_key = PrivateKey::generate(KeyType::EcdsaP256)?;
    let mut session = Session {
        http: HttpClient::new(&setting("LACME_CA_BUNDLE")?)?,
        account_key,
        credentials: None,
        nonces: NoncePool::new(),
    };

    let url = Url::parse(setting("LACME_DIRECTORY")?)?;
    eprintln!("reading {url}");
    let request = GetDirectory { url };
    let call = request.to_call();
    let directory = request.read(&call, session.call(&call))?;

    // Before the account is known its holder is named by the key, afterwards by the account's URL.
    let credentials = Credentials::of(&directory, &session.account_key);
    session.credentials = Some(Arc::new(credentials.clone()));
    let request = NewAccount::agreeing_to_terms([]); // only where the account's holder does
    let call = request.call(&directory)?;
    let account = request.read(&call, session.call(&call))?.url;
    eprintln!("account {account}");
    session.credentials = Some(Arc::new(credentials.with_account(account.clone())));

    // Never the account's key (RFC 8555 §11.1). A real program stores it before it goes on: a
    // certificate whose key was lost in a crash is of no use.
    let key = PrivateKey::generate(KeyType::EcdsaP256)?;
    let mut plan = Plan::new(
        directory,
        account,
        session.account_key.jwk().thumbprint(&AwsLc),
        NewOrder::new(names.clone()),
        vec![ChallengeType::Http01; names.len()],
        certificate_signing_request(&key, &names, &CsrOptions::default())?,
    );
    plan.seed = random();
    let issued = issue(&mut session, plan, &shelf)?;

    // The core hands over what the CA sent. Is it what was ordered?
    let chain = CertificateChain::parse(issued.pem.as_bytes())?;
    chain.check(key.public_key_der(), &names, false)?;
    Ok(chain.pem())
}

/// From newOrder to the certificate.
///
/// Every action is a pure function of the state, so a program may write `issuance` down (serde)
/// before each turn and go on from there after a crash.
fn issue(session: &mut Session, plan: Plan, shelf: &Shelf) -> Result<Issued, IssuanceError> {
    let mut issuance = Issuance::new(plan);
    loop {
        eprintln!("{}", issuance.phase());
        let event = match issuance.action() {
            Action::Calls(calls) => {
                let results = calls.iter().map(|call| session.call(call));
                Event::Answered(results.collect())
            }
            Action::Provision(proofs) => Event::Provisioned(shelf.put(proofs)),
            Action::WaitUntil(time) => {
                sleep_until(time);
                Event::Woken
            }
            // Comes before the end however that looks, so failures need no cleanup of their own.
            Action::Cleanup(proofs) => {
                shelf.remove(proofs);
                Event::CleanedUp
            }
            Action::Done(result) => return result.clone(),
        };
        issuance.handle(event, SystemTime::now(), &AwsLc)?;
    }
}

/// What it takes to talk to one CA.
struct Session {
    http: HttpClient,
    account_key: PrivateKey,
    /// `None` until the directory is read; that needs no signature.
    credentials: Option<Arc<Credentials>>,
    /// Every answer brings the nonce for a later request, whichever that is.
    nonces: NoncePool,
}

impl Session {
    /// One call to its answer.
    fn call(&mut self, call: &Call) -> Result<HttpResponse, CallError> {
        let credentials = self.credentials.clone();
        let limits = RetryLimits::until(SystemTime::now() + PATIENCE);
        let nonces = &mut self.nonces;
        let mut exchange = Exchange::new(call.clone(), credentials, limits, random(), nonces)?;
        loop {
            let reply = match exchange.step() {
                Step::Sign(message) => self.account_key.sign_now(message).into(),
                Step::Send(request) => self.http.send(request),
                Step::WaitUntil(time) => {
                    sleep_until(time);
                    Reply::Woken
                }
                Step::Done(_) => return exchange.into_result(),
            };
            exchange.reply(reply, SystemTime::now(), nonces)?;
        }
    }
}

fn sleep_until(time: SystemTime) {
    thread::sleep(time.duration_since(SystemTime::now()).unwrap_or_default());
}

/// Spreads retries, so that many clients do not come back at the same moment.
fn random() -> u64 {
    RandomState::new().hash_one(())
}

fn setting(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("set the environment variable {name}"))
}
