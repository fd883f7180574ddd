use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Identifier, odd_is_absent};
use crate::printable::printable;

/// A server's explanation of a failure (RFC 7807, RFC 8555 §6.7), whole.
///
/// `Display` escapes control characters; the fields hold what the server sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Problem {
    /// What kind of failure it is.
    #[serde(rename = "type", default, deserialize_with = "odd_is_absent")]
    pub kind: ProblemType,
    /// The failure in words, for people.
    #[serde(default, deserialize_with = "odd_is_absent", skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// A short summary of the kind.
    #[serde(default, deserialize_with = "odd_is_absent", skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The HTTP status, as the document repeats it.
    #[serde(default, deserialize_with = "odd_is_absent", skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Where a person finds more; with `userActionRequired` the page to visit (§7.3.3).
    #[serde(default, deserialize_with = "odd_is_absent", skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The single failures that make up this one (§6.7.1).
    #[serde(default, deserialize_with = "odd_is_absent", skip_serializing_if = "Vec::is_empty")]
    pub subproblems: Vec<Subproblem>,
    /// With `badSignatureAlgorithm`: what the server accepts (§6.2).
    #[serde(default, deserialize_with = "odd_is_absent", skip_serializing_if = "Vec::is_empty")]
    pub algorithms: Vec<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

/// A part of a failure, about one identifier (RFC 8555 §6.7.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Subproblem {
    /// What kind of failure it is.
    #[serde(rename = "type", default, deserialize_with = "odd_is_absent")]
    pub kind: ProblemType,
    /// The failure in words.
    #[serde(default, deserialize_with = "odd_is_absent", skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// What it is about.
    #[serde(default, deserialize_with = "odd_is_absent", skip_serializing_if = "Option::is_none")]
    pub identifier: Option<Identifier>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.detail.as_deref().or(self.title.as_deref()).unwrap_or("no detail given");
        write!(f, "{} ({})", printable(words), self.kind)?;
        for sub in &self.subproblems {
            f.write_str("; ")?;
            if let Some(identifier) = &sub.identifier {
                write!(f, "{identifier}: ")?;
            }
            let words = sub.detail.as_deref().unwrap_or("no detail given");
            write!(f, "{} ({})", printable(words), sub.kind)?;
        }
        if let Some(instance) = &self.instance {
            write!(f, "; see {}", printable(instance))?;
        }
        Ok(())
    }
}

