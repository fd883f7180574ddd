use std::path::PathBuf;

use clap::Args;
use lacme::RevocationReason;

use super::How;

#[derive(Args, Debug)]
pub(crate) struct NameArgs {
    /// The certificate's name, as `lacme list` shows it
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

#[derive(Args, Debug)]
pub(crate) struct RenewArgs {
    /// The certificates' names, as `lacme list` shows them [default: all]
    #[arg(value_name = "NAME")]
    pub(crate) names: Vec<String>,

    /// Renew what ends within this many days, and what the CA says is due
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=36_500))]
    pub(crate) days: Option<u32>,

    /// Renew even what is not due
    #[arg(long)]
    pub(crate) force: bool,

    /// Only say what would be renewed, and why
    #[arg(long)]
    pub(crate) dry_run: bool,

    #[command(flatten)]
    pub(crate) how: How,
}

#[derive(Args, Debug)]
pub(crate) struct RevokeArgs {
    /// The certificate's name, as `lacme list` shows it
    #[arg(value_name = "NAME", required_unless_present = "cert", conflicts_with = "cert")]
    pub(crate) name: Option<String>,

    /// Revoke the certificate in this PEM file
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,

    /// Prove the right to do so by the certificate's private key (PEM) instead of the account's
    #[arg(long, value_name = "FILE", requires = "cert", conflicts_with = "name")]
    pub(crate) key: Option<PathBuf>,

    /// Why: a name of RFC 5280 such as keyCompromise or superseded, or its number
    #[arg(long, value_name = "REASON")]
    pub(crate) reason: Option<RevocationReason>,
}

#[derive(Args, Debug)]
pub(crate) struct AriArgs {
    /// The certificate's name, as `lacme list` shows it
    #[arg(value_name = "NAME", required_unless_present = "cert", conflicts_with = "cert")]
    pub(crate) name: Option<String>,

    /// Ask about the certificate in this PEM file
    #[arg(long, value_name = "FILE")]
    pub(crate) cert: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}
