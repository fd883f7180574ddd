//! What is going on right now, on standard error.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use lacme::proto::Phase;
use lacme::{Event, Identifier, display_name, printable};

use super::{Console, json, say};

/// Shorter waits are not worth a line.
const WORTH_MENTIONING: Duration = Duration::from_secs(3);
/// Up to here each name has a line of its own.
const FEW: usize = 10;

/// Steps as lines; on a terminal also a bar below them that moves.
pub(crate) struct Progress {
    console: Console,
    lines: bool,
    bar: ProgressBar,
    /// Whether the bar counts certificates rather than the steps of one.
    counts: AtomicBool,
}

impl Progress {
    pub(super) fn new(console: Console, lines: bool, terminal: bool) -> Self {
        let target =
            if terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        Self { console, lines, bar, counts: AtomicBool::new(false) }
    }

    /// `total` certificates are worked on from now on.
    pub(crate) fn expect(&self, total: usize) {
        if total > 1 {
            self.counts.store(true, Ordering::Relaxed);
            self.show_bar(total as u64);
        }
    }

    /// One certificate is done.
    pub(crate) fn advance(&self) {
        if self.counts.load(Ordering::Relaxed) {
            self.bar.inc(1);
        }
    }

    /// Nothing is worked on any more.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// What the library does.
    pub(crate) fn on(&self, event: &Event) {
        match event {
            Event::AccountCreated { url } => self.line(&format!("account created: {url}")),
            Event::AccountFound { url } => self.line(&format!("account found: {url}")),
            Event::Ordered { certificate, order, resumed } => {
                let verb = if *resumed { "order taken up again" } else { "ordered" };
                self.line(&format!("{certificate}: {verb}: {order}"));
            }
            Event::Phase { certificate, phase } => self.phase(certificate, *phase),
            Event::Provisioning { certificate, identifiers } => {
                self.names(certificate, identifiers)
            }
            Event::Waiting { resource, until, reason } => {
                let wait = until.duration_since(SystemTime::now()).unwrap_or_default();
                if wait >= WORTH_MENTIONING {
                    let seconds = wait.as_secs();
                    self.line(&format!(
                        "waiting {seconds} s before asking for {resource}: {reason}"
                    ));
                }
            }
            Event::Issued { certificate, not_after, .. } => {
                self.line(&format!(
                    "{certificate}: issued, valid until {}",
                    json::time(*not_after)
                ));
            }
            Event::CleanupFailed { certificate, message } => {
                self.warn(&format!("{certificate}: a proof could not be taken down: {message}"));
            }
            Event::Warning { message } => self.warn(message),
            _ => {}
        }
    }

    /// Something a person should know, which stopped nothing.
    pub(crate) fn warn(&self, message: &str) {
        self.bar.suspend(|| self.console.warn(message));
    }

    fn names(&self, certificate: &str, identifiers: &[Identifier]) {
        if identifiers.len() > FEW {
            return self.line(&format!("{certificate}: setting up {} proofs", identifiers.len()));
        }
        for identifier in identifiers {
            self.line(&format!(
                "{certificate}: setting up the proof for {}",
                display_name(identifier)
            ));
        }
    }

    fn phase(&self, certificate: &str, phase: Phase) {
        let (step, words) = match phase {
            Phase::Ordering => (0, "ordering"),
            Phase::Authorizing => (1, "reading what to prove"),
            Phase::Provisioning => (2, "setting up proofs"),
            Phase::Validating => (3, "the CA looks at the proofs"),
            Phase::CleaningUp => (4, "taking proofs down"),
            Phase::Finalizing => (5, "the CA signs"),
            Phase::Downloading => (6, "downloading"),
            _ => return,
        };
        let message = printable(&format!("{certificate}: {words}"));
        if self.counts.load(Ordering::Relaxed) {
            self.bar.set_message(message);
            return;
        }
        if self.bar.length().is_none() {
            self.show_bar(7);
        }
        self.bar.set_message(message);
        self.bar.set_position(step);
        if self.console.verbose {
            self.line(&format!("{certificate}: {words}"));
        }
    }

    fn show_bar(&self, length: u64) {
        let style = ProgressStyle::with_template("{spinner} [{bar:20}] {pos}/{len} {wide_msg}");
        self.bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        self.bar.set_length(length);
        self.bar.enable_steady_tick(Duration::from_millis(120));
    }

    fn line(&self, text: &str) {
        if self.lines {
            self.bar.suspend(|| say(&printable(text)));
        }
    }
}
