use std::fmt;

use acme_proto::Url;

use crate::Error;

/// A public CA that is known by name.
///
/// ```
/// let authority: lacme::Authority = "letsencrypt-staging".parse()?;
/// assert!(authority.directory().as_str().ends_with("/directory"));
/// # Ok::<(), lacme::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Authority {
    /// Let's Encrypt; no external account needed.
    #[default]
    LetsEncrypt,
    /// Let's Encrypt's staging environment: loose limits, certificates that nobody trusts.
    LetsEncryptStaging,
    /// Google Trust Services; needs an external account, each binding serves once.
    Google,
    /// Google Trust Services' test environment.
    GoogleStaging,
    /// ZeroSSL; needs an external account.
    ZeroSsl,
    /// SSL.com, RSA chain; needs an external account and a contact.
    SslComRsa,
    /// SSL.com, ECDSA chain; needs an external account and a contact.
    SslComEcc,
    /// Actalis; needs an external account, may add names nobody asked for.
    Actalis,
}

impl Authority {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::LetsEncrypt,
        Self::LetsEncryptStaging,
        Self::Google,
        Self::GoogleStaging,
        Self::ZeroSsl,
        Self::SslComRsa,
        Self::SslComEcc,
        Self::Actalis,
    ];

    /// The name by which it is chosen.
    pub fn name(self) -> &'static str {
        match self {
            Self::LetsEncrypt => "letsencrypt",
            Self::LetsEncryptStaging => "letsencrypt-staging",
            Self::Google => "google",
            Self::GoogleStaging => "google-staging",
            Self::ZeroSsl => "zerossl",
            Self::SslComRsa => "sslcom-rsa",
            Self::SslComEcc => "sslcom-ecc",
            Self::Actalis => "actalis",
        }
    }

    /// Its directory.
    pub fn directory(self) -> Url {
        let text = match self {
            Self::LetsEncrypt => "https://acme-v02.api.letsencrypt.org/directory",
            Self::LetsEncryptStaging => "https://acme-staging-v02.api.letsencrypt.org/directory",
            Self::Google => "https://dv.acme-v02.api.pki.goog/directory",
            Self::GoogleStaging => "https://dv.acme-v02.test-api.pki.goog/directory",
            Self::ZeroSsl => "https://acme.zerossl.com/v2/DV90",
            Self::SslComRsa => "https://acme.ssl.com/sslcom-dv-rsa",
            Self::SslComEcc => "https://acme.ssl.com/sslcom-dv-ecc",
            Self::Actalis => "https://acme-api.actalis.com/acme/directory",
        };
        Url::parse(text).expect("the table holds URLs, and a test reads them all")
    }

    /// The known CA with this directory.
    pub fn of(directory: &Url) -> Option<Self> {
        Self::ALL.into_iter().find(|authority| authority.directory() == *directory)
    }

    /// Whether it is known to add names to a certificate that nobody asked for.
    pub(crate) fn adds_names(self) -> bool {
        matches!(self, Self::Actalis)
    }
}

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Authority {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self, Error> {
        if text.eq_ignore_ascii_case("buypass") {
            let reason = "Buypass ended its ACME service on 2025-10-31: choose another CA";
            return Err(Error::Usage(reason.to_owned()));
        }
        let found = Self::ALL.into_iter().find(|a| a.name().eq_ignore_ascii_case(text));
        found.ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|a| a.name()).collect();
            let names = names.join(", ");
            Error::Usage(format!(
                "{text:?} is neither a directory's URL nor a known CA; known are {names}"
            ))
        })
    }
}

/// The directory that `text` means: a URL, or the name of a known CA.
///
/// # Errors
/// [`Error::Usage`] for anything else; for `buypass` with the reason why it is gone.
pub fn resolve_directory(text: &str) -> Result<Url, Error> {
    if text.contains("://") {
        return Url::parse(text)
            .map_err(|_| Error::Usage(format!("{text:?} is no http or https URL")));
    }
    text.parse::<Authority>().map(Authority::directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_authority_has_a_directory_and_is_found_by_name_and_url() {
        for authority in Authority::ALL {
            assert!(authority.directory().is_https());
            assert_eq!(resolve_directory(authority.name()).unwrap(), authority.directory());
            assert_eq!(Authority::of(&authority.directory()), Some(authority));
        }
    }

    #[test]
    fn buypass_is_refused_with_its_reason() {
        let error = resolve_directory("buypass").unwrap_err().to_string();
        assert!(error.contains("2025-10-31"), "{error}");
    }

    #[test]
    fn what_is_neither_a_name_nor_a_url_is_refused() {
        for bad in ["", "lets-encrypt", "ftp://ca.example/", "https://"] {
            assert!(resolve_directory(bad).is_err(), "{bad}");
        }
    }
}
