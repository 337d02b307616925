//! `configbus hook`: the gate on a bare repository that no server looks after, such as one that is pushed to over SSH.
//!
//! The program itself is the hook: the files that Git runs are two lines of shell that name it. Settings lie beside the
//! repository's own; nothing is taken from the environment, which is the pusher's over SSH.

mod announcement;
mod installation;
mod repository;
mod settings;

use crate::{
    args::{HookCommand, RepositoryArgs},
    output::Output,
    report::Failure,
};
use std::process::ExitCode;

/// Runs a command, or one of Git's hooks.
pub(crate) fn run(command: HookCommand, output: Output) -> Result<(), Failure> {
    match command {
        HookCommand::Install(args) => installation::install(&args, output),
        HookCommand::Uninstall(RepositoryArgs { repository }) => installation::uninstall(&repository, output),
        HookCommand::Check(RepositoryArgs { repository }) => installation::check(&repository, output),
        HookCommand::Announce(RepositoryArgs { repository }) => announcement::announce(&repository, output),
        HookCommand::PreReceive => ended(pre_receive()?),
        HookCommand::PostReceive => {
            announcement::after_push();
            Ok(())
        }
    }
}

fn pre_receive() -> Result<ExitCode, Failure> {
    let repository = repository::Repository::of_hook()?;
    let settings = settings::HookSettings::read(&repository)?;
    settings.judge()
}

/// Git looks at nothing but whether a hook succeeds, and what is wrong has been said.
fn ended(code: ExitCode) -> Result<(), Failure> {
    if code == ExitCode::SUCCESS { Ok(()) } else { Err(Failure::shown(configbus_model::ErrorKind::Rejected)) }
}
