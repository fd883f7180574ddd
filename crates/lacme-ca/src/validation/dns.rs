//! Questions to the given resolver.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use super::problems::{self, Failure};

/// More records at one name than anybody needs for its proof.
const MAX_RECORDS: usize = 100;

/// Whom to ask. Each validation asks anew: nothing is kept from one to the next.
#[derive(Clone)]
pub(super) struct Resolver {
    config: ResolverConfig,
    options: ResolverOpts,
}

/// The system does not tell its resolvers.
#[derive(Debug, thiserror::Error)]
#[error("the system's resolvers cannot be found out: {reason}; name a resolver")]
#[non_exhaustive]
pub struct ResolverError {
    /// What went wrong.
    pub reason: String,
}

impl Resolver {
    pub(super) fn new(resolvers: &[SocketAddr], timeout: Duration) -> Self {
        let servers = resolvers.iter().map(name_server).collect();
        let mut options = ResolverOpts::default();
        options.use_hosts_file = ResolveHosts::Never;
        Self::with(ResolverConfig::from_name_servers(servers), options, timeout)
    }

    pub(super) fn of_the_system(timeout: Duration) -> Result<Self, ResolverError> {
        let read = hickory_resolver::system_conf::read_system_conf();
        let (config, options) =
            read.map_err(|error| ResolverError { reason: error.to_string() })?;
        Ok(Self::with(config, options, timeout))
    }

    fn with(config: ResolverConfig, mut options: ResolverOpts, timeout: Duration) -> Self {
        options.timeout = timeout;
        options.attempts = 1;
        options.cache_size = 0;
        options.try_tcp_on_error = true;
        Self { config, options }
    }

    /// The TXT records at `name`, each with its strings joined (RFC 7208 §3.3 does so, and ACME
    /// with it); CNAMEs are followed. Never empty.
    pub(super) async fn txt(&self, name: &str) -> Result<Vec<Vec<u8>>, Failure> {
        let text = |data: &RData| match data {
            RData::TXT(text) => Some(text.txt_data.concat()),
            _ => None,
        };
        match self.lookup(name, RecordType::TXT, text).await? {
            texts if texts.is_empty() => {
                let detail = format!("there is no TXT record at {name}");
                Err(problems::unauthorized(detail))
            }
            texts => Ok(texts),
        }
    }

    pub(super) async fn ipv4(&self, name: &str) -> Result<Vec<IpAddr>, Failure> {
        let address = |data: &RData| match data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            _ => None,
        };
        self.lookup(name, RecordType::A, address).await
    }

    pub(super) async fn ipv6(&self, name: &str) -> Result<Vec<IpAddr>, Failure> {
        let address = |data: &RData| match data {
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        };
        self.lookup(name, RecordType::AAAA, address).await
    }

    /// The records of one type at `name`; none, where the name exists without any.
    async fn lookup<T>(
        &self,
        name: &str,
        kind: RecordType,
        read: impl Fn(&RData) -> Option<T>,
    ) -> Result<Vec<T>, Failure> {
        if self.config.name_servers().is_empty() {
            let detail = format!("{name} cannot be looked up: this server has no resolver");
            return Err(problems::dns(detail));
        }
        let failed = |reason: &str| {
            problems::dns(format!("{reason} when the {kind} records of {name} were looked up"))
        };
        // With the last dot no search list applies.
        let absolute = Name::from_ascii(format!("{name}."))
            .map_err(|_| problems::dns(format!("{name} is too long to be looked up")))?;
        let provider = TokioRuntimeProvider::default();
        let resolver = TokioResolver::builder_with_config(self.config.clone(), provider)
            .with_options(self.options.clone())
            .build()
            .map_err(|error| failed(&error.to_string()))?;
        match resolver.lookup(absolute, kind).await {
            Ok(found) => {
                let records = found.answers().iter().take(MAX_RECORDS);
                Ok(records.filter_map(|record| read(&record.data)).collect())
            }
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => match none.response_code {
                ResponseCode::NoError => Ok(Vec::new()),
                ResponseCode::NXDomain => {
                    Err(problems::dns(format!("{name} does not exist in DNS (NXDOMAIN, {kind})")))
                }
                code => Err(failed(&format!("the resolver answered {code:?}"))),
            },
            Err(NetError::Dns(DnsError::ResponseCode(code))) => {
                Err(failed(&format!("the resolver answered {code:?}")))
            }
            Err(NetError::Timeout) => Err(failed("the resolver did not answer in time")),
            Err(error) => {
                let reason = problems::excerpt(error.to_string().as_bytes());
                Err(failed(&format!("the resolver failed ({reason})")))
            }
        }
    }
}

/// UDP first, TCP where an answer was cut off.
fn name_server(address: &SocketAddr) -> NameServerConfig {
    let mut udp = ConnectionConfig::udp();
    let mut tcp = ConnectionConfig::tcp();
    udp.port = address.port();
    tcp.port = address.port();
    NameServerConfig::new(address.ip(), true, vec![udp, tcp])
}
