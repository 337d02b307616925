//! Promise 1 as the kernel sees it: this test runs itself under strace and reads in which order files, names and the ref
//! became durable. kill -9 shows nothing of this, because the page cache outlives the process.

use crate::{
    PushLanding, Store,
    git::{ServeOptions, receive_pack},
    testing::{TestStore, commit_file, git, meta, put, rerun, subject, try_git},
};
use std::{collections::HashMap, fs, path::Path, process::Command, time::Duration};

/// What is traced: lands one edit. Alone it does nothing.
#[test]
fn subject_lands_an_edit() {
    let Some(store) = traced_store() else { return };
    let head = store.head();
    mark(&store, "begin");
    let landing = store.land_edits(head.as_ref(), &[put("dir/a", "2")], &meta("edit")).unwrap();
    let crate::EditLanding::Landed { commit, .. } = landing else { panic!("{landing:?}") };
    store.move_head(head.map(|head| head.commit), commit, 5).unwrap();
    mark(&store, "end");
}

/// What is traced: lands a batch. Alone it does nothing.
#[test]
fn subject_lands_a_batch() {
    let Some(store) = traced_store() else { return };
    mark(&store, "begin");
    land_batch(&store, ["2", "3"]);
    mark(&store, "end");
}

/// What is traced: makes room in the journal. Alone it does nothing.
#[test]
fn subject_makes_a_checkpoint() {
    let Some(store) = traced_store() else { return };
    store.checkpoint().unwrap();
    land_batch(&store, ["2", "3"]);
    // The other half was begun by the first landing, and is free again.
    store.checkpoint().unwrap();
    land_batch(&store, ["4", "5"]);
    mark(&store, "begin");
    assert!(store.checkpoint().unwrap());
    mark(&store, "end");
    assert!(!store.checkpoint().unwrap(), "once is enough");
}

fn land_batch(store: &Store, contents: [&str; 2]) {
    let mut batch = store.begin_batch();
    for content in contents {
        let staged = batch.stage(&[put("dir/a", content)]).unwrap();
        batch.add(&staged, &meta("edit"), None).unwrap();
    }
    batch.land().unwrap();
}

/// What is traced: takes in a push through receive-pack and lands it as a merge. Alone it does nothing.
#[test]
fn subject_lands_a_push() {
    let Some(store) = traced_store() else { return };
    let request = fs::read(store.dir().join("request")).unwrap();
    let tip = fs::read_to_string(store.dir().join("tip")).unwrap().parse().unwrap();
    let head = store.head();
    mark(&store, "begin");
    let command = receive_pack(store.dir(), &ServeOptions::default());
    let answer = command.run_with_input(&request, Duration::from_secs(60)).unwrap();
    assert!(String::from_utf8_lossy(&answer.stdout).contains("unpack ok"));
    mark(&store, "received");
    let landing = store.land_push(head.as_ref(), tip, &meta("merge")).unwrap();
    let PushLanding::Merged { commit, .. } = landing else { panic!("{landing:?}") };
    store.move_head(head.map(|head| head.commit), commit, 5).unwrap();
    mark(&store, "end");
}

/// A store whose journal has been used already: the files of a journal are made once.
fn traced_store() -> Option<Store> {
    let store = Store::open(&subject()?).unwrap();
    land_batch(&store, ["0", "1"]);
    Some(store)
}

fn mark(store: &Store, name: &str) {
    fs::write(store.dir().join(format!("mark-{name}")), "").unwrap();
}

/// What happens after each other; the calls of one step go on at the same time.
const PACK_THEN_HEAD: [&[&str]; 6] = [
    &["sync objects/pack/tmp_idx_*", "sync objects/pack/tmp_pack_*"],
    &["name objects/pack/pack-*.pack"],
    &["name objects/pack/pack-*.idx"],
    &["sync objects/pack"],
    &["sync configbus/journal-0"],
    &["name refs/heads/main"],
];

fn check_steps(calls: &[&str], steps: &[&[&str]]) {
    let mut rest = calls;
    for step in steps {
        let (now, later) = rest.split_at(step.len().min(rest.len()));
        let mut now = now.to_vec();
        now.sort_unstable();
        assert_eq!(now, *step, "{calls:#?}");
        rest = later;
    }
    assert!(rest.is_empty(), "{calls:#?}");
}

#[test]
fn an_edit_is_durable_before_its_ref_and_its_ref_before_it_is_shown() {
    let store = TestStore::new();
    store.land(&[("dir/a", "1")]);
    let Some(calls) = traced(&store, "subject_lands_an_edit") else { return };
    check_steps(&between(&calls, "begin", "end"), &PACK_THEN_HEAD);
}

#[test]
fn a_batch_is_in_the_journal_before_anything_gets_its_name_and_is_waited_for_once() {
    let store = TestStore::new();
    store.land(&[("dir/a", "1")]);
    let Some(calls) = traced(&store, "subject_lands_a_batch") else { return };
    let steps: [&[&str]; 4] = [
        &["sync configbus/journal-0"],
        &["name objects/pack/pack-*.pack"],
        &["name objects/pack/pack-*.idx"],
        &["name refs/heads/main"],
    ];
    check_steps(&between(&calls, "begin", "end"), &steps);
}

