//! What the user asks for: the command line, filled up from the environment.

mod account;
mod ca;
mod environment;
mod global;
mod issue;
mod order;
mod values;
mod which;

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::exit::Failure;

pub(crate) use account::{AccountCommand, DeactivateArgs, KeyTypeArgs};
pub(crate) use ca::{CaCommand, CaInitArgs, CaIssueArgs, CaServeArgs, Listen};
pub(crate) use environment::Environment;
pub(crate) use global::Global;
pub(crate) use issue::{How, IssueArgs};
pub(crate) use which::{AriArgs, CompletionsArgs, NameArgs, RenewArgs, RevokeArgs};

const ABOUT_OPTIONS: &str = "\
Options may stand before or after the command. Each global option and each option of `issue` can \
also be set by a variable LACME_<OPTION>, such as LACME_CA_BUNDLE (several values separated by \
commas; switches take 1, true, yes, 0, false or no), and a secret by a file that LACME_<OPTION>_FILE names.

Exit status: 0 done, 1 other failure, 2 usage, 3 the CA refused, 4 a challenge failed, 5 the CA \
could not be talked to, 6 the store failed, 7 rate limited, 130 interrupted.";

/// Certificates by ACME: issue them, keep them, renew them, revoke them.
#[derive(Debug, Parser)]
#[command(name = "lacme", version, after_help = ABOUT_OPTIONS, max_term_width = 100)]
#[command(arg_required_else_help = false, subcommand_required = true, args_override_self = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Obtain a certificate, unless a good one is stored already
    Issue(Box<IssueArgs>),
    /// Renew what is due, with what `issue` was told
    Renew(Box<RenewArgs>),
    /// Revoke a certificate; it stays stored, and `renew` replaces it
    Revoke(RevokeArgs),
    /// List the stored certificates
    List,
    /// Show a stored certificate
    Show(NameArgs),
    /// Delete a stored certificate and its key
    Delete(NameArgs),
    /// Manage the account at the CA
    #[command(subcommand)]
    Account(AccountCommand),
    /// Ask when the CA would like a certificate to be renewed (RFC 9773)
    Ari(AriArgs),
    /// See it work: a certificate from a CA on this machine, served and fetched; nothing to set up
    Demo,
    /// Run a private CA
    #[command(subcommand)]
    Ca(CaCommand),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
}

/// What the command line turned out to be.
pub(crate) enum Parsed {
    /// A command to run.
    Run(Box<Cli>),
    /// Help or version, to be shown.
    Show(String),
    /// Nothing that can be run.
    Misused {
        /// Why.
        failure: Failure,
        /// Whether the answer is to be JSON.
        json: bool,
    },
}

/// Reads the command line `argv`, program name first, and what `environment` adds to it.
pub(crate) fn parse(argv: Vec<OsString>, environment: &Environment) -> Parsed {
    let json = environment.wants_json(&argv);
    let misused = |message: String| {
        let failure = Failure::usage(message);
        Parsed::Misused { failure, json }
    };
    let mut tree = Cli::command();
    tree.build();
    let ordered = order::command_first(argv, &tree);
    let command = ordered.command();
    let argv = match environment.fill_up(ordered, &tree) {
        Ok(argv) => argv,
        Err(message) => return misused(message),
    };
    match tree.try_get_matches_from(argv).and_then(|matches| Cli::from_arg_matches(&matches)) {
        Ok(cli) => Parsed::Run(Box::new(cli)),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                Parsed::Show(error.render().to_string())
            }
            ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                misused(format!("the command is missing or not whole; see `{command} --help`"))
            }
            _ => misused(format!("{}; see `{command} --help`", in_one_line(&error))),
        },
    }
}

