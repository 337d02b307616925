//! The hook programs under stock Git: real pushes into a real repository, a scripted server on the socket.
//!
//! This program is its own hook, as `configbus` is: Git starts it under the name of the hook through a symlink. Hence
//! no test harness, which would take over `main`.

use configbus_hooks::{
    entry,
    wire::{self, Landed, Outcome, OutcomeResult, Request, Response, Verdict},
};
use std::{
    env, fs,
    os::unix::{fs::symlink, net::UnixListener},
    path::{Path, PathBuf},
    process::{Command, ExitCode, Output},
    thread::{self, JoinHandle},
};

fn main() -> ExitCode {
    let name = env::args().next().unwrap_or_default();
    match name.rsplit('/').next() {
        Some("pre-receive") => return entry::pre_receive(),
        Some("proc-receive") => return entry::proc_receive(),
        Some("post-receive") => return entry::post_receive(),
        _ => {}
    }
    let cases: [(&str, fn()); 4] = [
        ("a_landing_reaches_the_client", a_landing_reaches_the_client),
        ("a_refused_push_leaves_nothing_behind", a_refused_push_leaves_nothing_behind),
        ("a_refusal_at_landing_is_told_per_reference", a_refusal_at_landing_is_told_per_reference),
        ("without_a_server_a_push_is_refused", without_a_server_a_push_is_refused),
    ];
    for (name, case) in cases {
        case();
        println!("test {name} ... ok");
    }
    ExitCode::SUCCESS
}

