//! Rules of `.configbus/rules.yaml` at the gate, evaluated in real children.
//!
//! This program is its own child, as `configbus` is. Hence no test harness, which would take over `main`.

use configbus_hooks::{
    CandidateError, Context, Gate, GateSettings, Mounts, Report, Rule, RulesSettings, entry, evaluator::PROGRAM_NAME,
    testing::MemoryCandidate,
};
use configbus_model::{Namespace, Principal, PrincipalName};
use std::{
    env,
    process::ExitCode,
    time::{Duration, Instant},
};

fn main() -> ExitCode {
    if env::args().next().is_some_and(|name| name.ends_with(PROGRAM_NAME)) {
        return entry::rules();
    }
    let cases: [(&str, fn()); 10] = [
        ("a_broken_rule_is_told_with_its_place", a_broken_rule_is_told_with_its_place),
        ("an_error_refuses", an_error_refuses),
        ("what_is_no_expression_is_told_in_the_rules", what_is_no_expression_is_told_in_the_rules),
        ("a_new_rule_holds_for_every_file_it_governs", a_new_rule_holds_for_every_file_it_governs),
        ("a_rule_that_stays_is_asked_about_changes_only", a_rule_that_stays_is_asked_about_changes_only),
        ("deletions_are_judged_on_request", deletions_are_judged_on_request),
        ("rules_see_who_asks", rules_see_who_asks),
        ("without_rules_there_is_no_child", without_rules_there_is_no_child),
        ("a_rule_without_end_refuses_its_candidate_only", a_rule_without_end_refuses_its_candidate_only),
        ("all_rules_together_have_a_limit", all_rules_together_have_a_limit),
    ];
    for (name, case) in cases {
        case();
        println!("test {name} ... ok");
    }
    ExitCode::SUCCESS
}

const LIMITS: &str = "\
- files: /limits/
  rule: old == null || self.limit <= old.limit * 2
  message: limits are at most doubled
";

const RULES: &str = ".configbus/rules.yaml";

fn gate(rules: RulesSettings) -> Gate {
    Gate::new(GateSettings { rules, ..GateSettings::default() }).expect("settings hold")
}

fn ask(gate: &Gate, candidate: &MemoryCandidate) -> Result<Report, CandidateError> {
    let (principal, namespace) = (Principal::open(), Namespace::main());
    gate.check(
        candidate,
        &Context { principal: &principal, namespace: &namespace, now_ms: 1_795_269_906_007, mounts: Mounts::default() },
    )
}

fn check(candidate: &MemoryCandidate) -> Vec<(String, Rule, String)> {
    let report = ask(&gate(RulesSettings::default()), candidate).expect("the candidate can be read");
    report.findings.iter().map(|finding| (finding.location(), finding.rule, finding.sentence())).collect()
}

fn a_broken_rule_is_told_with_its_place() {
    let base = [(RULES, LIMITS), ("limits/a.yaml", "# how much\nlimit: 3\n")];
    let on_base = || MemoryCandidate::on(base);
    assert_eq!(check(&on_base().put("limits/a.yaml", "limit: 6\n")), []);
    assert_eq!(check(&on_base().put("limits/new.json", "{\"limit\": 900}")), []);
    let sentence = "limits are at most doubled: found 7, expected old == null || self.limit <= old.limit * 2 \
                    (.configbus/rules.yaml:2:9)";
    let found = check(&on_base().put("limits/a.yaml", "# how much\nlimit: 7\n"));
    assert_eq!(found, [("limits/a.yaml:2:8".into(), Rule::RuleBroken, sentence.into())]);
    let report = ask(&gate(RulesSettings::default()), &on_base().put("limits/a.yaml", "limit: 7\n"));
    assert_eq!(report.expect("it can be read").findings[0].pointer.as_deref(), Some("/limit"));
    let streams = MemoryCandidate::on([(RULES, LIMITS), ("limits/s.yaml", "limit: 1\n---\nlimit: 1\n")]);
    let found = check(&streams.put("limits/s.yaml", "limit: 2\n---\n\nlimit: 3\n"));
    assert_eq!(found[0].0, "limits/s.yaml:4:8");
}

