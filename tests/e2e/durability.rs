//! The order of system calls: appended to the journal, synced, shown, and only then acknowledged. What Git received is synced
//! with its directory before.

use configbus_tests::{
    binary::configbus, child::Child, eventually::eventually, git::WorkingCopy, ports::fixed_port, rest::Rest,
    tools::is_installed,
};
use std::{collections::HashMap, fs, path::Path, process::Command};
use tempfile::TempDir;

/// One traced system call that matters here.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Call {
    /// Content of a file or the entries of a directory are on disk.
    Synced(String),
    /// A name took its place.
    Renamed(String),
    /// The ref's lock file says where the ref is to go.
    Pointed(String),
    /// A landing was appended to this file of the journal.
    Appended(String),
    /// Something was sent to a TCP peer.
    Sent(String),
}

struct TracedServer {
    folder: TempDir,
    url: String,
    child: Child,
}

impl TracedServer {
    fn start() -> Self {
        let folder = TempDir::with_prefix("traced-").unwrap();
        let listen = format!("127.0.0.1:{}", fixed_port());
        let mut command = Command::new("strace");
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap());
        command.args(["-f", "-yy", "-s", "256", "-e", "signal=none"]);
        command.args(["-e", "trace=fsync,fdatasync,rename,renameat,renameat2,write,pwrite64,writev,sendto,sendmsg"]);
        command.arg("-o").arg(folder.path().join("trace")).arg(configbus());
        command.args(["server", "--auth", "none", "--listen", &listen, "--data"]).arg(folder.path().join("data"));
        let child = Child::spawn("strace", &mut command, &folder.path().join("log")).unwrap();
        let url = format!("http://{listen}");
        let rest = Rest::new(&url);
        eventually("the traced server is ready", || rest.is_ok("/readyz").then_some(()));
        Self { folder, url, child }
    }

    /// Ends the server and returns what it did, in order.
    fn finish(mut self) -> Vec<Call> {
        self.child.interrupt_group();
        let trace = fs::read(self.folder.path().join("trace")).unwrap();
        parse(&String::from_utf8_lossy(&trace))
    }
}

/// Reads lines such as `12 fsync(9</data/x>) = 0`, in the order of time. A call that another thread's line interrupts is written
/// in two parts; syncing counts when it ends and sending when it starts, which is the strict reading of both.
fn parse(trace: &str) -> Vec<Call> {
    let mut unfinished = HashMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let call = call.trim_start();
        if call.starts_with("fsync(") || call.starts_with("fdatasync(") {
            let path = call.split_once('<').and_then(|(_, rest)| rest.split('>').next()).unwrap_or_default().to_owned();
            if call.ends_with("= 0") {
                calls.push(Call::Synced(path));
            } else if call.ends_with("<unfinished ...>") {
                unfinished.insert(thread, path);
            }
        } else if call.contains("sync resumed>") && call.ends_with("= 0") {
            calls.extend(unfinished.remove(thread).map(Call::Synced));
        } else if call.starts_with("rename") {
            calls.extend(call.rsplit('"').nth(1).map(|target| Call::Renamed(target.to_owned())));
        } else if call.starts_with("write(") && call.contains("refs/heads/main.lock>") {
            let commit = call.split('"').nth(1).and_then(|written| written.get(..40));
            calls.extend(commit.map(|commit| Call::Pointed(commit.to_owned())));
        } else if call.starts_with("pwrite64(") && call.contains("\"CBJR") {
            let path = call.split_once('<').and_then(|(_, rest)| rest.split('>').next());
            calls.extend(path.map(|path| Call::Appended(path.to_owned())));
        } else if call.contains("<TCP") {
            calls.push(Call::Sent(call.to_owned()));
        }
    }
    calls
}

/// Checks that everything was durable before the peer heard of it, and returns what happened before the journal had it.
fn check_order(calls: &[Call], acknowledgement: impl Fn(&str) -> bool) -> &[Call] {
    let at = |what: &str, found: Option<usize>| found.unwrap_or_else(|| panic!("{what} is missing in {calls:#?}"));
    let acknowledged =
        at("acknowledgement", calls.iter().position(|call| matches!(call, Call::Sent(text) if acknowledgement(text))));
    let before = &calls[..acknowledged];
    // Landings come one after the other; the next one may have begun before the first is acknowledged.
    let is_moved = |call: &Call| matches!(call, Call::Renamed(path) if path.ends_with("refs/heads/main"));
    let moved = at("rename of the ref", before.iter().rposition(is_moved));
    let is_appended = |call: &Call| matches!(call, Call::Appended(_));
    let appended = at("a landing in the journal", before[..moved].iter().rposition(is_appended));
    let Call::Appended(journal) = &before[appended] else { unreachable!("it was found just now") };
    let is_synced = |call: &Call| matches!(call, Call::Synced(path) if path == journal);
    let _ = at("sync of the journal before the ref moves", before[appended..moved].iter().position(is_synced));
    &before[..appended]
}