/// A repository with the hooks, and a clone with one commit to push.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().expect("a temporary folder") };
        let this_program = env::current_exe().expect("the program knows itself");
        bench.git(bench.folder.path(), &["init", "-q", "--bare", "repository.git"]);
        let repository = bench.repository();
        fs::create_dir(repository.join("configbus")).expect("a folder for hooks");
        for hook in ["pre-receive", "proc-receive", "post-receive"] {
            symlink(&this_program, repository.join("configbus").join(hook)).expect("a symlink");
        }
        let hooks = repository.join("configbus");
        for (key, value) in [
            ("core.hooksPath", hooks.to_str().expect("the path is text")),
            ("receive.procReceiveRefs", "refs/heads/main"),
            ("receive.advertisePushOptions", "true"),
        ] {
            bench.git(&repository, &["config", key, value]);
        }
        bench.git(bench.folder.path(), &["init", "-q", "-b", "main", "clone"]);
        fs::write(bench.clone_dir().join("a.json"), "{").expect("a file");
        bench.git(&bench.clone_dir(), &["add", "."]);
        bench.git(&bench.clone_dir(), &["commit", "-qm", "one"]);
        bench
    }

    fn repository(&self) -> PathBuf {
        self.folder.path().join("repository.git")
    }

    fn clone_dir(&self) -> PathBuf {
        self.folder.path().join("clone")
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("hook.sock")
    }

    fn run(&self, dir: &Path, arguments: &[&str]) -> Output {
        let mut git = Command::new("git");
        git.current_dir(dir).args(arguments).env("HOME", self.folder.path()).env("GIT_CONFIG_NOSYSTEM", "1");
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), "A").env(format!("GIT_{role}_EMAIL"), "a@example.org");
        }
        git.env(wire::SOCKET_VARIABLE, self.socket()).env(wire::PUSH_ID_VARIABLE, "p7");
        git.output().expect("git is installed")
    }

    fn git(&self, dir: &Path, arguments: &[&str]) -> String {
        let output = self.run(dir, arguments);
        assert!(output.status.success(), "git {arguments:?}: {}", text(&output.stderr));
        text(&output.stdout).trim().to_owned()
    }

    /// Pushes `main` with two options; returns whether Git was content, and what the pusher saw.
    fn push(&self) -> (bool, String) {
        let repository = self.repository();
        let target = repository.to_str().expect("the path is text");
        let output = self.run(&self.clone_dir(), &["push", "-o", "reason=why not", "-o", "dry-run", target, "main"]);
        (output.status.success(), text(&output.stderr))
    }

    /// Answers as many requests and returns them.
    fn serve(
        &self,
        requests: usize,
        answer: impl Fn(&Request, &Path) -> Response + Send + 'static,
    ) -> JoinHandle<Vec<Request>> {
        let listener = UnixListener::bind(self.socket()).expect("a socket");
        let repository = self.repository();
        let serve_one = move |listener: &UnixListener| {
            let (mut stream, _) = listener.accept().expect("a hook connects");
            let request: Request = wire::read_frame(&mut stream).expect("a request");
            wire::write_frame(&mut stream, &answer(&request, &repository)).expect("the hook listens");
            request
        };
        thread::spawn(move || (0..requests).map(|_| serve_one(&listener)).collect())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn accept(text: &str) -> Response {
    Response::Verdict(Verdict { is_accepted: true, text: text.to_owned() })
}

fn outcomes(request: &Request, result: &OutcomeResult, line: &str) -> Response {
    let Request::ProcReceive(request) = request else { panic!("unexpected {request:?}") };
    let outcome = |reference: &String| Outcome {
        reference: reference.clone(),
        result: result.clone(),
        remote_lines: vec![line.to_owned()],
    };
    Response::Outcomes(request.updates.iter().map(|update| outcome(&update.reference)).collect())
}

fn a_landing_reaches_the_client() {
    let bench = Bench::new();
    let head = bench.git(&bench.clone_dir(), &["rev-parse", "HEAD"]);
    let server = bench.serve(3, |request, repository| match request {
        Request::PreReceive(push) => {
            let quarantine = push.quarantine.as_ref().expect("objects are in quarantine");
            assert!(quarantine.object_dir.is_dir() && quarantine.alternates[0].is_dir(), "{quarantine:?}");
            accept("checked")
        }
        Request::ProcReceive(push) => {
            let target = push.updates[0].new.to_string();
            let mut git = Command::new("git");
            git.current_dir(repository).args(["update-ref", "refs/heads/main", &target]);
            assert!(git.status().expect("git is installed").success());
            outcomes(request, &OutcomeResult::Landed(Landed::default()), "landed as r1")
        }
        Request::PostReceive(_) => Response::Noted,
    });
    let (is_content, seen) = bench.push();
    assert!(is_content && seen.contains("remote: checked") && seen.contains("remote: landed as r1"), "{seen}");
    assert_eq!(bench.git(&bench.repository(), &["rev-parse", "refs/heads/main"]), head);
    let requests = server.join().expect("the server saw what it expected");
    let Request::PreReceive(first) = &requests[0] else { panic!("{requests:?}") };
    assert_eq!((&*first.push_id, &*first.updates[0].reference), ("p7", "refs/heads/main"));
    assert_eq!(first.push_options, ["reason=why not", "dry-run"]);
    let Request::ProcReceive(second) = &requests[1] else { panic!("{requests:?}") };
    assert_eq!(
        (second.updates.clone(), second.push_options.clone()),
        (first.updates.clone(), first.push_options.clone())
    );
    assert!(matches!(requests[2], Request::PostReceive(_)));
}

fn a_refused_push_leaves_nothing_behind() {
    let bench = Bench::new();
    let answer =
        || Verdict { is_accepted: false, text: "a.json:1:2: file ends too early\n  1 | {\n    |  ^\n".to_owned() };
    let server = bench.serve(1, move |_, _| Response::Verdict(answer()));
    let (is_content, seen) = bench.push();
    assert!(!is_content && seen.contains("remote: a.json:1:2: file ends too early"), "{seen}");
    assert!(seen.contains("remote:   1 | {"), "{seen}");
    server.join().expect("the server saw what it expected");
    assert_eq!(bench.git(&bench.repository(), &["count-objects"]), "0 objects, 0 kilobytes");
}

fn a_refusal_at_landing_is_told_per_reference() {
    let bench = Bench::new();
    let server = bench.serve(2, |request, _| match request {
        Request::PreReceive(_) => accept(""),
        request => outcomes(request, &OutcomeResult::Refused("conflict in a.json\nwith r3".to_owned()), "see r3"),
    });
    let (is_content, seen) = bench.push();
    assert!(!is_content && seen.contains("main -> main (conflict in a.json with r3)"), "{seen}");
    assert!(seen.contains("remote: see r3"), "{seen}");
    server.join().expect("the server saw what it expected");
}

fn without_a_server_a_push_is_refused() {
    let bench = Bench::new();
    let (is_content, seen) = bench.push();
    assert!(!is_content && seen.contains("remote: configbus: the configbus server is not running"), "{seen}");
}
