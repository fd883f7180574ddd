//! All that is written: the result on standard output, everything else on standard error. Nobody
//! else writes, so a closed pipe or `--json` is minded in one place.

pub(crate) mod human;
pub(crate) mod json;
mod progress;

use std::io::{self, ErrorKind, IsTerminal as _, Write as _};
use std::process::ExitCode;

use serde_json::{Map, Value};

use crate::args::Global;
use crate::exit::Failure;

pub(crate) use progress::Progress;

/// Where the user reads, and how much.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Console {
    json: bool,
    verbose: bool,
    quiet: bool,
}

/// What a command has to tell: for programs, and the same for people.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// The contract's document.
    pub(crate) document: Map<String, Value>,
    /// Lines, each ended.
    pub(crate) text: String,
    /// What went wrong although there is something to tell.
    pub(crate) failure: Option<Failure>,
    /// Whether the document was announced at the start: there is no second one.
    pub(crate) announced: bool,
}

impl Report {
    /// `{field: value}` for programs, `text` for people.
    pub(crate) fn new(field: &str, value: Value, text: String) -> Self {
        let document = Map::from_iter([(field.to_owned(), value)]);
        Self { document, text, ..Self::default() }
    }

    /// How a command ends that announced its document at the start.
    pub(crate) fn announced(failure: Option<Failure>) -> Self {
        Self { failure, announced: true, ..Self::default() }
    }
}

impl Console {
    pub(crate) fn new(global: &Global) -> Self {
        Self { json: global.json, verbose: global.verbose, quiet: global.quiet }
    }

    /// Before the command line is understood.
    pub(crate) fn for_misuse(json: bool) -> Self {
        Self { json, ..Self::default() }
    }

    /// Progress, as far as somebody is there to watch it.
    pub(crate) fn progress(&self) -> Progress {
        let terminal = io::stderr().is_terminal();
        Progress::new(*self, !self.quiet && (terminal || self.verbose), !self.quiet && terminal)
    }

    /// Something a person should know, which stopped nothing.
    pub(crate) fn warn(&self, message: &str) {
        if !self.quiet {
            complain("warning", message);
        }
    }

    /// A remark for whoever watches.
    pub(crate) fn note(&self, message: &str) {
        if !self.quiet && (self.verbose || io::stderr().is_terminal()) {
            say(&lacme::printable(message));
        }
    }

    /// A step that went well, for commands whose steps are their result; with --json a remark.
    pub(crate) fn step(&self, what: &str, text: &str) {
        if self.json {
            self.note(&format!("{what}: {text}"));
        } else if !self.quiet {
            let text = lacme::printable(text);
            write_out(&format!("{} {what:<12} {text}\n", human::check_mark()));
        }
    }

    /// Tells at once what other commands tell in the end: this one goes on until it is stopped.
    pub(crate) fn announce(&self, report: Report) {
        let document = || json::document(report.document, None);
        write_out(&if self.json { document() } else { report.text });
    }

    /// Writes `text` as it is.
    pub(crate) fn show(&self, text: &str) -> ExitCode {
        write_out(text).unwrap_or(ExitCode::SUCCESS)
    }

    /// Tells how the command ended, and ends it.
    pub(crate) fn conclude(&self, result: Result<Report, Failure>) -> ExitCode {
        let report =
            result.unwrap_or_else(|failure| Report { failure: Some(failure), ..Report::default() });
        let status = report.failure.as_ref().map_or(0, |failure| failure.kind.status());
        let text = if self.json && !report.announced {
            json::document(report.document, report.failure.as_ref())
        } else {
            report.text
        };
        let unwritten = write_out(&text);
        if let Some(failure) = &report.failure {
            complain("error", &failure.message);
        }
        match (status, unwritten) {
            (0, Some(status)) => status,
            (status, _) => ExitCode::from(status),
        }
    }
}

/// Writes to standard output. A reader that has gone wants nothing more and that is its right; with
/// any other trouble the result is lost, which is a failure.
fn write_out(text: &str) -> Option<ExitCode> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            complain("error", &format!("the result could not be written: {error}"));
            Some(ExitCode::FAILURE)
        }
        _ => None,
    }
}

fn complain(what: &str, message: &str) {
    say(&format!("{what}: {}", lacme::printable(message)));
}

/// Writes a line to standard error; where that fails there is nobody left to tell.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
