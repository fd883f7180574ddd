//! A small certificate authority, and the files in `fixtures`.

use std::sync::LazyLock;

use acme_crypto::PrivateKey;
use acme_proto::Identifier;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DistinguishedName, DnType, IsCa, Issuer,
    KeyPair,
};

macro_rules! fixture {
    ($name:literal) => {
        include_str!(concat!("fixtures/", $name))
    };
}
pub(crate) use fixture;

pub(crate) fn names(names: &[&str]) -> Vec<Identifier> {
    names.iter().map(|name| Identifier::parse(name).unwrap()).collect()
}

/// RSA keys take long to generate; these are at hand.
pub(crate) fn rsa_2048() -> PrivateKey {
    PrivateKey::from_pem(fixture!("rsa-2048-pkcs1.pem")).unwrap()
}

/// A root that issues leaves.
pub(crate) struct Authority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

pub(crate) static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| Authority::new("Test Root"));

impl Authority {
    pub(crate) fn new(common_name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// A leaf for `key` and `names`, as PEM.
    pub(crate) fn leaf(&self, key: &PrivateKey, names: &[&str]) -> String {
        self.leaf_with(key, names, |_| {})
    }

    pub(crate) fn leaf_with(
        &self,
        key: &PrivateKey,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> String {
        let key = KeyPair::from_pem(&key.to_pkcs8_pem()).unwrap();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.use_authority_key_identifier_extension = true;
        change(&mut params);
        params.signed_by(&key, &self.issuer).unwrap().pem()
    }
}

/// The TLS feature extension of a must-staple certificate (RFC 7633).
pub(crate) fn must_staple() -> CustomExtension {
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], vec![0x30, 3, 2, 1, 5])
}
