//! `proc-receive`: Git hands over the updates of `main` and believes what this program reports (githooks, protocol 1).
//!
//! The objects are in the repository by now; what is refused here is what happened since pre-receive. If the server
//! cannot be asked, every update is refused by name, so that the client prints the reason next to its reference.

use super::{ask::FindServer, error::HookError, updates};
use crate::wire::{Landed, Outcome, OutcomeResult, ProcReceive, ReferenceUpdate, Request, Response};
use configbus_gitstore::pkt_line::{self, Packet};
use std::{
    io::{Read, Write},
    process::ExitCode,
};

/// Most bytes of a reason; it has to fit one packet with its reference, and one line of a terminal.
const REASON_BYTES_MAX: usize = 4_000;

pub(super) fn run(
    git_in: &mut impl Read,
    git_out: &mut impl Write,
    pusher: &mut impl Write,
    find_server: FindServer<'_>,
) -> Result<ExitCode, HookError> {
    let has_options = negotiate(git_in, git_out)?;
    let updates = section(git_in)?.iter().map(|line| updates::parse_update(line)).collect::<Result<Vec<_>, _>>()?;
    let push_options = if has_options { section(git_in)? } else { Vec::new() };
    let outcomes = land(&updates, push_options, find_server).unwrap_or_else(|error| refuse_all(&updates, &error));
    for line in outcomes.iter().flat_map(|outcome| &outcome.remote_lines) {
        writeln!(pusher, "{line}")?;
    }
    report(git_out, &outcomes)?;
    Ok(ExitCode::SUCCESS)
}

/// Agrees on version 1, and on push options if Git has any to give.
fn negotiate(git_in: &mut impl Read, git_out: &mut impl Write) -> Result<bool, HookError> {
    let hello = section(git_in)?;
    let hello = hello.first().map(Vec::as_slice).unwrap_or_default();
    let (version, features) = match hello.iter().position(|byte| *byte == 0) {
        Some(nul) => (&hello[..nul], &hello[nul + 1..]),
        None => (hello, &[][..]),
    };
    if version.trim_ascii() != b"version=1" {
        return Err(HookError::Input { what: "a protocol version", found: String::from_utf8_lossy(version).into() });
    }
    let has_options = features.trim_ascii().split(|byte| *byte == b' ').any(|feature| feature == b"push-options");
    let answer: &[u8] = if has_options { b"version=1\0push-options\n" } else { b"version=1\n" };
    write(git_out, answer)?;
    flush(git_out)?;
    Ok(has_options)
}

fn land(
    updates: &[ReferenceUpdate],
    push_options: Vec<Vec<u8>>,
    find_server: FindServer<'_>,
) -> Result<Vec<Outcome>, HookError> {
    let option = |bytes: Vec<u8>| {
        let wrong = |found: Vec<u8>| String::from_utf8_lossy(&found).into_owned();
        String::from_utf8(bytes)
            .map_err(|error| HookError::Input { what: "a push option", found: wrong(error.into_bytes()) })
    };
    let server = find_server()?;
    let request = Request::ProcReceive(ProcReceive {
        push_id: server.push_id.clone(),
        updates: updates.to_vec(),
        push_options: push_options.into_iter().map(option).collect::<Result<_, _>>()?,
    });
    let Response::Outcomes(outcomes) = server.ask(&request)? else { return Err(HookError::AnswerMismatch) };
    let matches = updates.iter().map(|update| &update.reference).eq(outcomes.iter().map(|outcome| &outcome.reference));
    if matches { Ok(outcomes) } else { Err(HookError::AnswerMismatch) }
}

fn refuse_all(updates: &[ReferenceUpdate], error: &HookError) -> Vec<Outcome> {
    let refused = |update: &ReferenceUpdate| Outcome {
        reference: update.reference.clone(),
        result: OutcomeResult::Refused(error.chain()),
        remote_lines: Vec::new(),
    };
    updates.iter().map(refused).collect()
}

fn report(git_out: &mut impl Write, outcomes: &[Outcome]) -> Result<(), HookError> {
    for Outcome { reference, result, .. } in outcomes {
        match result {
            OutcomeResult::Landed(landed) => {
                write(git_out, format!("ok {reference}\n").as_bytes())?;
                report_landed(git_out, landed)?;
            }
            OutcomeResult::Refused(reason) => {
                write(git_out, format!("ng {reference} {}\n", one_line(reason)).as_bytes())?;
            }
        }
    }
    flush(git_out)
}

fn report_landed(git_out: &mut impl Write, landed: &Landed) -> Result<(), HookError> {
    let Landed { reference, old, new } = landed;
    let options = [
        reference.as_ref().map(|name| format!("option refname {name}\n")),
        old.map(|id| format!("option old-oid {id}\n")),
        new.map(|id| format!("option new-oid {id}\n")),
    ];
    options.iter().flatten().try_for_each(|line| write(git_out, line.as_bytes()))
}

/// Line breaks and control characters would end the report line or steer the pusher's terminal.
fn one_line(reason: &str) -> String {
    let printable = reason.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut line = String::new();
    for c in printable {
        if line.len() + c.len_utf8() > REASON_BYTES_MAX {
            break;
        }
        line.push(c);
    }
    line.trim().to_owned()
}

