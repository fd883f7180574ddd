//! What several tests need.

use std::time::Duration;

use acme_proto::{ChallengeType, Identifier, Problem, Token, Url};
use lacme_ca::{NetworkValidator, NetworkValidatorBuilder, Validation, Validator as _};

pub(crate) const KEY_AUTHORIZATION: &str = "token.thumbprint";

pub(crate) fn validation(challenge: ChallengeType, name: &str) -> Validation {
    let account = Url::parse("https://ca.example/acct/1").unwrap();
    let mut validation = Validation::new(Identifier::parse(name).unwrap(), challenge, account);
    validation.token = Some(Token::parse("token").unwrap());
    validation.key_authorization = KEY_AUTHORIZATION.to_owned();
    validation
}

/// A validator for which every name of these tests that has an address is on loopback.
pub(crate) fn local() -> NetworkValidatorBuilder {
    let names = ["a.example", "b.example"];
    let builder = NetworkValidator::builder().timeout(Duration::from_secs(4));
    names.iter().fold(builder, |builder, name| builder.address(name, [127, 0, 0, 1].into()))
}

pub(crate) async fn judge(
    builder: NetworkValidatorBuilder,
    validation: &Validation,
) -> Result<(), Problem> {
    builder.build().unwrap().validate(validation).await
}

/// The problem's type and words.
pub(crate) fn told(verdict: Result<(), Problem>) -> (String, String) {
    let problem = verdict.expect_err("the validation should have failed");
    assert!(problem.status.is_some());
    (problem.kind.name().to_owned(), problem.detail.unwrap())
}
