use acme_proto::{DnsName, Identifier};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, DnType};
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::request::CertReq;

use crate::pem::{self, PemError};
use crate::private_key::PrivateKey;
use crate::rcgen_key::{self, RcgenKey};
use crate::signature::{self, Verdict};
use crate::x509::{self, oid};

/// What a certificate signing request says besides its names. By default nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CsrOptions {
    /// Puts the first DNS name that fits (64 characters, RFC 5280 appendix A.1) into the subject
    /// as well, for servers that still look there. By default the subject is empty, and the CA
    /// chooses.
    pub common_name: bool,
    /// Asks for a certificate that browsers take only with a stapled OCSP answer (RFC 7633). CAs
    /// that stopped running OCSP refuse it.
    pub must_staple: bool,
}

/// Why a certificate signing request could not be made or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsrError {
    /// There is no name in it.
    #[error("the certificate signing request names no DNS name and no IP address")]
    NoNames,
    /// It names something that is neither a DNS name nor an IP address.
    #[error(
        "the certificate signing request names {name}: \
         only DNS names and IP addresses can be ordered"
    )]
    UnsupportedName {
        /// The name, or its type.
        name: String,
    },
    /// The text is larger than any request.
    #[error("the certificate signing request is larger than 256 KiB: it is another file")]
    TooLarge,
    /// The text is no PEM.
    #[error("the certificate signing request is damaged")]
    Pem(#[from] PemError),
    /// There is not exactly one request in the PEM text.
    #[error("found {found} PEM blocks CERTIFICATE REQUEST where one belongs")]
    NotOne {
        /// How many there are.
        found: usize,
    },
    /// The bytes are no PKCS#10 request.
    #[error("the certificate signing request cannot be read: {reason}")]
    Malformed {
        /// What the parser says.
        reason: String,
    },
    /// The request is not signed by the key in it, or by an RSA key too short to count.
    #[error(
        "the certificate signing request's signature does not fit its key, \
         or its RSA key is shorter than 2048 bits: make the request again"
    )]
    WrongSignature,
    /// The request could not be made.
    #[error("the certificate signing request cannot be made: {reason}")]
    Build {
        /// What the request writer says.
        reason: String,
    },
}

/// Longer common names do not exist (ub-common-name, RFC 5280 appendix A.1).
const MAX_COMMON_NAME: usize = 64;
const MAX_CSR: usize = 256 * 1024;

/// Makes the certificate signing request (RFC 2986) for an order of `names`, signed by the
/// certificate's `key`, in DER: what finalizing an order asks for (RFC 8555 §7.4).
///
/// # Errors
/// If `names` is empty, or holds another type than DNS names and IP addresses.
pub fn certificate_signing_request(
    key: &PrivateKey,
    names: &[Identifier],
    options: &CsrOptions,
) -> Result<Vec<u8>, CsrError> {
    if names.is_empty() {
        return Err(CsrError::NoNames);
    }
    let mut params = CertificateParams::default();
    params.subject_alt_names = rcgen_key::subject_alt_names(names).ok_or_else(|| {
        let odd = names.iter().find(|name| !matches!(name, Identifier::Dns(_) | Identifier::Ip(_)));
        CsrError::UnsupportedName { name: odd.map(ToString::to_string).unwrap_or_default() }
    })?;
    params.distinguished_name = DistinguishedName::new();
    if let Some(name) = options.common_name.then(|| common_name_for(names)).flatten() {
        params.distinguished_name.push(DnType::CommonName, name.as_str());
    }
    if options.must_staple {
        params.custom_extensions.push(tls_feature_status_request());
    }
    let request = params
        .serialize_request(&RcgenKey::new(key))
        .map_err(|error| CsrError::Build { reason: error.to_string() })?;
    Ok(request.der().to_vec())
}

fn common_name_for(names: &[Identifier]) -> Option<&DnsName> {
    names.iter().find_map(|name| match name {
        Identifier::Dns(name) if name.as_str().len() <= MAX_COMMON_NAME => Some(name),
        _ => None,
    })
}

/// id-pe-tlsfeature with a SEQUENCE of one INTEGER, status_request (RFC 7633 §4).
fn tls_feature_status_request() -> CustomExtension {
    CustomExtension::from_oid_content(&[1, 3, 6, 1, 5, 5, 7, 1, 24], vec![0x30, 3, 2, 1, 5])
}

/// A certificate signing request that somebody else made, with its key kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Csr {
    der: Vec<u8>,
    identifiers: Vec<Identifier>,
    public_key_der: Vec<u8>,
    must_staple: bool,
}

