use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use lacme::Identifier;

use super::values;

#[derive(Debug, Subcommand)]
pub(crate) enum CaCommand {
    /// Make the CA in the store: a root and an intermediate
    Init(CaInitArgs),
    /// Issue a certificate by the CA in the store, without ACME; it always obtains a new one
    Issue(CaIssueArgs),
    /// Serve ACME for the CA in the store, until interrupted
    Serve(CaServeArgs),
}

#[derive(Args, Debug)]
pub(crate) struct CaInitArgs {
    /// The root's common name [default: lacme CA]
    #[arg(long, value_name = "CN")]
    pub(crate) name: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct CaIssueArgs {
    /// DNS names (Unicode too), wildcards, IP addresses; all in one certificate
    #[arg(value_name = "NAME", value_parser = values::name, required = true)]
    pub(crate) names: Vec<Identifier>,

    /// For a client that shows it to servers; its common name is the first NAME
    #[arg(long)]
    pub(crate) client: bool,

    /// How long it is valid, though never longer than the CA
    #[arg(long, value_name = "N", default_value_t = 90)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=36_500))]
    pub(crate) days: u32,
}

#[derive(Args, Debug)]
pub(crate) struct CaServeArgs {
    /// Where to listen, as clients are to call it: ca.example:8443, 127.0.0.1:14000, [::1]:14000
    #[arg(long, value_name = "ADDR", value_parser = values::listen_name)]
    pub(crate) listen: Listen,

    /// The port that http-01 asks on
    #[arg(long, value_name = "PORT", default_value_t = 80)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) http_port: u16,

    /// The port that tls-alpn-01 asks on
    #[arg(long, value_name = "PORT", default_value_t = 443)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) tls_port: u16,

    /// Ask this DNS resolver, ADDRESS or ADDRESS:PORT, when names are validated; may be repeated
    /// [default: the system's]
    #[arg(long, value_name = "ADDR", value_parser = values::resolver)]
    pub(crate) resolver: Vec<SocketAddr>,

    /// Let only those in who have an external account of this file: lines of key identifier and
    /// HMAC key (base64url), or a JSON object of them
    #[arg(long, value_name = "FILE")]
    pub(crate) eab_file: Option<PathBuf>,
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Listen {
    Address(SocketAddr),
    /// A DNS name of this machine, and a port.
    Name(String, u16),
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name, port) => write!(f, "{name}:{port}"),
        }
    }
}
