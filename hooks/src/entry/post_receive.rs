//! `post-receive`: the push is over. Its standard input is what proc-receive reported, not what landed, so it is read
//! only to keep Git from writing into a closed pipe.

use super::{ask::FindServer, error::HookError};
use crate::wire::{PostReceive, Request, Response};
use std::{
    io::{self, Read},
    process::ExitCode,
};

pub(super) fn run(input: &mut impl Read, find_server: FindServer<'_>) -> Result<ExitCode, HookError> {
    io::copy(input, &mut io::sink())?;
    let server = find_server()?;
    match server.ask(&Request::PostReceive(PostReceive { push_id: server.push_id.clone() }))? {
        Response::Noted => Ok(ExitCode::SUCCESS),
        _ => Err(HookError::AnswerMismatch),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::ask::tests::answering;

    #[test]
    fn the_server_is_nudged() {
        let (server, thread, _folder) = answering(Response::Noted);
        let code = run(&mut &b"whatever"[..], &move || Ok(server.clone())).unwrap();
        assert_eq!(code, ExitCode::SUCCESS);
        assert_eq!(thread.join().unwrap(), Request::PostReceive(PostReceive { push_id: "p1".into() }));
    }
}
