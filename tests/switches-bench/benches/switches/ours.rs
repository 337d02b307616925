//! configbus.

use crate::rules::{BULK, RELOADED, context, flag, fractional, one_condition, set, three_conditions};
use configbus_client::{
    ConfigBus, FlagPlaces, InMemory, OverlayPlace, Recipient, ToggleOptions,
    switches::{Context, FlagSet, Moment, SwitchFile, Switches},
};
use criterion::Criterion;
use serde_json::{Value, json};
use std::{fmt::Write, hint::black_box, sync::Arc};

const NOW: Moment = Moment::from_unix_ms(1_790_000_000_000);

pub fn run(criterion: &mut Criterion) {
    let memory = ConfigBus::in_memory();
    loads(criterion, &memory);
    deciders(criterion, &memory);
    toggles(criterion, &memory);
    flags(criterion, &memory);
    experiments(criterion, &memory);
    reloads(criterion);
}

fn put(memory: &InMemory, path: &str, content: &str) {
    memory.set(path, content).expect("the path is one");
    memory.flip();
}

fn loads(criterion: &mut Criterion, memory: &InMemory) {
    put(memory, "limit.json", "10");
    let bus = memory.bus();
    let shared = bus.subscribe::<u64>("limit.json").expect("it is there");
    let mut reader = shared.reader();
    let mut group = criterion.benchmark_group("load");
    group.bench_function("configbus shared", |b| b.iter(|| shared.load().map_or(0, |value| *value)));
    group.bench_function("configbus reader", |b| b.iter(|| reader.load().copied().unwrap_or_default()));
    group.finish();
}

fn deciders(criterion: &mut Criterion, memory: &InMemory) {
    let keys = (0..500).fold(String::new(), |mut text, at| {
        let _ = writeln!(text, "key_{at}: {{default_availability: 2500}}");
        text
    });
    put(memory, "decider.yml", &keys);
    let decider = memory.bus().decider("decider.yml", &OverlayPlace::default()).expect("it is there");
    let handle = decider.handle("key_250");
    let mut group = criterion.benchmark_group("decider");
    group.bench_function("configbus handle", |b| {
        b.iter(|| handle.is_available_for(Recipient::user(black_box(4_711_u64))))
    });
    group.bench_function("configbus name", |b| {
        b.iter(|| decider.is_available_for(black_box("key_250"), Recipient::user(black_box(4_711_u64))));
    });
    group.finish();
}

fn toggles(criterion: &mut Criterion, memory: &InMemory) {
    let file = r#"{"toggles": [{"id": "com.example.lib.some", "fraction": 0.25, "description": "x"}]}"#;
    put(memory, "toggles/configs/com.example.lib.json", file);
    let toggles =
        memory.bus().toggles("toggles/configs", "com.example.lib", ToggleOptions::new()).expect("it is there");
    let handle = toggles.handle("com.example.lib.some");
    criterion
        .benchmark_group("toggle")
        .bench_function("configbus handle", |b| b.iter(|| handle.is_on(black_box(4_711))));
}

fn flags(criterion: &mut Criterion, memory: &InMemory) {
    let asked = [
        ("static", None),
        ("one condition", Some(one_condition())),
        ("three conditions", Some(three_conditions())),
        ("fractional", Some(fractional())),
    ];
    let all: serde_json::Map<String, Value> =
        asked.iter().map(|(name, rule)| ((*name).to_owned(), flag(rule.clone()))).collect();
    let document = json!({"flags": all});
    put(memory, "flags/bench.json", &document.to_string());
    let set = FlagSet::parse(&document).flawless().expect("it is one");
    let followed = memory.bus().flags(&FlagPlaces::default()).expect("they are there");
    let attributes = context();
    let attributes = attributes.as_object().expect("it is one");
    let pairs: Vec<_> = attributes.iter().map(|(name, value)| (name.as_str(), value.into())).collect();
    let (borrowed, parsed) = (Context::of(&pairs), Context::of_json(attributes));
    for (name, _) in &asked {
        let (flag, handle) = (set.flag(name).expect("it is there"), followed.handle(name, false));
        let mut group = criterion.benchmark_group(*name);
        group.bench_function("configbus evaluator", |b| b.iter(|| flag.resolve(black_box(&borrowed), NOW).value));
        group.bench_function("configbus evaluator, JSON context", |b| {
            b.iter(|| flag.resolve(black_box(&parsed), NOW).value)
        });
        group.bench_function("configbus handle", |b| b.iter(|| handle.get(black_box(&borrowed))));
        group.finish();
    }
    bulk(criterion, &borrowed);
}

fn bulk(criterion: &mut Criterion, context: &Context<'_>) {
    let set = FlagSet::parse(&set(BULK)).flawless().expect("it is one");
    let switches = Switches::of([("flags/bench.json".to_owned(), Arc::new(SwitchFile::Flags(set)))]);
    criterion.benchmark_group("500 flags").bench_function("configbus", |b| {
        b.iter(|| {
            let mut on = 0;
            switches.each(black_box(context), NOW, |_, resolution| on += usize::from(resolution.value.is_some()));
            on
        });
    });
}

fn experiments(criterion: &mut Criterion, memory: &InMemory) {
    put(memory, "experiments/layers.yaml", "layers: {checkout: {}}\nholdouts: {company: {range: [0, 5]}}\n");
    let button = "owner: a\nholdouts: [company]\nlayer: {name: checkout, range: [0, 100]}\nwhen: {country: DE}\n\
                  variants: {old: {range: [0, 50]}, new: {range: [50, 100]}}\n";
    put(memory, "experiments/button.yaml", button);
    let experiments = memory.bus().experiments("experiments/**").expect("they are there");
    let (set, handle) = (experiments.load(), experiments.handle("button"));
    experiments.on_exposure(|_| {});
    let experiment = set.get("button").expect("it is there");
    let pairs = [("targetingKey", "user-4711".into()), ("country", "DE".into()), ("plan", "pro".into())];
    let context = Context::of(&pairs);
    let mut group = criterion.benchmark_group("experiment");
    group.bench_function("configbus evaluator", |b| b.iter(|| experiment.assign(black_box(&context), NOW).cause));
    group.bench_function("configbus handle", |b| {
        b.iter(|| handle.assign(black_box(&context)).map(|assigned| assigned.cause))
    });
    group.finish();
}

fn reloads(criterion: &mut Criterion) {
    let text = set(RELOADED).to_string();
    let mut group = criterion.benchmark_group("reload of 10,000 flags");
    group.sample_size(10).measurement_time(std::time::Duration::from_secs(4));
    group.bench_function("configbus", |b| {
        b.iter(|| {
            let document: Value = serde_json::from_str(black_box(&text)).expect("it is JSON");
            FlagSet::parse(&document).flawless().expect("it is one").flags().count()
        });
    });
    group.finish();
}