fn an_error_refuses() {
    let found =
        check(&MemoryCandidate::on([(RULES, LIMITS), ("limits/a.json", "{}")]).put("limits/a.json", "{\"x\": 1}"));
    let sentence = "limits are at most doubled (the rule gives no answer: there is no \"limit\"), expected old == null || \
                    self.limit <= old.limit * 2 (.configbus/rules.yaml:2:9)";
    assert_eq!(found, [("limits/a.json:1:1".into(), Rule::RuleError, sentence.into())]);
    let number = "- {files: '*.json', rule: self.limit, message: m}\n";
    let found = check(&MemoryCandidate::on([(RULES, number)]).put("a.json", "{\"limit\": 1}"));
    assert!(found[0].2.starts_with("m (the rule gives no answer: gives int, expected true or false)"), "{found:?}");
    let text = check(&MemoryCandidate::on([(RULES, LIMITS)]).put("limits/README.md", "no document"));
    assert_eq!(text, [], "a new file has no limit to be held to");
}

fn what_is_no_expression_is_told_in_the_rules() {
    let rules = "- {files: a, rule: 'true', message: m}\n- {files: a, rule: 'slef.x > 1', message: m}\n- {files: a, rule: '1 +', message: m}\n";
    let found = check(&MemoryCandidate::on([]).put(RULES, rules));
    let places: Vec<_> = found.iter().map(|(place, rule, _)| (place.as_str(), *rule)).collect();
    let expected =
        [(".configbus/rules.yaml:2:20", Rule::RuleExpression), (".configbus/rules.yaml:3:20", Rule::RuleExpression)];
    assert_eq!(places, expected);
    assert!(found[0].2.starts_with("variable \"slef\" is not known"), "{found:?}");
}

fn a_new_rule_holds_for_every_file_it_governs() {
    let base = [
        ("limits/good.json", "{\"limit\": 1}"),
        ("limits/bad.json", "{\"limit\": -1}"),
        ("other/bad.json", "{\"limit\": -1}"),
    ];
    let rules = "- {files: /limits/, rule: self.limit > 0, message: limits are positive}\n";
    let places = |candidate: MemoryCandidate| check(&candidate).into_iter().map(|found| found.0).collect::<Vec<_>>();
    assert_eq!(places(MemoryCandidate::on(base).put(RULES, rules)), ["limits/bad.json:1:11"]);
    let repaired = MemoryCandidate::on(base).put(RULES, rules).put("limits/bad.json", "{\"limit\": 2}");
    assert_eq!(places(repaired), Vec::<String>::new());
}

fn a_rule_that_stays_is_asked_about_changes_only() {
    let base =
        [(RULES, "- {files: /limits/, rule: self.limit > 0, message: m}\n"), ("limits/old.json", "{\"limit\": -1}")];
    assert_eq!(check(&MemoryCandidate::on(base).put("limits/new.json", "{\"limit\": 1}")), []);
    let reworded = "# moved\n- {files: /limits/, rule: self.limit > 0, message: other words}\n";
    assert_eq!(check(&MemoryCandidate::on(base).put(RULES, reworded)), []);
}

fn deletions_are_judged_on_request() {
    let keep = "- {files: /limits/, rule: 'self != null || old.disposable', message: still in use, on_delete: true}\n";
    let base =
        [(RULES, keep), ("limits/a.json", "{\"disposable\": false}"), ("limits/b.json", "{\"disposable\": true}")];
    let found = check(&MemoryCandidate::on(base).delete("limits/a.json").delete("limits/b.json"));
    assert_eq!(
        found.iter().map(|found| (&*found.0, found.1)).collect::<Vec<_>>(),
        [("limits/a.json:1:1", Rule::RuleBroken)]
    );
    let base = [(RULES, LIMITS), ("limits/a.json", "{\"limit\": 1}")];
    assert_eq!(check(&MemoryCandidate::on(base).delete("limits/a.json")), []);
}

