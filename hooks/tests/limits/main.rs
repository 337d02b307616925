//! Every limit of the gate, from both sides: a candidate just inside it is accepted, one just outside is refused by the rule
//! that `docs/limits.md` names, with what was found, the limit and the setting. Limits are changed as well, so that they are
//! settings and no constants.
//!
//! This program is its own child for rules and validators, as `configbus` is. Hence no test harness, which would take over
//! `main`.

mod candidates;

use bytes::Bytes;
use candidates::{
    RULES, aliased_bytes, backtracking, chained, deep, divided, doubling, entries, evaluated, files, float, growing,
    hungry, lengthy, long, nested, nodes, patterned, referring, ruled, sized, text,
};
use configbus_hooks::{
    Candidate, CandidateError, Context, FileChange, FoundFile, Gate, GateSettings, LandingFile, Mounts, NewObject,
    PolicyIds, Report, Rule, ValidatorSettings, entry, evaluator, testing::MemoryCandidate, validators,
};
use configbus_model::{Bound, Namespace, Principal};
use std::{collections::BTreeSet, env, fmt::Write as _, ops::ControlFlow, process::ExitCode};

fn main() -> ExitCode {
    let name = env::args().next().unwrap_or_default();
    if name.ends_with(evaluator::PROGRAM_NAME) {
        return entry::rules();
    }
    if name.ends_with(validators::PROGRAM_NAME) {
        return entry::validator();
    }
    let mut told = BTreeSet::new();
    for case in sizes().into_iter().chain(costs()) {
        case.check();
        println!("test {} ... ok", case.key);
        told.insert(case.key);
    }
    validators_have_limits_of_their_own();
    println!("test validators ... ok");
    // What bounds the gate's own work refuses nothing.
    let refuse_nothing = [
        "gate.threads",
        "gate.validators_at_once_max",
        "gate.rules.processes_max",
        "gate.schemas.compiled_max",
        "gate.schemas.compiled_bytes_max",
    ];
    let settings = GateSettings::default().bounds();
    let untold: Vec<_> = settings.iter().map(|bound| bound.key).filter(|key| !told.contains(key)).collect();
    assert_eq!(untold.iter().copied().collect::<BTreeSet<_>>(), refuse_nothing.into(), "each limit has its case");
    ExitCode::SUCCESS
}

/// One limit.
struct Case {
    key: &'static str,
    rule: Rule,
    set: fn(&mut GateSettings, usize),
    /// Values to set; none is the default.
    values: Vec<Option<usize>>,
    /// What is accepted and what is refused where the limit is so much.
    pair: fn(usize) -> (MemoryCandidate, MemoryCandidate),
    /// Objects a push brings beside, of what is accepted and what is refused.
    objects: fn(usize) -> (usize, usize),
    /// For costs: what lets the same pass.
    generous: Option<usize>,
}

impl Case {
    fn check(&self) {
        for value in &self.values {
            let mut settings = generous_settings();
            if let Some(value) = value {
                (self.set)(&mut settings, *value);
            } else {
                settings = GateSettings::default();
            }
            let limit = self.bound(&settings).value;
            let (inside, outside) = (self.pair)(usize::try_from(limit).expect("it fits"));
            let (few, many) = (self.objects)(usize::try_from(limit).expect("it fits"));
            if let Some(generous) = self.generous {
                let mut wide = generous_settings();
                (self.set)(&mut wide, generous);
                self.check_accepted(&wide, &inside, few);
            } else {
                self.check_accepted(&settings, &inside, few);
            }
            self.check_refused(settings, &outside, many, limit);
        }
    }

    fn bound(&self, settings: &GateSettings) -> Bound {
        let bounds = settings.bounds();
        *bounds.iter().find(|bound| bound.key == self.key).unwrap_or_else(|| panic!("{} is no setting", self.key))
    }

    fn check_accepted(&self, settings: &GateSettings, candidate: &MemoryCandidate, objects: usize) {
        let report = ask(settings.clone(), candidate, objects);
        let told: Vec<_> = report.findings.iter().map(|finding| (finding.location(), finding.sentence())).collect();
        assert!(report.is_accepted(), "{} {:?}: {told:?}", self.key, self.bound(settings));
    }

