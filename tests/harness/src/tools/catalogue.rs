use std::fmt;

/// A program that tests need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tool {
    /// The ACME test server of Let's Encrypt.
    Pebble,
    /// Pebble's companion: a DNS server whose records are set over HTTP.
    PebbleChallTestSrv,
    /// Pebble as Debian 12 has it: without renewalInfo, profiles, Retry-After and subproblems.
    Pebble240,
    /// The web server with an ACME server inside.
    Caddy,
    /// An ACME client in Python, by the EFF.
    Certbot,
    /// An ACME client in Go.
    Lego,
    /// An ACME client in C.
    Uacme,
    /// An ACME client in Bash, with curl and openssl.
    Dehydrated,
}

/// One way to have a tool.
#[derive(Clone, Copy, Debug)]
pub(super) enum Recipe {
    /// `go install` of this package at this version.
    Go(&'static str, &'static str),
    /// The program of that name in one of Debian's packages, which is unpacked and not installed:
    /// the package, then the program.
    Debian(&'static str, &'static str),
    /// A project at this version from PyPI, in a virtual environment of its own.
    PyPi(&'static str, &'static str),
}

const PEBBLE_VERSION: &str = "v2.10.1";

impl Tool {
    /// Every tool there is.
    pub const ALL: [Self; 8] = [
        Self::Pebble,
        Self::PebbleChallTestSrv,
        Self::Pebble240,
        Self::Caddy,
        Self::Certbot,
        Self::Lego,
        Self::Uacme,
        Self::Dehydrated,
    ];

    /// Those that most tests need; the others serve a few, which are skipped without them.
    pub const PEBBLE: [Self; 2] = [Self::Pebble, Self::PebbleChallTestSrv];

    /// The program's file name, on `PATH` and in `target/tools`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pebble => "pebble",
            Self::PebbleChallTestSrv => "pebble-challtestsrv",
            Self::Pebble240 => "pebble-2.4.0",
            Self::Caddy => "caddy",
            Self::Certbot => "certbot",
            Self::Lego => "lego",
            Self::Uacme => "uacme",
            Self::Dehydrated => "dehydrated",
        }
    }

    /// The environment variable that points to the program.
    #[must_use]
    pub fn variable(self) -> &'static str {
        match self {
            Self::Pebble => "LACME_PEBBLE",
            Self::PebbleChallTestSrv => "LACME_PEBBLE_CHALLTESTSRV",
            Self::Pebble240 => "LACME_PEBBLE_240",
            Self::Caddy => "LACME_CADDY",
            Self::Certbot => "LACME_CERTBOT",
            Self::Lego => "LACME_LEGO",
            Self::Uacme => "LACME_UACME",
            Self::Dehydrated => "LACME_DEHYDRATED",
        }
    }

    /// How it can be had, the best way first.
    pub(super) fn recipes(self) -> &'static [Recipe] {
        match self {
            Self::Pebble => &[
                Recipe::Go("github.com/letsencrypt/pebble/v2/cmd/pebble", PEBBLE_VERSION),
                Recipe::Debian("pebble", "pebble"),
            ],
            Self::PebbleChallTestSrv => &[
                Recipe::Go(
                    "github.com/letsencrypt/pebble/v2/cmd/pebble-challtestsrv",
                    PEBBLE_VERSION,
                ),
                Recipe::Debian("pebble", "pebble-challtestsrv"),
            ],
            Self::Pebble240 => &[Recipe::Debian("pebble", "pebble")],
            Self::Caddy => &[Recipe::Debian("caddy", "caddy")],
            Self::Certbot => &[Recipe::PyPi("certbot", "5.8.0")],
            // Built from source it brings the SDKs of a hundred DNS providers along.
            Self::Lego => &[Recipe::Debian("lego", "lego")],
            Self::Uacme => &[Recipe::Debian("uacme", "uacme")],
            Self::Dehydrated => &[Recipe::Debian("dehydrated", "dehydrated")],
        }
    }

    /// The arguments with which it prints its version, and so proves that it runs on this machine;
    /// none for a program that is not asked, because old versions cannot tell.
    pub(super) fn version_arguments(self) -> &'static [&'static str] {
        match self {
            Self::Pebble | Self::PebbleChallTestSrv | Self::Pebble240 => &[],
            Self::Caddy => &["version"],
            Self::Certbot | Self::Lego => &["--version"],
            // Asked for its version, it leaves folders beside itself.
            Self::Dehydrated => &["--help"],
            Self::Uacme => &["-V"],
        }
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Go(package, version) => write!(f, "go install {package}@{version}"),
            Self::Debian(package, _) => write!(f, "Debian's package {package}"),
            Self::PyPi(project, version) => write!(f, "{project} {version} from PyPI"),
        }
    }
}