fn rules_see_who_asks() {
    let rules = "- {files: '*.json', rule: \"author == 'anonymous' && 'web' in teams && 'sso' in groups && path == 'a.json' && \
                 now.getFullYear() == 2026\", message: m}\n";
    let teams = "web: [anonymous]\n";
    let candidate = MemoryCandidate::on([(RULES, rules), (".configbus/teams.yaml", teams)]).put("a.json", "1");
    let group = PrincipalName::parse("sso").expect("a name");
    let principal = Principal { groups: [group].into(), ..Principal::open() };
    let context = Context {
        principal: &principal,
        namespace: &Namespace::main(),
        now_ms: 1_795_269_906_007,
        mounts: Mounts::default(),
    };
    let report = gate(RulesSettings::default()).check(&candidate, &context).expect("it can be read");
    assert!(report.is_accepted(), "{:?}", report.findings);
}

fn without_rules_there_is_no_child() {
    let none = GateSettings { child_program: Some("/nowhere/configbus".into()), ..GateSettings::default() };
    let gate = Gate::new(none).expect("settings hold");
    let without = MemoryCandidate::on([]).put("limits/a.json", "{\"limit\": 1}");
    assert!(ask(&gate, &without).expect("nothing is started").is_accepted());
    let error = ask(&gate, &without.put(RULES, LIMITS)).expect_err("nothing can be started");
    assert_eq!(error.to_string(), "failed to start /nowhere/configbus to evaluate rules");
}

fn endless(files: &str) -> String {
    let nested = "self.l.all(a, self.l.all(b, self.l.all(c, self.l.all(d, self.l.all(e, self.l.all(f, a + b + c + d + e + f >= 0))))))";
    format!("- {{files: {files}, rule: '{nested}', message: sums are positive}}\n")
}

fn list(length: usize) -> String {
    format!("{{\"l\": [0{}]}}", ",1".repeat(length))
}

fn a_rule_without_end_refuses_its_candidate_only() {
    let gate = gate(RulesSettings { time_limit_ms: 300, ..RulesSettings::default() });
    let hostile = MemoryCandidate::on([(RULES, &*endless("/hostile/"))]).put("hostile/a.json", list(1_000));
    let honest = MemoryCandidate::on([(RULES, LIMITS)]).put("limits/a.json", "{\"limit\": 1}");
    std::thread::scope(|scope| {
        let refused = scope.spawn(|| ask(&gate, &hostile).expect("it can be read"));
        let mut served = 0;
        while !refused.is_finished() {
            assert!(ask(&gate, &honest).expect("it can be read").is_accepted());
            served += 1;
        }
        assert!(served > 10, "{served} others were served meanwhile");
        let findings = refused.join().expect("no panic").findings;
        assert_eq!((findings.len(), findings[0].rule), (1, Rule::RuleLimit));
        let told = "sums are positive (the rule took longer than 300 ms on this file and was stopped); make it cheaper, or split \
             the file: found more than 300 ms for self.l.all(a,";
        assert!(findings[0].sentence().starts_with(told), "{}", findings[0].sentence());
    });
}

fn all_rules_together_have_a_limit() {
    let settings = RulesSettings { time_limit_ms: 300, candidate_time_limit_ms: 500, ..RulesSettings::default() };
    let mut candidate = MemoryCandidate::on([(RULES, &*endless("/hostile/"))]);
    for file in 0..100 {
        candidate = candidate.put(&format!("hostile/{file}.json"), list(1_000));
    }
    let started = Instant::now();
    let report = ask(&gate(settings), &candidate).expect("it can be read");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    let last = report.findings.last().map(|finding| finding.message.clone()).unwrap_or_default();
    assert!(last.starts_with("rules were stopped at this file, because together they took too long"), "{last}");
    assert!(report.findings.len() <= 3, "{:?}", report.findings);
}
