use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime};

use acme_proto::{ChallengeType, DnsName, Identifier, Problem};
use async_trait::async_trait;

use super::addresses::AddressPreference;
use super::dns::{Resolver, ResolverError};
use super::problems::{self, Failure};
use super::{Validation, Validator, http01, persist, tls_alpn01, txt};

/// Validates over the network: connections to the identifier's addresses, and queries to a resolver.
///
/// Nothing is remembered between validations. Private and loopback addresses are allowed: whoever
/// may order certificates can make this process connect to any address on the two ports below.
#[derive(Clone)]
pub struct NetworkValidator {
    pub(super) http_port: u16,
    pub(super) tls_port: u16,
    pub(super) timeout: Duration,
    pub(super) preference: AddressPreference,
    pub(super) overrides: HashMap<String, Vec<IpAddr>>,
    pub(super) resolver: Resolver,
}

/// Settings of a [`NetworkValidator`].
///
/// ```
/// use lacme_ca::NetworkValidator;
///
/// let validator = NetworkValidator::builder()
///     .http_port(5002)
///     .resolver("127.0.0.1:8053".parse()?)
///     .address("demo.localhost", [127, 0, 0, 1].into())
///     .build()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct NetworkValidatorBuilder {
    http_port: u16,
    tls_port: u16,
    timeout: Duration,
    preference: AddressPreference,
    overrides: HashMap<String, Vec<IpAddr>>,
    resolvers: Vec<SocketAddr>,
    system_resolver: bool,
}

impl NetworkValidator {
    /// Ports 80 and 443, 10 seconds, and no resolver.
    pub fn builder() -> NetworkValidatorBuilder {
        NetworkValidatorBuilder {
            http_port: 80,
            tls_port: 443,
            timeout: Duration::from_secs(10),
            preference: AddressPreference::default(),
            overrides: HashMap::new(),
            resolvers: Vec::new(),
            system_resolver: false,
        }
    }

    async fn look_for_proof(&self, validation: &Validation) -> Result<(), Failure> {
        let unable = || {
            let Validation { challenge, identifier, .. } = validation;
            problems::malformed(format!("{challenge} cannot prove {identifier}"))
        };
        let by_connection =
            matches!(validation.challenge, ChallengeType::Http01 | ChallengeType::TlsAlpn01);
        if validation.identifier.is_wildcard() || by_connection && validation.wildcard {
            return Err(unable());
        }
        match (&validation.challenge, &validation.identifier) {
            (ChallengeType::Http01, Identifier::Dns(_) | Identifier::Ip(_)) => {
                http01::validate(self, validation).await
            }
            (ChallengeType::TlsAlpn01, Identifier::Dns(_) | Identifier::Ip(_)) => {
                tls_alpn01::validate(self, validation).await
            }
            (ChallengeType::Dns01, Identifier::Dns(name)) => {
                txt::validate_dns01(&self.resolver, validation, name).await
            }
            (ChallengeType::DnsAccount01, Identifier::Dns(name)) => {
                txt::validate_dns_account01(&self.resolver, validation, name).await
            }
            (ChallengeType::DnsPersist01, Identifier::Dns(name)) => {
                persist::validate(&self.resolver, validation, name, SystemTime::now()).await
            }
            _ => Err(unable()),
        }
    }

    /// The time in which one of several attempts has to come to something.
    pub(super) fn attempt_timeout(&self) -> Duration {
        self.timeout / 4
    }
}

#[async_trait]
impl Validator for NetworkValidator {
    async fn validate(&self, validation: &Validation) -> Result<(), Problem> {
        let looking = self.look_for_proof(validation);
        match tokio::time::timeout(self.timeout, looking).await {
            Ok(verdict) => verdict.map_err(|failure| *failure),
            Err(_) => {
                let Validation { identifier, challenge, .. } = validation;
                let timeout = self.timeout;
                let detail =
                    format!("{challenge} for {identifier} found no proof within {timeout:?}");
                Err(*problems::connection(detail))
            }
        }
    }
}

impl fmt::Debug for NetworkValidator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkValidator")
            .field("http_port", &self.http_port)
            .field("tls_port", &self.tls_port)
            .field("timeout", &self.timeout)
            .field("preference", &self.preference)
            .field("overrides", &self.overrides)
            .finish_non_exhaustive()
    }
}

impl NetworkValidatorBuilder {
    /// The port that stands for port 80 of every name (http-01); default 80. Only tests and port
    /// forwarding need another one.
    #[must_use]
    pub fn http_port(mut self, port: u16) -> Self {
        self.http_port = port;
        self
    }

    /// The port that stands for port 443 of every name (tls-alpn-01, and redirects to https);
    /// default 443.
    #[must_use]
    pub fn tls_port(mut self, port: u16) -> Self {
        self.tls_port = port;
        self
    }

    /// How long a whole validation may take; default 10 seconds. A single connection attempt or
    /// DNS query has a quarter of it.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Which addresses of a name are tried; default IPv6 first, then IPv4.
    #[must_use]
    pub fn addresses(mut self, preference: AddressPreference) -> Self {
        self.preference = preference;
        self
    }

    /// A recursive resolver to ask, over UDP, and TCP for long answers. Repeatable.
    #[must_use]
    pub fn resolver(mut self, address: SocketAddr) -> Self {
        self.resolvers.push(address);
        self
    }

    /// Asks the resolvers that the system is set up with, if no other is given; default off, so
    /// that without any resolver no name is looked up.
    #[must_use]
    pub fn system_resolver(mut self, wanted: bool) -> Self {
        self.system_resolver = wanted;
        self
    }

    /// Takes `address` for `name` and asks no resolver for it; for demonstrations and tests.
    /// Repeatable, also for one name. DNS challenges are not touched by it.
    #[must_use]
    pub fn address(mut self, name: &str, address: IpAddr) -> Self {
        let name = DnsName::parse(name).map_or_else(|_| name.to_owned(), |name| name.to_string());
        self.overrides.entry(name).or_default().push(address);
        self
    }

    /// Puts the validator together.
    ///
    /// # Errors
    /// [`ResolverError`], if the system's resolvers cannot be found out.
    pub fn build(self) -> Result<NetworkValidator, ResolverError> {
        let timeout = self.timeout / 4;
        let resolver = match self.resolvers.as_slice() {
            [] if self.system_resolver => Resolver::of_the_system(timeout)?,
            resolvers => Resolver::new(resolvers, timeout),
        };
        Ok(NetworkValidator {
            http_port: self.http_port,
            tls_port: self.tls_port,
            timeout: self.timeout,
            preference: self.preference,
            overrides: self.overrides,
            resolver,
        })
    }
}
