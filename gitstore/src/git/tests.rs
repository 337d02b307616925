use super::*;
use crate::testing::{self, TestStore};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open},
};
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::Stdio,
    time::Duration,
};

const DEADLINE: Duration = Duration::from_secs(60);

fn script(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_child_sees_nothing_of_the_operators_git() {
    let store = TestStore::new();
    let output = command(store.store.dir(), ["var", "-l"]).secret_config("configbus.test", "hidden").run(DEADLINE);
    let output = String::from_utf8(output.unwrap().stdout).unwrap();
    assert!(output.contains("configbus.test=hidden"), "{output}");
    assert!(!output.contains("user.name="), "{output}");
    let alias = command(store.store.dir(), ["environment"]).config("alias.environment", "!env").run(DEADLINE).unwrap();
    let environment = String::from_utf8(alias.stdout).unwrap();
    let allowed = ["PATH", "LC_ALL", "TZ", "PWD", "OLDPWD", "SHLVL", "_"];
    for line in environment.lines() {
        let name = line.split('=').next().unwrap();
        assert!(allowed.contains(&name) || name.starts_with("GIT_"), "{line}");
    }
}

#[test]
fn a_failure_carries_what_git_said_and_a_hanging_child_is_stopped_with_all_it_started() {
    let store = TestStore::new();
    let error = command(store.store.dir(), ["rev-parse", "--verify", "nowhere"]).run(DEADLINE).unwrap_err();
    assert!(error.to_string().contains("Needed a single revision"), "{error}");
    let hanging = command(store.store.dir(), ["wait"]).config("alias.wait", "!sleep 600 & wait");
    let error = hanging.run(Duration::from_millis(50)).unwrap_err();
    assert!(matches!(error, ChildError::TimedOut { .. }), "{error}");
}

#[test]
fn more_output_and_input_than_pipes_hold_goes_through() {
    let store = TestStore::new();
    let input = vec![b'x'; 3 << 20];
    let child = command(store.store.dir(), ["copy"]).config("alias.copy", "!cat; seq 1 20000 >&2");
    let output = child.run_with_input(&input, DEADLINE).unwrap();
    assert_eq!(output.stdout.len(), input.len());
    assert!(output.stderr.starts_with("1\n2\n"));
}

#[test]
fn a_dropped_child_ends_with_its_descendants() {
    let store = TestStore::new();
    let hanging = command(store.store.dir(), ["wait"]).config("alias.wait", "!sleep 600 & echo started; wait");
    let mut child = hanging.spawn().unwrap();
    let mut stdout = child.take_stdout().unwrap();
    stdout.read_exact(&mut [0; 8]).unwrap();
    drop(child);
    // The pipe ends only when everybody who could write into it is gone.
    let mut rest = Vec::new();
    stdout.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"");
}

/// What is killed: starts a child that would live for ever. Alone it does nothing.
#[test]
fn subject_starts_a_child() {
    let Some(dir) = testing::subject() else { return };
    let mut child = command(&dir, ["wait"]).config("alias.wait", "!echo started; exec sleep 60").spawn().unwrap();
    child.take_stdout().unwrap().read_exact(&mut [0; 8]).unwrap();
    println!("\nchild {}", child.id());
    std::io::stdout().flush().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_child_dies_with_the_process_that_started_it() {
    let store = TestStore::new();
    let mut command = testing::rerun(module_path!(), "subject_starts_a_child", store.store.dir());
    let mut parent = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(parent.stdout.take().unwrap()).lines().map(Result::unwrap);
    let child = lines.find_map(|line| line.strip_prefix("child ")?.parse().ok()).unwrap();
    let child = Pid::from_raw(child).unwrap();
    let child_fd = pidfd_open(child, PidfdFlags::empty()).unwrap();
    parent.kill().unwrap();
    parent.wait().unwrap();
    let half_a_minute = Timespec { tv_sec: 30, tv_nsec: 0 };
    let ended = poll(&mut [PollFd::new(&child_fd, PollFlags::IN)], Some(&half_a_minute));
    // What the child started stays in its group; in real life it ends on its closed pipes.
    kill_process_group(child, Signal::KILL).unwrap();
    assert_eq!(ended.unwrap(), 1);
}

#[test]
fn a_push_that_is_dropped_in_the_middle_leaves_no_quarantine() {
    let store = TestStore::new();
    let work = store.dir.path().join("work");
    fs::create_dir(&work).unwrap();
    testing::git(&work, &["init", "-q"]);
    testing::commit_file(&work, "a", "1");
    let request = push_request(&work, "refs/heads/other");
    let mut child = receive_pack(store.store.dir(), &ServeOptions::default()).spawn().unwrap();
    let mut stdin = child.take_stdin().unwrap();
    let mut stdout = child.take_stdout().unwrap();
    stdin.write_all(&request[..request.len() - 5]).unwrap();
    let quarantine = || {
        let names = fs::read_dir(store.store.objects_dir()).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().contains("incoming")).count()
    };
    while quarantine() == 0 {
        std::thread::yield_now();
    }
    drop((stdin, child));
    // Git's output ends with Git, which has tidied up by then.
    stdout.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(quarantine(), 0);
}

