use std::time::{Duration, SystemTime};

use acme_crypto::Certificate;
use acme_proto::{Identifier, Url, Window};
use acme_store::{CertificateMeta, CertificatePaths, StoredCertificate};

use crate::{Client, Error};

/// A stored certificate's facts. Its key stays in the store.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CertificateInfo {
    /// What is known about it.
    pub meta: CertificateMeta,
    /// Its files, where the store is made of files.
    pub paths: Option<CertificatePaths>,
}

/// Whether a certificate should be renewed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Due {
    /// Whether the time has come.
    pub due: bool,
    /// Why, or why not, in words.
    pub why: String,
    /// The moment it is, or was, due.
    pub when: SystemTime,
}

impl CertificateInfo {
    /// What it is called in the store.
    pub fn name(&self) -> &str {
        &self.meta.name
    }

    /// Whether it should be renewed at `now`: when a third of its lifetime is left, half where it
    /// lives less than ten days, at once where it is revoked.
    pub fn due(&self, now: SystemTime) -> Due {
        let when = renewal_time(&self.meta);
        if self.meta.revoked.is_some() {
            return Due { due: true, why: "it is revoked".to_owned(), when: now };
        }
        match (when, self.meta.not_after) {
            (Some(when), Some(end)) if end <= now => {
                Due { due: true, why: "it has expired".to_owned(), when }
            }
            (Some(when), _) if when <= now => {
                Due { due: true, why: "little of its lifetime is left".to_owned(), when }
            }
            (Some(when), _) => {
                Due { due: false, why: "most of its lifetime is left".to_owned(), when }
            }
            (None, _) => Due { due: true, why: "its lifetime is not known".to_owned(), when: now },
        }
    }

    /// Whether it is due at `now` by a caller's own rule: `days` before its end.
    pub fn due_before_end(&self, now: SystemTime, days: u32) -> Due {
        let ahead = Duration::from_secs(u64::from(days) * 24 * 3600);
        let when = self.meta.not_after.and_then(|end| end.checked_sub(ahead));
        match when {
            Some(when) if self.meta.revoked.is_none() => {
                let word = if when <= now { "fewer" } else { "more" };
                Due { due: when <= now, why: format!("{word} than {days} days are left"), when }
            }
            _ => self.due(now),
        }
    }

    /// Whether it is due at `now` by the CA's suggestion (RFC 9773): `selected` is the moment that
    /// was drawn from `window`.
    pub fn due_by_window(&self, now: SystemTime, window: Window, selected: SystemTime) -> Due {
        if self.meta.revoked.is_some() {
            return self.due(now);
        }
        let due = selected <= now;
        let why = match (due, window.end <= now) {
            (true, true) => "the CA's suggested window is over",
            (true, false) => "the CA suggests to renew it now",
            (false, _) => "the CA suggests a later time",
        };
        Due { due, why: why.to_owned(), when: selected }
    }

    /// Whether it is for exactly these names, in any order, from this CA.
    pub(crate) fn serves(&self, identifiers: &[Identifier], directory: &Url) -> bool {
        let same_ca = self.meta.directory.as_ref().is_none_or(|from| from == directory);
        same_ca && same_set(&self.meta.identifiers, identifiers)
    }
}

/// Whether both hold the same names, in any order.
pub(crate) fn same_set(a: &[Identifier], b: &[Identifier]) -> bool {
    let sorted = |names: &[Identifier]| {
        let mut names = names.to_vec();
        names.sort();
        names.dedup();
        names
    };
    sorted(a) == sorted(b)
}

/// When a third of the lifetime is left, or half of one below ten days (Let's Encrypt's guide).
fn renewal_time(meta: &CertificateMeta) -> Option<SystemTime> {
    const TEN_DAYS: Duration = Duration::from_secs(10 * 24 * 3600);
    let begin = meta.not_before.or(meta.issued_at)?;
    let end = meta.not_after?;
    let lifetime = end.duration_since(begin).ok()?;
    Some(end - if lifetime < TEN_DAYS { lifetime / 2 } else { lifetime / 3 })
}

