use std::fmt::{self, Write as _};
use std::time::{Duration, SystemTime};

use acme_proto::{CertificateId, Digest as _, Identifier, printable};
use x509_cert::der::asn1::{AnyRef, BitString, ContextSpecific};
use x509_cert::der::{self, Decode, Reader, SliceReader, Tag, TagNumber, Tagged};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::AuthorityKeyIdentifier;
use x509_cert::name::Name;
use x509_cert::spki::{
    AlgorithmIdentifierOwned, AlgorithmIdentifierRef, SubjectPublicKeyInfoOwned,
};

use crate::digest::AwsLc;
use crate::pem::{self, PemError};
use crate::signature::{self, Verdict};
use crate::x509::{self, oid};

/// A certificate and the facts in it (RFC 5280). Nothing is verified here: neither signatures nor
/// times.
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    serial: Vec<u8>,
    issuer: Vec<u8>,
    subject: Vec<u8>,
    not_before: SystemTime,
    not_after: SystemTime,
    public_key: Vec<u8>,
    issuer_common_name: Option<String>,
    subject_common_name: Option<String>,
    identifiers: Vec<Identifier>,
    authority_key_identifier: Option<Vec<u8>>,
    must_staple: bool,
}

/// Why bytes are no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// They are more than any certificate needs.
    #[error("the certificate is larger than 256 KiB")]
    TooLarge,
    /// The text is no PEM.
    #[error("the certificate file is damaged")]
    Pem(#[from] PemError),
    /// The PEM text holds no certificate.
    #[error("no PEM block CERTIFICATE found")]
    NoCertificate,
    /// The bytes are no X.509 certificate.
    #[error("the certificate cannot be read: {reason}")]
    Malformed {
        /// What the parser says.
        reason: String,
    },
}

pub(crate) const LABEL: &str = "CERTIFICATE";
const MAX_CERTIFICATE: usize = 256 * 1024;

impl Certificate {
    /// Reads the first certificate in `pem`; the leaf stands first in a chain.
    ///
    /// # Errors
    /// If there is none, or [`from_der`](Self::from_der) refuses it.
    pub fn from_pem(pem: &[u8]) -> Result<Self, CertificateError> {
        if pem.len() > MAX_CERTIFICATE {
            return Err(CertificateError::TooLarge);
        }
        let blocks = pem::parse(pem)?.blocks;
        let block = blocks.iter().find(|block| block.label == LABEL);
        Self::from_der(&block.ok_or(CertificateError::NoCertificate)?.decode()?)
    }

    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// If the bytes are no X.509 certificate, or more than 256 KiB.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > MAX_CERTIFICATE {
            return Err(CertificateError::TooLarge);
        }
        read(der).map_err(|error| CertificateError::Malformed { reason: error.to_string() })
    }

    /// The certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate as one PEM block, 64 columns wide.
    pub fn pem(&self) -> String {
        pem::encode(LABEL, &self.der).to_string()
    }

    /// The serial number: the content octets of its DER INTEGER, a leading zero octet included.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// The serial number in lower-case hexadecimal, without colons and without the zero octet that
    /// DER puts before a high first bit: as `openssl x509 -serial` shows it, but for the case.
    pub fn serial_hex(&self) -> String {
        match self.serial.as_slice() {
            [0, rest @ ..] if !rest.is_empty() => hex(rest),
            serial => hex(serial),
        }
    }

    /// The fingerprint: SHA-256 over the DER, in lower-case hexadecimal without colons.
    pub fn sha256_hex(&self) -> String {
        hex(&AwsLc.sha256(&self.der))
    }

    /// The first moment of its validity.
    pub fn not_before(&self) -> SystemTime {
        self.not_before
    }

    /// The last moment of its validity.
    pub fn not_after(&self) -> SystemTime {
        self.not_after
    }

    /// The issuer's common name, with control characters escaped.
    pub fn issuer_common_name(&self) -> Option<&str> {
        self.issuer_common_name.as_deref()
    }

    /// The subject's common name, with control characters escaped. Current CAs often leave it out.
    pub fn subject_common_name(&self) -> Option<&str> {
        self.subject_common_name.as_deref()
    }

    /// The DNS names and IP addresses among the subjectAltNames, in their order. A dNSName that is
    /// no proper one appears as [`Identifier::Other`].
    pub fn identifiers(&self) -> &[Identifier] {
        &self.identifiers
    }

    /// The public key, as SubjectPublicKeyInfo in DER.
    pub fn public_key_der(&self) -> &[u8] {
        &self.public_key
    }

    /// The `keyIdentifier` of the authority key identifier extension.
    pub fn authority_key_identifier(&self) -> Option<&[u8]> {
        self.authority_key_identifier.as_deref()
    }

    /// The identifier under which the CA gives renewal information (RFC 9773 §4.1); `None` if the
    /// certificate does not say which key issued it.
    pub fn id(&self) -> Option<CertificateId> {
        let authority = self.authority_key_identifier()?;
        Some(CertificateId::new(authority, &self.serial))
    }

    /// Whether the certificate asks for stapled OCSP (RFC 7633).
    pub fn is_must_staple(&self) -> bool {
        self.must_staple
    }

    /// Whether it names itself as its issuer and is signed by its own key, as roots and the
    /// certificates of tls-alpn-01 (RFC 8737 §3) are. Signatures of unusual algorithms do not count.
    pub fn is_self_signed(&self) -> bool {
        self.issuer == self.subject
            && own_signature(&self.der, &self.public_key) == Ok(Verdict::Good)
    }

    /// Whether `self` names `other` as its issuer, compared to the byte as TLS clients do.
    pub(crate) fn is_issued_by(&self, other: &Self) -> bool {
        self.issuer == other.subject
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("serial", &self.serial_hex())
            .field("identifiers", &self.identifiers)
            .finish_non_exhaustive()
    }
}