    fn check_refused(&self, settings: GateSettings, candidate: &MemoryCandidate, objects: usize, limit: u64) {
        let report = ask(settings, candidate, objects);
        let finding = report.findings.first().unwrap_or_else(|| panic!("{} over {limit} is accepted", self.key));
        let sentence = finding.sentence();
        assert_eq!(finding.rule, self.rule, "{}: {sentence}", self.key);
        assert!(finding.found.is_some(), "{} does not say what was found: {sentence}", self.key);
        assert!(sentence.contains(&format!("expected at most {limit} ")), "{}: {sentence}", self.key);
        assert!(sentence.ends_with(&format!("(setting {})", self.key)), "{}: {sentence}", self.key);
        let advice = finding.message.contains(';');
        assert!(advice, "{} does not say what to do: {sentence}", self.key);
    }
}

/// Bounds on time that no test meets by being slow.
fn generous_settings() -> GateSettings {
    let mut settings = GateSettings::default();
    settings.rules.time_limit_ms = 60_000;
    settings.rules.candidate_time_limit_ms = 600_000;
    settings.schemas.time_ms_max = 60_000;
    settings.schemas.candidate_time_ms_max = 600_000;
    settings
}

fn ask(settings: GateSettings, candidate: &MemoryCandidate, objects: usize) -> Report {
    let gate = Gate::new(settings).expect("settings hold");
    let context =
        Context { principal: &Principal::open(), namespace: &Namespace::main(), now_ms: 0, mounts: Mounts::default() };
    gate.check(&Pushed { candidate, objects }, &context).expect("the candidate can be read")
}

/// A candidate that brings objects.
struct Pushed<'a> {
    candidate: &'a MemoryCandidate,
    objects: usize,
}

impl Candidate for Pushed<'_> {
    fn new_objects(&self, visit: &mut dyn FnMut(NewObject<'_>) -> ControlFlow<()>) -> Result<(), CandidateError> {
        let _ends = (0..self.objects).try_for_each(|_| visit(NewObject::Other));
        Ok(())
    }

    fn changes(&self) -> Result<Vec<FileChange>, CandidateError> {
        self.candidate.changes()
    }

    fn content(&self, file: &LandingFile) -> Result<Bytes, CandidateError> {
        self.candidate.content(file)
    }

    fn changed_directories(&self, visit: &mut dyn FnMut(&str, &[&str])) -> Result<(), CandidateError> {
        self.candidate.changed_directories(visit)
    }

    fn base_file(&self, path: &str) -> Result<Option<FoundFile>, CandidateError> {
        self.candidate.base_file(path)
    }

    fn landing_file(&self, path: &str) -> Result<Option<FoundFile>, CandidateError> {
        self.candidate.landing_file(path)
    }

    fn policy_ids(&self) -> Result<PolicyIds, CandidateError> {
        self.candidate.policy_ids()
    }

    fn landing_files(&self, wanted: &dyn Fn(&str) -> bool) -> Result<Vec<LandingFile>, CandidateError> {
        self.candidate.landing_files(wanted)
    }
}

fn put(path: &str, content: impl Into<String>) -> MemoryCandidate {
    MemoryCandidate::on([]).put(path, content.into())
}

/// The same kind of file, as large as the limit and one more.
macro_rules! both {
    ($path:expr, $content:expr) => {
        |n| (put($path, $content(n)), put($path, $content(n + 1)))
    };
}

macro_rules! size {
    ($key:literal, $rule:ident, [$($value:expr),*], $set:expr, $pair:expr) => {
        Case {
            key: $key,
            rule: Rule::$rule,
            set: $set,
            values: vec![$($value),*],
            pair: $pair,
            objects: |_| (0, 0),
            generous: None,
        }
    };
}

/// Costs, of which nobody knows how much is just inside: the same candidate is refused, and accepted where much more is let
/// through.
macro_rules! cost {
    ($key:literal, $rule:ident, $value:expr, $generous:expr, $set:expr, $candidate:expr) => {
        Case { generous: Some($generous), ..size!($key, $rule, [Some($value)], $set, |_| ($candidate, $candidate)) }
    };
}

