//! Options from `LACME_<OPTION>`: they become words of the command line, unless they stand there.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::{Arg, ArgAction, Args as _, Command};

use super::IssueArgs;
use super::order::Ordered;
use crate::files;

/// Options whose value is a secret, which may be in a file that `<VARIABLE>_FILE` names.
const SECRETS: [&str; 1] = ["eab-hmac-key"];

/// The variables that concern lacme; an empty one counts as not set.
pub(crate) struct Environment(HashMap<String, OsString>);

impl Environment {
    /// This process's.
    pub(crate) fn of_process() -> Self {
        let ours = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            (name.starts_with("LACME_") && !value.is_empty()).then_some((name, value))
        });
        Self(ours.collect())
    }

    #[cfg(test)]
    pub(super) fn of(variables: &[(&str, &str)]) -> Self {
        let set = variables.iter().filter(|(_, value)| !value.is_empty());
        Self(set.map(|(name, value)| ((*name).to_owned(), value.into())).collect())
    }

    /// Whether the answer is to be JSON, known before anything else is.
    pub(super) fn wants_json(&self, argv: &[OsString]) -> bool {
        let mut options = argv.iter().skip(1).take_while(|word| *word != "--");
        let variable = self.0.get("LACME_JSON").and_then(|value| switch(value));
        let asks = |word: &str| word == "--json" || word.starts_with("--json="); // a misuse, but clear
        options.any(|word| word.to_str().is_some_and(asks)) || variable == Some(true)
    }

    /// The command line with what the variables add to it, for a command of the built `tree`.
    pub(super) fn fill_up(
        &self,
        ordered: Ordered,
        tree: &Command,
    ) -> Result<Vec<OsString>, String> {
        let Ordered { program, path, rest } = ordered;
        let command = path.iter().try_fold(tree, |at, word| at.find_subcommand(word));
        let asks_for_help = |word: &OsString| word == "--help" || word == "-h";
        let help = path.first().is_some_and(|word| word == "help")
            || rest.iter().take_while(|word| *word != "--").any(asks_for_help);
        let added = match command {
            Some(command) if !command.has_subcommands() && !help => self.options(command, &rest)?,
            _ => Vec::new(), // no command: clap says so
        };
        Ok(program.into_iter().chain(path).chain(added).chain(rest).collect())
    }

    fn options(&self, command: &Command, given: &[OsString]) -> Result<Vec<OsString>, String> {
        let of_issue = IssueArgs::augment_args(Command::new("issue"));
        let of_issue: HashSet<_> =
            of_issue.get_arguments().map(|arg| arg.get_id().clone()).collect();
        let mut words = Vec::new();
        for arg in command.get_arguments() {
            let Some(long) = arg.get_long() else { continue };
            let has_variable = arg.is_global_set() || of_issue.contains(arg.get_id());
            if !has_variable || is_given(arg, given) || has_given_rival(command, arg, given) {
                continue;
            }
            words.extend(self.words_of(arg, long)?);
        }
        Ok(words)
    }

    /// `--name=value` for what the variable says.
    fn words_of(&self, arg: &Arg, long: &str) -> Result<Vec<OsString>, String> {
        let variable = format!("LACME_{}", long.replace('-', "_").to_uppercase());
        let Some(value) = self.value(&variable, SECRETS.contains(&long))? else {
            return Ok(Vec::new());
        };
        let word = |value: &OsStr| {
            let mut word = OsString::from(format!("--{long}="));
            word.push(value);
            word
        };
        match arg.get_action() {
            ArgAction::SetTrue => match switch(&value) {
                Some(true) => Ok(vec![format!("--{long}").into()]),
                Some(false) => Ok(Vec::new()),
                None => {
                    Err(format!("{variable} is a switch: set it to 1, true, yes, 0, false or no"))
                }
            },
            ArgAction::Append => {
                let text = value.into_string().map_err(|_| format!("{variable} is not UTF-8"))?;
                let values = text.split(',').map(str::trim).filter(|value| !value.is_empty());
                Ok(values.map(|value| word(OsStr::new(value))).collect())
            }
            _ => Ok(vec![word(&value)]),
        }
    }

    /// The variable's value, or for a secret the content of the file that `<VARIABLE>_FILE` names.
    fn value(&self, variable: &str, secret: bool) -> Result<Option<OsString>, String> {
        let file = format!("{variable}_FILE");
        match (self.0.get(variable), self.0.get(&file).filter(|_| secret)) {
            (Some(_), Some(_)) => Err(format!("both {variable} and {file} are set: unset one")),
            (Some(value), None) => Ok(Some(value.clone())),
            (None, Some(path)) => {
                let text = files::read_text(Path::new(path), &file).map_err(|f| f.message)?;
                Ok(Some(text.trim().into()))
            }
            (None, None) => Ok(None),
        }
    }
}

fn switch(value: &OsStr) -> Option<bool> {
    match value.to_str()?.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

fn is_given(arg: &Arg, given: &[OsString]) -> bool {
    let mut options =
        given.iter().take_while(|word| *word != "--").filter_map(|word| word.to_str());
    let is_long = |word: &str| {
        let name = word.strip_prefix("--").map(|rest| rest.split('=').next().unwrap_or(rest));
        name.is_some() && name == arg.get_long()
    };
    let is_short = |word: &str| match arg.get_short() {
        Some(short) => word.starts_with('-') && !word.starts_with("--") && word.contains(short),
        None => false,
    };
    options.any(|word| is_long(word) || is_short(word))
}

/// Whether an option that cannot stand beside this one is on the command line.
fn has_given_rival(command: &Command, arg: &Arg, given: &[OsString]) -> bool {
    let excludes = |one: &Arg, other: &Arg| {
        let rivals = command.get_arg_conflicts_with(one);
        rivals.iter().any(|rival| rival.get_id() == other.get_id())
    };
    let mut others = command.get_arguments().filter(|other| is_given(other, given));
    others.any(|other| excludes(arg, other) || excludes(other, arg))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::args::Cli;

    #[test]
    fn a_secret_may_be_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        std::fs::write(&path, "c2VjcmV0\n").unwrap();
        let variable = "LACME_EAB_HMAC_KEY";
        let file = ("LACME_EAB_HMAC_KEY_FILE", path.to_str().unwrap());

        let environment = Environment::of(&[file]);
        assert_eq!(environment.value(variable, true).unwrap().unwrap(), "c2VjcmV0");
        assert_eq!(environment.value(variable, false).unwrap(), None);
        assert!(Environment::of(&[file, (variable, "x")]).value(variable, true).is_err());
        let missing = ("LACME_EAB_HMAC_KEY_FILE", "/nonexistent/key");
        let error = Environment::of(&[missing]).value(variable, true).unwrap_err();
        assert!(error.contains("/nonexistent/key"), "{error}");
    }

    #[test]
    fn every_secret_is_an_option() {
        let command = Cli::command();
        for secret in SECRETS {
            assert!(command.get_arguments().any(|arg| arg.get_long() == Some(secret)));
        }
    }
}
