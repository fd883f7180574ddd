use std::collections::HashSet;

use acme_proto::Identifier;

use crate::certificate::{Certificate, CertificateError, LABEL};
use crate::pem::{self, PemError};

/// A certificate chain as a CA delivers it (RFC 8555 §9.1): the leaf first, then each
/// certificate's issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateChain {
    /// Never empty.
    certificates: Vec<Certificate>,
}

/// Why a chain is refused: what the CA sent is no chain, or not the one that was ordered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// More than 256 KiB.
    #[error("the certificate chain is larger than 256 KiB")]
    TooLarge,
    /// More than 10 certificates.
    #[error("the certificate chain has more than 10 certificates")]
    TooLong,
    /// No certificate at all.
    #[error("the certificate chain is empty")]
    Empty,
    /// The text is no PEM.
    #[error("the certificate chain is damaged")]
    Pem(#[from] PemError),
    /// A block that is no certificate. RFC 8555 §11.4: it could be a private key, which a careless
    /// installation would take for its own.
    #[error("the certificate chain holds a PEM block {label:?}, where only certificates may stand")]
    ForeignBlock {
        /// The block's label.
        label: String,
    },
    /// Text outside of the blocks.
    #[error("the certificate chain holds text outside of its PEM blocks")]
    ForeignText,
    /// A certificate that cannot be read.
    #[error("certificate {number} of the chain cannot be read")]
    Certificate {
        /// Which one, counted from 1, the leaf.
        number: usize,
        /// What is wrong with it.
        #[source]
        source: CertificateError,
    },
    /// The leaf is for another key.
    #[error("the certificate is for another key than the one in the request")]
    WrongKey,
    /// The leaf lacks a name that was asked for.
    #[error("the certificate lacks the name {0}, which was asked for")]
    MissingName(Identifier),
    /// The leaf has a name that was not asked for.
    #[error("the certificate has the name {0}, which was not asked for")]
    UnaskedName(Identifier),
    /// A certificate is not followed by its issuer's.
    #[error("certificate {number} of the chain is not followed by its issuer's")]
    BrokenLink {
        /// Which one, counted from 1, the leaf.
        number: usize,
    },
}

const MAX_CHAIN: usize = 256 * 1024;
const MAX_CERTIFICATES: usize = 10;

impl CertificateChain {
    /// Reads a chain in `application/pem-certificate-chain` (RFC 8555 §9.1).
    ///
    /// RFC 8555 §11.4 asks clients to make sure that nothing but certificates comes in. Line width
    /// and line ends are up to the CA; between the blocks only blank space may stand.
    ///
    /// # Errors
    /// If the text is anything else, empty, larger than 256 KiB or longer than 10 certificates.
    pub fn parse(pem: &[u8]) -> Result<Self, ChainError> {
        if pem.len() > MAX_CHAIN {
            return Err(ChainError::TooLarge);
        }
        let pem = pem::parse(pem)?;
        if let Some(foreign) = pem.blocks.iter().find(|block| block.label != LABEL) {
            return Err(ChainError::ForeignBlock { label: foreign.label.to_owned() });
        }
        if pem.has_other_text {
            return Err(ChainError::ForeignText);
        }
        match pem.blocks.len() {
            0 => return Err(ChainError::Empty),
            1..=MAX_CERTIFICATES => {}
            _ => return Err(ChainError::TooLong),
        }
        let mut certificates = Vec::with_capacity(pem.blocks.len());
        for (index, block) in pem.blocks.iter().enumerate() {
            let certificate = Certificate::from_der(&block.decode()?)
                .map_err(|source| ChainError::Certificate { number: index + 1, source })?;
            certificates.push(certificate);
        }
        Ok(Self { certificates })
    }

    /// The certificate that was ordered.
    pub fn leaf(&self) -> &Certificate {
        &self.certificates[0]
    }

    /// All certificates, the leaf first. At least one.
    pub fn certificates(&self) -> &[Certificate] {
        &self.certificates
    }

    /// The whole chain as PEM, normalised: 64 columns, LF, nothing between the blocks.
    pub fn pem(&self) -> String {
        self.certificates.iter().map(Certificate::pem).collect()
    }

    /// The leaf alone as PEM.
    pub fn leaf_pem(&self) -> String {
        self.leaf().pem()
    }

    /// Checks that this is the chain that was ordered: the leaf is for the public key
    /// `public_key_der` (a SubjectPublicKeyInfo), its names are `identifiers` in any order, and
    /// each certificate is followed by its issuer's.
    ///
    /// With `allow_extra_names` the CA may add names of its own. Identifiers that are neither DNS
    /// names nor IP addresses are not looked for. Neither times nor signatures are checked: the
    /// chain comes from the CA itself, over TLS.
    ///
    /// # Errors
    /// [`WrongKey`](ChainError::WrongKey), [`MissingName`](ChainError::MissingName),
    /// [`UnaskedName`](ChainError::UnaskedName) or [`BrokenLink`](ChainError::BrokenLink).
    pub fn check(
        &self,
        public_key_der: &[u8],
        identifiers: &[Identifier],
        allow_extra_names: bool,
    ) -> Result<(), ChainError> {
        if self.leaf().public_key_der() != public_key_der {
            return Err(ChainError::WrongKey);
        }
        self.check_names(identifiers, allow_extra_names)?;
        let linked = |pair: &[Certificate]| pair[0].is_issued_by(&pair[1]);
        match self.certificates.windows(2).position(|pair| !linked(pair)) {
            Some(index) => Err(ChainError::BrokenLink { number: index + 1 }),
            None => Ok(()),
        }
    }

    fn check_names(&self, asked: &[Identifier], allow_extra: bool) -> Result<(), ChainError> {
        let asked: HashSet<_> = asked.iter().collect();
        let certified: HashSet<_> = self.leaf().identifiers().iter().collect();
        let is_looked_for =
            |name: &&&Identifier| matches!(name, Identifier::Dns(_) | Identifier::Ip(_));
        if let Some(missing) = asked.difference(&certified).filter(is_looked_for).min() {
            return Err(ChainError::MissingName((*missing).clone()));
        }
        match certified.difference(&asked).min() {
            Some(extra) if !allow_extra => Err(ChainError::UnaskedName((*extra).clone())),
            _ => Ok(()),
        }
    }
}
