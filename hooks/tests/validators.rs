//! Validators of an installation: real programs, well-behaved and not.
//!
//! This program is its own supervisor, as `configbus` is. Hence no test harness, which would take over `main`.

use configbus_hooks::{
    Context, Gate, GateSettings, Mounts, Report, Rule, ValidatorSettings, entry,
    testing::MemoryCandidate,
    validators::{Isolation, PROGRAM_NAME, Scope},
};
use configbus_model::{Namespace, Principal};
use std::{
    env, fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

fn main() -> ExitCode {
    if env::args().next().is_some_and(|name| name.ends_with(PROGRAM_NAME)) {
        return entry::validator();
    }
    let cases: [(&str, fn()); 14] = [
        ("a_validator_gets_files_and_manifest", a_validator_gets_files_and_manifest),
        ("the_whole_of_its_files_on_request", the_whole_of_its_files_on_request),
        ("a_refusal_is_told_in_its_words", a_refusal_is_told_in_its_words),
        ("json_findings_are_taken_over", json_findings_are_taken_over),
        ("nothing_of_the_server_is_inherited", nothing_of_the_server_is_inherited),
        ("there_is_no_network", there_is_no_network),
        ("a_hang_that_ignores_signals_is_killed", a_hang_that_ignores_signals_is_killed),
        ("children_do_not_survive", children_do_not_survive),
        ("a_flood_is_stopped", a_flood_is_stopped),
        ("a_memory_hog_is_stopped", a_memory_hog_is_stopped),
        ("a_crash_refuses", a_crash_refuses),
        ("too_many_files_refuse", too_many_files_refuse),
        ("validators_run_side_by_side", validators_run_side_by_side),
        ("the_example_shows_the_place", the_example_shows_the_place),
    ];
    for (name, case) in cases {
        case();
        println!("test {name} ... ok");
    }
    ExitCode::SUCCESS
}

/// Settings of a shell script, and where it is.
struct Script {
    folder: tempfile::TempDir,
    settings: ValidatorSettings,
}

impl Script {
    fn new(text: &str) -> Self {
        Self::with(text, |_| {})
    }

    fn with(text: &str, change: impl FnOnce(&mut ValidatorSettings)) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("validator.sh");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("a mode");
        let command = serde_json::json!(["/bin/sh", path]);
        let settings =
            serde_json::json!({"name": "script", "command": command, "files": ["/apps/"], "time_limit_ms": 60_000});
        let mut settings: ValidatorSettings = serde_json::from_value(settings).expect("settings");
        change(&mut settings);
        Self { folder, settings }
    }

    /// A path the script can leave a trace at.
    fn trace(&self) -> std::path::PathBuf {
        self.folder.path().join("trace")
    }

    fn report(&self) -> Report {
        check(vec![self.settings.clone()], &candidate())
    }

    fn check_accepted(&self) {
        let report = self.report();
        assert!(report.is_accepted(), "{:?}", report.findings);
    }

    /// Returns location, rule and sentence of the only finding.
    fn refusal(&self) -> (String, Rule, String) {
        let report = self.report();
        let [finding] = report.findings.as_slice() else { panic!("{:?}", report.findings) };
        (finding.location(), finding.rule, finding.sentence())
    }
}

fn candidate() -> MemoryCandidate {
    let base = [("apps/a.json", "{\"n\": 1}"), ("apps/gone.txt", "x"), ("apps/same.txt", "same"), ("other/b.txt", "b")];
    MemoryCandidate::on(base)
        .put("apps/a.json", "{\"n\": 2}")
        .put("apps/deep/new.txt", "new")
        .put("other/b.txt", "changed")
        .delete("apps/gone.txt")
}

fn check(validators: Vec<ValidatorSettings>, candidate: &MemoryCandidate) -> Report {
    let gate = Gate::new(GateSettings::default()).expect("settings hold");
    let gate = gate.with_validators(validators).expect("validators hold");
    let (principal, namespace) = (Principal::open(), Namespace::main());
    let context = Context { principal: &principal, namespace: &namespace, now_ms: 5, mounts: Mounts::default() };
    gate.check(candidate, &context).expect("the candidate can be read")
}