/// Checks that what Git received was synced with its directory, which no journal has.
fn check_received(before: &[Call]) {
    let is_synced = |call: &Call| matches!(call, Call::Synced(path) if path.ends_with("objects/pack"));
    let named = before.iter().rposition(is_synced).unwrap_or_else(|| panic!("no sync of the packs: {before:#?}"));
    let is_content = |call: &Call| matches!(call, Call::Synced(path) if is_pack(path));
    assert!(before[..named].iter().any(is_content), "{before:#?}");
}

fn is_pack(path: &str) -> bool {
    let name = Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or_default();
    path.contains("/objects/") && name.contains("pack")
}

#[test]
fn an_api_change_is_durable_before_it_is_acknowledged() {
    if !is_installed("strace", "strace") {
        return;
    }
    let server = TracedServer::start();
    assert_eq!(Rest::new(&server.url).put("/v1/files/a.json", &[], "{\"durable\": 1}").status, 201);
    let _ = check_order(&server.finish(), |sent| sent.contains("HTTP/1.1 201"));
}

/// Checks for every acknowledgement that a head which contains the change was durable by then. `revisions` are those of the
/// heads by commit.
fn check_acknowledged(calls: &[Call], revisions: &HashMap<String, u64>) -> usize {
    let (mut pointed, mut appended, mut durable, mut acknowledged) = (0, (String::new(), 0), 0, 0);
    for call in calls {
        match call {
            Call::Pointed(commit) => pointed = revisions[commit],
            Call::Appended(path) => appended = (path.clone(), pointed),
            // The other file is synced as well, when what it held is durable elsewhere.
            Call::Synced(path) if *path == appended.0 => durable = appended.1,
            Call::Sent(text) if text.contains("HTTP/1.1 201") => {
                let header = text.split("configbus-revision: r").nth(1).unwrap_or_default();
                let revision: String = header.chars().take_while(char::is_ascii_digit).collect();
                let revision: u64 = revision.parse().unwrap_or_else(|_| panic!("no revision in {text}"));
                assert!(revision <= durable, "r{revision} was acknowledged while r{durable} was durable: {calls:#?}");
                acknowledged += 1;
            }
            _ => {}
        }
    }
    acknowledged
}

#[test]
fn changes_that_land_together_are_durable_before_any_of_them_is_acknowledged() {
    const WRITERS: usize = 16;
    if !is_installed("strace", "strace") {
        return;
    }
    let server = TracedServer::start();
    std::thread::scope(|scope| {
        for number in 0..WRITERS {
            let rest = Rest::new(&server.url);
            scope.spawn(move || {
                for round in 0..3 {
                    let path = format!("/v1/files/dir/{number}-{round}.json");
                    assert_eq!(rest.put(&path, &[], "{\"durable\": 3}").status, 201);
                }
            });
        }
    });
    let repository = server.folder.path().join("data/namespaces/main.git");
    let listed =
        Command::new("git").arg("-C").arg(repository).args(["rev-list", "--reverse", "main"]).output().unwrap();
    let commits = String::from_utf8(listed.stdout).unwrap();
    let revisions: HashMap<_, _> = commits.lines().map(str::to_owned).zip(1..).collect();
    let calls = server.finish();
    assert_eq!(check_acknowledged(&calls, &revisions), 3 * WRITERS);
    let _ = check_order(&calls, |sent| sent.contains("HTTP/1.1 201"));
}

#[test]
fn a_push_is_durable_before_it_is_acknowledged() {
    if !is_installed("strace", "strace") {
        return;
    }
    let server = TracedServer::start();
    let copy = WorkingCopy::init(&format!("{}/git/main.git", server.url));
    let _ = copy.change("a.json", "{\"durable\": 2}").expect_ok();
    check_received(check_order(&server.finish(), |sent| sent.contains("ok refs/heads/main")));
}
