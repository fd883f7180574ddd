//! dns-01 (RFC 8555 §8.4) and dns-account-01 (draft-ietf-acme-dns-account-label).

use acme_crypto::AwsLc;
use acme_proto::proof::account_label;
use acme_proto::{Digest as _, DnsName};
use base64ct::{Base64UrlUnpadded, Encoding as _};

use super::Validation;
use super::dns::Resolver;
use super::problems::{self, Failure};

pub(super) async fn validate_dns01(
    resolver: &Resolver,
    validation: &Validation,
    name: &DnsName,
) -> Result<(), Failure> {
    find(resolver, validation, &format!("_acme-challenge.{name}")).await
}

pub(super) async fn validate_dns_account01(
    resolver: &Resolver,
    validation: &Validation,
    name: &DnsName,
) -> Result<(), Failure> {
    let label = account_label(&validation.account, &AwsLc);
    find(resolver, validation, &format!("{label}._acme-challenge.{name}")).await
}

/// Any one of the records at `name` has to be the digest of the key authorization.
async fn find(resolver: &Resolver, validation: &Validation, name: &str) -> Result<(), Failure> {
    let digest = AwsLc.sha256(validation.key_authorization.as_bytes());
    let expected = Base64UrlUnpadded::encode_string(&digest);
    let found = resolver.txt(name).await?;
    if found.iter().any(|text| text == expected.as_bytes()) {
        return Ok(());
    }
    let others = match found.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let excerpt = problems::excerpt(&found[0]);
    Err(problems::incorrect(format!(
        "none of the TXT records at {name} is the one asked for: found {excerpt}{others}"
    )))
}