fn a_validator_gets_files_and_manifest() {
    Script::new(
        "test \"$(cat apps/a.json)\" = '{\"n\": 2}' && test \"$(cat apps/deep/new.txt)\" = new || exit 1\n\
         test \"$(find . -type f | wc -l)\" = 2 && test \"$PWD\" = \"$CONFIGBUS_FILES\" || exit 2\n\
         tr -d ' \\n' < \"$CONFIGBUS_MANIFEST\" | grep -q '\"author\":\"anonymous\"' || exit 3\n\
         tr -d ' \\n' < \"$CONFIGBUS_MANIFEST\" | grep -q '\"path\":\"apps/gone.txt\",\"change\":\"deleted\"' || exit 4\n\
         echo scratch > \"$TMPDIR/x\" && echo all is well",
    )
    .check_accepted();
    let unconcerned = Script::with("exit 1", |settings| settings.files = vec!["nowhere/**".into()]);
    unconcerned.check_accepted();
}

fn the_whole_of_its_files_on_request() {
    Script::with("test \"$(cat apps/same.txt)\" = same && test ! -e other", |settings| settings.scope = Scope::All)
        .check_accepted();
}

fn a_refusal_is_told_in_its_words() {
    let script = Script::new("echo apps/a.json:1:7: too many >&2; exit 3");
    assert_eq!(script.refusal(), ("apps/a.json:1:7".into(), Rule::ValidatorRefused, "script: too many".into()));
    let mute = Script::new("exit 7").refusal();
    assert_eq!(
        mute,
        (".".into(), Rule::ValidatorRefused, "validator script refused with status 7 and said nothing".into())
    );
}

fn json_findings_are_taken_over() {
    let said = r#"{"findings": [{"path": "apps/a.json", "pointer": "/n", "message": "odd", "found": "2"}]}"#;
    let script = Script::new(&format!("echo '{said}'"));
    assert_eq!(script.refusal(), ("apps/a.json".into(), Rule::ValidatorRefused, "script: odd: 2".into()));
}

fn nothing_of_the_server_is_inherited() {
    let _open = fs::File::open("/etc/passwd").expect("a file");
    Script::new(
        "test \"$(env | cut -d= -f1 | grep -Ev '^(PATH|LANG|TZ|HOME|TMPDIR|PWD|OLDPWD|SHLVL|_|CONFIGBUS_FILES|CONFIGBUS_MANIFEST)$')\" = '' || exit 1\n\
         test \"$(ls -l /proc/self/fd | grep -v -e ' 10 -> /dev/null' -e '/proc/[0-9]*/fd' | grep -c -e '->')\" = 3 || { ls -l /proc/self/fd; exit 2; }\n\
         test \"$(readlink /proc/self/fd/0)\" = /dev/null",
    )
    .check_accepted();
}

fn there_is_no_network() {
    let script = Script::with(
        "test \"$(grep -c : /proc/self/net/dev)\" = 1 || { cat /proc/self/net/dev; exit 1; }",
        |settings| {
            settings.isolation = Isolation::Required;
        },
    );
    let report = script.report();
    let is_impossible = report.findings.iter().any(|finding| finding.message.contains("cannot be cut off here"));
    assert!(report.is_accepted() || is_impossible, "{:?}", report.findings);
}

fn a_hang_that_ignores_signals_is_killed() {
    for isolation in [Isolation::BestEffort, Isolation::None] {
        let script = Script::with("trap '' TERM INT HUP; echo waiting; while :; do sleep 1000; done", |settings| {
            (settings.time_limit_ms, settings.isolation) = (300, isolation);
        });
        let started = Instant::now();
        let report = script.report();
        assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
        let sentences: Vec<_> = report.findings.iter().map(|finding| finding.sentence()).collect();
        let killed = "validator script took too long and was killed with its children; change less at once, or make it faster: found \
             more than 300 ms, expected at most 300 ms (setting time_limit_ms of [[validators]] script)";
        assert_eq!(sentences, ["script: waiting", killed]);
    }
}

