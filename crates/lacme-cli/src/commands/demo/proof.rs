use std::net::Ipv4Addr;
use std::sync::Arc;

use async_trait::async_trait;
use lacme::{Problem, ProblemType, http01};
use lacme_ca::{NetworkValidator, Validation, Validator};

use crate::output::Console;

/// Looks at proofs as any CA does, over HTTP, but for two things: every name is at home on this
/// machine, and the port is the one that the system gave the solver instead of 80.
pub(super) struct OnThisMachine {
    pub(super) solver: Arc<http01::Standalone>,
    pub(super) console: Console,
}

#[async_trait]
impl Validator for OnThisMachine {
    async fn validate(&self, validation: &Validation) -> Result<(), Problem> {
        let unable = |detail: &str| {
            let mut problem = Problem::default();
            problem.kind = ProblemType::Connection;
            problem.detail = Some(detail.to_owned());
            problem
        };
        let address = self.solver.local_address();
        let port = address.ok_or_else(|| unable("nobody answers on this machine"))?.port();
        let name = validation.identifier.value();
        let network = NetworkValidator::builder()
            .http_port(port)
            .address(&name, Ipv4Addr::LOCALHOST.into())
            .build()
            .map_err(|error| unable(&error.to_string()))?;
        network.validate(validation).await?;
        let url = format!("http://{name}:{port}/.well-known/acme-challenge/...");
        self.console.step("proof", &format!("the CA looked at {url} and found it"));
        Ok(())
    }
}
