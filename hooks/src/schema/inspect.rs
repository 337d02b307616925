//! Files against schemas on several threads. As with syntax, the calling thread reads and the others check.

use super::{Compiled, SchemaSettings, check::SchemaCheck};
use crate::{
    Finding, Rule,
    candidate::{Candidate, CandidateError, LandingFile},
    check::{Document, Findings},
    document::{Content, Format},
    inspection::STACK_BYTES,
};
use bytes::Bytes;
use configbus_model::at_most;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
    time::Instant,
};

/// One file and what it is held to.
pub(super) struct Job<'f> {
    pub file: &'f LandingFile,
    pub schemas: Vec<Arc<Compiled>>,
}

/// Files below which another thread is not worth starting.
const FILES_PER_WORKER_MIN: usize = 8;

/// Contents waiting for each worker.
const WAITING_PER_WORKER_MAX: usize = 4;

/// Checks files and adds what they violate.
pub(super) fn inspect(
    check: &SchemaCheck,
    candidate: &dyn Candidate,
    jobs: Vec<Job<'_>>,
    deadline: Instant,
    findings: &mut Findings,
) -> Result<(), CandidateError> {
    if jobs.is_empty() {
        return Ok(());
    }
    let workers = check.workers_max.min(jobs.len() / FILES_PER_WORKER_MIN).max(1);
    let (sender, waiting) = mpsc::sync_channel::<(Job<'_>, Bytes)>(workers * WAITING_PER_WORKER_MAX);
    let (waiting, shared) = (Mutex::new(waiting), Mutex::new(findings));
    thread::scope(|scope| {
        let work = || {
            loop {
                let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
                let Ok((job, content)) = job else { return };
                let (found, more) = check_file(&job, &content, &check.settings);
                let mut findings = shared.lock().unwrap_or_else(PoisonError::into_inner);
                found.into_iter().for_each(|finding| findings.add(finding));
                findings.add_unlisted(more);
            }
        };
        for _ in 0..workers {
            let worker = thread::Builder::new().stack_size(STACK_BYTES);
            worker.spawn_scoped(scope, work).map_err(|error| CandidateError::read("files", error))?;
        }
        for job in jobs {
            // Workers take no more than waits for them, so that this is late by little.
            if Instant::now() > deadline {
                let finding = out_of_time(&job.file.path, &check.settings);
                shared.lock().unwrap_or_else(PoisonError::into_inner).add(finding);
                break;
            }
            let content = candidate.content(job.file)?;
            sender.send((job, content)).expect("workers live until the sender is dropped");
        }
        drop(sender);
        Ok(())
    })
}

/// Says that a candidate had its time.
fn out_of_time(path: &str, settings: &SchemaSettings) -> Finding {
    let message = "checking against schemas was stopped at this file, because all files together took too long; split the change \
                   or simplify the schemas";
    let max = settings.candidate_time_ms_max;
    let finding = Finding::new(Rule::SchemaCost, path, message).found(format!("more than {max} ms"));
    finding.expected(at_most(max, "ms for all files", "gate.schemas.candidate_time_ms_max"))
}

/// Checks one file. A check that panics refuses the file instead of stopping the process.
fn check_file(job: &Job<'_>, content: &[u8], settings: &SchemaSettings) -> (Vec<Finding>, usize) {
    let path = job.file.path.as_str();
    let checked = catch_unwind(AssertUnwindSafe(|| violations(path, content, &job.schemas, settings)));
    checked.unwrap_or_else(|_| {
        let message = "the check against a schema failed, so the file is refused; please report it as a defect";
        (vec![Finding::new(Rule::CheckFailed, path, message)], 0)
    })
}

fn violations(
    path: &str,
    content: &[u8],
    schemas: &[Arc<Compiled>],
    settings: &SchemaSettings,
) -> (Vec<Finding>, usize) {
    let (mut found, mut unlisted) = (Vec::new(), 0);
    let text = std::str::from_utf8(content).ok();
    let Some(parsed) = Format::of(path).zip(text).and_then(|(format, text)| Content::read(format, text)) else {
        let message = "file cannot be read as what its name says";
        return (vec![Finding::new(Rule::CheckFailed, path, message)], 0);
    };
    let document = Document::new(path, content);
    for schema in schemas {
        for (index, value) in parsed.values().iter().enumerate() {
            let (violations, more) = schema.check(value, settings);
            unlisted += more;
            for violation in violations {
                let finding = violation.into_finding(&document, &parsed, index);
                // Two schemas may ask for the same.
                if !found.contains(&finding) {
                    found.push(finding);
                }
            }
        }
    }
    (found, unlisted)
}

/// Maps items on threads with the stack that deep documents need, in order.
pub(crate) fn on_workers<T: Sync, R: Send>(
    workers_max: usize,
    items: &[T],
    map: impl Fn(&T) -> R + Sync,
) -> Result<Vec<R>, CandidateError> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<R>>> = items.iter().map(|_| Mutex::new(None)).collect();
    thread::scope(|scope| {
        for _ in 0..workers_max.min(items.len()) {
            let work = || {
                while let Some((item, result)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    items.get(at).zip(results.get(at))
                } {
                    *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(map(item));
                }
            };
            let worker = thread::Builder::new().stack_size(STACK_BYTES);
            worker.spawn_scoped(scope, work).map_err(|error| CandidateError::read("schemas", error))?;
        }
        Ok::<(), CandidateError>(())
    })?;
    let results = results.into_iter().map(|result| result.into_inner().unwrap_or_else(PoisonError::into_inner));
    Ok(results.map(|result| result.expect("every item was taken by a worker")).collect())
}