/// Certificate (RFC 5280 §4.1), element by element: private CAs put times, serial numbers and
/// versions into certificates that strict parsers refuse, and none of them hinders us.
fn read(der: &[u8]) -> der::Result<Certificate> {
    let mut reader = SliceReader::new(der)?;
    let certificate = reader.sequence(|outer| {
        let certificate = outer.sequence(|tbs| read_signed_part(tbs, der))?;
        let _signature_algorithm = AlgorithmIdentifierRef::decode(outer)?;
        let _signature = BitString::decode(outer)?;
        Ok::<_, der::Error>(certificate)
    })?;
    reader.finish()?;
    Ok(certificate)
}

/// Checks the signature with the certificate's own key.
fn own_signature(der: &[u8], public_key: &[u8]) -> der::Result<Verdict> {
    let mut reader = SliceReader::new(der)?;
    reader.sequence(|outer| {
        let signed = outer.tlv_bytes()?;
        let algorithm = AlgorithmIdentifierOwned::decode(outer)?;
        let signature = BitString::decode(outer)?;
        let public_key = SubjectPublicKeyInfoOwned::from_der(public_key)?;
        let signature = signature.raw_bytes();
        Ok(signature::verify(&algorithm, &public_key, signed, signature))
    })
}

/// TBSCertificate.
fn read_signed_part<'a>(tbs: &mut SliceReader<'a>, der: &[u8]) -> der::Result<Certificate> {
    let _version = ContextSpecific::<u8>::decode_explicit(tbs, TagNumber(0))?;
    let serial = AnyRef::decode(tbs)?;
    serial.tag().assert_eq(Tag::Integer)?;
    let _signature_algorithm = AlgorithmIdentifierRef::decode(tbs)?;
    let issuer = tbs.tlv_bytes()?;
    let (not_before, not_after) = tbs.sequence(|validity| {
        let not_before = read_time(validity)?;
        Ok::<_, der::Error>((not_before, read_time(validity)?))
    })?;
    let subject = tbs.tlv_bytes()?;
    let public_key = tbs.tlv_bytes()?;
    let extensions = read_extensions(tbs)?;
    let names = x509::subject_alt_names(&extensions)?;
    Ok(Certificate {
        der: der.to_vec(),
        serial: serial.value().to_vec(),
        issuer: issuer.to_vec(),
        subject: subject.to_vec(),
        not_before,
        not_after,
        public_key: public_key.to_vec(),
        issuer_common_name: common_name(issuer)?,
        subject_common_name: common_name(subject)?,
        identifiers: names.iter().filter_map(x509::identifier).collect(),
        authority_key_identifier: authority_key_identifier(&extensions),
        must_staple: x509::is_must_staple(&extensions),
    })
}