#[allow(clippy::too_many_lines, reason = "a table")]
fn sizes() -> Vec<Case> {
    vec![
        size!(
            "gate.file_size_bytes_max",
            FileSize,
            [None, Some(10)],
            |s, n| s.file_size_bytes_max = n as u64,
            both!("a.bin", text)
        ),
        size!("gate.changed_files_max", ChangedFiles, [Some(3)], |s, n| s.changed_files_max = n, |n| (
            files(n),
            files(n + 1)
        )),
        size!("gate.tree_files_max", TreeFiles, [Some(3)], |s, n| s.tree_files_max = n, |n| (ruled(n - 1), ruled(n))),
        Case {
            objects: |n| (n, n + 1),
            ..size!("gate.push_objects_max", PushObjects, [None, Some(5)], |s, n| s.push_objects_max = n, |_| (
                files(1),
                files(1)
            ))
        },
        size!("gate.directory_entries_max", DirectoryWidth, [None, Some(4)], |s, n| s.directory_entries_max = n, |n| (
            files(n),
            files(n + 1)
        )),
        size!("gate.path_depth_max", Depth, [None, Some(3)], |s, n| s.path_depth_max = n, |n| (
            put(&deep(n), ""),
            put(&deep(n + 1), "")
        )),
        size!("gate.path_bytes_max", PathLength, [None, Some(20)], |s, n| s.path_bytes_max = n, |n| (
            put(&long(n), ""),
            put(&long(n + 1), "")
        )),
        size!("gate.component_bytes_max", PathLength, [None, Some(9)], |s, n| s.component_bytes_max = n, |n| (
            put(&text(n), ""),
            put(&text(n + 1), "")
        )),
        size!(
            "gate.document_depth_max",
            JsonDepth,
            [Some(4), Some(127)],
            |s, n| s.document_depth_max = n,
            both!("a.json", nested)
        ),
        size!(
            "gate.document_depth_max",
            YamlDepth,
            [None, Some(4)],
            |s, n| s.document_depth_max = n,
            both!("a.yaml", nested)
        ),
        size!(
            "gate.document_depth_max",
            TomlDepth,
            [Some(4), Some(70)],
            |s, n| s.document_depth_max = n,
            both!("a.toml", |n| format!("a = {}", nested(n - 1)))
        ),
        size!(
            "gate.document_depth_max",
            XmlDepth,
            [None, Some(4)],
            |s, n| s.document_depth_max = n,
            both!("a.xml", |n| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n)))
        ),
        size!(
            "gate.document_values_max",
            DocumentValues,
            [None, Some(9)],
            |s, n| s.document_values_max = n,
            both!("a.json", |n: usize| format!("[1{}]", ",1".repeat(n - 2)))
        ),
        size!(
            "gate.document_values_max",
            DocumentValues,
            [None, Some(9)],
            |s, n| s.document_values_max = n,
            both!("a.yaml", |n: usize| "- 1\n".repeat(n - 1))
        ),
        size!(
            "gate.document_values_max",
            DocumentValues,
            [None, Some(9)],
            |s, n| s.document_values_max = n,
            both!("a.toml", |n: usize| (0..n).map(|at| format!("a{at} = 1\n")).collect::<String>())
        ),
        size!(
            "gate.number_bytes_max",
            NumberLength,
            [None, Some(40)],
            |s, n| s.number_bytes_max = n,
            both!("a.json", |n| format!("{{\"a\": {}}}", float(n)))
        ),
        size!(
            "gate.number_bytes_max",
            NumberLength,
            [None, Some(40)],
            |s, n| s.number_bytes_max = n,
            both!("a.yaml", |n| format!("a: {}", float(n)))
        ),
        size!(
            "gate.number_bytes_max",
            NumberLength,
            [None, Some(40)],
            |s, n| s.number_bytes_max = n,
            both!("a.toml", |n| format!("a = {}", float(n)))
        ),
        // Beside its values a stream of one list has six events.
        size!(
            "gate.yaml.events_max",
            YamlSize,
            [Some(1_000)],
            |s, n| s.yaml.events_max = n,
            both!("a.yaml", |n: usize| "- 1\n".repeat(n - 6))
        ),
        size!(
            "gate.yaml.documents_max",
            YamlSize,
            [None, Some(3)],
            |s, n| s.yaml.documents_max = n,
            both!("a.yaml", |n| "--- 1\n".repeat(n))
        ),
        size!(
            "gate.yaml.aliases_max",
            YamlAliases,
            [None, Some(3)],
            |s, n| s.yaml.aliases_max = n,
            both!("a.yaml", |n| format!("a: &a 1\nb: [{}]\n", "*a,".repeat(n)))
        ),
        size!(
            "gate.yaml.aliases_max",
            YamlAliases,
            [Some(3)],
            |s, n| s.yaml.aliases_max = n,
            both!("a.yaml", |n| (0..n).fold(String::new(), |all, at| format!("{all}- &a{at} 1\n")))
        ),
        size!(
            "gate.yaml.alias_nodes_max",
            YamlAliases,
            [None, Some(25)],
            |s, n| s.yaml.alias_nodes_max = n,
            both!("a.yaml", nodes)
        ),
        size!(
            "gate.yaml.alias_bytes_max",
            YamlAliases,
            [None, Some(1_000)],
            |s, n| s.yaml.alias_bytes_max = n,
            both!("a.yaml", aliased_bytes)
        ),
        size!(
            "gate.yaml.merge_keys_max",
            YamlAliases,
            [None, Some(3)],
            |s, n| s.yaml.merge_keys_max = n,
            both!("a.yaml", |n| format!("- &a {{b: 1}}\n{}", "- {<<: *a}\n".repeat(n)))
        ),
        size!(
            "gate.policy.file_size_bytes_max",
            PolicySize,
            [None, Some(2_000)],
            |s, n| s.policy.file_size_bytes_max = n,
            both!(".configbus/owners", |n| format!("#{}", text(n - 1)))
        ),
        size!(
            "gate.policy.owners_max",
            PolicySize,
            [None, Some(2)],
            |s, n| s.policy.owners_max = n,
            both!(".configbus/owners", |n| "a b\n".repeat(n))
        ),
        size!(
            "gate.policy.teams_max",
            PolicySize,
            [None, Some(2)],
            |s, n| s.policy.teams_max = n,
            both!(".configbus/teams.yaml", |n| (0..n).fold(String::new(), |mut all, at| {
                let _ = writeln!(all, "t{at}: [ada]");
                all
            }))
        ),
        size!(
            "gate.policy.rules_max",
            PolicySize,
            [Some(2)],
            |s, n| s.policy.rules_max = n,
            both!(RULES, |n| "- {files: a, rule: 'true', message: m}\n".repeat(n))
        ),
        size!(
            "gate.policy.allowances_max",
            PolicySize,
            [None, Some(2)],
            |s, n| s.policy.allowances_max = n,
            both!(".configbus/allow.yaml", |n| "- {files: a, rule: secret/private-key, reason: an example}\n"
                .repeat(n))
        ),
        size!("gate.schemas.entries_max", PolicySize, [Some(2)], |s, n| s.schemas.entries_max = n, |n| (
            entries(n),
            entries(n + 1)
        )),
        size!("gate.schemas.size_bytes_max", SchemaSize, [Some(200)], |s, n| s.schemas.size_bytes_max = n, |n| (
            sized(n),
            sized(n + 1)
        )),
        size!("gate.schemas.files_max", SchemaSize, [Some(3)], |s, n| s.schemas.files_max = n, |n| (
            chained(n),
            chained(n + 1)
        )),
        size!("gate.schemas.references_max", SchemaSize, [Some(3)], |s, n| s.schemas.references_max = n, |n| (
            referring(n),
            referring(n + 1)
        )),
        size!("gate.schemas.parts_max", SchemaSize, [None, Some(3)], |s, n| s.schemas.parts_max = n as u64, |n| (
            divided(n),
            divided(n + 1)
        )),
        size!(
            "gate.schemas.evaluations_max",
            SchemaCost,
            [None, Some(4)],
            |s, n| s.schemas.evaluations_max = n as u64,
            |n| (evaluated(n - 1), evaluated(n + 1))
        ),
        size!("gate.schemas.patterns_max", SchemaSize, [Some(3)], |s, n| s.schemas.patterns_max = n, |n| (
            patterned(n),
            patterned(n + 1)
        )),
        size!(
            "gate.schemas.pattern_text_bytes_max",
            SchemaPatternCost,
            [None, Some(50)],
            |s, n| s.schemas.pattern_text_bytes_max = n,
            |n| (backtracking(n), backtracking(n + 1))
        ),
    ]
}

