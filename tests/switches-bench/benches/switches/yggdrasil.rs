//! Unleash's engine.

use crate::rules::{BULK, RELOADED};
use criterion::Criterion;
use serde_json::{Value, json};
use std::{collections::HashMap, hint::black_box};
use unleash_types::client_features::ClientFeatures;
use unleash_yggdrasil::{Context, EngineState};

fn constraint(name: &str, operator: &str, value: Value) -> Value {
    let member = if value.is_array() { "values" } else { "value" };
    json!({"contextName": name, "operator": operator, member: value})
}

fn one_condition() -> Vec<Value> {
    vec![constraint("country", "IN", json!(["DE"]))]
}

fn three_conditions() -> Vec<Value> {
    vec![
        constraint("country", "IN", json!(["DE"])),
        constraint("plan", "IN", json!(["basic", "pro", "team"])),
        constraint("version", "SEMVER_GT", json!("2.3.0")),
    ]
}

fn feature(name: &str, strategies: &Value) -> Value {
    json!({"name": name, "enabled": true, "strategies": strategies})
}

fn constrained(name: &str, constraints: &[Value]) -> Value {
    feature(name, &json!([{"name": "default", "constraints": constraints}]))
}

fn features(features: &[Value]) -> Value {
    json!({"version": 2, "features": features})
}

fn engine(document: Value) -> EngineState {
    let mut engine = EngineState::default();
    let features: ClientFeatures = serde_json::from_value(document).expect("it is in Unleash's format");
    assert!(engine.apply_client_features(features).is_none());
    engine
}

fn context() -> Context {
    let properties = [
        ("country", "DE"),
        ("plan", "pro"),
        ("version", "2.4.1"),
        ("age", "36"),
        ("device", "phone"),
        ("locale", "de-DE"),
    ];
    let properties: HashMap<_, _> =
        properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Context {
        user_id: Some("user-4711".to_owned()),
        session_id: None,
        environment: None,
        app_name: None,
        current_time: None,
        remote_address: None,
        properties: Some(properties),
    }
}

fn numbered(count: usize) -> Value {
    let all: Vec<_> =
        (0..count).map(|at| constrained(&format!("team-{}/flag-{at}", at % 50), &one_condition())).collect();
    features(&all)
}

pub fn run(criterion: &mut Criterion) {
    let rollout =
        json!([{"name": "flexibleRollout", "parameters": {"rollout": "25", "stickiness": "userId", "groupId": "g"}}]);
    let some = engine(features(&[
        feature("static", &json!([])),
        constrained("one condition", &one_condition()),
        constrained("three conditions", &three_conditions()),
        feature("rollout", &rollout),
    ]));
    let context = context();
    for (group, name) in [
        ("static", "static"),
        ("toggle", "static"),
        ("one condition", "one condition"),
        ("three conditions", "three conditions"),
        ("decider", "rollout"),
        ("fractional", "rollout"),
    ] {
        let ask = || some.is_enabled(black_box(name), black_box(&context), &None);
        criterion.benchmark_group(group).bench_function("unleash-yggdrasil", |b| b.iter(ask));
    }
    let bulk = engine(numbered(BULK));
    criterion.benchmark_group("500 flags").bench_function("unleash-yggdrasil", |b| {
        b.iter(|| bulk.resolve_all(black_box(&context), &None).map(|all| all.len()));
    });
    let text = numbered(RELOADED).to_string();
    let mut group = criterion.benchmark_group("reload of 10,000 flags");
    group.sample_size(10).measurement_time(std::time::Duration::from_secs(4));
    group.bench_function("unleash-yggdrasil", |b| {
        b.iter(|| {
            let mut engine = EngineState::default();
            engine.apply_client_features(serde_json::from_str(black_box(&text)).expect("it is in Unleash's format"));
            engine
        });
    });
    group.finish();
}
