use std::net::IpAddr;
use std::time::Duration;

use acme_crypto::KeyType;
use acme_proto::{DnsName, Url};
use serde::{Deserialize, Serialize};

use super::AuthorityError;
use super::constraints::Constraints;

/// What kind of authority to make.
///
/// ```
/// use lacme_ca::AuthorityOptions;
/// use acme_proto::DnsName;
///
/// let options = AuthorityOptions::new()
///     .name("Example Internal CA")
///     .permit_zone(&DnsName::parse("corp.example")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthorityOptions {
    pub(super) name: String,
    pub(super) root_key: KeyType,
    pub(super) intermediate_key: KeyType,
    pub(super) intermediates: u8,
    pub(super) alternate_root: bool,
    pub(super) root_lifetime: Duration,
    pub(super) intermediate_lifetime: Duration,
    pub(super) must_staple: bool,
    pub(super) constraints: Constraints,
    pub(super) crl_url: Option<Url>,
    pub(super) issuer_url: Option<Url>,
}

const DAY: Duration = Duration::from_secs(24 * 3600);
/// What stands behind the name for intermediates has to fit too (ub-common-name, RFC 5280
/// appendix A.1).
const MAX_NAME: usize = 48;
const MAX_INTERMEDIATES: u8 = 2;

impl AuthorityOptions {
    /// A root for 10 years and one intermediate for 5, both with ECDSA P-256 keys.
    pub fn new() -> Self {
        Self {
            name: "lacme CA".to_owned(),
            root_key: KeyType::EcdsaP256,
            intermediate_key: KeyType::EcdsaP256,
            intermediates: 1,
            alternate_root: false,
            root_lifetime: 3650 * DAY,
            intermediate_lifetime: 1825 * DAY,
            must_staple: false,
            constraints: Constraints::default(),
            crl_url: None,
            issuer_url: None,
        }
    }

    /// The root's common name, 1 to 48 printable characters; default `lacme CA`. People see it
    /// in the list of authorities they trust. Intermediates are called after it.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// The type of the root's key; default ECDSA P-256. Besides, ECDSA P-384 and RSA are possible.
    #[must_use]
    pub fn root_key(mut self, key: KeyType) -> Self {
        self.root_key = key;
        self
    }

    /// The type of the intermediates' keys; default ECDSA P-256. It decides how large and how
    /// fast to check a certificate's signature is.
    #[must_use]
    pub fn intermediate_key(mut self, key: KeyType) -> Self {
        self.intermediate_key = key;
        self
    }

    /// How many intermediates stand between root and leaf: 0 to 2, default 1.
    #[must_use]
    pub fn intermediates(mut self, count: u8) -> Self {
        self.intermediates = count;
        self
    }

    /// Makes a second root that signs the same issuer, so that every certificate has an alternate
    /// chain (RFC 8555 §7.4.2); default off. The second root's key is used once and thrown away.
    #[must_use]
    pub fn alternate_root(mut self, wanted: bool) -> Self {
        self.alternate_root = wanted;
        self
    }

    /// How long the root is valid; default 3650 days.
    #[must_use]
    pub fn root_lifetime(mut self, lifetime: Duration) -> Self {
        self.root_lifetime = lifetime;
        self
    }

    /// How long the intermediates are valid, at most as long as the root; default 1825 days. No
    /// certificate outlives its issuer.
    #[must_use]
    pub fn intermediate_lifetime(mut self, lifetime: Duration) -> Self {
        self.intermediate_lifetime = lifetime;
        self
    }

    /// Whether a CSR that asks for must-staple (RFC 7633) gets it; default off, since nothing
    /// here answers OCSP.
    #[must_use]
    pub fn must_staple(mut self, allowed: bool) -> Self {
        self.must_staple = allowed;
        self
    }

    /// Permits `zone` and the names below it, and with that excludes everything that is not
    /// permitted (RFC 5280 §4.2.1.10). Repeatable; by default everything is permitted.
    #[must_use]
    pub fn permit_zone(mut self, zone: &DnsName) -> Self {
        self.constraints.permit_zone(zone);
        self
    }

    /// Permits the addresses whose first `prefix` bits are those of `address`, and with that
    /// excludes everything that is not permitted. Repeatable.
    #[must_use]
    pub fn permit_network(mut self, address: IpAddr, prefix: u8) -> Self {
        self.constraints.permit_network(address, prefix);
        self
    }

    /// Where certificates say that the CRL is to be had (RFC 5280 §4.2.1.13); default nowhere.
    #[must_use]
    pub fn crl_url(mut self, url: Url) -> Self {
        self.crl_url = Some(url);
        self
    }

    /// Where certificates say that their issuer's certificate is to be had, in DER (RFC 5280
    /// §4.2.2.1); default nowhere.
    #[must_use]
    pub fn issuer_url(mut self, url: Url) -> Self {
        self.issuer_url = Some(url);
        self
    }

    pub(super) fn check(&self) -> Result<(), AuthorityError> {
        let printable = |name: &str| !name.trim().is_empty() && !name.chars().any(char::is_control);
        let usable = |key| !matches!(key, KeyType::EcdsaP521 | KeyType::Ed25519);
        let ascii = |url: &Option<Url>| url.as_ref().is_none_or(|url| url.as_str().is_ascii());
        let reason = if !printable(&self.name) || self.name.chars().count() > MAX_NAME {
            "its name is not 1 to 48 printable characters"
        } else if self.intermediates > MAX_INTERMEDIATES {
            "it has more than 2 intermediates"
        } else if !usable(self.root_key) || !usable(self.intermediate_key) {
            "its keys are not ECDSA P-256, ECDSA P-384 or RSA, which every client understands"
        } else if self.root_lifetime < DAY || self.intermediate_lifetime < DAY {
            "it lives for less than a day"
        } else if !ascii(&self.crl_url) || !ascii(&self.issuer_url) {
            "a URL in its certificates has to be plain ASCII"
        } else {
            return Ok(());
        };
        Err(AuthorityError::Options { reason })
    }
}

impl Default for AuthorityOptions {
    fn default() -> Self {
        Self::new()
    }
}