macro_rules! problem_types {
    ($( $(#[$doc:meta])* $variant:ident = $name:literal ),* $(,)?) => {
        /// The kind of a problem (RFC 8555 §6.7, and the IANA registry it opened).
        ///
        /// On the wire a URN, `urn:ietf:params:acme:error:` and the name.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ProblemType {
            $( $(#[$doc])* $variant, )*
            /// A type that this version does not know, kept as it came; `about:blank` where none
            /// was given (RFC 7807 §4.2).
            Other(String),
        }

        impl ProblemType {
            const KNOWN: &[(Self, &str)] = &[ $( (Self::$variant, $name) ),* ];
        }
    };
}

problem_types! {
    /// The account does not exist.
    AccountDoesNotExist = "accountDoesNotExist",
    /// The certificate was already replaced by another order (RFC 9773 §7.4).
    AlreadyReplaced = "alreadyReplaced",
    /// The certificate is revoked already.
    AlreadyRevoked = "alreadyRevoked",
    /// The CSR is not acceptable.
    BadCsr = "badCSR",
    /// The nonce was not acceptable; a fresh one comes with the answer.
    BadNonce = "badNonce",
    /// The key is not acceptable.
    BadPublicKey = "badPublicKey",
    /// The revocation reason is not allowed.
    BadRevocationReason = "badRevocationReason",
    /// The signature algorithm is not accepted.
    BadSignatureAlgorithm = "badSignatureAlgorithm",
    /// CAA records forbid issuance.
    Caa = "caa",
    /// Several things are wrong; see the subproblems.
    Compound = "compound",
    /// The server could not connect to where the proof should be.
    Connection = "connection",
    /// A DNS query failed.
    Dns = "dns",
    /// An external account binding is missing.
    ExternalAccountRequired = "externalAccountRequired",
    /// The proof did not match.
    IncorrectResponse = "incorrectResponse",
    /// A contact URL is not acceptable.
    InvalidContact = "invalidContact",
    /// The profile is not offered (draft-ietf-acme-profiles).
    InvalidProfile = "invalidProfile",
    /// The request was malformed.
    Malformed = "malformed",
    /// The order cannot be finalized yet.
    OrderNotReady = "orderNotReady",
    /// A rate limit is exceeded.
    RateLimited = "rateLimited",
    /// The server will not issue for the identifier.
    RejectedIdentifier = "rejectedIdentifier",
    /// The server failed internally.
    ServerInternal = "serverInternal",
    /// TLS failed while validating.
    Tls = "tls",
    /// The client lacks authorization.
    Unauthorized = "unauthorized",
    /// The contact's URL scheme is not supported.
    UnsupportedContact = "unsupportedContact",
    /// The identifier's type is not supported.
    UnsupportedIdentifier = "unsupportedIdentifier",
    /// A person has to visit the `instance` page.
    UserActionRequired = "userActionRequired",
}

const URN: &str = "urn:ietf:params:acme:error:";
/// What servers wrote before RFC 8555; some still do.
const OLD_URN: &str = "urn:acme:error:";

impl ProblemType {
    /// The short name, such as `badNonce`; for unknown types the whole text.
    pub fn name(&self) -> &str {
        match self {
            Self::Other(text) => text,
            known => {
                Self::KNOWN.iter().find(|(kind, _)| kind == known).map_or("", |(_, name)| name)
            }
        }
    }
}

impl Default for ProblemType {
    fn default() -> Self {
        Self::Other("about:blank".to_owned())
    }
}

impl From<&str> for ProblemType {
    fn from(text: &str) -> Self {
        let name = text.strip_prefix(URN).or_else(|| text.strip_prefix(OLD_URN));
        let known = name.and_then(|name| Self::KNOWN.iter().find(|(_, known)| *known == name));
        known.map_or_else(|| Self::Other(text.to_owned()), |(kind, _)| kind.clone())
    }
}

impl fmt::Display for ProblemType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(self.name()))
    }
}

impl Serialize for ProblemType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Other(text) => serializer.serialize_str(text),
            known => serializer.collect_str(&format_args!("{URN}{}", known.name())),
        }
    }
}

impl<'de> Deserialize<'de> for ProblemType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from(String::deserialize(deserializer)?.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_kept_whole() {
        let json = serde_json::json!({
            "type": "urn:ietf:params:acme:error:compound",
            "detail": "several",
            "status": 400,
            "instance": "https://ca.example/more",
            "subproblems": [{
                "type": "urn:ietf:params:acme:error:caa",
                "detail": "no",
                "identifier": { "type": "dns", "value": "a.example" },
                "hint": 7
            }],
            "extension": { "x": 1 }
        });
        let problem: Problem = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(problem.kind, ProblemType::Compound);
        assert_eq!(problem.subproblems[0].kind, ProblemType::Caa);
        assert_eq!(serde_json::to_value(&problem).unwrap(), json);
    }

    #[test]
    fn what_a_person_reads_carries_no_terminal_escapes() {
        let problem = Problem {
            kind: ProblemType::Other("\u{1b}]0;x".into()),
            detail: Some("a\u{1b}[31mred\u{7}\nb".into()),
            ..Problem::default()
        };
        let text = problem.to_string();
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }

    #[test]
    fn an_empty_document_is_a_problem_too() {
        let problem: Problem = serde_json::from_str("{}").unwrap();
        assert_eq!(problem.kind.name(), "about:blank");
    }
}
