//! Rules in their children: what they answer, and that none of them can hold the gate up.
//!
//! This program is its own child, as `configbus` is. Hence no test harness, which would take over `main`.

use configbus_hooks::{
    cel::Outcome,
    entry,
    evaluator::{Deadline, Evaluator, Judged, Loss, Occasion, PROGRAM_NAME, RuleText, RulesSettings, Subject},
};
use std::{
    env,
    fmt::Write as _,
    process::ExitCode,
    time::{Duration, Instant},
};

fn main() -> ExitCode {
    if env::args().next().is_some_and(|name| name.ends_with(PROGRAM_NAME)) {
        return entry::rules();
    }
    let cases: [(&str, fn()); 9] = [
        ("documents_are_judged", documents_are_judged),
        ("every_document_of_a_stream_is_judged", every_document_of_a_stream_is_judged),
        ("texts_that_are_no_expressions_are_told", texts_that_are_no_expressions_are_told),
        ("a_rule_without_end_is_stopped_and_named", a_rule_without_end_is_stopped_and_named),
        ("a_rule_that_eats_memory_is_stopped_and_named", a_rule_that_eats_memory_is_stopped_and_named),
        ("others_are_served_beside_a_rule_without_end", others_are_served_beside_a_rule_without_end),
        ("another_program_is_no_evaluator", another_program_is_no_evaluator),
        ("large_files_are_judged", large_files_are_judged),
        ("files_of_many_values_fit_the_memory", files_of_many_values_fit_the_memory),
    ];
    for (name, case) in cases {
        case();
        println!("test {name} ... ok");
    }
    ExitCode::SUCCESS
}

fn evaluator() -> Evaluator {
    Evaluator::new(RulesSettings { time_limit_ms: 1_000, processes_max: 2, ..RulesSettings::default() }, None)
}

fn rules(expressions: &[&str]) -> Vec<RuleText> {
    let rule = |expression: &&str| RuleText { expression: (*expression).to_owned(), on_delete: false };
    expressions.iter().map(rule).collect()
}

fn judge(evaluator: &Evaluator, expressions: &[&str], path: &str, new: Option<&str>, old: Option<&str>) -> Judged {
    let subject = Subject { path, new: new.map(str::as_bytes), old: old.map(str::as_bytes) };
    let occasion = Occasion { author: "mia".into(), groups: vec!["ops".into()], teams: vec![], now_ms: 5 };
    let deadline = Deadline::after(Duration::from_secs(60));
    evaluator.judge(&rules(expressions), &subject, &occasion, deadline).expect("the evaluator works")
}

fn documents_are_judged() {
    let evaluator = evaluator();
    let expressions = ["old == null || self.limit <= old.limit * 2", "author == 'mia' && 'ops' in groups", "self.nope"];
    let judged = judge(&evaluator, &expressions, "a.json", Some("{\"limit\": 7}"), Some("{\"limit\": 3}"));
    let rules: Vec<_> = judged.breaches.iter().map(|breach| breach.rule).collect();
    assert_eq!((rules, judged.lost.len()), (vec![0, 2], 0));
    let Outcome::Broken(culprit) = &judged.breaches[0].outcome else { panic!("{judged:?}") };
    assert_eq!((&*culprit.pointer, culprit.found.as_deref()), ("/limit", Some("7")));
    assert!(matches!(&judged.breaches[1].outcome, Outcome::Failed(reason, _) if reason == "there is no \"nope\""));
    let judged = judge(&evaluator, &["self.startsWith('#!')"], "run.sh", Some("#!/bin/sh"), None);
    assert!(judged.breaches.is_empty(), "what is no document is one text: {judged:?}");
}

fn every_document_of_a_stream_is_judged() {
    let evaluator = evaluator();
    let new = "n: 1\n---\nn: 5\n---\nn: 9\n";
    let judged = judge(&evaluator, &["old == null || self.n == old.n"], "a.yaml", Some(new), Some("n: 1\n---\nn: 2\n"));
    assert_eq!(judged.breaches.iter().map(|breach| breach.document).collect::<Vec<_>>(), [1]);
    let judged = judge(&evaluator, &["self != null"], "a.yaml", Some("n: 1"), Some(new));
    assert!(judged.breaches.is_empty(), "documents that go away are judged on request only: {judged:?}");
    let keeps = [RuleText { expression: "self != null || author == 'root'".into(), on_delete: true }];
    let subject = Subject { path: "a.yaml", new: None, old: Some(new.as_bytes()) };
    let deadline = Deadline::after(Duration::from_secs(60));
    let judged = evaluator.judge(&keeps, &subject, &Occasion::default(), deadline).expect("the evaluator works");
    assert_eq!(judged.breaches.len(), 3);
}