fn costs() -> Vec<Case> {
    vec![
        cost!(
            "gate.schemas.patterns_compiled_bytes_max",
            SchemaPatternSize,
            1 << 20,
            64 << 20,
            |s, n| s.schemas.patterns_compiled_bytes_max = n,
            growing()
        ),
        cost!(
            "gate.schemas.pattern_steps_max",
            SchemaPatternCost,
            5,
            1_000_000,
            |s, n| s.schemas.pattern_steps_max = n,
            backtracking(12)
        ),
        cost!(
            "gate.schemas.time_ms_max",
            SchemaCost,
            1,
            60_000,
            |s, n| s.schemas.time_ms_max = n as u64,
            doubling(1, 16)
        ),
        cost!(
            "gate.schemas.candidate_time_ms_max",
            SchemaCost,
            1,
            600_000,
            |s, n| s.schemas.candidate_time_ms_max = n as u64,
            doubling(60, 12)
        ),
        cost!("gate.rules.time_limit_ms", RuleLimit, 1, 60_000, |s, n| s.rules.time_limit_ms = n as u64, lengthy()),
        cost!(
            "gate.rules.candidate_time_limit_ms",
            RuleLimit,
            1,
            600_000,
            |s, n| s.rules.candidate_time_limit_ms = n as u64,
            lengthy()
        ),
        cost!(
            "gate.rules.memory_bytes_max",
            RuleLimit,
            128 << 20,
            4 << 30,
            |s, n| s.rules.memory_bytes_max = n as u64,
            hungry()
        ),
    ]
}

