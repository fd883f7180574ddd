//! tls-alpn-01 (RFC 8737, for addresses RFC 8738).

use std::net::IpAddr;

use acme_crypto::{AwsLc, Certificate};
use acme_proto::{Digest as _, Identifier};
use x509_cert::der::Decode;
use x509_cert::der::asn1::{ObjectIdentifier, OctetString};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;

use super::problems::{self, Failure};
use super::tls::{self, Hello};
use super::{NetworkValidator, Validation, addresses};

// RFC 5280 §4.2.1.6, RFC 8737 §6.1
const SUBJECT_ALT_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.17");
const ACME_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.1.31");

pub(super) async fn validate(
    validator: &NetworkValidator,
    validation: &Validation,
) -> Result<(), Failure> {
    let host = &validation.identifier;
    let stream = addresses::connect(validator, host, validator.tls_port).await?;
    let stream = tls::connect(validator, stream, host, Hello::TlsAlpn01).await?;
    let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let certificate = shown.first().map(AsRef::as_ref).unwrap_or_default();
    check(certificate, validation).map_err(|reason| {
        problems::incorrect(format!(
            "the certificate that {host} shows for acme-tls/1 is not the one asked for: {reason}"
        ))
    })
}

/// RFC 8737 §3: self-signed, the one name, and the digest.
fn check(der: &[u8], validation: &Validation) -> Result<(), &'static str> {
    let unreadable = "it cannot be read";
    let certificate = x509_cert::Certificate::from_der(der).map_err(|_| unreadable)?;
    let facts = Certificate::from_der(der).map_err(|_| unreadable)?;
    if !facts.is_self_signed() {
        return Err("it is not self-signed");
    }
    let extensions = certificate.tbs_certificate().extensions();
    let extensions = extensions.map(Vec::as_slice).unwrap_or_default();

    let names = only(extensions, SUBJECT_ALT_NAME).ok_or("it has no subjectAltName, or several")?;
    let names = Vec::<GeneralName>::from_der(names.extn_value.as_bytes());
    match names.map_err(|_| unreadable)?.as_slice() {
        [name] if is_same(name, &validation.identifier) => {}
        [_] => return Err("its subjectAltName is another name"),
        _ => return Err("it has not exactly one subjectAltName"),
    }

    let digest = only(extensions, ACME_IDENTIFIER).ok_or("it has no acmeIdentifier extension")?;
    if !digest.critical {
        return Err("its acmeIdentifier extension is not critical");
    }
    let digest = OctetString::from_der(digest.extn_value.as_bytes()).map_err(|_| unreadable)?;
    if digest.as_bytes() == AwsLc.sha256(validation.key_authorization.as_bytes()) {
        Ok(())
    } else {
        Err("its acmeIdentifier is the digest of another key authorization")
    }
}

/// The extension, if it is there exactly once.
fn only(extensions: &[Extension], oid: ObjectIdentifier) -> Option<&Extension> {
    let mut found = extensions.iter().filter(|extension| extension.extn_id == oid);
    found.next().filter(|_| found.next().is_none())
}

fn is_same(name: &GeneralName, identifier: &Identifier) -> bool {
    match (name, identifier) {
        (GeneralName::DnsName(name), Identifier::Dns(asked)) => {
            name.as_str().eq_ignore_ascii_case(asked.as_str())
        }
        (GeneralName::IpAddress(octets), Identifier::Ip(IpAddr::V4(ip))) => {
            octets.as_bytes() == ip.octets()
        }
        (GeneralName::IpAddress(octets), Identifier::Ip(IpAddr::V6(ip))) => {
            octets.as_bytes() == ip.octets()
        }
        _ => false,
    }
}