#[test]
fn hooks_run_from_the_given_folder_only() {
    let store = TestStore::new();
    let hooks = store.dir.path().join("gate");
    let seen = store.dir.path().join("seen");
    script(&hooks.join("pre-receive"), &format!("echo \"$CONFIGBUS_PUSH_ID\" > {}; exit 1", seen.display()));
    script(&store.store.dir().join("hooks/pre-receive"), "exit 0");
    let work = store.dir.path().join("work");
    fs::create_dir(&work).unwrap();
    testing::git(&work, &["init", "-q"]);
    testing::commit_file(&work, "a", "1");
    let request = push_request(&work, "refs/heads/other");
    let options = ServeOptions { hooks_dir: Some(&hooks), ..ServeOptions::default() };
    let command = receive_pack(store.store.dir(), &options).env("CONFIGBUS_PUSH_ID", "p7");
    let answer = String::from_utf8_lossy(&command.run_with_input(&request, DEADLINE).unwrap().stdout).into_owned();
    assert!(answer.contains("pre-receive hook declined"), "{answer}");
    assert_eq!(fs::read_to_string(seen).unwrap(), "p7\n");
}

/// The body of a push as a stateless client sends it.
fn push_request(work: &Path, reference: &str) -> Vec<u8> {
    let tip = testing::tip(work);
    let mut request = Vec::new();
    let zero = "0".repeat(40);
    let line = format!("{zero} {tip} {reference}\0report-status\n");
    crate::pkt_line::write(&mut request, line.as_bytes()).unwrap();
    crate::pkt_line::write_flush(&mut request).unwrap();
    let pack = command(&work.join(".git"), ["pack-objects", "--revs", "--all", "--stdout", "-q"]);
    request.write_all(&pack.run(DEADLINE).unwrap().stdout).unwrap();
    request
}

#[test]
fn both_services_advertise_and_a_strange_protocol_header_is_left_out() {
    let store = TestStore::new();
    store.land(&[("a", "1")]);
    let advertised = |service, protocol| {
        let options = ServeOptions { protocol, ..ServeOptions::default() };
        let output = advertise(store.store.dir(), service, &options).run(DEADLINE).unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let push = advertised(Service::ReceivePack, None);
    assert!(push.contains("refs/heads/main") && push.contains("push-options"), "{push}");
    assert!(advertised(Service::UploadPack, Some("version=2")).starts_with("000eversion 2"));
    assert!(advertised(Service::UploadPack, Some("version=2\nX=1")).contains("refs/heads/main\n"));
    let names = ["git-receive-pack", "git-upload-pack"].map(|name| Service::from_name(name).unwrap().name());
    assert_eq!(names, ["git-receive-pack", "git-upload-pack"]);
    assert_eq!(Service::from_name("git-shell"), None);
}

#[test]
fn an_advertisement_of_a_real_repository_is_rewritten() {
    let store = TestStore::new();
    let head = store.land(&[("a", "1")]);
    let options = ServeOptions::default();
    let advertised = advertise(store.store.dir(), Service::ReceivePack, &options).run(DEADLINE).unwrap().stdout;
    let rewritten = crate::advertisement::rewrite(&advertised.into(), &store.store.have_commits().unwrap()).unwrap();
    let text = String::from_utf8_lossy(&rewritten).into_owned();
    assert!(text[4..].starts_with(&format!("{} .have\0report-status", head.commit)), "{text}");
    assert!(!text.contains("refs/heads/main") && text.ends_with("\n0000"), "{text}");
}