/// What is left behind in a session of its own holds a named pipe open; its reader sees the end when all are gone.
fn children_do_not_survive() {
    for isolation in [Isolation::BestEffort, Isolation::None] {
        for ending in ["exit 0", "sleep 1000"] {
            let script = Script::with("", |settings| (settings.time_limit_ms, settings.isolation) = (500, isolation));
            let trace = script.trace();
            fs::write(&trace, "").expect("a file");
            let leave =
                "for i in 1 2 3; do (setsid sh -c 'exec 8<trace; (sleep 1000 & sleep 1000) & sleep 1000' &) ; done";
            let text = format!("cd {}\n{leave}\nsleep 0.1\n{ending}\n", script.folder.path().display());
            fs::write(script.folder.path().join("validator.sh"), text).expect("a file");
            let _ = script.report();
            assert_eq!(holders_of(&trace), Vec::<String>::new(), "{isolation:?}, {ending}");
        }
    }
}

/// Returns the processes that have a file open.
fn holders_of(path: &Path) -> Vec<String> {
    let processes = fs::read_dir("/proc").expect("a process list").flatten();
    let holds = |process: &fs::DirEntry| {
        let descriptors = fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
        descriptors.into_iter().any(|descriptor| fs::read_link(descriptor.path()).is_ok_and(|target| target == path))
    };
    processes.filter(holds).map(|process| process.file_name().to_string_lossy().into_owned()).collect()
}

fn a_flood_is_stopped() {
    for stream in ["", " >&2"] {
        let script = Script::with(&format!("while :; do echo flood; done{stream}"), |settings| {
            settings.output_bytes_max = 10_000;
        });
        let (_, rule, sentence) = script.refusal();
        let killed = "validator script said too much and was killed with its children; let it say less: found more than 10000 bytes, \
                  expected at most 10000 bytes of output (setting output_bytes_max of [[validators]] script)";
        assert_eq!((rule, &*sentence), (Rule::ValidatorLimit, killed));
    }
}

fn a_memory_hog_is_stopped() {
    let hog = "x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done";
    let script = Script::with(hog, |settings| settings.memory_bytes_max = 64 << 20);
    let report = script.report();
    assert!(report.findings.iter().any(|finding| finding.path == "."), "{:?}", report.findings);
}

fn a_crash_refuses() {
    let script = Script::with("kill -SEGV $$", |settings| settings.isolation = Isolation::None);
    let (_, rule, sentence) = script.refusal();
    assert_eq!((rule, &*sentence), (Rule::ValidatorFailed, "validator script was ended by signal 11, so it refuses"));
    let absent = Script::with("", |settings| settings.command = vec!["/nowhere/validator".into()]);
    let (_, rule, sentence) = absent.refusal();
    assert_eq!(rule, Rule::ValidatorFailed);
    assert!(sentence.starts_with("validator script could not be started, so it refuses: No such file"), "{sentence}");
}

fn too_many_files_refuse() {
    let script = Script::with("exit 0", |settings| settings.files_max = 1);
    let sentence = "validator script would get more files than it takes; change less at once, or ask for a higher limit: found 2 \
                    files, expected at most 1 files (setting files_max of [[validators]] script)";
    assert_eq!(script.refusal(), (".".into(), Rule::ValidatorLimit, sentence.into()));
}

/// Two that wait for each other would never end one after the other.
fn validators_run_side_by_side() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let waiting_for = |mine: &str, other: &str| {
        let (mine, other) = (folder.path().join(mine), folder.path().join(other));
        let text = format!("touch {}; until test -e {}; do sleep 0.01; done", mine.display(), other.display());
        Script::with(&text, |settings| {
            settings.name = mine.file_name().map(|name| name.to_string_lossy().into()).unwrap_or_default();
        })
    };
    let (one, two) = (waiting_for("one", "two"), waiting_for("two", "one"));
    let report = check(vec![one.settings.clone(), two.settings.clone()], &candidate());
    assert!(report.is_accepted(), "{:?}", report.findings);
}

fn the_example_shows_the_place() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/examples/validators/no-tabs");
    let script = Script::with("", |settings| {
        (settings.command, settings.files) = (vec![example.display().to_string()], vec!["*.tmpl".into()]);
    });
    let report =
        check(vec![script.settings.clone()], &candidate().put("a.tmpl", "ok\nno\tway\n").put("b.tmpl", "ok\n"));
    let found: Vec<_> = report.findings.iter().map(|finding| (finding.location(), finding.sentence())).collect();
    assert_eq!(found, [("a.tmpl:2:3".to_owned(), "script: tab, expected spaces".to_owned())]);
}