/// Reads packets up to a flush.
fn section(git_in: &mut impl Read) -> Result<Vec<Vec<u8>>, HookError> {
    let mut lines = Vec::new();
    loop {
        match pkt_line::read(git_in).map_err(|error| HookError::Git(error.into()))? {
            Some(Packet::Data(line)) => lines.push(line.to_vec()),
            Some(Packet::Flush) => return Ok(lines),
            other => return Err(HookError::Input { what: "a packet", found: format!("{other:?}") }),
        }
    }
}

fn write(git_out: &mut impl Write, line: &[u8]) -> Result<(), HookError> {
    pkt_line::write(git_out, line).map_err(|error| HookError::Git(error.into()))
}

fn flush(git_out: &mut impl Write) -> Result<(), HookError> {
    pkt_line::write_flush(git_out).map_err(|error| HookError::Git(error.into()))?;
    Ok(git_out.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::ask::tests::answering;
    use configbus_model::ObjectId;

    /// Git's side of the conversation; `None` is a flush.
    fn spoken(lines: &[Option<&str>]) -> Vec<u8> {
        let mut wire = Vec::new();
        for line in lines {
            match line {
                Some(line) => pkt_line::write(&mut wire, line.as_bytes()).unwrap(),
                None => pkt_line::write_flush(&mut wire).unwrap(),
            }
        }
        wire
    }

    fn heard(mut wire: &[u8]) -> Vec<Option<String>> {
        let mut lines = Vec::new();
        while let Some(packet) = pkt_line::read(&mut wire).unwrap() {
            lines.push(match packet {
                Packet::Data(line) => Some(String::from_utf8(line.to_vec()).unwrap()),
                _ => None,
            });
        }
        lines
    }

    fn id(digit: u8) -> ObjectId {
        ObjectId::from_bytes([digit; 20])
    }

    #[test]
    fn a_landing_is_reported_with_its_options() {
        let landed = Landed { reference: Some("refs/landed/main".into()), old: Some(id(2)), new: Some(id(3)) };
        let outcome = Outcome {
            reference: "refs/heads/main".into(),
            result: OutcomeResult::Landed(landed),
            remote_lines: vec!["landed as r42".into()],
        };
        let (server, thread, _folder) = answering(Response::Outcomes(vec![outcome]));
        let update = format!("{} {} refs/heads/main", id(0), id(1));
        let git =
            spoken(&[Some("version=1\0push-options atomic\n"), None, Some(&update), None, Some("reason=x"), None]);
        let (mut out, mut text) = (Vec::new(), Vec::new());
        run(&mut &git[..], &mut out, &mut text, &move || Ok(server.clone())).unwrap();
        let lines: Vec<_> = heard(&out);
        let expected = [
            Some("version=1\0push-options\n".to_owned()),
            None,
            Some("ok refs/heads/main\n".to_owned()),
            Some("option refname refs/landed/main\n".to_owned()),
            Some(format!("option old-oid {}\n", id(2))),
            Some(format!("option new-oid {}\n", id(3))),
            None,
        ];
        assert_eq!(lines, expected);
        assert_eq!(text, b"landed as r42\n");
        let Request::ProcReceive(question) = thread.join().unwrap() else { panic!("another question") };
        assert_eq!(question.push_options, ["reason=x"]);
    }

    #[test]
    fn without_a_server_each_update_is_refused_by_name() {
        let update = format!("{} {} refs/for/main", id(0), id(1));
        let git = spoken(&[Some("version=1\n"), None, Some(&update), None]);
        let (mut out, away) = (Vec::new(), || Err(HookError::NotOnServer { variable: "X" }));
        run(&mut &git[..], &mut out, &mut Vec::new(), &away).unwrap();
        let lines = heard(&out);
        assert_eq!(lines[0].as_deref(), Some("version=1\n"));
        assert!(lines[2].as_deref().unwrap().starts_with("ng refs/for/main X is not set"), "{lines:?}");
    }

    #[test]
    fn an_answer_about_another_reference_is_not_believed() {
        let (server, _thread, _folder) = answering(Response::Outcomes(Vec::new()));
        let update = format!("{} {} refs/heads/main", id(0), id(1));
        let git = spoken(&[Some("version=1\0\n"), None, Some(&update), None]);
        let mut out = Vec::new();
        run(&mut &git[..], &mut out, &mut Vec::new(), &move || Ok(server.clone())).unwrap();
        assert!(heard(&out)[2].as_deref().unwrap().starts_with("ng refs/heads/main"));
    }

    #[test]
    fn reasons_stay_on_one_line() {
        assert_eq!(one_line("a\nb\u{1b}[2J "), "a b [2J");
        assert!(one_line(&"ü".repeat(10_000)).len() <= REASON_BYTES_MAX);
    }

    #[test]
    fn another_version_ends_the_conversation() {
        let git = spoken(&[Some("version=2\n"), None]);
        let error = run(&mut &git[..], &mut Vec::new(), &mut Vec::new(), &|| panic!("not asked")).unwrap_err();
        assert!(matches!(error, HookError::Input { .. }), "{error}");
    }
}
