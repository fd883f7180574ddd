use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

use crate::Error;

/// A certificate authority made for one server, and that server's certificate.
pub(crate) struct Identity {
    /// What a client has to trust.
    pub(crate) root: String,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

/// Makes an identity for a server on loopback.
pub(crate) fn make() -> Result<Identity, Error> {
    build().map_err(|error| Error::unexpected("rcgen", error))
}

fn build() -> Result<Identity, rcgen::Error> {
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.distinguished_name.push(DnType::CommonName, "lacme test harness");
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let ca_key = KeyPair::generate()?;
    let root = ca.self_signed(&ca_key)?.pem();

    let names = ["localhost", "pebble", "127.0.0.1", "::1"].map(str::to_owned);
    let mut server = CertificateParams::new(names)?;
    server.use_authority_key_identifier_extension = true;
    server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate()?;
    let certificate = server.signed_by(&key, &Issuer::new(ca, ca_key))?.pem();
    Ok(Identity { root, certificate, key: key.serialize_pem() })
}
