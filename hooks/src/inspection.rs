//! Checks the contents of files on a bounded number of threads.
//!
//! The calling thread reads, because a candidate need not be shareable between threads, and reading is cheap beside
//! checking. Few files are checked where they are read: starting a thread costs more than a small file.

use crate::{
    Finding, Progress, Rule,
    candidate::{Candidate, CandidateError, LandingFile},
    check::{Check, Document, Findings},
    report::ReportBuilder,
    secrets::SecretScan,
};
use bytes::Bytes;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex, PoisonError,
        mpsc::{self, Receiver, SyncSender},
    },
    thread,
};

/// Files below which one thread does it all.
const FILES_PER_WORKER_MIN: usize = 8;

/// Bytes that begin another level in some format. Where there are at most so many, a document does not nest deep enough to
/// need the stack of a worker, and is checked by whoever asks: an API call of one small file is no work for two threads.
const NESTING_MARKS: &[u8] = b"[{<-?:.";
const JSON_NESTING_MARKS: &[u8] = b"[{";
const MARKS_MAX: usize = 24;

/// Longer files take long enough for a worker to be worth it.
const FLAT_BYTES_MAX: u64 = 16 << 10;

/// Contents waiting for each worker: enough that none idles while one large file is read, few enough that memory stays
/// bounded by this times the size limit.
const WAITING_PER_WORKER_MAX: usize = 2;

/// Stack of a worker; documents nest to 128 and are read recursively.
pub(crate) const STACK_BYTES: usize = 8 << 20;

/// A file ready to be checked.
struct Job {
    file: LandingFile,
    content: Bytes,
}

/// Runs checks over files.
pub(crate) struct Inspection<'a> {
    checks: &'a [Box<dyn Check>],
    secrets: Option<SecretScan<'a>>,
    workers_max: usize,
}

/// Returns whether content cannot nest deep, whatever it is.
fn is_flat(path: &str, content: &[u8]) -> bool {
    let marks = if path.ends_with(".json") { JSON_NESTING_MARKS } else { NESTING_MARKS };
    content.iter().filter(|byte| marks.contains(byte)).take(MARKS_MAX + 1).count() <= MARKS_MAX
}

impl<'a> Inspection<'a> {
    pub(crate) fn new(checks: &'a [Box<dyn Check>], secrets: Option<SecretScan<'a>>, workers_max: usize) -> Self {
        Self { checks, secrets, workers_max }
    }

    /// Looks for secrets in contents that do not land: anybody could fetch them by their id.
    pub(crate) fn run_passing(
        &self,
        candidate: &dyn Candidate,
        contents: Vec<LandingFile>,
        builder: &mut ReportBuilder,
    ) -> Result<(), CandidateError> {
        let passing = Self { checks: &[], ..*self };
        let files_checked = builder.files_checked();
        if self.secrets.is_some() {
            passing.run(candidate, contents, builder, &mut |_| {})?;
        }
        builder.count_files_as(files_checked);
        Ok(())
    }

    /// Checks every file. Files no check applies to are counted without being read.
    pub(crate) fn run(
        &self,
        candidate: &dyn Candidate,
        files: Vec<LandingFile>,
        builder: &mut ReportBuilder,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), CandidateError> {
        let files = self.run_here(candidate, files, builder, progress)?;
        if files.is_empty() {
            return Ok(());
        }
        let workers = self.workers_max.min(files.len() / FILES_PER_WORKER_MIN).max(1);
        let (jobs, waiting) = mpsc::sync_channel(workers * WAITING_PER_WORKER_MAX);
        let (waiting, shared) = (Mutex::new(waiting), Mutex::new(builder));
        thread::scope(|scope| {
            for _ in 0..workers {
                let worker = thread::Builder::new().stack_size(STACK_BYTES);
                let spawned = worker.spawn_scoped(scope, || self.work(&waiting, &shared));
                spawned.map_err(|error| CandidateError::read("files", error))?;
            }
            self.feed(candidate, files, jobs, progress)
        })
    }

    /// Checks a few flat files on the calling thread and returns all others.
    fn run_here(
        &self,
        candidate: &dyn Candidate,
        files: Vec<LandingFile>,
        builder: &mut ReportBuilder,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Vec<LandingFile>, CandidateError> {
        let files_total = files.len();
        if files_total >= FILES_PER_WORKER_MIN || files.iter().any(|file| file.state.size_bytes > FLAT_BYTES_MAX) {
            return Ok(files);
        }
        let mut others = Vec::new();
        for file in files {
            let content = self.content(candidate, &file)?;
            if !is_flat(&file.path, &content) {
                others.push(file);
                continue;
            }
            let (findings, unlisted) = self.inspect(&file.path, &content);
            builder.count_file();
            builder.add(findings);
            builder.add_unlisted(unlisted);
        }
        if others.is_empty() && files_total > 0 {
            progress(Progress { files_checked: files_total, files_total });
        }
        Ok(others)
    }

    fn content(&self, candidate: &dyn Candidate, file: &LandingFile) -> Result<Bytes, CandidateError> {
        let is_read = self.secrets.is_some() || self.checks.iter().any(|check| check.applies_to(&file.path));
        if is_read { candidate.content(file) } else { Ok(Bytes::new()) }
    }

    /// Reads each file and hands it to the workers; ends them by dropping `jobs`.
    #[expect(clippy::needless_pass_by_value, reason = "dropping the sender is what ends the workers")]
    fn feed(
        &self,
        candidate: &dyn Candidate,
        files: Vec<LandingFile>,
        jobs: SyncSender<Job>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), CandidateError> {
        let files_total = files.len();
        for (files_checked, file) in files.into_iter().enumerate() {
            progress(Progress { files_checked, files_total });
            let content = self.content(candidate, &file)?;
            jobs.send(Job { file, content }).expect("workers live until the sender is dropped");
        }
        progress(Progress { files_checked: files_total, files_total });
        Ok(())
    }

    fn work(&self, waiting: &Mutex<Receiver<Job>>, builder: &Mutex<&mut ReportBuilder>) {
        loop {
            let job = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(Job { file, content }) = job else { return };
            let (findings, unlisted) = self.inspect(&file.path, &content);
            let mut builder = builder.lock().unwrap_or_else(PoisonError::into_inner);
            builder.count_file();
            builder.add(findings);
            builder.add_unlisted(unlisted);
        }
    }

    /// Checks one file. A check that panics refuses the file instead of stopping the process.
    fn inspect(&self, path: &str, content: &[u8]) -> (Vec<Finding>, usize) {
        let inspected = catch_unwind(AssertUnwindSafe(|| {
            let mut findings = Findings::default();
            let content = match &self.secrets {
                Some(scan) => scan.check(path, content, &mut findings),
                None => content.into(),
            };
            let document = Document::new(path, &content);
            for check in self.checks.iter().filter(|check| check.applies_to(path)) {
                check.check(&document, &mut findings);
            }
            findings.into_parts()
        }));
        inspected.unwrap_or_else(|_| {
            let message = "the check of this file failed, so it is refused; please report the file as a defect";
            (vec![Finding::new(Rule::CheckFailed, path, message)], 0)
        })
    }
}
