use clap::{Args, Subcommand};
use lacme::KeyType;

use super::values;

#[derive(Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Create the account, or find the one that its key has
    Create(KeyTypeArgs),
    /// Show the account as the CA knows it
    Show,
    /// List all accounts in the store
    List,
    /// Replace the contacts by those of --contact
    Update,
    /// Replace the account's key
    Rollover(KeyTypeArgs),
    /// Give the account up, for good
    Deactivate(DeactivateArgs),
}

#[derive(Args, Debug)]
pub(crate) struct KeyTypeArgs {
    /// A new account key: ecdsa-p256, ecdsa-p384, ecdsa-p521, rsa-2048, rsa-3072, rsa-4096 or
    /// ed25519 [default: ecdsa-p256]
    #[arg(long, value_name = "TYPE")]
    #[arg(value_parser = values::account_key_type)]
    pub(crate) account_key_type: Option<KeyType>,
}

#[derive(Args, Debug)]
pub(crate) struct DeactivateArgs {
    /// Do not ask
    #[arg(long, short)]
    pub(crate) yes: bool,
}
