use std::io;
use std::path::PathBuf;

/// Why a server could not be had, started or asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file, a socket or a process of this machine failed.
    #[error("cannot {doing}: {source}")]
    Io {
        /// What was being done.
        doing: String,
        /// What the system said.
        source: io::Error,
    },
    /// The environment variable names something that is no file.
    #[error("{variable} is set to {}, which is no file", path.display())]
    NoSuchTool {
        /// The variable.
        variable: &'static str,
        /// Its value.
        path: PathBuf,
    },
    /// The tool is nowhere, and could not be installed.
    #[error(
        "{tool} is not on this machine and could not be installed; set {variable}, or:\n{tried}"
    )]
    NotInstalled {
        /// The program's name.
        tool: &'static str,
        /// The environment variable that can point to it.
        variable: &'static str,
        /// What was tried and how it failed, a line each.
        tried: String,
    },
    /// A command failed or took too long.
    #[error("`{command}` failed: {why}")]
    Command {
        /// The command line.
        command: String,
        /// Its exit status and the end of its output.
        why: String,
    },
    /// The server never answered.
    #[error("{server} did not come up: {why}")]
    NotUp {
        /// Which server.
        server: &'static str,
        /// The reason, with the end of its log.
        why: String,
    },
    /// The server answered with a status that means no.
    #[error("{method} {url} was answered with {status}: {body}")]
    Refused {
        /// The request's method.
        method: &'static str,
        /// The request's URL.
        url: String,
        /// The answer's status.
        status: u16,
        /// The start of the answer's body.
        body: String,
    },
    /// What came over the wire is not what the protocol promises.
    #[error("{from} sent something unexpected: {why}")]
    Unexpected {
        /// Who sent it.
        from: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Error {
    /// An adapter for `map_err`, said as "cannot {doing}".
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }

    pub(crate) fn unexpected(from: impl Into<String>, why: impl ToString) -> Self {
        Self::Unexpected { from: from.into(), why: why.to_string() }
    }
}
