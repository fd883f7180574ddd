//! What certificates and CSRs have in common.

use std::net::IpAddr;

use acme_proto::{DnsName, Identifier, printable};
use x509_cert::der::asn1::Any;
use x509_cert::der::{self, Decode, Header, Reader, SliceReader};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::{DirectoryString, GeneralName};
use x509_cert::name::Name;

/// Object identifiers, by the RFC that assigns them.
pub(crate) mod oid {
    use x509_cert::der::asn1::ObjectIdentifier;

    const fn oid(text: &str) -> ObjectIdentifier {
        ObjectIdentifier::new_unwrap(text)
    }

    // RFC 3279, RFC 4055
    pub(crate) const RSA_ENCRYPTION: ObjectIdentifier = oid("1.2.840.113549.1.1.1");
    pub(crate) const RSA_SHA256: ObjectIdentifier = oid("1.2.840.113549.1.1.11");
    pub(crate) const RSA_SHA384: ObjectIdentifier = oid("1.2.840.113549.1.1.12");
    pub(crate) const RSA_SHA512: ObjectIdentifier = oid("1.2.840.113549.1.1.13");
    // RFC 5480, RFC 5758
    pub(crate) const EC_PUBLIC_KEY: ObjectIdentifier = oid("1.2.840.10045.2.1");
    pub(crate) const P256: ObjectIdentifier = oid("1.2.840.10045.3.1.7");
    pub(crate) const P384: ObjectIdentifier = oid("1.3.132.0.34");
    pub(crate) const P521: ObjectIdentifier = oid("1.3.132.0.35");
    pub(crate) const ECDSA_SHA256: ObjectIdentifier = oid("1.2.840.10045.4.3.2");
    pub(crate) const ECDSA_SHA384: ObjectIdentifier = oid("1.2.840.10045.4.3.3");
    pub(crate) const ECDSA_SHA512: ObjectIdentifier = oid("1.2.840.10045.4.3.4");
    // RFC 8410
    pub(crate) const ED25519: ObjectIdentifier = oid("1.3.101.112");
    // RFC 2985 §5.4.2
    pub(crate) const EXTENSION_REQUEST: ObjectIdentifier = oid("1.2.840.113549.1.9.14");
    // RFC 4519 §2.3
    pub(crate) const COMMON_NAME: ObjectIdentifier = oid("2.5.4.3");
    // RFC 5280 §4.2.1.6, §4.2.1.1
    pub(crate) const SUBJECT_ALT_NAME: ObjectIdentifier = oid("2.5.29.17");
    pub(crate) const AUTHORITY_KEY_IDENTIFIER: ObjectIdentifier = oid("2.5.29.35");
    // RFC 7633 §6
    pub(crate) const TLS_FEATURE: ObjectIdentifier = oid("1.3.6.1.5.5.7.1.24");
}

/// The TLS extension status_request (RFC 6066 §8), which a must-staple certificate asks for.
const STATUS_REQUEST: u16 = 5;

/// The first element of the outermost SEQUENCE: the part that is signed.
pub(crate) fn signed_part(der: &[u8]) -> der::Result<&[u8]> {
    let mut reader = SliceReader::new(der)?;
    Header::decode(&mut reader)?;
    reader.tlv_bytes()
}

/// The value of the extension, if it is there.
pub(crate) fn extension(
    extensions: &[Extension],
    oid: der::asn1::ObjectIdentifier,
) -> Option<&[u8]> {
    let extension = extensions.iter().find(|extension| extension.extn_id == oid)?;
    Some(extension.extn_value.as_bytes())
}

/// The subjectAltNames in their order; none without the extension.
pub(crate) fn subject_alt_names(extensions: &[Extension]) -> der::Result<Vec<GeneralName>> {
    match extension(extensions, oid::SUBJECT_ALT_NAME) {
        Some(value) => Vec::from_der(value),
        None => Ok(Vec::new()),
    }
}

/// Whether a TLS feature extension asks for stapled OCSP (RFC 7633).
pub(crate) fn is_must_staple(extensions: &[Extension]) -> bool {
    extension(extensions, oid::TLS_FEATURE)
        .and_then(|value| Vec::<u16>::from_der(value).ok())
        .is_some_and(|features| features.contains(&STATUS_REQUEST))
}

/// The name as an identifier: DNS names and IP addresses have one, other types have none.
///
/// A dNSName that breaks the rules of DNS is kept as [`Identifier::Other`], so that it is neither
/// lost nor mistaken for a proper name.
pub(crate) fn identifier(name: &GeneralName) -> Option<Identifier> {
    match name {
        GeneralName::DnsName(name) => Some(match DnsName::parse(name.as_str()) {
            Ok(name) => Identifier::Dns(name),
            Err(_) => Identifier::Other { kind: "dns".into(), value: printable(name.as_str()) },
        }),
        GeneralName::IpAddress(octets) => match *octets.as_bytes() {
            [a, b, c, d] => Some(Identifier::Ip(IpAddr::from([a, b, c, d]))),
            ref octets => <[u8; 16]>::try_from(octets).ok().map(|ip| Identifier::Ip(ip.into())),
        },
        _ => None,
    }
}

/// The last common name, which is the most specific one, if it is text.
pub(crate) fn common_name(name: &Name) -> Option<String> {
    let values = name.iter().filter(|attribute| attribute.oid == oid::COMMON_NAME);
    let value: &Any = &values.last()?.value;
    Some(value.decode_as::<DirectoryString>().ok()?.value().into_owned())
}
