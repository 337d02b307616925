//! Experiments as people write them.

mod properties;

use super::*;
use crate::{Context, Moment, Problem};
use serde_json::{Value, json};

const LAYERS: &str = "
layers:
  checkout: {unit: user, holdouts: [company], owner: growth@example.org}
  search: {shuffle: 3}
holdouts:
  company: {unit: user, range: [0, 5], description: One in twenty sees nothing new.}
  quarter: {unit: user, range: [[0, 1], [50, 51]]}
";

const BUTTON: &str = "
owner: growth@example.org
team: growth
unit: user
start: 2026-01-01
stop: 2026-02-01
overrides:
  - {when: {user: [ada, 7]}, variant: green}
when: {country: [DE, FR]}
holdouts: [quarter]
layer: {name: checkout, range: [0, 60]}
variants:
  control: {range: [0, 25], value: {colour: blue}}
  green: {range: [[25, 50], [60, 62.5]], value: {colour: green}}
";

fn yaml(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

fn document(key: &str, text: &str) -> ExperimentDocument {
    ExperimentDocument::parse(key, &yaml(text)).flawless().unwrap()
}

fn composed(files: &[(&str, &str)]) -> Composition {
    let files: Vec<_> = files.iter().map(|(key, text)| document(key, text)).collect();
    ExperimentSet::compose(&files)
}

fn set(files: &[(&str, &str)]) -> ExperimentSet {
    let Composition { set, problems } = composed(files);
    assert_eq!(problems, []);
    set
}

fn told(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

/// Returns variant and cause for a user in Germany, at a time when it runs.
fn asked(experiment: &Experiment, user: &Value, at: &str) -> (Option<String>, Cause) {
    let context = [("user", user.into()), ("country", "DE".into())];
    let found = experiment.assign(&Context::of(&context), Moment::parse(at).unwrap());
    (found.variant.map(|variant| variant.name.to_string()), found.cause)
}

#[test]
fn the_chain_is_gone_through_in_its_order() {
    let both = set(&[("layers", LAYERS), ("checkout/button", BUTTON)]);
    let button = both.get("checkout/button").unwrap();
    let (now, ada) = ("2026-01-15", json!("ada"));
    assert_eq!(asked(button, &ada, now), (Some("green".into()), Cause::Override));
    assert_eq!(asked(button, &ada, "2025-12-31"), (None, Cause::NotStarted));
    assert_eq!(asked(button, &ada, "2026-02-01"), (None, Cause::Stopped));
    assert_eq!(button.assign(&Context::of(&[]), Moment::parse(now).unwrap()).cause, Cause::NotTargeted);
    let german = [("country", "DE".into())];
    let nobody = button.assign(&Context::of(&german), Moment::parse(now).unwrap());
    assert_eq!(nobody.cause, Cause::HeldOut, "who cannot be told to be outside a holdout is inside");
    // By the vectors below: 0 is at 4.4 % of the holdout; 42 at 25.721 % of the layer and at 95.697 % of the experiment.
    assert_eq!(asked(button, &json!(0), now), (None, Cause::HeldOut));
    assert_eq!(asked(button, &json!(42), now), (None, Cause::OutsideRanges));
    let causes: Vec<_> = (0..2_000).map(|user| asked(button, &json!(user), now).1).collect();
    for cause in [Cause::HeldOut, Cause::OutsideLayer, Cause::OutsideRanges, Cause::Dealt] {
        assert!(causes.contains(&cause), "{cause:?}");
    }
    let off = set(&[("layers", LAYERS), ("checkout/button", &BUTTON.replace("team", "off: true\nteam"))]);
    assert_eq!(asked(off.get("checkout/button").unwrap(), &ada, now), (None, Cause::Off), "before everything else");
}

#[test]
fn an_explanation_has_every_step() {
    let both = set(&[("layers", LAYERS), ("checkout/button", BUTTON)]);
    let button = both.get("checkout/button").unwrap();
    let explained = |user: &Value| {
        let context = [("user", user.into()), ("country", "FR".into())];
        let (assignment, steps) = button.explain(&Context::of(&context), Moment::parse("2026-01-15").unwrap());
        let steps: Vec<_> = steps.iter().map(ToString::to_string).collect();
        (assignment.cause, steps)
    };
    let (cause, steps) = explained(&json!(42));
    assert_eq!(cause, Cause::OutsideRanges);
    let expected = [
        "off: no",
        "dates: it runs",
        "overrides: none matches",
        "targeting: meant",
        "holdout 'company': user stands at 33.612 %, not held out",
        "holdout 'quarter': user stands at 57.151 %, not held out",
        "layer 'checkout': user stands at 25.721 %, in the experiment's range",
        "ranges: user stands at 95.697 %, no variant has it",
    ];
    assert_eq!(steps, expected);
    let expected = ["off: no", "dates: it runs", "overrides: one gives 'green', ends here"];
    assert_eq!(explained(&json!(7)).1, expected);
    let last = explained(&json!(0)).1.pop().unwrap();
    assert_eq!(last, "holdout 'company': user stands at 4.400 %, held out, ends here");
    let last = explained(&Value::Null).1.pop().unwrap();
    assert_eq!(last, "holdout 'company': nothing says user, held out, ends here");
}

#[test]
fn mistakes_are_told_where_they_stand() {
    let with = |from: &str, to: &str| ExperimentDocument::parse("b", &yaml(&BUTTON.replace(from, to))).problems;
    for (from, to, expected) in [
        ("owner: growth@example.org\n", "", "member 'owner' is missing"),
        (
            "holdouts:",
            "holdout:",
            "/holdout: key is not known here, so it would do nothing: found holdout, expected holdouts",
        ),
        ("stop: 2026-02-01", "stop: 2026-01-01", "/stop: experiment stops before it starts: 2026-01-01"),
        ("stop: 2026-02-01", "stop: soon", "/stop: \"soon\" is no date"),
        ("[0, 25]", "[0, 25.5]", "/variants/green/range: range overlaps 0 to 25.5 of variant 'control': 25 to 50"),
        ("[60, 62.5]", "[40, 62.5]", "/variants/green/range: range overlaps 25 to 50 of variant 'green': 40 to 62.5"),
        ("[0, 25]", "[25, 0]", "/variants/control/range: range ends before it begins: found 25 to 0"),
        ("[0, 25]", "[0, 101]", "/variants/control/range/1: number is out of range: found 101, expected 0 to 100"),
        ("[0, 25]", "25", "/variants/control/range: value is of another kind: found 25, expected [from, to]"),
        ("[[25, 50], [60, 62.5]]", "[[25], [60, 62.5]]", "/variants/green/range/0: value is of another kind"),
        (
            "variant: green",
            "variant: gren",
            "/overrides/0/variant: experiment has no such variant: found gren, expected green",
        ),
        ("unit: user", "unit: user\nshuffle: 1.5", "/shuffle: shuffle version is no whole number: found 1.5"),
        ("{country: [DE, FR]}", "{country: {is_in: DE}}", "/when/country/is_in: key is not known here"),
        ("range: [0, 60]", "rnage: [0, 60]", "/layer: member 'range' is missing"),
    ] {
        let problems = told(&with(from, to));
        assert!(problems.iter().any(|problem| problem.starts_with(expected)), "{expected}: {problems:?}");
    }
    let layers = |text: &str| told(&ExperimentDocument::parse("layers", &yaml(text)).problems);
    assert_eq!(
        layers("layers: {a: {holdouts: [compny]}}\nholdouts: {company: {range: [0, 5]}}"),
        ["/layers/a/holdouts/0: there is no such holdout: found compny, expected company"]
    );
    assert_eq!(layers("holdouts: {company: {}}"), ["/holdouts/company: member 'range' is missing"]);
}

#[test]
fn what_files_cannot_be_together_is_told_of_the_later() {
    let found = |changed: &str| {
        let all = composed(&[("layers", LAYERS), ("a", BUTTON), ("b", changed)]);
        let problems: Vec<_> = all.problems.iter().map(|(at, problem)| format!("{at}{problem}")).collect();
        assert_eq!((all.set.get("a").is_some(), all.set.get("b").is_some()), (true, problems.is_empty()));
        problems
    };
    assert_eq!(found(&BUTTON.replace("[0, 60]", "[60, 100]")), [""; 0]);
    assert_eq!(found(&BUTTON.replace("name: checkout", "name: search")), [""; 0], "another layer");
    let next = BUTTON.replace("stop: 2026-02-01\n", "").replace("start: 2026-01-01", "start: 2026-02-01");
    assert_eq!(found(&next), [""; 0], "one after the other");
    let overlap = "2/layer/range: range overlaps 0 to 60 of experiment 'a' in layer 'checkout': 59 to 100";
    assert_eq!(found(&BUTTON.replace("[0, 60]", "[59, 100]")), [overlap]);
    let off = BUTTON.replace("[0, 60]", "[59, 100]").replace("team", "off: true\nteam");
    assert_eq!(found(&off), [overlap], "it may be turned on at any time");
    assert_eq!(
        found(&BUTTON.replace("name: checkout", "name: chekout")),
        ["2/layer/name: there is no such layer: found chekout, expected checkout"]
    );
    assert_eq!(
        found(&BUTTON.replace("[0, 60]", "[60, 61]").replace("holdouts: [quarter]", "holdouts: [half]")),
        ["2/holdouts/0: there is no such holdout: found half, expected company, quarter"]
    );
    let alone = composed(&[("a", BUTTON)]);
    let told = alone.problems[0].1.to_string();
    let expected =
        "/layer/name: there is no such layer: found checkout, expected a layer of the file 'layers' beside experiments";
    assert_eq!(told, expected);
    let twice = composed(&[("layers", LAYERS), ("a", BUTTON), ("a", &BUTTON.replace("[0, 60]", "[60, 61]"))]);
    assert_eq!(twice.problems[0].1.to_string(), "another file has an experiment of this name: a");
}

#[test]
fn an_exposure_is_told_once() {
    let free = BUTTON.replace("layer: {name: checkout, range: [0, 60]}\n", "").replace("holdouts: [quarter]\n", "");
    let both = set(&[("a", &free), ("b", &free)]);
    let reshuffled = set(&[("a", &free.replace("unit: user", "unit: user\nshuffle: 2"))]);
    let filter = ExposureFilter::new(1 << 16);
    let count = |experiment: &Experiment| {
        let is_new = |user: &i64| {
            let context = [("user", (*user).into()), ("country", "DE".into())];
            filter.is_new(&experiment.assign(&Context::of(&context), Moment::parse("2026-01-15").unwrap()))
        };
        (8..1_008).filter(is_new).count()
    };
    let (a, b) = (both.get("a").unwrap(), both.get("b").unwrap());
    let first = count(a);
    assert!((450..=600).contains(&first), "half of them are in: {first}");
    assert_eq!(count(a), 0);
    assert!(count(b) > 450, "another experiment is another exposure");
    assert!(count(reshuffled.get("a").unwrap()) > 450, "another shuffle version as well");
    assert_eq!((count(a), count(b)), (0, 0));
    let small = ExposureFilter::new(0);
    let user = [("user", 42_i64.into()), ("country", "DE".into())];
    let out = a.assign(&Context::of(&user), Moment::parse("2020-01-01").unwrap());
    assert!(!small.is_new(&out), "who is out is not exposed");
    let ada = [("user", "ada".into())];
    let forced = a.assign(&Context::of(&ada), Moment::parse("2026-01-15").unwrap());
    assert!(forced.cause == Cause::Override && !small.is_new(&forced));
}

#[test]
fn what_is_plainly_something_else_is_none() {
    assert!(ExperimentDocument::is_meant_by("a", &yaml(BUTTON)));
    assert!(ExperimentDocument::is_meant_by("a", &json!({"owner": "x", "variants": 3})));
    assert!(ExperimentDocument::is_meant_by("layers", &yaml(LAYERS)));
    assert!(!ExperimentDocument::is_meant_by("a", &json!({"owner": "x", "name": "y"})));
    assert!(!ExperimentDocument::is_meant_by("layers", &json!({"base": "sponge", "top": "cream"})));
}

/// Frozen: a change here moves everybody.
#[test]
fn buckets_hold_for_ever() {
    for (kind, name, shuffle, unit, bucket) in VECTORS {
        let context = [("user", (*unit).into())];
        let dealing = range::Dealing::new(kind, name, *shuffle, "user");
        assert_eq!(dealing.bucket(&Context::of(&context)).unwrap().thousandths(), *bucket, "{kind} {name} {unit}");
    }
}

/// Made with XXH64 in another language.
const VECTORS: &[(&str, &str, u64, &str, u32)] = &[
    ("experiment", "checkout/button", 1, "0", 29_068),
    ("experiment", "checkout/button", 1, "42", 95_697),
    ("experiment", "checkout/button", 1, "18446744073709551615", 99_804),
    ("experiment", "checkout/button", 1, "ada@example.org", 78_943),
    ("experiment", "checkout/button", 2, "0", 29_697),
    ("experiment", "checkout/button", 2, "42", 28_896),
    ("layer", "checkout", 1, "42", 25_721),
    ("layer", "checkout", 1, "ada@example.org", 16_501),
    ("holdout", "company", 1, "0", 4_400),
    ("holdout", "company", 1, "42", 33_612),
    ("holdout", "company", 1, "ada@example.org", 71_995),
];
