//! The one binary of the bus: parse, call one function, print, choose the exit code.
//!
//! Knows every role and decides nothing of what they do. Read first: [`args`] (names and flags), [`dispatch`] (which function a
//! command is) and [`report`] (how a failure becomes an exit code).

mod api_failure;
mod args;
mod commands;
mod demo;
mod dispatch;
mod hosted;
mod output;
mod paint;
mod process;
mod progress;
mod report;
mod roles;
mod shapes;
mod table;
mod time;
mod up;

use clap::Parser as _;
use std::process::ExitCode;

fn main() -> ExitCode {
    if let Some(code) = dispatch::as_hook() {
        return code;
    }
    let cli = args::Cli::parse();
    let output = output::Output::new(cli.output);
    match dispatch::run(cli.command, output) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.show(output.is_json(), paint::Paint::of(&std::io::stderr()));
            failure.exit_code()
        }
    }
}
