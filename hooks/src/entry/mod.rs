//! What Git runs: the hook programs of a server's repositories.
//!
//! They are thin. Opening the repository, checking and landing happen in the server, which has the head's trees in
//! memory and a queue; a hook carries Git's words to the server's socket and the answer back. Whatever goes wrong on
//! the way refuses the push with one line that says why.

mod ask;
mod error;
mod hosted;
mod post_receive;
mod pre_receive;
mod proc_receive;
mod updates;

use crate::{Context, Gate};
use error::HookError;
use std::{io, process::ExitCode};

/// Runs as Git's `pre-receive`: the verdict's text goes to standard error, which the pusher sees.
pub fn pre_receive() -> ExitCode {
    conclude(pre_receive::run(&mut io::stdin().lock(), &mut io::stderr().lock(), &ask::Server::from_env))
}

/// Runs as Git's `pre-receive` where no server looks after the repository: judges the push itself.
pub fn pre_receive_hosted(gate: &Gate, context: &Context<'_>) -> ExitCode {
    conclude(hosted::run(&mut io::stdin().lock(), &mut io::stderr().lock(), gate, context))
}

/// Runs as Git's `proc-receive`: speaks its packet protocol on standard input and output.
pub fn proc_receive() -> ExitCode {
    let (mut stdin, mut stdout) = (io::stdin().lock(), io::stdout().lock());
    conclude(proc_receive::run(&mut stdin, &mut stdout, &mut io::stderr().lock(), &ask::Server::from_env))
}

/// Runs as Git's `post-receive`: a nudge. The push is over, so nothing that goes wrong here can refuse it.
pub fn post_receive() -> ExitCode {
    conclude(post_receive::run(&mut io::stdin().lock(), &ask::Server::from_env))
}

/// Runs as the process that evaluates rules, see [`crate::evaluator`].
pub fn rules() -> ExitCode {
    crate::evaluator::child::run()
}

/// Runs as the process that supervises one run of a validator, see [`crate::validators`].
pub fn validator() -> ExitCode {
    crate::validators::supervisor::run()
}

fn conclude(result: Result<ExitCode, HookError>) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("configbus: {}", error.chain());
        ExitCode::FAILURE
    })
}
