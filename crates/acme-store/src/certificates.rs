use std::fmt;
use std::path::PathBuf;

use zeroize::Zeroizing;

use crate::store::{ATTEMPTS, owner, read_json, read_text, write_json};
use crate::{CertificateMeta, Expected, Key, Kind, Parts, Record, Select, Store, StoreError};

const CERT: &str = "cert.pem";
const FULLCHAIN: &str = "fullchain.pem";
const KEY: &str = "key.pem";
const META: &str = "meta.json";

/// A certificate as it is stored.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct StoredCertificate {
    /// What is known about it.
    pub meta: CertificateMeta,
    /// The certificate alone.
    pub cert_pem: String,
    /// The certificate and its issuers.
    pub fullchain_pem: String,
    /// Its private key; none where the user brought a CSR.
    pub key_pem: Option<Zeroizing<String>>,
}

impl StoredCertificate {
    /// Puts the parts together.
    pub fn new(
        meta: CertificateMeta,
        cert_pem: String,
        fullchain_pem: String,
        key_pem: Option<Zeroizing<String>>,
    ) -> Self {
        Self { meta, cert_pem, fullchain_pem, key_pem }
    }
}

impl fmt::Debug for StoredCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredCertificate").field("meta", &self.meta).finish_non_exhaustive()
    }
}

/// Where other programs read a stored certificate. The paths stay the same over renewals.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificatePaths {
    /// The certificate alone.
    pub cert: PathBuf,
    /// The certificate and its issuers.
    pub fullchain: PathBuf,
    /// Its private key; none where the user brought a CSR.
    pub key: Option<PathBuf>,
}

impl Store {
    /// The certificate of that name, with its key.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] if it is stored and cannot be understood.
    pub async fn certificate(&self, name: &str) -> Result<Option<StoredCertificate>, StoreError> {
        let Some((key, record)) = self.find_certificate(name, Select::All).await? else {
            return Ok(None);
        };
        Ok(Some(StoredCertificate {
            meta: read_json(&key, &record, META)?,
            cert_pem: read_text(&key, &record, CERT)?,
            fullchain_pem: read_text(&key, &record, FULLCHAIN)?,
            key_pem: self.read_optional_key(&key, &record, KEY)?,
        }))
    }

