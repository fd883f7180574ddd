//! A certificate without tokio: the core of lacme driven by [`smol`].
//!
//! `acme-proto` decides what has to happen and does nothing itself. So a driver consists of two
//! loops, and both look alike: ask for the next step, do it, tell what came of it.
//!
//! - [`Session::call`] brings one [`Call`] to its answer: sign, send, wait, and again where the
//!   server asks for it. Nonces and retries are the [`Exchange`]'s business.
//! - [`issue`] brings an order to its certificate: make calls, set proofs up, wait, take them down.
//!   Which call comes when is the [`Issuance`]'s business.
//!
//! Compared with the blocking example, two things are new. Calls that come together are on their
//! way together, so twelve names take no more round trips than one. And they share one pool of
//! nonces: an exchange asks for it at each reply, and no borrow lasts over a wait.
//!
//! The rest is the outside world: an HTTP client (`http.rs`) and a web server that answers http-01
//! (`responder.rs`). To run it against a CA of your own:
//!
//! ```sh
//! LACME_DIRECTORY=https://localhost:14000/dir \
//! LACME_CA_BUNDLE=ca.pem \
//! LACME_HTTP_ADDR=0.0.0.0:80 \
//!     cargo run -p example-smol -- example.com www.example.com > chain.pem
//! ```
//!
//! `LACME_CA_BUNDLE` is a PEM file with the roots that the CA's HTTPS is checked against.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command")]

mod http;
mod responder;

use std::cell::RefCell;
use std::env;
use std::error::Error;
use std::hash::{BuildHasher, RandomState};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use acme_crypto::{
    AwsLc, CertificateChain, CsrOptions, KeyType, PrivateKey, certificate_signing_request,
};
use acme_proto::{
    Action, Call, CallError, ChallengeType, Credentials, Event, Exchange, GetDirectory,
    HttpResponse, Identifier, Issuance, IssuanceError, Issued, NewAccount, NewOrder, NoncePool,
    Plan, Reply, Request, RetryLimits, Signer, Step, Url,
};
use futures_util::{StreamExt, stream};
use smol::Timer;

use crate::http::HttpClient;
use crate::responder::Shelf;

/// How long one call may take, retries and the waits that a busy CA asks for included.
const PATIENCE: Duration = Duration::from_secs(120);
/// How many calls are on their way at once. An order may have a hundred names; no CA likes to see
/// them all in the same moment.
const AT_ONCE: usize = 10;

fn main() -> ExitCode {
    match smol::block_on(run()) {
        Ok(chain) => {
            print!("{chain}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("example-smol: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<String, Box<dyn Error>> {
    let names =
        env::args().skip(1).map(|name| Identifier::parse(&name)).collect::<Result<Vec<_>, _>>()?;
    if names.is_empty() {
        return Err("give the names that the certificate is for as arguments".into());
    }
    let shelf = Shelf::open(&setting("LACME_HTTP_ADDR")?).await?;

    // A program that runs more than once keeps this key, and with it the account.
    let account_key = PrivateKey::generate(KeyType::EcdsaP256)?;
    let mut session = Session {
        http: HttpClient::new(&setting("LACME_CA_BUNDLE")?)?,
        account_key,
        credentials: None,
        nonces: RefCell::new(NoncePool::new()),
    };

    let url = Url::parse(setting("LACME_DIRECTORY")?)?;
    eprintln!("reading {url}");
    let request = GetDirectory { url };
    let call = request.to_call();
    let directory = request.read(&call, session.call(&call).await)?;

    // Before the account is known its holder is named by the key, afterwards by the account's URL.
    let credentials = Credentials::of(&directory, &session.account_key);
    session.credentials = Some(Arc::new(credentials.clone()));
    let request = NewAccount::agreeing_to_terms([]); // only where the account's holder does
    let call = request.call(&directory)?;
    let account = request.read(&call, session.call(&call).await)?.url;
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
    let issued = issue(&session, plan, &shelf).await?;

    // The core hands over what the CA sent. Is it what was ordered?
    let chain = CertificateChain::parse(issued.pem.as_bytes())?;
    chain.check(key.public_key_der(), &names, false)?;
    Ok(chain.pem())
}

/// From newOrder to the certificate.
///
/// Every action is a pure function of the state, so this future may be dropped at any point, and a
/// program may write `issuance` down (serde) before each turn and go on from there after a crash.
async fn issue(session: &Session, plan: Plan, shelf: &Shelf) -> Result<Issued, IssuanceError> {
    let mut issuance = Issuance::new(plan);
    loop {
        eprintln!("{}", issuance.phase());
        let event = match issuance.action() {
            Action::Calls(calls) => {
                // In the same sequence as the calls, whichever answer comes first.
                let results = stream::iter(calls.iter().map(|call| session.call(call)));
                Event::Answered(results.buffered(AT_ONCE).collect().await)
            }
            Action::Provision(proofs) => Event::Provisioned(shelf.put(proofs)),
            Action::WaitUntil(time) => {
                sleep_until(time).await;
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
    /// Every answer brings the nonce for a later request, whichever that is. All calls run on one
    /// thread; a program that spreads them takes a mutex.
    nonces: RefCell<NoncePool>,
}

impl Session {
    /// One call to its answer.
    async fn call(&self, call: &Call) -> Result<HttpResponse, CallError> {
        let credentials = self.credentials.clone();
        let limits = RetryLimits::until(SystemTime::now() + PATIENCE);
        let mut exchange = {
            let nonces = &mut self.nonces.borrow_mut();
            Exchange::new(call.clone(), credentials, limits, random(), nonces)?
        };
        loop {
            let reply = match exchange.step() {
                // Asynchronous, since other keys sit in an HSM or behind a KMS.
                Step::Sign(message) => self.account_key.sign(message).await.into(),
                Step::Send(request) => self.http.send(request).await,
                Step::WaitUntil(time) => {
                    sleep_until(time).await;
                    Reply::Woken
                }
                Step::Done(_) => return exchange.into_result(),
            };
            exchange.reply(reply, SystemTime::now(), &mut self.nonces.borrow_mut())?;
        }
    }
}

async fn sleep_until(time: SystemTime) {
    Timer::after(time.duration_since(SystemTime::now()).unwrap_or_default()).await;
}

/// Spreads retries, so that many clients do not come back at the same moment.
fn random() -> u64 {
    RandomState::new().hash_one(())
}

fn setting(name: &str) -> Result<String, String> {
    env::var(name).map_err(|_| format!("set the environment variable {name}"))
}
