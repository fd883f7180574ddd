use std::path::PathBuf;

use clap::Args;
use lacme::Url;

use super::values;

const HEADING: &str = "Global options";

/// The options of every command.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = HEADING)]
pub(crate) struct Global {
    /// Folder of accounts and certificates [default: ~/.lacme]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) store: Option<PathBuf>,

    /// Seal the private keys of accounts, CA and unfinished orders with the master key in this
    /// file: 32 random bytes, in base64, hex or as they are
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) master_key_file: Option<PathBuf>,

    /// Seal the certificates' keys as well; web servers cannot read them then
    #[arg(long, global = true, requires = "master_key_file")]
    pub(crate) seal_certificates: bool,

    /// The CA: its directory's URL, or letsencrypt, letsencrypt-staging, google, google-staging,
    /// zerossl, sslcom-rsa, sslcom-ecc or actalis [default: letsencrypt]
    #[arg(long, global = true, value_name = "URL|NAME", value_parser = values::directory)]
    pub(crate) directory: Option<Url>,

    /// Use Let's Encrypt's staging environment
    #[arg(long, global = true, conflicts_with = "directory")]
    pub(crate) staging: bool,

    /// Trust the roots in this PEM file, and no others, for the CA's server
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) ca_bundle: Option<PathBuf>,

    /// Show this certificate (PEM) to the CA's server
    #[arg(long, global = true, value_name = "FILE", requires = "client_key")]
    pub(crate) client_cert: Option<PathBuf>,

    /// The private key of --client-cert (PEM)
    #[arg(long, global = true, value_name = "FILE", requires = "client_cert")]
    pub(crate) client_key: Option<PathBuf>,

    /// Allow http:// directories: for tests only, since anybody on the way can interfere
    #[arg(long, global = true)]
    pub(crate) allow_insecure: bool,

    /// Reach the CA through this HTTP proxy [default: HTTPS_PROXY and the like]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) proxy: Option<String>,

    /// Which of several accounts at the CA [default: default]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) account: Option<String>,

    /// How the CA can reach you, for a new account; may be repeated
    #[arg(long, global = true, value_name = "MAIL")]
    pub(crate) contact: Vec<String>,

    /// Agree to the CA's terms of service
    #[arg(long, global = true)]
    pub(crate) agree_tos: bool,

    /// Key identifier of your external account, for CAs that ask for one
    #[arg(long, global = true, value_name = "KID", requires = "eab_hmac_key")]
    pub(crate) eab_kid: Option<String>,

    /// HMAC key of your external account, in base64url; better in LACME_EAB_HMAC_KEY_FILE
    #[arg(long, global = true, value_name = "KEY", requires = "eab_kid")]
    pub(crate) eab_hmac_key: Option<Secret>,

    /// Time for the whole command's work with the CA
    #[arg(long, global = true, value_name = "SECONDS", default_value_t = 300)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=31_536_000))]
    pub(crate) timeout: u64,

    /// Print exactly one JSON document
    #[arg(long, global = true)]
    pub(crate) json: bool,

    /// Say each step
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,

    /// Say nothing but the result and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

/// Text that no output shows.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) String);

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}
