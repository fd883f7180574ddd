//! A program to be tested: it gets a certificate with another ACME client than lacme and prints it.
//!
//! How it is tested, against a CA that fails on request, stands in `tests/misbehaviour.rs`.
//!
//! ```sh
//! ACME_DIRECTORY=https://localhost:14000/directory ACME_ROOT=root.pem \
//!     cargo run -p example-testing -- a.example
//! ```
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command")]

use std::env;
use std::error::Error;
use std::process::ExitCode;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Identifier, NewAccount, NewOrder, RetryPolicy,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match run().await {
        Ok(chain) => {
            print!("{chain}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<String, Box<dyn Error>> {
    let (directory, root) = (env::var("ACME_DIRECTORY")?, env::var("ACME_ROOT")?);
    let names: Vec<_> = env::args().skip(1).map(Identifier::Dns).collect();
    let new =
        NewAccount { contact: &[], terms_of_service_agreed: true, only_return_existing: false };
    let (account, _) = Account::builder_with_root(root)?.create(&new, directory, None).await?;

    let mut order = account.new_order(&NewOrder::new(&names)).await?;
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status == AuthorizationStatus::Pending {
            let challenge = authorization.challenge(ChallengeType::Http01);
            // A real program sets the proof up here.
            challenge.ok_or("no http-01 is offered")?.set_ready().await?;
        }
    }
    order.poll_ready(&RetryPolicy::default()).await?;
    order.finalize().await?;
    Ok(order.poll_certificate(&RetryPolicy::default()).await?)
}
