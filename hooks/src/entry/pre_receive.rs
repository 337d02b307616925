//! `pre-receive`: all updates of a push on standard input, objects in quarantine; the exit status decides.

use super::{ask::FindServer, error::HookError, updates};
use crate::wire::{PreReceive, Request, Response};
use std::{
    env,
    io::{BufRead, Write},
    process::ExitCode,
};

pub(super) fn run(
    input: &mut impl BufRead,
    pusher: &mut impl Write,
    find_server: FindServer<'_>,
) -> Result<ExitCode, HookError> {
    let lines = input.split(b'\n').map(|line| updates::parse_update(&line?));
    let updates = lines.collect::<Result<Vec<_>, HookError>>()?;
    let server = find_server()?;
    let request = Request::PreReceive(PreReceive {
        push_id: server.push_id.clone(),
        updates,
        push_options: updates::push_options(|name| env::var_os(name))?,
        quarantine: updates::quarantine(|name| env::var_os(name))?,
    });
    let Response::Verdict(verdict) = server.ask(&request)? else { return Err(HookError::AnswerMismatch) };
    pusher.write_all(verdict.text.as_bytes())?;
    if !verdict.text.is_empty() && !verdict.text.ends_with('\n') {
        pusher.write_all(b"\n")?;
    }
    Ok(if verdict.is_accepted { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{entry::ask::tests::answering, wire::Verdict};
    use configbus_model::ObjectId;

    fn check_pushed(verdict: Verdict) -> (ExitCode, String, Request) {
        let (server, thread, _folder) = answering(Response::Verdict(verdict));
        let mut text = Vec::new();
        let line = format!("{0} {0} refs/heads/main\n", ObjectId::ZERO);
        let code = run(&mut line.as_bytes(), &mut text, &move || Ok(server.clone())).unwrap();
        (code, String::from_utf8(text).unwrap(), thread.join().unwrap())
    }

    #[test]
    fn the_verdict_decides_and_its_text_is_shown() {
        let (code, text, question) = check_pushed(Verdict { is_accepted: false, text: "a.json:1:1: bad".into() });
        assert_eq!((code, &*text), (ExitCode::FAILURE, "a.json:1:1: bad\n"));
        let Request::PreReceive(question) = question else { panic!("{question:?}") };
        assert_eq!((&*question.push_id, &*question.updates[0].reference), ("p1", "refs/heads/main"));
        let (code, text, _) = check_pushed(Verdict { is_accepted: true, text: String::new() });
        assert_eq!((code, &*text), (ExitCode::SUCCESS, ""));
    }

    #[test]
    fn outside_a_server_a_push_is_refused_with_the_reason() {
        let away = || Err(HookError::NotOnServer { variable: "CONFIGBUS_HOOK_SOCKET" });
        let error = run(&mut &b""[..], &mut Vec::new(), &away).unwrap_err();
        assert!(error.to_string().starts_with("CONFIGBUS_HOOK_SOCKET is not set"), "{error}");
    }
}
