use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::SystemTime;

use clap::Args;
use lacme::{ChallengeType, Identifier, KeyType};

use super::{KeyTypeArgs, values};

#[derive(Args, Debug)]
pub(crate) struct IssueArgs {
    /// DNS names (Unicode too), wildcards, IP addresses; all in one certificate
    #[arg(value_name = "NAME", value_parser = values::name, required_unless_present = "csr")]
    pub(crate) names: Vec<Identifier>,

    /// Have this request (PEM or DER) signed instead of making key and request; NAMEs may be left
    /// out
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key_type", "reuse_key", "must_staple"])]
    pub(crate) csr: Option<PathBuf>,

    /// What the certificate is called here [default: the first NAME]
    #[arg(long, value_name = "NAME")]
    pub(crate) cert_name: Option<String>,

    /// Obtain a new certificate even if a good one is stored
    #[arg(long)]
    pub(crate) force: bool,

    #[command(flatten)]
    pub(crate) how: How,
}

/// How a certificate is obtained: `issue` keeps it, `renew` goes by it.
#[derive(Args, Debug)]
pub(crate) struct How {
    /// How control of the names is proven; this version can prove http-01 [default: http-01]
    #[arg(long, value_name = "TYPE", value_parser = values::challenge)]
    pub(crate) challenge: Option<ChallengeType>,

    /// Where the http-01 server listens; the CA asks on port 80 [default: [::]:80]
    #[arg(long, value_name = "ADDR", value_parser = values::listen_address)]
    pub(crate) http_addr: Option<SocketAddr>,

    /// The certificate's key: ecdsa-p256, ecdsa-p384, rsa-2048, rsa-3072 or rsa-4096 [default:
    /// ecdsa-p256]
    #[arg(long, value_name = "TYPE", value_parser = values::certificate_key_type)]
    pub(crate) key_type: Option<KeyType>,

    #[command(flatten)]
    pub(crate) account_key: KeyTypeArgs,

    /// Keep the stored certificate's key
    #[arg(long)]
    pub(crate) reuse_key: bool,

    /// Ask for a certificate that is only good with a stapled OCSP response
    #[arg(long)]
    pub(crate) must_staple: bool,

    /// One of the CA's certificate profiles
    #[arg(long, value_name = "NAME")]
    pub(crate) profile: Option<String>,

    /// The chain whose last certificate was issued by this common name
    #[arg(long, value_name = "CN")]
    pub(crate) preferred_chain: Option<String>,

    /// When the certificate is to end, in RFC 3339 such as 2030-01-31T12:00:00Z, where the CA lets
    /// you choose
    #[arg(long, value_name = "TIME", value_parser = values::future_time)]
    pub(crate) not_after: Option<SystemTime>,

    /// Run this by `sh -c` after each new certificate, with LACME_HOOK_NAME, _CERT, _FULLCHAIN,
    /// _KEY, _SERIAL and _NOT_AFTER
    #[arg(long, value_name = "CMD")]
    pub(crate) deploy_hook: Option<String>,
}