#[test]
fn everything_is_durable_elsewhere_before_the_journal_is_free() {
    let store = TestStore::new();
    store.land(&[("dir/a", "1")]);
    let Some(calls) = traced(&store, "subject_makes_a_checkpoint") else { return };
    let steps: [&[&str]; 7] = [
        &["sync objects/pack/pack-*.pack"],
        &["sync objects/pack/pack-*.idx"],
        &["sync objects/pack"],
        &["sync configbus/landings"],
        &["sync refs/heads/main"],
        &["sync refs/heads"],
        &["sync configbus/journal-0"],
    ];
    check_steps(&between(&calls, "begin", "end"), &steps);
}

#[test]
fn a_push_is_durable_before_its_merge_and_the_merge_before_the_ref() {
    let store = TestStore::new();
    store.land(&[("dir/a", "1")]);
    let clone = store.clone_to("clone");
    store.land(&[("dir/a", "2")]);
    let tip = commit_file(&clone, "b", "1");
    let mut request = Vec::new();
    let line = format!("{} {tip} refs/heads/pushed\0report-status\n", "0".repeat(40));
    crate::pkt_line::write(&mut request, line.as_bytes()).unwrap();
    crate::pkt_line::write_flush(&mut request).unwrap();
    request.extend(try_git(&clone, &["pack-objects", "--revs", "--all", "--stdout", "-q"]).stdout);
    fs::write(store.store.dir().join("request"), request).unwrap();
    fs::write(store.store.dir().join("tip"), tip.to_string()).unwrap();
    let Some(calls) = traced(&store, "subject_lands_a_push") else { return };
    let received = between(&calls, "begin", "received");
    let position = |call: &str| {
        received.iter().position(|seen| *seen == call).unwrap_or_else(|| panic!("no {call}: {received:?}"))
    };
    let named = position("name objects/pack/pack-*.pack");
    assert!(position("sync objects/tmp_objdir-*/pack/tmp_pack_*") < named, "{received:?}");
    assert!(position("sync objects/tmp_objdir-*/pack/tmp_idx_*") < named, "{received:?}");
    let landed = between(&calls, "received", "end");
    check_steps(&landed, &PACK_THEN_HEAD);
    assert_eq!(git(store.store.dir(), &["fsck", "--full"]), "");
}

/// Runs one test of this binary under strace; `None` where tracing is not possible.
fn traced(store: &TestStore, test: &str) -> Option<Vec<String>> {
    let output = store.dir.path().join("trace");
    let subject = rerun(module_path!(), test, store.store.dir());
    let status = Command::new("strace")
        .args(["-f", "-y", "-qq", "-e", "trace=fsync,fdatasync,syncfs,rename,renameat,renameat2,link,linkat,openat"])
        .arg("-o")
        .arg(&output)
        .arg(subject.get_program())
        .args(subject.get_args())
        .envs(subject.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .output();
    match status {
        Ok(done) if done.status.success() => Some(calls(&fs::read_to_string(output).unwrap(), store.store.dir())),
        Ok(failed) if fs::metadata(&output).is_ok_and(|trace| trace.len() > 0) => {
            panic!("{}", String::from_utf8_lossy(&failed.stdout))
        }
        _ => {
            eprintln!("strace is not installed or may not trace: the order of system calls is not checked");
            None
        }
    }
}

/// Finished calls in order: `sync <path>`, `name <path>` and `mark <name>`, paths within the repository, unique parts
/// as `*`.
fn calls(trace: &str, repository: &Path) -> Vec<String> {
    let mut unfinished: HashMap<&str, String> = HashMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let Some((pid, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        if let Some(begun) = call.strip_suffix("<unfinished ...>") {
            unfinished.insert(pid, begun.to_owned());
            continue;
        }
        let resumed = call.starts_with("<...").then(|| unfinished.remove(pid)).flatten();
        let whole = resumed.map_or_else(|| call.to_owned(), |begun| begun + call.rsplit("resumed>").next().unwrap());
        if !whole.contains("= -1") {
            calls.extend(describe(&whole, repository));
        }
    }
    calls
}

fn describe(call: &str, repository: &Path) -> Option<String> {
    let prefix = format!("{}/", repository.display());
    let (name, rest) = call.split_once('(')?;
    match name {
        "fsync" | "fdatasync" => {
            let path = rest.split_once('<')?.1.split_once('>')?.0;
            Some(format!("sync {}", shorten(path.strip_prefix(&prefix)?)))
        }
        "openat" => {
            let path = rest.split('"').nth(1)?.strip_prefix(&prefix)?;
            path.strip_prefix("mark-").map(|name| format!("mark {name}"))
        }
        _ => {
            let path = rest.split('"').nth(3)?;
            let path = path.strip_prefix(&prefix).or_else(|| path.strip_prefix("./")).unwrap_or(path);
            Some(format!("name {}", shorten(path)))
        }
    }
}

fn shorten(path: &str) -> String {
    let part = |part: &str| match part {
        _ if part.starts_with("tmp_objdir-") => "tmp_objdir-*".to_owned(),
        _ if part.starts_with("tmp_pack_") => "tmp_pack_*".to_owned(),
        _ if part.starts_with("tmp_idx_") => "tmp_idx_*".to_owned(),
        _ if part.starts_with("pack-") => format!("pack-*.{}", part.rsplit('.').next().unwrap()),
        _ => part.to_owned(),
    };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

fn between<'a>(calls: &'a [String], begin: &str, end: &str) -> Vec<&'a str> {
    let at = |name: &str| calls.iter().position(|call| *call == format!("mark {name}")).unwrap();
    calls[at(begin) + 1..at(end)].iter().map(String::as_str).collect()
}