impl Client {
    /// All stored certificates, sorted by name. One that cannot be read is an error among the
    /// others. No key is opened.
    ///
    /// # Errors
    /// [`Error::Store`] if the store as a whole cannot be read.
    pub async fn certificates(
        &self,
    ) -> Result<Vec<(String, Result<CertificateInfo, Error>)>, Error> {
        let mut found = Vec::new();
        for (name, meta) in self.0.store.certificates().await? {
            let info = match meta {
                Ok(meta) => self.info(meta).await,
                Err(error) => Err(error.into()),
            };
            found.push((name, info));
        }
        self.0.pass_on_store_warnings();
        Ok(found)
    }

    /// The stored certificate of that name.
    ///
    /// # Errors
    /// [`Error::Store`] if it cannot be read.
    pub async fn certificate(&self, name: &str) -> Result<Option<CertificateInfo>, Error> {
        match self.0.store.certificate_meta(name).await? {
            Some(meta) => self.info(meta).await.map(Some),
            None => Ok(None),
        }
    }

    /// Removes a certificate with its key and what is left of an unfinished order; `false` where
    /// nothing is stored. It is not revoked.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn delete(&self, name: &str) -> Result<bool, Error> {
        let store = &self.0.store;
        let _lease = store.lease_certificate(name, self.0.timeout).await?;
        store.delete_order(name).await?;
        Ok(store.delete_certificate(name).await?)
    }

    pub(crate) async fn info(&self, mut meta: CertificateMeta) -> Result<CertificateInfo, Error> {
        // What the Python library left knows less; the certificate itself knows the rest.
        if (meta.serial.is_none() || meta.not_before.is_none())
            && let Some(stored) = self.0.store.certificate(&meta.name).await?
            && let Ok(certificate) = Certificate::from_pem(stored.cert_pem.as_bytes())
        {
            fill(&mut meta, &certificate);
        }
        let paths = self.0.store.certificate_paths(&meta.name).await?;
        Ok(CertificateInfo { meta, paths })
    }

    /// The stored certificate, or an error that says that there is none.
    pub(crate) async fn stored(&self, name: &str) -> Result<StoredCertificate, Error> {
        let stored = self.0.store.certificate(name).await?;
        stored.ok_or_else(|| Error::NotStored(name.to_owned()))
    }
}

/// What a certificate says of itself.
pub(crate) fn fill(meta: &mut CertificateMeta, certificate: &Certificate) {
    meta.serial = Some(certificate.serial_hex());
    meta.sha256 = Some(certificate.sha256_hex());
    meta.not_before = Some(certificate.not_before());
    meta.not_after = Some(certificate.not_after());
    meta.issuer = certificate.issuer_common_name().map(str::to_owned);
    if meta.identifiers.is_empty() {
        meta.identifiers = certificate.identifiers().to_vec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 3600;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn lasting(days: u64) -> CertificateInfo {
        let mut meta = CertificateMeta::new("a.example");
        meta.not_before = Some(at(0));
        meta.not_after = Some(at(days * DAY));
        CertificateInfo { meta, paths: None }
    }

    #[test]
    fn it_is_due_when_a_third_of_its_lifetime_is_left() {
        let info = lasting(90);
        assert!(!info.due(at(60 * DAY - 1)).due);
        assert!(info.due(at(60 * DAY)).due);
    }

    #[test]
    fn a_short_lived_one_is_due_at_half_its_lifetime() {
        let info = lasting(6);
        assert!(!info.due(at(3 * DAY - 1)).due);
        assert!(info.due(at(3 * DAY)).due);
    }

    #[test]
    fn a_revoked_one_is_due_at_once() {
        let mut info = lasting(90);
        info.meta.revoked =
            Some(acme_store::Revocation { at: at(1), reason: "superseded".to_owned() });
        assert!(info.due(at(2)).due);
    }

    #[test]
    fn the_same_names_in_another_order_are_served_but_not_those_of_another_ca() {
        let id = |n| Identifier::parse(n).unwrap();
        let url = |u: &str| Url::parse(u).unwrap();
        let mut info = lasting(90);
        info.meta.identifiers = vec![id("a.example"), id("b.example")];
        info.meta.directory = Some(url("https://ca.example/d"));
        assert!(info.serves(&[id("b.example"), id("a.example")], &url("https://ca.example/d")));
        assert!(!info.serves(&[id("a.example")], &url("https://ca.example/d")));
        assert!(!info.serves(&[id("b.example"), id("a.example")], &url("https://other.example/d")));
    }
}
