//! datalogic-rs: the engine below most of flagd's Rust.

use crate::rules::{BULK, RELOADED, context, fractional, one_condition, set, three_conditions};
use criterion::Criterion;
use datalogic_rs::{Engine, Logic, bumpalo::Bump};
use serde_json::{Value, json};
use std::hint::black_box;

fn compiled(engine: &Engine, rule: &Value) -> Logic {
    engine.compile(rule.to_string().as_str()).expect("it is a rule")
}

pub fn run(criterion: &mut Criterion) {
    let engine = Engine::new();
    let mut context = context();
    context["$flagd"] = json!({"flagKey": "fractional", "timestamp": 1_790_000_000});
    for (group, rule) in
        [("one condition", one_condition()), ("three conditions", three_conditions()), ("fractional", fractional())]
    {
        let rule = compiled(&engine, &rule);
        let mut group = criterion.benchmark_group(group);
        group.bench_function("datalogic-rs", |b| {
            let mut arena = Bump::new();
            b.iter(|| {
                let is_some = engine.evaluate(&rule, black_box(&context), &arena).map(|value| value.as_str().is_some());
                arena.reset();
                is_some.is_ok()
            });
        });
        // As fast as it gets: the context stands in the arena for as long as the program runs.
        let kept = Bump::new();
        let ready = engine.evaluate(whole(), &context, &kept).expect("it is the context");
        group.bench_function("datalogic-rs, context ready", |b| {
            let mut arena = Bump::new();
            b.iter(|| {
                let is_some = engine.evaluate(&rule, black_box(ready), &arena).map(|value| value.as_str().is_some());
                arena.reset();
                is_some.is_ok()
            });
        });
        group.finish();
    }
    bulk(criterion, &engine, &context);
    reload(criterion, &engine);
}

fn whole() -> &'static Logic {
    static WHOLE: std::sync::OnceLock<Logic> = std::sync::OnceLock::new();
    WHOLE.get_or_init(|| compiled(&Engine::new(), &json!({"var": ""})))
}

fn bulk(criterion: &mut Criterion, engine: &Engine, context: &Value) {
    let rules: Vec<_> = (0..BULK).map(|_| compiled(engine, &one_condition())).collect();
    let kept = Bump::new();
    let ready = engine.evaluate(whole(), context, &kept).expect("it is the context");
    criterion.benchmark_group("500 flags").bench_function("datalogic-rs, context ready", |b| {
        let mut arena = Bump::new();
        b.iter(|| {
            let is_some =
                |rule| engine.evaluate(rule, black_box(ready), &arena).is_ok_and(|value| value.as_str().is_some());
            let on = rules.iter().filter(|rule| is_some(*rule)).count();
            arena.reset();
            on
        });
    });
}

fn reload(criterion: &mut Criterion, engine: &Engine) {
    let text = set(RELOADED).to_string();
    let mut group = criterion.benchmark_group("reload of 10,000 flags");
    group.sample_size(10).measurement_time(std::time::Duration::from_secs(4));
    group.bench_function("datalogic-rs, rules alone", |b| {
        b.iter(|| {
            let document: Value = serde_json::from_str(black_box(&text)).expect("it is JSON");
            let flags = document["flags"].as_object().expect("it has flags");
            let rules: Vec<Logic> =
                flags.values().map(|flag| engine.compile(&flag["targeting"]).expect("it is a rule")).collect();
            rules.len()
        });
    });
    group.finish();
}
