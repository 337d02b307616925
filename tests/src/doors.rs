//! The ways into the bus, each asked for its verdict on one file: `git push`, REST, gRPC and `configbus validate`.

use crate::{
    bus::Run,
    git::{WorkingCopy, git},
    rest::Rest,
};
use configbus_api::{ApiError, ChangeSet, Client, Edit, Expected};
use configbus_hooks::{Report, Rule, testing::NamedFiles};
use std::{collections::BTreeSet, fs, io::Write as _, path::Path, process::Stdio};
use tokio::runtime::Runtime;

/// Returns the files that a report tells of.
pub fn files_told(report: &Report) -> BTreeSet<&str> {
    report.findings.iter().map(|finding| finding.path.as_str()).collect()
}

/// Returns the rules that a report tells of.
pub fn rules_of(report: &Report) -> BTreeSet<&'static str> {
    report.findings.iter().map(|finding| finding.rule.as_str()).collect()
}

/// Reads which rules the lines tell of that Git shows of a refused push.
pub fn rules_told(text: &str) -> BTreeSet<&'static str> {
    let words = text.split_whitespace().filter_map(|word| word.strip_prefix('[')?.strip_suffix(']'));
    words.filter_map(|word| Rule::ALL.iter().map(|rule| rule.as_str()).find(|rule| *rule == word)).collect()
}

/// Returns whether a report says the same as another, or as much of it from the beginning as fits the trailers of gRPC.
pub fn is_shortened(report: &Report, whole: &Report) -> bool {
    report.findings_total == whole.findings_total && whole.findings.starts_with(&report.findings)
}

/// A server's doors.
#[derive(Debug)]
pub struct Doors {
    rest: Rest,
    client: Client,
    runtime: Runtime,
}

impl Doors {
    /// Connects to a server.
    pub fn of(server: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime starts");
        let client = runtime.block_on(Client::connect(server)).expect("the server answers");
        Self { rest: Rest::new(server), client, runtime }
    }

    /// Puts a file over REST.
    ///
    /// # Panics
    /// Panics when it is neither accepted nor refused by validation.
    pub fn put(&self, path: &str, content: &[u8]) -> Report {
        let answer = self.rest.put(&format!("/v1/files/{path}"), &[], content);
        match answer.status {
            200 | 201 => Report::default(),
            422 => serde_json::from_value(answer.json()["report"].clone()).expect("the report is the gate's"),
            status => panic!("{path}: {status} {}", answer.body),
        }
    }

    /// Asks over gRPC what would become of a file; nothing lands.
    ///
    /// # Panics
    /// Panics when it is neither accepted nor refused by validation.
    pub fn validate(&self, path: &str, content: &[u8]) -> Report {
        let change = ChangeSet::new("tried").with(Edit::put(path.parse().expect("a path"), content, Expected::Any));
        match self.runtime.block_on(self.client.validate(&change)) {
            Ok(_) => Report::default(),
            Err(ApiError::Rejected { report: Some(report), .. }) => {
                serde_json::from_str(&report).expect("the report is the gate's")
            }
            Err(error) => panic!("{path}: {error}"),
        }
    }
}

/// Runs `configbus validate` on a folder.
///
/// # Panics
/// Panics when it could not say anything.
pub fn validate_folder(folder: &Path) -> Report {
    let run = Run::of(&["validate", "--format", "json", folder.to_str().expect("a path is text")], b"");
    assert!(matches!(run.code, 0 | 4), "{}{}", run.stdout, run.stderr);
    serde_json::from_value(run.json()).expect("the report is the gate's")
}

/// Removes from a folder what `configbus validate` tells of, until it tells of nothing, and returns the files it told of
/// and how often it was asked: a report lists fifty problems, so whoever repairs what is listed and asks again comes to all.
///
/// # Panics
/// Panics when there are problems and none is listed.
pub fn validate_until_clean(folder: &Path) -> (BTreeSet<String>, usize) {
    let mut told = BTreeSet::new();
    for asked in 1.. {
        let report = validate_folder(folder);
        if report.is_accepted() {
            return (told, asked);
        }
        assert!(!report.findings.is_empty(), "{} problems and none is listed", report.findings_total);
        for path in files_told(&report) {
            fs::remove_file(folder.join(path)).expect("what is told of is there");
            told.insert(path.to_owned());
        }
    }
    unreachable!("numbers do not end")
}

/// Writes files below a folder.
///
/// # Panics
/// Panics when that cannot be done.
pub fn write_files(folder: &Path, files: &[(String, Vec<u8>)]) {
    for (path, content) in files {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().expect("a file lies in a folder")).expect("folders can be made");
        fs::write(file, content).expect("a file can be written");
    }
}

/// Makes one commit for each file on top of `HEAD`, each under the reference `refs/each/NUMBER`.
///
/// # Panics
/// Panics when Git does not do it.
pub fn commit_each(copy: &WorkingCopy, files: &NamedFiles) {
    let head = copy.id("HEAD");
    let mut import = git(copy.path());
    let mut import = import.args(["fast-import", "--quiet"]).stdin(Stdio::piped()).spawn().expect("git starts");
    let mut input = import.stdin.take().expect("standard input is piped");
    for (number, (path, content)) in files.iter().enumerate() {
        let header = format!(
            "commit refs/each/{number}\ncommitter Ada <ada@example.com> 1700000000 +0000\ndata 4\neach\nfrom {head}\n\
             M 100644 inline {path}\ndata {}\n",
            content.len()
        );
        let written = input.write_all(header.as_bytes()).and_then(|()| input.write_all(content));
        written.and_then(|()| input.write_all(b"\n")).expect("git reads");
    }
    drop(input);
    assert!(import.wait().expect("git ends").success(), "git fast-import failed");
}