fn texts_that_are_no_expressions_are_told() {
    let errors = evaluator().compile(vec!["true".into(), "self.a <".into()]).expect("the evaluator works");
    assert!(errors[0].is_none());
    assert_eq!(errors[1].as_ref().map(|error| (error.line, error.column)), Some((1, 9)));
}

/// Sixty elements to the sixth power.
const WITHOUT_END: &str =
    "self.all(a, self.all(b, self.all(c, self.all(d, self.all(e, self.all(f, a+b+c+d+e+f >= 0))))))";

fn list(length: usize) -> String {
    format!("[0{}]", ",1".repeat(length - 1))
}

fn a_rule_without_end_is_stopped_and_named() {
    let evaluator = Evaluator::new(RulesSettings { time_limit_ms: 200, ..RulesSettings::default() }, None);
    let started = Instant::now();
    let judged = judge(&evaluator, &["self[0] == 0", WITHOUT_END, "self[1] == 0"], "a.json", Some(&list(60)), None);
    assert_eq!(judged.lost, [(1, Loss::Time)]);
    assert_eq!(judged.breaches.iter().map(|breach| breach.rule).collect::<Vec<_>>(), [2]);
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

fn a_rule_that_eats_memory_is_stopped_and_named() {
    let settings = RulesSettings { time_limit_ms: 30_000, memory_bytes_max: 160 << 20, ..RulesSettings::default() };
    let evaluator = Evaluator::new(settings, None);
    let eats = "self.map(a, self.map(b, self.map(c, 'text' + string(a + b + c)))).size() == 1";
    let judged = judge(&evaluator, &["self.size() == 400", eats], "a.json", Some(&list(400)), None);
    assert_eq!((judged.lost, judged.breaches), (vec![(1, Loss::Memory)], vec![]));
}

fn others_are_served_beside_a_rule_without_end() {
    let evaluator = evaluator();
    let content = list(60);
    std::thread::scope(|scope| {
        let slow = scope.spawn(|| judge(&evaluator, &[WITHOUT_END], "a.json", Some(&content), None));
        let mut served = 0;
        while !slow.is_finished() {
            let judged = judge(&evaluator, &["self.a == 1"], "b.json", Some("{\"a\": 1}"), None);
            assert!(judged.breaches.is_empty() && judged.lost.is_empty(), "{judged:?}");
            served += 1;
        }
        assert!(served > 10, "{served} others were served");
        assert_eq!(slow.join().expect("no panic").lost, [(0, Loss::Time)]);
    });
}

fn another_program_is_no_evaluator() {
    let error = Evaluator::new(RulesSettings::default(), Some("/bin/true".into()))
        .compile(vec!["true".into()])
        .expect_err("it says nothing");
    assert_eq!(error.to_string(), "/bin/true does not evaluate rules; is it configbus?");
}

/// As many values as fit the size limit of files, before and after.
fn files_of_many_values_fit_the_memory() {
    let evaluator = Evaluator::new(RulesSettings { time_limit_ms: 60_000, ..RulesSettings::default() }, None);
    let content = list(2 << 20);
    let judged = judge(&evaluator, &["self.size() == old.size()"], "a.json", Some(&content), Some(&content));
    assert_eq!((judged.breaches, judged.lost), (vec![], vec![]));
}

fn large_files_are_judged() {
    let evaluator = Evaluator::new(RulesSettings { time_limit_ms: 30_000, ..RulesSettings::default() }, None);
    let mut document = String::from("{");
    for key in 0..50_000 {
        write!(document, "\"key{key}\": {{\"weight\": {key}}},").expect("text takes all");
    }
    document.push_str("\"last\": {\"weight\": -1}}");
    let rule = "self.all(key, self[key].weight >= 0)";
    let judged = judge(&evaluator, &[rule], "a.json", Some(&document), Some(&document));
    let [breach] = judged.breaches.as_slice() else { panic!("{judged:?}") };
    let Outcome::Broken(culprit) = &breach.outcome else { panic!("{breach:?}") };
    assert_eq!(culprit.pointer, "/last/weight");
}
