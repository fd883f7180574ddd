//! Where an identifier is reached.

use std::net::{IpAddr, SocketAddr};

use acme_proto::Identifier;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::NetworkValidator;
use super::problems::{self, Failure};

/// Which addresses of a name are tried, and in which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AddressPreference {
    /// IPv6 first, then IPv4; the default, as public CAs do it.
    #[default]
    Ipv6First,
    /// IPv4 first, then IPv6.
    Ipv4First,
    /// IPv4 alone.
    Ipv4Only,
    /// IPv6 alone.
    Ipv6Only,
}

/// How many addresses of a name are tried.
const MAX_ADDRESSES: usize = 4;

/// Connects to the first address of `host` that answers.
pub(super) async fn connect(
    validator: &NetworkValidator,
    host: &Identifier,
    port: u16,
) -> Result<TcpStream, Failure> {
    let mut failures = Vec::new();
    for address in addresses(validator, host).await? {
        let address = SocketAddr::new(address, port);
        let connecting = TcpStream::connect(address);
        match timeout(validator.attempt_timeout(), connecting).await {
            Ok(Ok(stream)) => {
                // Nothing is lost without it but time.
                let _ = stream.set_nodelay(true);
                return Ok(stream);
            }
            Ok(Err(error)) => failures.push(format!("{address}: {}", plain(&error))),
            Err(_) => failures.push(format!("{address}: no answer in time")),
        }
    }
    let detail = format!("no connection to {host} ({})", failures.join("; "));
    Err(problems::connection(detail))
}

/// At least one address, both families taking turns.
async fn addresses(
    validator: &NetworkValidator,
    host: &Identifier,
) -> Result<Vec<IpAddr>, Failure> {
    let name = match host {
        Identifier::Ip(ip) => return Ok(vec![*ip]),
        name => name.value(),
    };
    let found = match validator.overrides.get(&name) {
        Some(addresses) => addresses.clone(),
        None => look_up(validator, &name).await?,
    };
    let (v4, v6): (Vec<_>, Vec<_>) = found.into_iter().partition(IpAddr::is_ipv4);
    let (first, second) = match validator.preference {
        AddressPreference::Ipv6First => (v6, v4),
        AddressPreference::Ipv4First => (v4, v6),
        AddressPreference::Ipv4Only => (v4, Vec::new()),
        AddressPreference::Ipv6Only => (v6, Vec::new()),
    };
    let turns = first.len().max(second.len());
    let addresses: Vec<_> = (0..turns)
        .flat_map(|turn| [first.get(turn), second.get(turn)])
        .flatten()
        .copied()
        .take(MAX_ADDRESSES)
        .collect();
    if addresses.is_empty() {
        let detail = format!("{name} has no address in DNS that this server would connect to");
        return Err(problems::dns(detail));
    }
    Ok(addresses)
}

async fn look_up(validator: &NetworkValidator, name: &str) -> Result<Vec<IpAddr>, Failure> {
    let (resolver, preference) = (&validator.resolver, validator.preference);
    let v4 = async {
        match preference {
            AddressPreference::Ipv6Only => Ok(Vec::new()),
            _ => resolver.ipv4(name).await,
        }
    };
    let v6 = async {
        match preference {
            AddressPreference::Ipv4Only => Ok(Vec::new()),
            _ => resolver.ipv6(name).await,
        }
    };
    match tokio::join!(v4, v6) {
        (Ok(v4), Ok(v6)) => Ok([v4, v6].concat()),
        // One family is enough: some resolvers fail for the other.
        (Ok(found), Err(_)) | (Err(_), Ok(found)) if !found.is_empty() => Ok(found),
        (Err(problem), _) | (_, Err(problem)) => Err(problem),
    }
}

/// The common causes without the system's numbers.
fn plain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        std::io::ErrorKind::NetworkUnreachable => "network unreachable".to_owned(),
        std::io::ErrorKind::HostUnreachable => "host unreachable".to_owned(),
        _ => error.to_string(),
    }
}