impl Csr {
    /// Reads a request as DER or PEM, whichever it is.
    ///
    /// # Errors
    /// As [`from_pem`](Self::from_pem) and [`from_der`](Self::from_der).
    pub fn parse(bytes: &[u8]) -> Result<Self, CsrError> {
        const DER_SEQUENCE: u8 = 0x30;
        match bytes.first() {
            Some(&DER_SEQUENCE) => Self::from_der(bytes),
            _ => Self::from_pem(bytes),
        }
    }

    /// Reads the one request in a PEM text: a block `CERTIFICATE REQUEST`, or
    /// `NEW CERTIFICATE REQUEST` as some tools write. Other blocks and text are ignored.
    ///
    /// # Errors
    /// If there is not exactly one such block, or [`from_der`](Self::from_der) refuses it.
    pub fn from_pem(pem: &[u8]) -> Result<Self, CsrError> {
        if pem.len() > MAX_CSR {
            return Err(CsrError::TooLarge);
        }
        let mut requests = pem::parse(pem)?.blocks;
        requests.retain(|block| {
            matches!(block.label, "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST")
        });
        match requests.as_slice() {
            [request] => Self::from_der(&request.decode()?),
            others => Err(CsrError::NotOne { found: others.len() }),
        }
    }

    /// Reads a request in DER (RFC 2986).
    ///
    /// Its signature is checked for ECDSA on the NIST curves, RSA PKCS#1 v1.5 with SHA-2, and
    /// Ed25519; others are left for the CA to check.
    ///
    /// # Errors
    /// If the bytes are no request or larger than 256 KiB, if the signature does not hold, or if
    /// the request names nothing, or anything that ACME cannot order.
    pub fn from_der(der: &[u8]) -> Result<Self, CsrError> {
        if der.len() > MAX_CSR {
            return Err(CsrError::TooLarge);
        }
        let request = CertReq::from_der(der).map_err(malformed)?;
        let info = &request.info;
        let signed = x509::signed_part(der).map_err(malformed)?;
        let signature = request.signature.raw_bytes();
        match signature::verify(&request.algorithm, &info.public_key, signed, signature) {
            Verdict::Good | Verdict::Unknown => {}
            Verdict::Bad => return Err(CsrError::WrongSignature),
        }
        let extensions = requested_extensions(&request)?;
        Ok(Self {
            der: der.to_vec(),
            identifiers: identifiers(&request, &extensions)?,
            public_key_der: info.public_key.to_der().map_err(malformed)?,
            must_staple: x509::is_must_staple(&extensions),
        })
    }

    /// The request itself, in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The names that it asks for, in order and each once: the subjectAltNames, then the common
    /// name if it is a DNS name and not among them. At least one.
    pub fn identifiers(&self) -> &[Identifier] {
        &self.identifiers
    }

    /// The public key, as SubjectPublicKeyInfo in DER.
    pub fn public_key_der(&self) -> &[u8] {
        &self.public_key_der
    }

    /// Whether it asks for must-staple (RFC 7633).
    pub fn must_staple(&self) -> bool {
        self.must_staple
    }
}

fn requested_extensions(request: &CertReq) -> Result<Vec<Extension>, CsrError> {
    let mut attributes = request.info.attributes.iter();
    let requested = attributes.find(|attribute| attribute.oid == oid::EXTENSION_REQUEST);
    match requested.and_then(|attribute| attribute.values.get(0)) {
        Some(extensions) => extensions.decode_as().map_err(malformed),
        None => Ok(Vec::new()),
    }
}

fn identifiers(request: &CertReq, extensions: &[Extension]) -> Result<Vec<Identifier>, CsrError> {
    let mut identifiers = Vec::new();
    for name in x509::subject_alt_names(extensions).map_err(malformed)? {
        let identifier = x509::identifier(&name).ok_or_else(|| unsupported(&name))?;
        if let Identifier::Other { value, .. } = identifier {
            return Err(CsrError::UnsupportedName { name: format!("{value:?}") });
        }
        identifiers.push(identifier);
    }
    let common_name = x509::common_name(&request.info.subject);
    let common_name = common_name.and_then(|name| DnsName::parse(&name).ok());
    identifiers.extend(common_name.map(Identifier::Dns));

    let mut seen = std::collections::HashSet::new();
    identifiers.retain(|identifier| seen.insert(identifier.clone()));
    if identifiers.is_empty() { Err(CsrError::NoNames) } else { Ok(identifiers) }
}

fn unsupported(name: &GeneralName) -> CsrError {
    let kind = match name {
        GeneralName::Rfc822Name(_) => "an e-mail address",
        GeneralName::UniformResourceIdentifier(_) => "a URI",
        GeneralName::DirectoryName(_) => "a directory name",
        GeneralName::IpAddress(_) => "an IP address of odd length",
        _ => "a name of an unusual type",
    };
    CsrError::UnsupportedName { name: kind.to_owned() }
}

fn malformed(error: x509_cert::der::Error) -> CsrError {
    CsrError::Malformed { reason: error.to_string() }
}
