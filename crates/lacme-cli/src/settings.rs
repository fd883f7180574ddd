//! What a certificate was issued with: written beside it by `issue`, read by `renew`.

use std::net::SocketAddr;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use lacme::{CertificateMeta, ChallengeType, Csr, KeyType};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::args::{Global, How};
use crate::exit::Failure;
use crate::files::absolute;

/// Holds no secret. What is missing is as if it had not been given, and what a later version adds
/// is passed over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Settings {
    pub(crate) challenge: Option<String>,
    pub(crate) http_addr: Option<SocketAddr>,
    pub(crate) key_type: Option<KeyType>,
    pub(crate) account_key_type: Option<KeyType>,
    pub(crate) reuse_key: bool,
    pub(crate) must_staple: bool,
    pub(crate) profile: Option<String>,
    pub(crate) preferred_chain: Option<String>,
    pub(crate) deploy_hook: Option<String>,
    /// The user's own request: base64 of its DER.
    pub(crate) csr: Option<String>,
    pub(crate) ca_bundle: Option<PathBuf>,
    pub(crate) client_cert: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
    pub(crate) allow_insecure: bool,
    /// Only where no password is in it.
    pub(crate) proxy: Option<String>,
    /// Set where the CA in this store issued it, without ACME.
    pub(crate) private_ca: Option<PrivateCa>,
}

/// What `lacme ca issue` was told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PrivateCa {
    pub(crate) client: bool,
    pub(crate) days: u32,
}

impl Settings {
    /// What the command line of `issue` says.
    pub(crate) fn given(global: &Global, how: &How) -> Self {
        Self::default().overridden(global).overridden_by(how)
    }

    /// What is stored with a certificate, but for the way to the CA where the options tell one.
    pub(crate) fn of(global: &Global, meta: Option<&CertificateMeta>) -> Result<Self, Failure> {
        let stored = meta.map(|meta| Self::stored(&meta.name, &meta.settings)).transpose()?;
        Ok(stored.unwrap_or_default().overridden(global))
    }

    /// What is stored with a certificate; nothing with one that another program put there.
    fn stored(name: &str, value: &Value) -> Result<Self, Failure> {
        if value.is_null() {
            return Ok(Self::default());
        }
        Self::deserialize(value).map_err(|error| {
            let error = lacme::printable(&error.to_string());
            Failure::store(format!(
                "the settings stored with {name:?} are damaged ({error}): run `lacme issue` for it again"
            ))
        })
    }

    fn overridden(self, global: &Global) -> Self {
        let path = |given: &Option<PathBuf>| given.as_deref().map(absolute);
        Self {
            ca_bundle: path(&global.ca_bundle).or(self.ca_bundle),
            client_cert: path(&global.client_cert).or(self.client_cert),
            client_key: path(&global.client_key).or(self.client_key),
            allow_insecure: global.allow_insecure || self.allow_insecure,
            proxy: global.proxy.clone().or(self.proxy),
            ..self
        }
    }

    /// These settings, but for what the options of `issue` say.
    pub(crate) fn overridden_by(self, how: &How) -> Self {
        let challenge = how.challenge.as_ref().map(|challenge| challenge.as_str().to_owned());
        Self {
            challenge: challenge.or(self.challenge),
            http_addr: how.http_addr.or(self.http_addr),
            key_type: how.key_type.or(self.key_type),
            account_key_type: how.account_key.account_key_type.or(self.account_key_type),
            reuse_key: how.reuse_key || self.reuse_key,
            must_staple: how.must_staple || self.must_staple,
            profile: how.profile.clone().or(self.profile),
            preferred_chain: how.preferred_chain.clone().or(self.preferred_chain),
            deploy_hook: how.deploy_hook.clone().or(self.deploy_hook),
            ..self
        }
    }

    /// These settings for a request of the user's own.
    pub(crate) fn with_csr(self, csr: &Csr) -> Self {
        Self { csr: Some(BASE64_STANDARD.encode(csr.der())), ..self }
    }

    /// The user's own request.
    pub(crate) fn csr(&self) -> Result<Option<Csr>, Failure> {
        let Some(text) = &self.csr else {
            return Ok(None);
        };
        let csr = BASE64_STANDARD.decode(text).ok().and_then(|der| Csr::from_der(&der).ok());
        csr.map(Some).ok_or_else(|| {
            let advice = "run `lacme issue --csr FILE` again";
            Failure::store(format!("the stored certificate signing request is damaged: {advice}"))
        })
    }

    /// As they are written beside a certificate.
    pub(crate) fn to_value(&self) -> Value {
        let mut settings = self.clone();
        if settings.private_ca.is_none() {
            settings.challenge.get_or_insert_with(|| ChallengeType::Http01.as_str().to_owned());
        }
        settings.proxy = settings.proxy.filter(|proxy| !proxy.contains('@'));
        serde_json::to_value(settings).unwrap_or_default()
    }

    /// Refuses what only an ACME server can answer for a certificate that came from none.
    pub(crate) fn ordered_by_acme(&self) -> Result<(), Failure> {
        match self.private_ca {
            None => Ok(()),
            Some(_) => Err(Failure::usage(
                "this certificate was issued by `lacme ca issue`: no ACME server knows it",
            )),
        }
    }

    /// The challenge, unless another version of lacme wrote one that this one cannot prove.
    pub(crate) fn challenge(&self) -> Result<ChallengeType, Failure> {
        match self.challenge.as_deref().unwrap_or("http-01") {
            "http-01" => Ok(ChallengeType::Http01),
            other => Err(Failure::usage(format!(
                "this version can prove http-01 only, not {}",
                lacme::printable(other)
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let settings = Settings {
            http_addr: Some("127.0.0.1:5002".parse().unwrap()),
            key_type: Some(KeyType::Rsa2048),
            deploy_hook: Some("reload".to_owned()),
            ..Settings::default()
        };
        let value = settings.to_value();
        assert_eq!(value["challenge"], "http-01");
        let read = Settings::stored("a.example", &value).unwrap();
        assert_eq!(read.to_value(), value);
    }

    #[test]
    fn missing_and_unknown_fields_are_tolerated_and_damaged_ones_named() {
        let value = json!({"profile": "x", "from_the_future": [1]});
        assert_eq!(Settings::stored("n", &value).unwrap().profile.as_deref(), Some("x"));
        assert_eq!(Settings::stored("n", &Value::Null).unwrap(), Settings::default());
        let failure = Settings::stored("n", &json!({"http_addr": 7})).unwrap_err();
        assert_eq!(failure.kind.status(), 6);
    }

    #[test]
    fn a_password_is_not_written_down() {
        let proxy = |url: &str| Settings { proxy: Some(url.to_owned()), ..Settings::default() };
        assert!(proxy("http://u:p@proxy.example").to_value()["proxy"].is_null());
        assert_eq!(proxy("http://proxy.example").to_value()["proxy"], "http://proxy.example");
    }
}
