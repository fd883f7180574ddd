use std::fmt;
use std::time::Duration;

use zeroize::Zeroizing;

/// How an [`HttpsTransport`](crate::HttpsTransport) connects, whom it trusts and where it stops.
///
/// ```
/// use acme_transport::{Proxy, TransportConfig, Trust};
/// use std::time::Duration;
///
/// let config = TransportConfig::default()
///     .with_trust(Trust::webpki_roots())
///     .with_proxy(Proxy::none())
///     .with_timeout(Duration::from_secs(10));
/// ```
#[derive(Clone)]
pub struct TransportConfig {
    pub(crate) trust: Trust,
    pub(crate) identity: Option<Identity>,
    pub(crate) proxy: Proxy,
    pub(crate) allow_insecure: bool,
    pub(crate) timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_body: usize,
    pub(crate) user_agent: Option<String>,
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            trust: Trust::platform(),
            identity: None,
            proxy: Proxy::from_environment(),
            allow_insecure: false,
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(10),
            max_body: 1024 * 1024,
            user_agent: None,
        }
    }
}

impl TransportConfig {
    /// Whose signature a server's certificate needs; default [`Trust::platform`].
    pub fn with_trust(mut self, trust: Trust) -> Self {
        self.trust = trust;
        self
    }

    /// The certificate to show to servers that ask for one; default none.
    ///
    /// `chain` is PEM, the client's own certificate first. `key` is its private key as PEM in
    /// PKCS#8, SEC1 or PKCS#1, not encrypted; the copy kept here is wiped when it is dropped.
    pub fn with_client_certificate(
        mut self,
        chain: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        let key = Zeroizing::new(key.into());
        self.identity = Some(Identity { chain: chain.into(), key });
        self
    }

    /// The way to the server; default [`Proxy::from_environment`].
    pub fn with_proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = proxy;
        self
    }

    /// Whether `http` URLs are served; default `false`.
    ///
    /// RFC 8555 §6.1 demands HTTPS. Without it anybody on the way reads along and can answer in the
    /// server's place, so this is for test servers and networks of your own.
    pub fn allow_insecure(mut self, allow: bool) -> Self {
        self.allow_insecure = allow;
        self
    }

    /// Whether `http` URLs are served, as [`allow_insecure`](Self::allow_insecure) set it.
    pub fn allows_insecure(&self) -> bool {
        self.allow_insecure
    }

    /// The time for one request, from the first packet to the last byte of the response; default
    /// 30 s.
    ///
    /// Some servers sign certificates while finalize waits: too short a limit loses their answers.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The part of that time in which name, TCP, proxy and TLS must be done; default 10 s.
    pub fn with_connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The largest response body that is read, in bytes; default 1 MiB.
    ///
    /// Certificate chains take a few KiB; a large order with hundreds of names some hundred.
    pub fn with_max_body(mut self, bytes: usize) -> Self {
        self.max_body = bytes;
        self
    }

    /// What to put before `acme-transport/x.y.z` in the `User-Agent`, such as `lacme/0.1.0`; default
    /// nothing.
    ///
    /// CAs look at it to find and warn the users of a client that misbehaves.
    pub fn with_user_agent(mut self, product: impl Into<String>) -> Self {
        self.user_agent = Some(product.into());
        self
    }
}

impl fmt::Debug for TransportConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportConfig")
            .field("trust", &self.trust)
            .field("client_certificate", &self.identity.is_some())
            .field("proxy", &self.proxy)
            .field("allow_insecure", &self.allow_insecure)
            .field("timeout", &self.timeout)
            .field("connect_timeout", &self.connect_timeout)
            .field("max_body", &self.max_body)
            .field("user_agent", &self.user_agent)
            .finish()
    }
}

/// Which authorities may vouch for a server.
#[derive(Clone)]
pub struct Trust {
    pub(crate) base: TrustBase,
    pub(crate) roots: Vec<Vec<u8>>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum TrustBase {
    Platform,
    Webpki,
    Nobody,
}

impl Trust {
    /// The operating system's trust: its roots, and on macOS and Windows its verifier too.
    ///
    /// Follows what the machine's owner decided. On Linux the roots are read once, when the
    /// transport is built; a container without a `ca-certificates` package has none.
    pub fn platform() -> Self {
        Self { base: TrustBase::Platform, roots: Vec::new() }
    }

    /// Mozilla's roots as compiled into this program.
    ///
    /// The same on every machine, and there where the system has none; they age with the program.
    pub fn webpki_roots() -> Self {
        Self { base: TrustBase::Webpki, roots: Vec::new() }
    }

