//! Wire types: what an ACME server and its client say to each other (RFC 8555 §7.1).

mod account;
mod authorization;
mod challenge;
mod directory;
mod identifier;
mod lenient;
mod order;
mod problem;
mod renewal_info;
mod revocation;
mod time;
mod url;

pub use account::{Account, AccountStatus, OrdersPage};
pub use authorization::{Authorization, AuthorizationStatus};
pub use challenge::{Challenge, ChallengeStatus, ChallengeType, InvalidToken, Token};
pub use directory::{Directory, Meta};
pub use identifier::{DnsName, Identifier, InvalidName};
pub use order::{Order, OrderStatus};
pub use problem::{Problem, ProblemType, Subproblem};
pub use renewal_info::{RenewalInfo, Window};
pub use revocation::{InvalidReason, RevocationReason};
pub use url::{InvalidUrl, Url};

pub(crate) use lenient::{null_is_empty, odd_is_absent};
pub(crate) use time::{rfc3339, rfc3339_option};
