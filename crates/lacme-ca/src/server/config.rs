use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use acme_crypto::HmacKey;
use acme_proto::{Algorithm, ChallengeType, Identifier, Url};

use super::limits::Limits;

/// How an ACME server behaves. Every setter says its default.
///
/// ```
/// use std::time::Duration;
/// use acme_proto::Url;
/// use lacme_ca::{Limits, Profile, ServerConfig};
///
/// let config = ServerConfig::new(Url::parse("https://ca.example:14000")?)?
///     .terms_of_service("https://ca.example/terms")
///     .profile("short", Profile::new("six days, for machines").lifetime(Duration::from_secs(6 * 86400)))
///     .limits(Limits::default().new_orders(300, Duration::from_secs(3 * 3600)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct ServerConfig {
    pub(super) base_url: Url,
    pub(super) terms: Option<String>,
    pub(super) website: Option<String>,
    pub(super) caa_identities: Vec<String>,
    pub(super) external_accounts: BTreeMap<String, HmacKey>,
    pub(super) external_account_required: bool,
    pub(super) profiles: BTreeMap<String, Profile>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) challenges: Vec<ChallengeType>,
    pub(super) new_authz: bool,
    pub(super) renewal_info: bool,
    pub(super) reuse_authorizations: bool,
    pub(super) order_lifetime: Duration,
    pub(super) authorization_lifetime: Duration,
    pub(super) retention: Duration,
    pub(super) lifetime: Duration,
    pub(super) longest_lifetime: Duration,
    pub(super) backdate: Duration,
    pub(super) nonce_lifetime: Duration,
    pub(super) retry_after: u64,
    pub(super) renewal_retry_after: u64,
    pub(super) orders_per_page: usize,
    pub(super) answers_processing: bool,
    pub(super) limits: Limits,
    pub(super) policy: Arc<Policy>,
}

type Policy = dyn Fn(&Identifier) -> Result<(), String> + Send + Sync;

/// The base URL has a query or more than 1024 characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the base URL of an ACME server has at most 1024 characters and no query")]
pub struct InvalidBaseUrl;

/// A kind of certificate that clients can ask for by name (draft-ietf-acme-profiles).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub(super) description: String,
    pub(super) lifetime: Option<Duration>,
}

impl Profile {
    /// A profile with the sentence or URL that describes it in the directory, and otherwise like
    /// every certificate of the server.
    pub fn new(description: impl Into<String>) -> Self {
        Self { description: description.into(), lifetime: None }
    }

    /// How long its certificates are valid. Default: the server's
    /// [`certificate_lifetime`](ServerConfig::certificate_lifetime).
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }
}

impl ServerConfig {
    /// The defaults, for a server that clients reach at `base_url`; its directory is at
    /// `<base_url>/directory`. Requests are good only if they were signed for URLs below it.
    ///
    /// # Errors
    /// If the URL has a query or more than 1024 characters.
    pub fn new(base_url: Url) -> Result<Self, InvalidBaseUrl> {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        if base_url.as_str().contains('?') || base_url.as_str().len() > 1024 {
            return Err(InvalidBaseUrl);
        }
        Ok(Self {
            base_url,
            terms: None,
            website: None,
            caa_identities: Vec::new(),
            external_accounts: BTreeMap::new(),
            external_account_required: false,
            profiles: BTreeMap::new(),
            algorithms: vec![
                Algorithm::Es256,
                Algorithm::Es384,
                Algorithm::Es512,
                Algorithm::Rs256,
                Algorithm::Ps256,
                Algorithm::EdDsa,
            ],
            challenges: ALL_CHALLENGES.to_vec(),
            new_authz: true,
            renewal_info: true,
            reuse_authorizations: true,
            order_lifetime: DAY,
            authorization_lifetime: 30 * DAY,
            retention: DAY,
            lifetime: 90 * DAY,
            longest_lifetime: 398 * DAY,
            backdate: Duration::from_secs(3600),
            nonce_lifetime: Duration::from_secs(3600),
            retry_after: 1,
            renewal_retry_after: 6 * 3600,
            orders_per_page: 100,
            answers_processing: false,
            limits: Limits::default(),
            policy: Arc::new(|_| Ok(())),
        })
    }

    /// The URL of the directory.
    pub fn directory_url(&self) -> String {
        format!("{}/directory", self.base_url.as_str().trim_end_matches('/'))
    }

    /// Terms that an account has to agree to (RFC 8555 §7.3.3). Accounts that agreed to other ones
    /// are asked to agree again before they order. Default none.
    #[must_use]
    pub fn terms_of_service(mut self, url: impl Into<String>) -> Self {
        self.terms = Some(url.into());
        self
    }

    /// The web site that the directory names. Default none.
    #[must_use]
    pub fn website(mut self, url: impl Into<String>) -> Self {
        self.website = Some(url.into());
        self
    }

    /// Domain names by which CAA records and dns-persist-01 records mean this CA. Default none;
    /// then dns-persist-01 is not offered. More than 10 are cut off, the draft's bound.
    #[must_use]
    pub fn caa_identities(mut self, names: impl IntoIterator<Item = String>) -> Self {
        self.caa_identities = names.into_iter().take(10).collect();
        self
    }