    /// Whether a certificate can be stored under that name: what cannot be kept need not be ordered.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] if another name has its folder; [`StoreError::InvalidName`].
    pub async fn check_certificate_name(&self, name: &str) -> Result<(), StoreError> {
        let key = Key::certificate(name)?;
        match self.backend.get(&key, Select::Only(&[META])).await {
            Ok(Some(record)) => match owner(&record, META) {
                Some(holder) if holder != name => {
                    Err(StoreError::NameTaken { name: name.to_owned(), holder })
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// What is known about the certificate of that name, without opening its key.
    ///
    /// # Errors
    /// As [`Store::certificate`].
    pub async fn certificate_meta(
        &self,
        name: &str,
    ) -> Result<Option<CertificateMeta>, StoreError> {
        let found = self.find_certificate(name, Select::Only(&[META])).await?;
        found.map(|(key, record)| read_json(&key, &record, META)).transpose()
    }

    /// What is known about every certificate, sorted by name, without opening any key.
    ///
    /// A damaged entry stands under its folder's name and hides no other.
    ///
    /// # Errors
    /// Only if the store as a whole cannot be read.
    pub async fn certificates(
        &self,
    ) -> Result<Vec<(String, Result<CertificateMeta, StoreError>)>, StoreError> {
        let mut found = Vec::new();
        for key in self.backend.list(Kind::Certificate).await? {
            let meta = match self.backend.get(&key, Select::Only(&[META])).await {
                Ok(None) => continue,
                Ok(Some(record)) => read_json(&key, &record, META),
                Err(error) => Err(error),
            };
            match meta.and_then(|meta| at_home(&key, meta)) {
                Ok(meta) => found.push((meta.name.clone(), Ok(meta))),
                Err(error) => found.push((key.path().join("/"), Err(error))),
            }
        }
        found.sort_by(|a, b| a.0.cmp(&b.0));
        // Stored anew where the Python library's copy could not be removed.
        found.dedup_by(|b, a| a.0 == b.0 && a.1.is_ok() && b.1.is_ok());
        Ok(found)
    }

    /// Stores a certificate in place of the former one of its name.
    ///
    /// # Errors
    /// [`StoreError::NameTaken`] if another name has the same folder.
    pub async fn save_certificate(
        &self,
        certificate: &StoredCertificate,
    ) -> Result<(), StoreError> {
        let name = &certificate.meta.name;
        let key = Key::certificate(name)?;
        let mut parts = Parts::from([
            (CERT.to_owned(), certificate.cert_pem.as_str().into()),
            (FULLCHAIN.to_owned(), certificate.fullchain_pem.as_str().into()),
            (META.to_owned(), write_json(&key, &certificate.meta)?),
        ]);
        if let Some(key_pem) = &certificate.key_pem {
            parts.insert(KEY.to_owned(), key_pem.as_str().into());
        }
        self.save(&key, name, META, parts).await?;
        self.remove_python_certificate(name).await.map(drop)
    }

    /// Changes what is known about a certificate and returns it; nothing if it is not stored.
    ///
    /// `change` runs again if others change the same certificate at the same time. The name is
    /// not to be changed.
    ///
    /// # Errors
    /// As [`Store::certificate`]; [`StoreError::Conflict`] if others do not stop changing it.
    pub async fn update_certificate_meta(
        &self,
        name: &str,
        mut change: impl FnMut(&mut CertificateMeta),
    ) -> Result<Option<CertificateMeta>, StoreError> {
        for _ in 0..ATTEMPTS {
            let Some((key, mut record)) = self.find_certificate(name, Select::All).await? else {
                return Ok(None);
            };
            let mut meta: CertificateMeta = read_json(&key, &record, META)?;
            change(&mut meta);
            meta.name = name.to_owned();
            record.parts.insert(META.to_owned(), write_json(&key, &meta)?);
            match self.put(&key, record.parts, Expected::Version(record.version)).await {
                Ok(_) => return Ok(Some(meta)),
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Err(StoreError::Conflict { what: Key::certificate(name)?.to_string() })
    }

    /// Removes a certificate with its key and former versions; `false` if it was not stored.
    ///
    /// # Errors
    /// [`StoreError::Io`] and the like.
    pub async fn delete_certificate(&self, name: &str) -> Result<bool, StoreError> {
        let stored = self.remove(&Key::certificate(name)?, name, META).await?;
        Ok(self.remove_python_certificate(name).await? || stored)
    }

    /// The files of a stored certificate; nothing if it is not stored, or not in files.
    ///
    /// # Errors
    /// As [`Store::certificate`].
    pub async fn certificate_paths(
        &self,
        name: &str,
    ) -> Result<Option<CertificatePaths>, StoreError> {
        let Some((key, _)) = self.find_certificate(name, Select::Only(&[META])).await? else {
            return Ok(None);
        };
        Ok(self.backend.files(&key).await?.and_then(|mut files| {
            Some(CertificatePaths {
                cert: files.remove(CERT)?,
                fullchain: files.remove(FULLCHAIN)?,
                key: files.remove(KEY),
            })
        }))
    }

    /// The record of that name: in its own folder, or where the Python library put it.
    async fn find_certificate(
        &self,
        name: &str,
        select: Select<'_>,
    ) -> Result<Option<(Key, Record)>, StoreError> {
        let key = Key::certificate(name)?;
        if let Some(record) = self.backend.get(&key, select).await? {
            match owner(&record, META) {
                Some(holder) if holder != name => {}
                // Unreadable meta data is for the caller to report.
                _ => return Ok(Some((key, record))),
            }
        }
        let key = Key::python_certificate(name)?;
        let record = self.backend.get(&key, select).await?;
        Ok(record.filter(|r| owner(r, META).as_deref() == Some(name)).map(|record| (key, record)))
    }

    async fn remove_python_certificate(&self, name: &str) -> Result<bool, StoreError> {
        let key = Key::python_certificate(name)?;
        if key == Key::certificate(name)? {
            return Ok(false);
        }
        self.remove(&key, name, META).await
    }
}

/// Refuses a copy of one certificate in the folder of another.
fn at_home(key: &Key, meta: CertificateMeta) -> Result<CertificateMeta, StoreError> {
    let homes = [Key::certificate(&meta.name)?, Key::python_certificate(&meta.name)?];
    if homes.contains(key) {
        return Ok(meta);
    }
    Err(StoreError::corrupt(key, format_args!("it holds the certificate of {:?}", meta.name)))
}
