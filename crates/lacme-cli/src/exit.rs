//! How a command ends when it does not end well: the contract's exit statuses and error documents.

use std::time::Duration;

use lacme::ErrorKind;
use lacme_ca::AuthorityError;
use serde_json::{Map, Value, json};

/// Why a command failed, ready to be told.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Failure {
    pub(crate) kind: Kind,
    /// One line, safe to print.
    pub(crate) message: String,
    identifier: Option<String>,
    /// Boxed: failures travel in many results.
    problem: Option<Box<Value>>,
    retry_after: Option<Duration>,
}

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As the library sees it.
    Of(ErrorKind),
    /// The certificate is there, its deploy hook failed.
    Hook,
}

impl Kind {
    /// The exit status.
    pub(crate) fn status(self) -> u8 {
        let Self::Of(kind) = self else { return 1 };
        match kind {
            ErrorKind::Usage => 2,
            ErrorKind::Ca => 3,
            ErrorKind::Challenge => 4,
            ErrorKind::Network | ErrorKind::Protocol => 5,
            ErrorKind::Store => 6,
            ErrorKind::RateLimit => 7,
            ErrorKind::Interrupted => 130,
            _ => 1,
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Of(kind) => kind.as_str(),
            Self::Hook => "hook",
        }
    }
}

impl Failure {
    fn new(kind: Kind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind, message, identifier: None, problem: None, retry_after: None }
    }

    /// What was asked for cannot work.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Of(ErrorKind::Usage), message)
    }

    /// What the store holds cannot be used.
    pub(crate) fn store(message: impl Into<String>) -> Self {
        Self::new(Kind::Of(ErrorKind::Store), message)
    }

    /// Anything else.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Of(ErrorKind::Internal), message)
    }

    /// The deploy hook failed.
    pub(crate) fn hook(message: impl Into<String>) -> Self {
        Self::new(Kind::Hook, message)
    }

    /// Ctrl-C.
    pub(crate) fn interrupted() -> Self {
        lacme::Error::Cancelled.into()
    }

    /// Ctrl-C, for a command that has its own words for it.
    pub(crate) fn stopped(message: impl Into<String>) -> Self {
        Self::new(Kind::Of(ErrorKind::Interrupted), message)
    }

    pub(crate) fn is_interruption(&self) -> bool {
        self.kind == Kind::Of(ErrorKind::Interrupted)
    }

    /// The `error` of the contract's failure document.
    pub(crate) fn to_json(&self) -> Value {
        let mut error = Map::new();
        error.insert("kind".to_owned(), json!(self.kind.as_str()));
        error.insert("message".to_owned(), json!(self.message));
        let optional = [
            ("identifier", self.identifier.as_ref().map(|value| json!(value))),
            ("problem", self.problem.as_deref().cloned()),
            ("retry_after", self.retry_after.map(|wait| json!(whole_seconds(wait)))),
        ];
        for (name, value) in optional {
            error.extend(value.map(|value| (name.to_owned(), value)));
        }
        Value::Object(error)
    }
}

impl From<lacme::Error> for Failure {
    fn from(error: lacme::Error) -> Self {
        Self {
            kind: Kind::Of(error.kind()),
            message: error.to_string(),
            identifier: error.identifier().map(lacme::Identifier::value),
            problem: error
                .problem()
                .and_then(|problem| serde_json::to_value(problem).ok())
                .map(Box::new),
            retry_after: error.retry_after(),
        }
    }
}

impl From<lacme::StoreError> for Failure {
    fn from(error: lacme::StoreError) -> Self {
        lacme::Error::from(error).into()
    }
}

impl From<AuthorityError> for Failure {
    fn from(error: AuthorityError) -> Self {
        let kind = match error {
            AuthorityError::Store(error) => return error.into(),
            AuthorityError::Damaged { .. } => ErrorKind::Store,
            AuthorityError::Key(_)
            | AuthorityError::Expired { .. }
            | AuthorityError::Build { .. } => ErrorKind::Internal,
            _ => ErrorKind::Usage,
        };
        Self::new(Kind::Of(kind), lacme::printable(&error.to_string()))
    }
}

/// Rounded up: waiting a little longer is polite.
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_statuses_are_the_contracts() {
        let expected = [
            (ErrorKind::Internal, 1),
            (ErrorKind::Usage, 2),
            (ErrorKind::Ca, 3),
            (ErrorKind::Challenge, 4),
            (ErrorKind::Network, 5),
            (ErrorKind::Protocol, 5),
            (ErrorKind::Store, 6),
            (ErrorKind::RateLimit, 7),
            (ErrorKind::Interrupted, 130),
        ];
        for (kind, status) in expected {
            assert_eq!(Kind::Of(kind).status(), status, "{kind}");
        }
        assert_eq!(Kind::Hook.status(), 1);
    }

    #[test]
    fn what_is_unknown_is_left_out_of_the_document() {
        let document = Failure::hook("no").to_json();
        assert_eq!(document, json!({"kind": "hook", "message": "no"}));
        let mut failure = Failure::internal("no");
        failure.retry_after = Some(Duration::from_millis(1500));
        assert_eq!(failure.to_json()["retry_after"], 2);
    }
}