/// clap's explanation without its usage text and layout.
fn in_one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let paragraphs = text.split("\n\n").map(|paragraph| {
        let words = paragraph.split_whitespace().map(lacme::printable);
        words.collect::<Vec<_>>().join(" ")
    });
    // No name begins with a hyphen: the tip to pass an unknown option as a value leads nowhere.
    let useless = ["Usage:", "For more information", "tip: to pass '-"];
    let telling = paragraphs.filter(|text| !useless.iter().any(|start| text.starts_with(start)));
    telling.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str, variables: &[(&str, &str)]) -> Result<Cli, (String, bool)> {
        let argv = line.split(' ').map(OsString::from).collect();
        match parse(argv, &Environment::of(variables)) {
            Parsed::Run(cli) => Ok(*cli),
            Parsed::Show(text) => panic!("{text}"),
            Parsed::Misused { failure, json } => Err((failure.message, json)),
        }
    }

    fn issue(cli: Cli) -> IssueArgs {
        let Command::Issue(issue) = cli.command else { panic!("{:?}", cli.command) };
        *issue
    }

    #[test]
    fn the_command_tree_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_stand_before_or_after_the_command() {
        let before = "lacme --json --http-addr 127.0.0.1:80 --contact a@b.example issue a.example";
        let after = "lacme issue a.example --json --http-addr 127.0.0.1:80 --contact a@b.example";
        for line in [before, after] {
            let cli = parsed(line, &[]).unwrap();
            assert!(cli.global.json);
            assert_eq!(cli.global.contact, ["a@b.example"]);
            assert_eq!(issue(cli).how.http_addr, Some("127.0.0.1:80".parse().unwrap()));
        }
        let cli = parsed("lacme account --json create --account x", &[]).unwrap();
        assert!(cli.global.json && cli.global.account.as_deref() == Some("x"));
    }

    #[test]
    fn repeatable_options_add_up_wherever_they_stand_and_swallow_no_names() {
        let line = "lacme --contact a@a.example issue --contact b@a.example a.example b.example";
        let cli = parsed(line, &[]).unwrap();
        assert_eq!(cli.global.contact, ["a@a.example", "b@a.example"]);
        assert_eq!(issue(cli).names.len(), 2);
    }

    #[test]
    fn each_option_can_come_from_its_variable_and_the_command_line_wins() {
        let variables = [
            ("LACME_CONTACT", "a@a.example, b@a.example"),
            ("LACME_AGREE_TOS", "yes"),
            ("LACME_JSON", "0"),
            ("LACME_TIMEOUT", "7"),
            ("LACME_KEY_TYPE", "rsa-3072"),
            ("LACME_REUSE_KEY", "true"),
            ("LACME_PROFILE", ""),
        ];
        let cli = parsed("lacme issue a.example --timeout 9", &variables).unwrap();
        assert_eq!(cli.global.contact, ["a@a.example", "b@a.example"]);
        assert!(cli.global.agree_tos && !cli.global.json);
        assert_eq!(cli.global.timeout, 9);
        let issue = issue(cli);
        assert_eq!(issue.how.key_type, Some(lacme::KeyType::Rsa3072));
        assert!(issue.how.reuse_key && issue.how.profile.is_none());
    }

    #[test]
    fn a_variable_gives_way_to_a_rival_on_the_command_line() {
        let cli = parsed("lacme list --staging", &[("LACME_DIRECTORY", "google")]).unwrap();
        assert!(cli.global.staging && cli.global.directory.is_none());
        assert!(parsed("lacme list --staging --directory google", &[]).is_err());
    }

    #[test]
    fn a_variable_of_another_command_is_left_alone() {
        assert!(parsed("lacme list", &[("LACME_KEY_TYPE", "nonsense")]).is_ok());
        assert!(parsed("lacme revoke x", &[("LACME_REASON", "nonsense")]).is_ok());
    }

    #[test]
    fn a_switch_needs_a_yes_or_a_no() {
        let (message, _) = parsed("lacme list", &[("LACME_AGREE_TOS", "maybe")]).unwrap_err();
        assert!(message.contains("LACME_AGREE_TOS"), "{message}");
    }

    #[test]
    fn halves_of_pairs_are_refused() {
        for line in [
            "lacme issue a.example --eab-kid x",
            "lacme issue a.example --eab-hmac-key x",
            "lacme issue a.example --client-cert x",
            "lacme issue a.example --client-key x",
        ] {
            assert!(parsed(line, &[]).is_err(), "{line}");
        }
        let (message, _) = parsed("lacme issue a.example", &[("LACME_EAB_KID", "x")]).unwrap_err();
        assert!(message.contains("--eab-hmac-key"), "{message}");
    }

    #[test]
    fn a_misuse_is_one_line_and_knows_whether_json_was_wanted() {
        let (message, json) = parsed("lacme issue --bogus --json", &[]).unwrap_err();
        assert!(json && !message.contains('\n') && message.contains("--bogus"), "{message}");
        assert!(message.ends_with("see `lacme issue --help`"), "{message}");
        let (_, json) = parsed("lacme", &[("LACME_JSON", "1")]).unwrap_err();
        assert!(json);
        let (_, json) = parsed("lacme issue -- --json", &[]).unwrap_err();
        assert!(!json);
    }

    #[test]
    fn json_with_a_value_is_a_misuse_that_is_told_as_json() {
        let (message, json) = parsed("lacme list --json=1", &[]).unwrap_err();
        assert!(json && message.contains("--json"), "{message}");
    }

    #[test]
    fn an_unknown_option_comes_with_no_tip_that_leads_nowhere() {
        let (message, _) = parsed("lacme issue a.example --bogus", &[]).unwrap_err();
        assert!(!message.contains("tip"), "{message}");
        let (message, _) = parsed("lacme issue a.example --forc", &[]).unwrap_err();
        assert!(message.contains("'--force'"), "{message}");
    }

    #[test]
    fn an_option_given_twice_counts_as_given_last() {
        let line = "lacme --json --store a --timeout 1 list --json --store b --timeout 2";
        let cli = parsed(line, &[]).unwrap();
        assert!(cli.global.json);
        assert_eq!((cli.global.store, cli.global.timeout), (Some("b".into()), 2));
    }

    #[test]
    fn help_is_given_whatever_the_variables_say() {
        for word in ["--help", "-h"] {
            let argv = ["lacme", "issue", word].map(OsString::from).into();
            let environment = Environment::of(&[("LACME_KEY_TYPE", "nonsense")]);
            assert!(matches!(parse(argv, &environment), Parsed::Show(_)), "{word}");
        }
    }

    #[test]
    fn only_challenges_that_this_version_can_prove_are_taken() {
        assert!(parsed("lacme issue a.example --challenge http-01", &[]).is_ok());
        let (message, _) = parsed("lacme issue a.example --challenge dns-01", &[]).unwrap_err();
        assert!(message.contains("http-01"), "{message}");
    }

    #[test]
    fn key_types_that_no_ca_signs_are_for_accounts_only() {
        assert!(parsed("lacme issue a.example --key-type ed25519", &[]).is_err());
        assert!(parsed("lacme issue a.example --account-key-type ed25519", &[]).is_ok());
    }
}
