use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a certificate is revoked (RFC 5280 §5.3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
#[non_exhaustive]
pub enum RevocationReason {
    /// No reason is given (0).
    #[default]
    Unspecified,
    /// The private key is, or may be, in foreign hands (1).
    KeyCompromise,
    /// The CA's key is in foreign hands (2).
    CaCompromise,
    /// The holder's name or affiliation changed (3).
    AffiliationChanged,
    /// A newer certificate took its place (4).
    Superseded,
    /// The service it was for has ended (5).
    CessationOfOperation,
    /// It shall not be used for the time being (6).
    CertificateHold,
    /// Take a certificate off hold again (8).
    RemoveFromCrl,
    /// A privilege in it was withdrawn (9).
    PrivilegeWithdrawn,
    /// The attribute authority's key is in foreign hands (10).
    AaCompromise,
}

/// The text or number names no reason of RFC 5280.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a revocation reason: expected one of unspecified, keyCompromise, cACompromise, \
         affiliationChanged, superseded, cessationOfOperation, certificateHold, removeFromCRL, \
         privilegeWithdrawn, aACompromise, or its number (0-6, 8-10)"
)]
pub struct InvalidReason;

impl RevocationReason {
    /// All reasons, in the order of their codes.
    pub const ALL: [Self; 10] = [
        Self::Unspecified,
        Self::KeyCompromise,
        Self::CaCompromise,
        Self::AffiliationChanged,
        Self::Superseded,
        Self::CessationOfOperation,
        Self::CertificateHold,
        Self::RemoveFromCrl,
        Self::PrivilegeWithdrawn,
        Self::AaCompromise,
    ];

    /// The CRLReason code.
    pub fn code(self) -> u8 {
        match self {
            Self::Unspecified => 0,
            Self::KeyCompromise => 1,
            Self::CaCompromise => 2,
            Self::AffiliationChanged => 3,
            Self::Superseded => 4,
            Self::CessationOfOperation => 5,
            Self::CertificateHold => 6,
            Self::RemoveFromCrl => 8,
            Self::PrivilegeWithdrawn => 9,
            Self::AaCompromise => 10,
        }
    }

    /// The name that RFC 5280 gives it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unspecified => "unspecified",
            Self::KeyCompromise => "keyCompromise",
            Self::CaCompromise => "cACompromise",
            Self::AffiliationChanged => "affiliationChanged",
            Self::Superseded => "superseded",
            Self::CessationOfOperation => "cessationOfOperation",
            Self::CertificateHold => "certificateHold",
            Self::RemoveFromCrl => "removeFromCRL",
            Self::PrivilegeWithdrawn => "privilegeWithdrawn",
            Self::AaCompromise => "aACompromise",
        }
    }
}

impl From<RevocationReason> for u8 {
    fn from(reason: RevocationReason) -> Self {
        reason.code()
    }
}

impl TryFrom<u8> for RevocationReason {
    type Error = InvalidReason;
    fn try_from(code: u8) -> Result<Self, InvalidReason> {
        Self::ALL.into_iter().find(|reason| reason.code() == code).ok_or(InvalidReason)
    }
}

/// Names are compared without case, `-` and `_`; numbers are taken too.
impl std::str::FromStr for RevocationReason {
    type Err = InvalidReason;
    fn from_str(text: &str) -> Result<Self, InvalidReason> {
        if let Ok(code) = text.parse::<u8>() {
            return Self::try_from(code);
        }
        let plain = |name: &str| name.replace(['-', '_'], "").to_ascii_lowercase();
        Self::ALL.into_iter().find(|r| plain(r.name()) == plain(text)).ok_or(InvalidReason)
    }
}

impl fmt::Display for RevocationReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_without_case_dashes_and_underscores() {
        for text in ["keyCompromise", "key-compromise", "KEY_COMPROMISE", "1"] {
            assert_eq!(text.parse(), Ok(RevocationReason::KeyCompromise), "{text}");
        }
        assert_eq!("remove-from-crl".parse(), Ok(RevocationReason::RemoveFromCrl));
    }

    #[test]
    fn code_seven_and_unknown_names_are_refused() {
        for text in ["7", "11", "-1", "", "bored"] {
            assert_eq!(text.parse::<RevocationReason>(), Err(InvalidReason), "{text}");
        }
    }
}