fn validators_have_limits_of_their_own() {
    let two = || put("apps/a", "12345").put("apps/b", "12345");
    for (key, inside, outside, script) in [
        ("files_max", 2, 1, "true"),
        ("files_bytes_max", 10, 9, "true"),
        ("output_bytes_max", 1_000, 999, "head -c 1000 /dev/zero"),
        ("time_limit_ms", 60_000, 100, "sleep 1"),
    ] {
        let ask = |value: u64| {
            let mut validator = serde_json::json!({
                "name": "script", "command": ["/bin/sh", "-c", script], "files": ["/apps/"], "time_limit_ms": 60_000
            });
            validator[key] = value.into();
            let validator: ValidatorSettings = serde_json::from_value(validator).expect("settings");
            let gate = Gate::new(GateSettings::default()).expect("settings hold");
            let gate = gate.with_validators(vec![validator]).expect("validators hold");
            let context = Context {
                principal: &Principal::open(),
                namespace: &Namespace::main(),
                now_ms: 0,
                mounts: Mounts::default(),
            };
            gate.check(&two(), &context).expect("the candidate can be read")
        };
        let accepted = ask(inside);
        assert!(accepted.is_accepted(), "{key}: {:?}", accepted.findings);
        let report = ask(outside);
        let finding = report.findings.first().unwrap_or_else(|| panic!("{key} over {outside} is accepted"));
        let sentence = finding.sentence();
        assert_eq!(finding.rule, Rule::ValidatorLimit, "{sentence}");
        assert!(finding.found.is_some() && sentence.contains(&format!("expected at most {outside} ")), "{sentence}");
        assert!(sentence.ends_with(&format!("(setting {key} of [[validators]] script)")), "{sentence}");
    }
}
