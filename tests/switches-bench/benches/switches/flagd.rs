//! flagd's own engine in Rust.

use crate::rules::{BULK, RELOADED, flag, fractional, one_condition, set, three_conditions};
use criterion::Criterion;
use flagd_evaluation_engine::{FeatureFlag, FlagParser, Operator};
use open_feature::EvaluationContext;
use serde_json::{Value, json};
use std::{hint::black_box, time::Duration};

fn context() -> EvaluationContext {
    EvaluationContext::default()
        .with_targeting_key("user-4711")
        .with_custom_field("country", "DE")
        .with_custom_field("plan", "pro")
        .with_custom_field("version", "2.4.1")
        .with_custom_field("age", 36)
        .with_custom_field("device", "phone")
        .with_custom_field("locale", "de-DE")
}

fn parsed(rule: Value) -> FeatureFlag {
    let document = json!({"flags": {"flag": flag(Some(rule))}});
    let mut parsed = FlagParser::parse_string(&document.to_string()).expect("they are flags");
    parsed.flags.remove("flag").expect("it is there")
}

pub fn run(criterion: &mut Criterion) {
    let (operator, context) = (Operator::new(), context());
    // As the provider asks.
    let ask = |key: &str, flag: &FeatureFlag| operator.apply(key, &flag.get_targeting(), black_box(&context)).is_ok();
    for (group, rule) in
        [("one condition", one_condition()), ("three conditions", three_conditions()), ("fractional", fractional())]
    {
        let flag = parsed(rule);
        criterion.benchmark_group(group).bench_function("flagd-evaluation-engine", |b| b.iter(|| ask("flag", &flag)));
    }
    let bulk = FlagParser::parse_string(&set(BULK).to_string()).expect("they are flags").flags;
    criterion.benchmark_group("500 flags").bench_function("flagd-evaluation-engine", |b| {
        b.iter(|| bulk.iter().filter(|(key, flag)| ask(key, flag)).count());
    });
    let text = set(RELOADED).to_string();
    let mut group = criterion.benchmark_group("reload of 10,000 flags");
    group.sample_size(10).measurement_time(Duration::from_secs(4));
    group.bench_function("flagd-evaluation-engine, rules not compiled", |b| {
        b.iter(|| FlagParser::parse_string(black_box(&text)).map(|parsed| parsed.flags.len()).expect("they are flags"));
    });
    group.finish();
}