    /// Adds a key by which accounts can be bound to a customer (§7.3.4). Default none.
    #[must_use]
    pub fn external_account(mut self, kid: impl Into<String>, key: HmacKey) -> Self {
        self.external_accounts.insert(kid.into(), key);
        self
    }

    /// Whether every new account has to be bound to a customer. Default no.
    #[must_use]
    pub fn require_external_account(mut self, required: bool) -> Self {
        self.external_account_required = required;
        self
    }

    /// Adds a profile. Default none.
    #[must_use]
    pub fn profile(mut self, name: impl Into<String>, profile: Profile) -> Self {
        self.profiles.insert(name.into(), profile);
        self
    }

    /// The signature algorithms of requests. Default all that are known: ES256, ES384, ES512,
    /// RS256, PS256 and EdDSA.
    #[must_use]
    pub fn algorithms(mut self, algorithms: impl IntoIterator<Item = Algorithm>) -> Self {
        self.algorithms = algorithms.into_iter().collect();
        self
    }

    /// The challenges that are offered where they can prove an identifier, in this sequence.
    /// Default http-01, dns-01, tls-alpn-01, dns-account-01, dns-persist-01; others are left out.
    #[must_use]
    pub fn challenges(mut self, kinds: impl IntoIterator<Item = ChallengeType>) -> Self {
        let known = |kind: &ChallengeType| ALL_CHALLENGES.contains(kind);
        self.challenges = kinds.into_iter().filter(known).collect();
        self
    }

    /// Whether identifiers can be authorized ahead of an order (§7.4.1). Default yes.
    #[must_use]
    pub fn new_authorizations(mut self, offered: bool) -> Self {
        self.new_authz = offered;
        self
    }

    /// Whether renewal information is given (RFC 9773). Default yes.
    #[must_use]
    pub fn renewal_info(mut self, offered: bool) -> Self {
        self.renewal_info = offered;
        self
    }

    /// Whether a new order takes over the account's valid authorizations, so that it may start
    /// `ready`. Default yes.
    #[must_use]
    pub fn reuse_authorizations(mut self, reuse: bool) -> Self {
        self.reuse_authorizations = reuse;
        self
    }

    /// How long an order, and a pending authorization, may take. Default a day.
    #[must_use]
    pub fn order_lifetime(mut self, lifetime: Duration) -> Self {
        self.order_lifetime = lifetime;
        self
    }

    /// How long a valid authorization stays so. Default 30 days.
    #[must_use]
    pub fn authorization_lifetime(mut self, lifetime: Duration) -> Self {
        self.authorization_lifetime = lifetime;
        self
    }

    /// How long expired orders, authorizations and certificates can still be read. Default a day.
    #[must_use]
    pub fn retention(mut self, retention: Duration) -> Self {
        self.retention = retention;
        self
    }

    /// How long a certificate is valid where nothing else is asked for. Default 90 days.
    #[must_use]
    pub fn certificate_lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// The longest validity that `notBefore` and `notAfter` can ask for. Default 398 days.
    #[must_use]
    pub fn longest_lifetime(mut self, lifetime: Duration) -> Self {
        self.longest_lifetime = lifetime;
        self
    }

    /// How long before its issuance a certificate's validity begins, for clients whose clocks are
    /// slow. Default an hour.
    #[must_use]
    pub fn backdate(mut self, backdate: Duration) -> Self {
        self.backdate = backdate;
        self
    }

    /// How long a nonce is good. Default an hour.
    #[must_use]
    pub fn nonce_lifetime(mut self, lifetime: Duration) -> Self {
        self.nonce_lifetime = lifetime;
        self
    }

    /// The `Retry-After` of what is being processed, in seconds. Default 1.
    #[must_use]
    pub fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = seconds;
        self
    }

    /// The `Retry-After` of renewal information, in seconds. Default 6 hours.
    #[must_use]
    pub fn renewal_retry_after(mut self, seconds: u64) -> Self {
        self.renewal_retry_after = seconds;
        self
    }

    /// How many orders one page of an account's list has (§7.1.2.1). Default 100.
    #[must_use]
    pub fn orders_per_page(mut self, orders: usize) -> Self {
        self.orders_per_page = orders.max(1);
        self
    }

    /// Whether finalizing is answered with a `processing` order while the certificate is made, as
    /// busy CAs do, instead of with the `valid` one a moment later. Default no. The core by itself
    /// always does; this is for the service around it.
    #[must_use]
    pub fn answers_processing(mut self, processing: bool) -> Self {
        self.answers_processing = processing;
        self
    }

    /// Bounds of what clients may ask for. Default [`Limits::default`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Which identifiers may be ordered: the error says why not, and the client reads it in a
    /// `rejectedIdentifier` problem. Default all.
    #[must_use]
    pub fn policy(
        mut self,
        policy: impl Fn(&Identifier) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.policy = Arc::new(policy);
        self
    }
}

/// uacme fails when a challenge without token stands before http-01, so dns-persist-01 is last.
const ALL_CHALLENGES: [ChallengeType; 5] = [
    ChallengeType::Http01,
    ChallengeType::Dns01,
    ChallengeType::TlsAlpn01,
    ChallengeType::DnsAccount01,
    ChallengeType::DnsPersist01,
];

impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConfig")
            .field("base_url", &self.base_url)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
