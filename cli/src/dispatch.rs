//! Which function a command is.

use crate::{
    args::{Cli, Command},
    commands, demo, hosted,
    output::Output,
    report::Failure,
    roles, up,
};
use clap::CommandFactory as _;
use std::{path::Path, process::ExitCode};

/// Runs as one of Git's hooks, or as a child of the gate, when the program was started under such a name.
pub(crate) fn as_hook() -> Option<ExitCode> {
    let name = std::env::args_os().next()?;
    match Path::new(&name).file_name()?.to_str()? {
        "pre-receive" => Some(configbus_hooks::entry::pre_receive()),
        "proc-receive" => Some(configbus_hooks::entry::proc_receive()),
        "post-receive" => Some(configbus_hooks::entry::post_receive()),
        configbus_hooks::evaluator::PROGRAM_NAME => Some(configbus_hooks::entry::rules()),
        configbus_hooks::validators::PROGRAM_NAME => Some(configbus_hooks::entry::validator()),
        _ => None,
    }
}

/// Runs a command.
pub(crate) fn run(command: Command, output: Output) -> Result<(), Failure> {
    match command {
        Command::Up(args) => up::run(args, output),
        Command::Demo(args) => demo::run(&args, output),
        Command::Server(args) => roles::server(args, output),
        Command::Store(args) => roles::store(args, output),
        Command::Agent(args) => roles::agent(args, output),
        Command::Get(args) => wait_for(commands::get::run(args, output)),
        Command::Ls(args) => wait_for(commands::ls::run(args, output)),
        Command::Put(args) => wait_for(commands::put::run(args, output)),
        Command::Rm(args) => wait_for(commands::rm::run(args, output)),
        Command::Edit(args) => wait_for(commands::edit::run(args, output)),
        Command::Log(args) => wait_for(commands::log::run(args, output)),
        Command::Diff(args) => wait_for(commands::diff::run(args, output)),
        Command::Blame(args) => wait_for(commands::blame::run(args, output)),
        Command::Revert(args) => wait_for(commands::revert::run(args, output)),
        Command::Watch(args) => wait_for(commands::watch::run(args, output)),
        Command::Validate(args) => commands::validate::run(&args, output),
        Command::Hook(args) => hosted::run(args.command, output),
        Command::Status(args) => wait_for(commands::status::run(args, output)),
        Command::Hosts(args) => wait_for(commands::hosts::run(args, output)),
        Command::Wait(args) => wait_for(commands::wait::run(args, output)),
        Command::Decider(args) => wait_for(commands::decider::run(args.command, output)),
        Command::Flags(args) => commands::flags::run(args.command, output),
        Command::Namespace(args) => wait_for(commands::namespace::run(args.command, output)),
        Command::Token(args) => wait_for(commands::token::run(args.command, output)),
        Command::Completion { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "configbus", &mut std::io::stdout());
            Ok(())
        }
    }
}

/// Runs a command that talks to a server; one thread is enough for it.
fn wait_for(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}
