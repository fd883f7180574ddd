//! The `lacme` command.

mod args;
mod commands;
mod connect;
mod exit;
mod files;
mod hook;
mod output;
mod session;
mod settings;
mod signals;

use std::process::ExitCode;

use args::Parsed;
use output::Console;

fn main() -> ExitCode {
    let environment = args::Environment::of_process();
    let argv = std::env::args_os().collect();
    match args::parse(argv, &environment) {
        Parsed::Run(cli) => commands::run(*cli),
        Parsed::Show(text) => Console::default().show(&text),
        Parsed::Misused { failure, json } => Console::for_misuse(json).conclude(Err(failure)),
    }
}