/// Skips the unique identifiers [1] and [2], which nobody uses, and reads [3].
fn read_extensions(tbs: &mut SliceReader<'_>) -> der::Result<Vec<Extension>> {
    for unique_identifier in [TagNumber(1), TagNumber(2)] {
        let skipped = Tag::ContextSpecific { constructed: false, number: unique_identifier };
        if !tbs.is_finished() && Tag::peek(tbs)? == skipped {
            tbs.tlv_bytes()?;
        }
    }
    let extensions = ContextSpecific::<Vec<Extension>>::decode_explicit(tbs, TagNumber(3))?;
    Ok(extensions.map(|extensions| extensions.value).unwrap_or_default())
}

fn common_name(name: &[u8]) -> der::Result<Option<String>> {
    let name = Name::from_der(name)?;
    Ok(x509::common_name(&name).map(|text| printable(&text)))
}

fn authority_key_identifier(extensions: &[Extension]) -> Option<Vec<u8>> {
    let value = x509::extension(extensions, oid::AUTHORITY_KEY_IDENTIFIER)?;
    let identifier = AuthorityKeyIdentifier::from_der(value).ok()?.key_identifier?;
    Some(identifier.as_bytes().to_vec())
}

/// UTCTime `YYMMDDHHMMSSZ` or GeneralizedTime `YYYYMMDDHHMMSSZ` (RFC 5280 §4.1.2.5), any year.
fn read_time(reader: &mut SliceReader<'_>) -> der::Result<SystemTime> {
    let time = AnyRef::decode(reader)?;
    let invalid = || time.tag().value_error();
    let mut digits = time.value().strip_suffix(b"Z").ok_or_else(invalid)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return Err(invalid().into());
    }
    let mut two_digits = || -> der::Result<i64> {
        let (pair, rest) = digits.split_first_chunk::<2>().ok_or_else(invalid)?;
        digits = rest;
        Ok(i64::from(pair[0] - b'0') * 10 + i64::from(pair[1] - b'0'))
    };
    let year = match time.tag() {
        Tag::UtcTime => match two_digits()? {
            year @ ..50 => 2000 + year,
            year => 1900 + year,
        },
        Tag::GeneralizedTime => two_digits()? * 100 + two_digits()?,
        _ => return Err(invalid().into()),
    };
    let [month, day] = [two_digits()?, two_digits()?];
    let [hour, minute, second] = [two_digits()?, two_digits()?, two_digits()?];
    let in_range = (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60
        && digits.is_empty();
    if !in_range {
        return Err(invalid().into());
    }
    let seconds = days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let moment = match seconds {
        0.. => SystemTime::UNIX_EPOCH.checked_add(distance),
        _ => SystemTime::UNIX_EPOCH.checked_sub(distance),
    };
    // Where the system's clock does not reach so far back, 1970 is as long ago.
    Ok(moment.unwrap_or(SystemTime::UNIX_EPOCH))
}

/// Days of the proleptic Gregorian calendar. Years are counted from March, so that the leap day is
/// a year's last, and months have a regular pattern of lengths.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    const FROM_YEAR_0_TO_1970: i64 = 719_468;
    365 * year + leap_days + day_of_year - FROM_YEAR_0_TO_1970
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(tag: u8, text: &str) -> der::Result<SystemTime> {
        let mut der = vec![tag, u8::try_from(text.len()).unwrap()];
        der.extend_from_slice(text.as_bytes());
        read_time(&mut SliceReader::new(&der)?)
    }

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn both_forms_of_time_are_read() {
        const UTC: u8 = 0x17;
        const GENERALIZED: u8 = 0x18;
        assert_eq!(time(UTC, "700101000000Z"), Ok(at(0)));
        assert_eq!(time(UTC, "240229235959Z"), Ok(at(1_709_251_199)));
        assert_eq!(time(UTC, "491231235959Z"), Ok(at(2_524_607_999)));
        assert_eq!(time(GENERALIZED, "20500101000000Z"), Ok(at(2_524_608_000)));
        assert_eq!(time(GENERALIZED, "99991231235959Z"), Ok(at(253_402_300_799)));
        assert!(time(UTC, "500101000000Z").unwrap() < at(0));
        assert!(time(GENERALIZED, "00010101000000Z").unwrap() < at(0));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "Z",
            "7001010000Z",
            "700101000000",
            "701301000000Z",
            "70010100000Z",
            "70010100000/Z",
        ] {
            assert!(time(0x17, text).is_err(), "{text}");
        }
        assert!(time(0x18, "20500101000000.5Z").is_err());
        assert!(time(0x18, "205001010000001Z").is_err());
        assert!(time(0x04, "700101000000Z").is_err());
    }
}
