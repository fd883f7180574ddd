use std::fmt;
use std::time::{Duration, SystemTime};

use acme_crypto::{Csr, KeyType};
use acme_proto::Identifier;
use zeroize::Zeroizing;

/// What certificate to issue, and for which key.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use acme_crypto::KeyType;
/// use acme_proto::Identifier;
/// use lacme_ca::{Authority, AuthorityOptions, LeafRequest};
///
/// let now = SystemTime::now();
/// let authority = Authority::generate(AuthorityOptions::new(), now)?;
/// let names = vec![Identifier::parse("db.corp.example")?];
/// let request = LeafRequest::with_new_key(KeyType::EcdsaP256, names)
///     .valid_for(Duration::from_secs(3600));
/// let leaf = authority.issue(&request, now)?;
/// assert!(leaf.chain_pem.starts_with("-----BEGIN CERTIFICATE-----"));
/// assert!(leaf.key_pem.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeafRequest {
    pub(super) key: LeafKey,
    pub(super) identifiers: Vec<Identifier>,
    pub(super) common_name: Option<String>,
    pub(super) usage: Usage,
    pub(super) lifetime: Duration,
    pub(super) backdate: Duration,
    pub(super) not_before: Option<SystemTime>,
    pub(super) not_after: Option<SystemTime>,
    pub(super) must_staple: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum LeafKey {
    /// SubjectPublicKeyInfo in DER.
    Public(Vec<u8>),
    New(KeyType),
}

/// What a certificate is for (extended key usage, RFC 5280 §4.2.1.12).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Usage {
    /// A TLS server shows it; the default.
    #[default]
    Server,
    /// A TLS client shows it.
    Client,
    /// Both, for peers that call each other.
    ServerAndClient,
}

const DEFAULT_LIFETIME: Duration = Duration::from_secs(90 * 24 * 3600);
const DEFAULT_BACKDATE: Duration = Duration::from_secs(3600);

impl LeafRequest {
    /// For the names and the key of a certificate signing request, whose other wishes, but for
    /// must-staple, are not heard.
    pub fn for_csr(csr: &Csr) -> Self {
        let key = LeafKey::Public(csr.public_key_der().to_vec());
        Self { must_staple: csr.must_staple(), ..Self::new(key, csr.identifiers().to_vec()) }
    }

    /// For a public key, given as SubjectPublicKeyInfo in DER. That its holder has the private
    /// half is not proven by this.
    pub fn for_key(public_key_der: impl Into<Vec<u8>>, identifiers: Vec<Identifier>) -> Self {
        Self::new(LeafKey::Public(public_key_der.into()), identifiers)
    }

    /// With a new key, which comes back beside the certificate. RSA keys take seconds to make.
    pub fn with_new_key(key_type: KeyType, identifiers: Vec<Identifier>) -> Self {
        Self::new(LeafKey::New(key_type), identifiers)
    }

    fn new(key: LeafKey, identifiers: Vec<Identifier>) -> Self {
        Self {
            key,
            identifiers,
            common_name: None,
            usage: Usage::default(),
            lifetime: DEFAULT_LIFETIME,
            backdate: DEFAULT_BACKDATE,
            not_before: None,
            not_after: None,
            must_staple: false,
        }
    }

    /// The subject's common name, 1 to 64 printable characters; by default the subject is empty.
    /// A client certificate may have this instead of DNS names and addresses; servers' names are
    /// not looked for here.
    #[must_use]
    pub fn common_name(mut self, name: impl Into<String>) -> Self {
        self.common_name = Some(name.into());
        self
    }

    /// What it is for; default [`Usage::Server`].
    #[must_use]
    pub fn usage(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }

    /// How long it is valid, counted from now; default 90 days. No certificate outlives its
    /// issuer: the rest is cut off.
    #[must_use]
    pub fn valid_for(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// How long ago its validity began, for clients whose clocks are slow; default 1 hour.
    #[must_use]
    pub fn backdated(mut self, by: Duration) -> Self {
        self.backdate = by;
        self
    }

    /// The first moment of its validity, instead of now less the backdating.
    #[must_use]
    pub fn not_before(mut self, time: SystemTime) -> Self {
        self.not_before = Some(time);
        self
    }

    /// The last moment of its validity, instead of a lifetime.
    #[must_use]
    pub fn not_after(mut self, time: SystemTime) -> Self {
        self.not_after = Some(time);
        self
    }

    /// Asks for must-staple (RFC 7633), as a CSR may do; default not. It is left out where the
    /// authority does not allow it.
    #[must_use]
    pub fn must_staple(mut self, wanted: bool) -> Self {
        self.must_staple = wanted;
        self
    }
}

/// A certificate just issued.
///
/// `Debug` does not show the key.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IssuedLeaf {
    /// The certificate and its intermediates as PEM, without the root: what a server shows, and
    /// what ACME downloads (RFC 8555 §9.1).
    pub chain_pem: String,
    /// The certificate alone, in DER.
    pub certificate: Vec<u8>,
    /// Its serial number: the content octets of the DER INTEGER.
    pub serial: Vec<u8>,
    /// The first moment of its validity.
    pub not_before: SystemTime,
    /// The last moment of its validity.
    pub not_after: SystemTime,
    /// The same certificate with chains to other roots (RFC 8555 §7.4.2).
    pub alternates: Vec<String>,
    /// The new key as PKCS#8 in PEM, where one was asked for.
    pub key_pem: Option<Zeroizing<String>>,
}

impl fmt::Debug for IssuedLeaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IssuedLeaf")
            .field("serial", &self.serial)
            .field("not_before", &self.not_before)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}
