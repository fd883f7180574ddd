use std::time::SystemTime;

use acme_proto::{Identifier, Url};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::{Map, Value};

/// What is known about a stored certificate; the content of `meta.json`.
///
/// Only the name must be there: certificates that the Python library stored know their name,
/// identifiers, issuance and end, and what is missing can be read from the certificate itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CertificateMeta {
    /// What it is called here: its first name, or what its owner chose.
    #[serde(alias = "domain")]
    pub name: String,
    /// What it was ordered for, in the order given.
    #[serde(default, alias = "domains", deserialize_with = "identifiers")]
    pub identifiers: Vec<Identifier>,
    /// When it was obtained.
    #[serde(default, with = "crate::time::option")]
    pub issued_at: Option<SystemTime>,
    /// The start of its validity.
    #[serde(default, with = "crate::time::option")]
    pub not_before: Option<SystemTime>,
    /// The end of its validity.
    #[serde(default, alias = "expires_at", with = "crate::time::option")]
    pub not_after: Option<SystemTime>,
    /// Its serial number, in lower-case hex without colons.
    #[serde(default)]
    pub serial: Option<String>,
    /// The SHA-256 of its DER form, in lower-case hex without colons.
    #[serde(default)]
    pub sha256: Option<String>,
    /// The common name of its issuer.
    #[serde(default)]
    pub issuer: Option<String>,
    /// The directory it was ordered at.
    #[serde(default)]
    pub directory: Option<Url>,
    /// The local name of the account that ordered it.
    #[serde(default)]
    pub account: Option<String>,
    /// Its order.
    #[serde(default)]
    pub order_url: Option<Url>,
    /// Set once it is revoked.
    #[serde(default)]
    pub revoked: Option<Revocation>,
    /// What was asked for when it was issued, for renewals; opaque here.
    #[serde(default)]
    pub settings: Value,
    /// Whether its deploy hook still has to succeed.
    #[serde(default)]
    pub hook_pending: bool,
    /// Fields that this version does not know; they are written back.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

/// When and why a certificate was revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocation {
    /// When.
    #[serde(with = "crate::time")]
    pub at: SystemTime,
    /// The reason's RFC 5280 name.
    pub reason: String,
}

impl CertificateMeta {
    /// Knows nothing but the name; the fields are open to be filled.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            identifiers: Vec::new(),
            issued_at: None,
            not_before: None,
            not_after: None,
            serial: None,
            sha256: None,
            issuer: None,
            directory: None,
            account: None,
            order_url: None,
            revoked: None,
            settings: Value::Null,
            hook_pending: false,
            extra: Map::new(),
        }
    }
}

/// Identifiers as on the wire, or as the names that the Python library writes.
fn identifiers<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Identifier>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Name(String),
        Wire(Identifier),
    }
    let written = Vec::<Written>::deserialize(from)?;
    let parsed = written.into_iter().map(|one| match one {
        Written::Name(name) => Identifier::parse(&name).map_err(D::Error::custom),
        Written::Wire(identifier) => Ok(identifier),
    });
    parsed.collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn what_the_python_library_wrote_is_understood() {
        let meta: CertificateMeta = serde_json::from_str(
            r#"{
              "domain": "example.com",
              "domains": ["example.com", "*.example.com", "192.0.2.1"],
              "issued_at": "2026-01-02T03:04:05.678901+00:00",
              "expires_at": "2026-04-02T03:04:05+00:00"
            }"#,
        )
        .unwrap();
        assert_eq!(meta.name, "example.com");
        let values: Vec<_> = meta.identifiers.iter().map(Identifier::value).collect();
        assert_eq!(values, ["example.com", "*.example.com", "192.0.2.1"]);
        assert_eq!(meta.not_after, Some(UNIX_EPOCH + Duration::from_secs(1_775_099_045)));
        assert!(meta.issued_at.is_some() && meta.serial.is_none() && !meta.hook_pending);
    }

    #[test]
    fn times_are_written_with_z_and_read_back() {
        let mut meta = CertificateMeta::new("a.example");
        meta.not_after = Some(UNIX_EPOCH + Duration::from_secs(1_775_099_045));
        meta.revoked = Some(Revocation { at: UNIX_EPOCH, reason: "keyCompromise".into() });
        let json = serde_json::to_string(&meta).unwrap();
        assert!(json.contains(r#""not_after":"2026-04-02T03:04:05Z""#), "{json}");
        assert_eq!(serde_json::from_str::<CertificateMeta>(&json).unwrap(), meta);
    }

    #[test]
    fn unknown_fields_are_written_back() {
        let json = r#"{"name":"a.example","from_the_future":{"x":[1]}}"#;
        let meta: CertificateMeta = serde_json::from_str(json).unwrap();
        assert!(serde_json::to_string(&meta).unwrap().contains(r#""from_the_future":{"x":[1]}"#));
    }
}