    /// The roots in `pem` and nobody else.
    ///
    /// The right choice for a private CA (`--ca-bundle`): no public authority can then vouch for
    /// its server.
    pub fn only(pem: impl Into<Vec<u8>>) -> Self {
        Self { base: TrustBase::Nobody, roots: vec![pem.into()] }
    }

    /// The roots in `pem` as well.
    ///
    /// For a network that inspects TLS with an authority of its own, and for one configuration that
    /// serves public and private CAs.
    pub fn and(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots.push(pem.into());
        self
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} and {} own PEM files", self.base, self.roots.len())
    }
}

/// The way to the server: straight, or through an HTTP proxy.
///
/// `https` URLs go through a CONNECT tunnel, so TLS is with the server and the proxy sees its name
/// alone; `http` URLs are sent to the proxy in absolute form. The connection to the proxy is plain
/// TCP.
#[derive(Clone)]
pub struct Proxy {
    pub(crate) route: Route,
    pub(crate) except: String,
}

#[derive(Clone)]
pub(crate) enum Route {
    Straight,
    Environment,
    Url(Zeroizing<String>),
}

impl Proxy {
    /// No proxy, whatever the environment says.
    pub fn none() -> Self {
        Self { route: Route::Straight, except: String::new() }
    }

    /// What `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say when the transport is built.
    ///
    /// Lower-case names are understood too; the upper-case one wins. This machine (`localhost`,
    /// `127.0.0.0/8`, `::1`) is always reached straight: a proxy elsewhere could not reach it.
    /// `HTTP_PROXY` in upper case is ignored in a CGI program, where a request's header can set it.
    pub fn from_environment() -> Self {
        Self { route: Route::Environment, except: String::new() }
    }

    /// The proxy at `http://host:port`, with `user:password@` before the host where it wants that.
    ///
    /// Special characters in user and password are percent-encoded. The port defaults to 80.
    pub fn url(url: impl Into<String>) -> Self {
        Self { route: Route::Url(Zeroizing::new(url.into())), except: String::new() }
    }

    /// Reaches some hosts straight. `hosts` is a list as in `NO_PROXY`: names (with all names below
    /// them), addresses, networks such as `10.0.0.0/8`, or `*`, separated by commas.
    pub fn except(mut self, hosts: &str) -> Self {
        self.except.push(',');
        self.except.push_str(hosts);
        self
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL may hold a password.
        let route = match self.route {
            Route::Straight => "none",
            Route::Environment => "from the environment",
            Route::Url(_) => "a URL",
        };
        f.debug_struct("Proxy").field("route", &route).field("except", &self.except).finish()
    }
}

/// A client certificate and its key, both PEM.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) chain: Vec<u8>,
    pub(crate) key: Zeroizing<Vec<u8>>,
}

/// Why a transport cannot be built from a [`TransportConfig`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The own roots cannot be used.
    #[error("trusted roots: {problem}; expected PEM with `-----BEGIN CERTIFICATE-----` blocks")]
    Roots {
        /// What is wrong with them.
        problem: String,
    },
    /// The operating system gave no roots.
    #[error(
        "this system's trusted roots: {problem}; install its ca-certificates package, or give roots \
         of your own (--ca-bundle FILE)"
    )]
    PlatformRoots {
        /// The platform verifier's reason.
        problem: String,
    },
    /// The client certificate cannot be used.
    #[error(
        "client certificate: {problem}; expected PEM with `-----BEGIN CERTIFICATE-----` blocks, the \
         client's own first"
    )]
    ClientCertificate {
        /// What is wrong with it.
        problem: String,
    },
    /// The client certificate's private key cannot be used.
    #[error(
        "client key: {problem}; expected an unencrypted PEM private key (`PRIVATE KEY`, \
         `EC PRIVATE KEY` or `RSA PRIVATE KEY`)"
    )]
    ClientKey {
        /// What is wrong with it.
        problem: String,
    },
    /// Certificate and key are not a pair.
    #[error(
        "the client key does not belong to the client certificate: give the key it was made for"
    )]
    ClientKeyMismatch,
    /// A proxy's URL cannot be used.
    #[error(
        "proxy URL ({origin}): {problem}; expected http://host:port, or http://user:password@host:port"
    )]
    Proxy {
        /// Where the URL came from: a variable's name, or the configuration.
        origin: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The product name cannot stand in a `User-Agent`.
    #[error("user agent: not a header value; expected visible ASCII such as lacme/0.1.0")]
    UserAgent,
}
