use std::fmt;
use std::time::SystemTime;

use acme_crypto::{AwsLc, Certificate, CertificateError, Csr};
use acme_proto::{CertificateId, ChallengeType, Digest as _, Identifier, Problem, ProblemType};

use super::core::internal;
use super::id::Id;
use super::problem::problem;
use crate::authority::{Authority, AuthorityError, LeafRequest};
use crate::validation::Validation;

/// What takes longer than answering a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Job {
    /// Look for a proof, then tell [`finish_validation`](super::AcmeServer::finish_validation).
    Validate {
        /// What the result is for.
        challenge: ChallengeId,
        /// Where to look, and for what.
        validation: Box<Validation>,
    },
    /// Make a certificate, then tell [`finish_issuance`](super::AcmeServer::finish_issuance).
    Issue {
        /// What the result is for.
        order: OrderId,
        /// What to certify.
        request: Box<IssueRequest>,
    },
}

/// A challenge that is being validated.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChallengeId(pub(super) Id, pub(super) ChallengeType);

/// An order that is being finalized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderId(pub(super) Id);

impl fmt::Display for ChallengeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

impl fmt::Display for OrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a certificate shall say. The request behind it is checked: its signature holds, its key is
/// no account's, and its names are those that the account has proven.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IssueRequest {
    /// The names.
    pub identifiers: Vec<Identifier>,
    /// The public key, as SubjectPublicKeyInfo in DER.
    pub public_key: Vec<u8>,
    /// The certificate signing request in DER, for what else it asks for.
    pub csr: Vec<u8>,
    /// The first moment of validity.
    pub not_before: SystemTime,
    /// The last moment of validity.
    pub not_after: SystemTime,
    /// The profile that was asked for.
    pub profile: Option<String>,
}

/// Makes certificates; an [`Authority`] does.
pub trait Issuer: Send + Sync {
    /// Makes a certificate. May block for as long as a signature takes.
    ///
    /// # Errors
    /// The problem with which the order fails.
    fn certify(
        &self,
        request: &IssueRequest,
        now: SystemTime,
    ) -> Result<IssuedCertificate, Box<Problem>>;
}

/// A certificate that was made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IssuedCertificate {
    /// The chain in PEM, leaf first.
    pub pem: String,
    /// Other chains for the same leaf, leaf first.
    pub alternates: Vec<String>,
    /// SHA-256 of the leaf's DER, by which a revocation finds it.
    pub digest: [u8; 32],
    /// The serial number: the content octets of the DER INTEGER.
    pub serial: Vec<u8>,
    /// The first moment of validity.
    pub not_before: SystemTime,
    /// The last moment of validity.
    pub not_after: SystemTime,
    /// How renewal information names it (RFC 9773 §4.1).
    pub renewal_id: Option<CertificateId>,
}

impl IssuedCertificate {
    /// The certificate of a chain in PEM, and the `alternates` to that chain.
    ///
    /// # Errors
    /// If the first PEM block cannot be read.
    pub fn from_pem(pem: String, alternates: Vec<String>) -> Result<Self, CertificateError> {
        let leaf = Certificate::from_pem(pem.as_bytes())?;
        Ok(Self {
            digest: AwsLc.sha256(leaf.der()),
            serial: leaf.serial().to_vec(),
            not_before: leaf.not_before(),
            not_after: leaf.not_after(),
            renewal_id: leaf.id(),
            pem,
            alternates,
        })
    }

    /// A certificate that nobody looks into, as simulations make them: its PEM, its DER and its
    /// serial number are whatever they are, and its validity is what was asked for.
    pub fn unchecked(request: &IssueRequest, pem: String, der: &[u8], serial: Vec<u8>) -> Self {
        Self {
            digest: AwsLc.sha256(der),
            renewal_id: Some(CertificateId::new(b"issuer", &serial)),
            serial,
            not_before: request.not_before,
            not_after: request.not_after,
            pem,
            alternates: Vec::new(),
        }
    }
}

impl Issuer for Authority {
    fn certify(
        &self,
        request: &IssueRequest,
        now: SystemTime,
    ) -> Result<IssuedCertificate, Box<Problem>> {
        let must_staple = Csr::from_der(&request.csr).is_ok_and(|csr| csr.must_staple());
        let leaf = LeafRequest::for_key(&*request.public_key, request.identifiers.clone())
            .not_before(request.not_before)
            .not_after(request.not_after)
            .must_staple(must_staple);
        let issued = self.issue(&leaf, now).map_err(|error| {
            let kind = match &error {
                AuthorityError::NotPermitted(_) => ProblemType::RejectedIdentifier,
                AuthorityError::PublicKey { .. } => ProblemType::BadCsr,
                AuthorityError::Validity { .. } => ProblemType::Malformed,
                _ => ProblemType::ServerInternal,
            };
            Box::new(problem(kind, error.to_string()))
        })?;
        IssuedCertificate::from_pem(issued.chain_pem, issued.alternates)
            .map_err(|error| Box::new(internal(error.to_string())))
    }
}
