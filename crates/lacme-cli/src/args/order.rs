//! Options may stand before the command: they are moved behind it, where clap sees them all at
//! once, so that repeated ones add up and those of `issue` are known.

use std::collections::HashSet;
use std::ffi::OsString;

use clap::Command;

/// `argv` with the words of the command right behind the program's name.
pub(super) struct Ordered {
    pub(super) program: Option<OsString>,
    /// The command's words: `account`, `create`.
    pub(super) path: Vec<OsString>,
    pub(super) rest: Vec<OsString>,
}

impl Ordered {
    /// The command as a person calls it: `lacme account create`.
    pub(super) fn command(&self) -> String {
        let words = self.path.iter().map(|word| word.to_string_lossy().into_owned());
        std::iter::once("lacme".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
    }
}

/// Finds the command in `argv` by the built `tree`.
pub(super) fn command_first(argv: Vec<OsString>, tree: &Command) -> Ordered {
    let taking = options_taking_a_value(tree);
    let mut words = argv.into_iter();
    let mut ordered = Ordered { program: words.next(), path: Vec::new(), rest: Vec::new() };
    let mut at = tree;
    while at.has_subcommands() {
        let Some(word) = words.next() else { break };
        let text = word.to_string_lossy();
        if let Some(command) = at.find_subcommand(text.as_ref()) {
            at = command;
            ordered.path.push(word);
            continue;
        }
        let is_option = text.starts_with('-') && text != "--";
        let value_follows = taking.contains(text.as_ref());
        ordered.rest.push(word);
        if !is_option {
            break;
        }
        if value_follows {
            ordered.rest.extend(words.next());
        }
    }
    ordered.rest.extend(words);
    ordered
}

/// The options of all commands, as `--name`, that take the next word as their value.
fn options_taking_a_value(tree: &Command) -> HashSet<String> {
    let own = tree.get_arguments().filter(|arg| arg.get_action().takes_values());
    let mut names: HashSet<_> =
        own.filter_map(|arg| arg.get_long()).map(|long| format!("--{long}")).collect();
    for command in tree.get_subcommands() {
        names.extend(options_taking_a_value(command));
    }
    names
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::args::Cli;

    fn tree() -> Command {
        let mut tree = Cli::command();
        tree.build();
        tree
    }

    fn switches(tree: &Command, found: &mut HashSet<String>) {
        let own = tree.get_arguments().filter(|arg| !arg.get_action().takes_values());
        found.extend(own.filter_map(|arg| arg.get_long()).map(|long| format!("--{long}")));
        tree.get_subcommands().for_each(|command| switches(command, found));
    }

    #[test]
    fn no_option_takes_a_value_in_one_command_and_none_in_another() {
        let tree = tree();
        let mut found = HashSet::new();
        switches(&tree, &mut found);
        assert_eq!(found.intersection(&options_taking_a_value(&tree)).count(), 0);
    }

    #[test]
    fn a_value_that_reads_like_a_command_is_none() {
        let argv = ["lacme", "--store", "issue", "--json", "account", "-v", "list", "x"];
        let ordered = command_first(argv.map(OsString::from).into(), &tree());
        assert_eq!(ordered.path, ["account", "list"]);
        assert_eq!(ordered.rest, ["--store", "issue", "--json", "-v", "x"]);
    }
}
