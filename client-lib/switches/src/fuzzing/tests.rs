//! Seeds, past findings, and a few thousand files made of them, without a fuzzer and the same in every run.

use super::*;
use serde_json::json;
use std::{
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
};

/// Inputs made of each target's seeds.
const MADE: u64 = 1_500;

fn inputs(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = |kind: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz").join(kind).join(name);
    let files = ["seeds", "findings"].map(|kind| fs::read_dir(folder(kind)).into_iter().flatten());
    let paths = files.into_iter().flatten().map(|file| file.unwrap().path());
    let mut inputs: Vec<_> = paths.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    inputs.sort();
    inputs
}

#[test]
fn nothing_that_was_ever_found_is_found_again() {
    for (name, target) in TARGETS {
        let inputs = inputs(name);
        assert!(!inputs.is_empty(), "{name} has no seeds");
        for (path, input) in inputs {
            assert!(catch_unwind(|| target(&input)).is_ok(), "{}", path.display());
        }
    }
}

#[test]
fn files_made_of_seeds_keep_what_is_promised() {
    for (at, (name, target)) in TARGETS.iter().enumerate() {
        let seeds: Vec<_> = inputs(name).into_iter().map(|(_, input)| input).collect();
        let mut draws = Draws(at as u64);
        for _ in 0..MADE {
            let input = made_of(&seeds, &mut draws);
            let text = String::from_utf8_lossy(&input).into_owned();
            assert!(catch_unwind(|| target(&input)).is_ok(), "{name}: {text:?}");
        }
    }
}

/// SplitMix64.
struct Draws(u64);

impl Draws {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % end.max(1) as u64).unwrap()
    }
}

/// Takes a seed and changes up to four values in it: each becomes something odd, or a value from elsewhere in the seeds.
fn made_of(seeds: &[Vec<u8>], draws: &mut Draws) -> Vec<u8> {
    let read = |input: &[u8]| -> Vec<Value> {
        input.split(|byte| *byte == 0).map(|part| serde_json::from_slice(part).unwrap_or_default()).collect()
    };
    let mut documents = read(&seeds[draws.below(seeds.len())]);
    for _ in 0..=draws.below(4) {
        let from = read(&seeds[draws.below(seeds.len())]);
        let mut values = Vec::new();
        from.iter().for_each(|document| collect(document, &mut values));
        let value = if draws.below(2) == 0 { values[draws.below(values.len())].clone() } else { odd(draws) };
        let at = draws.below(documents.len());
        let mut count = Vec::new();
        collect(&documents[at], &mut count);
        let mut left = draws.below(count.len());
        put(&mut documents[at], &mut left, &value);
    }
    let parts: Vec<_> = documents.iter().map(|document| serde_json::to_vec(document).unwrap()).collect();
    parts.join(&0)
}

fn odd(draws: &mut Draws) -> Value {
    let odd = [
        json!(null),
        json!(true),
        json!(-1),
        json!(0.5),
        json!(1e308),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!("\u{0}é"),
        json!("user"),
        json!("2026-02-30"),
        json!([]),
        json!({}),
        json!([[[]]]),
        json!({"var": ""}),
        json!({"$ref": "a"}),
        json!({"if": []}),
        json!({"fractional": [["a", -1], ["a", 2_147_483_648_u64]]}),
        json!([100, 0]),
    ];
    odd[draws.below(odd.len())].clone()
}

fn collect<'v>(value: &'v Value, all: &mut Vec<&'v Value>) {
    all.push(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, all)),
        Value::Object(members) => members.values().for_each(|member| collect(member, all)),
        _ => {}
    }
}

/// Puts a value in place of the one that has so many before it.
fn put(into: &mut Value, left: &mut usize, value: &Value) -> bool {
    if *left == 0 {
        *into = value.clone();
        return true;
    }
    *left -= 1;
    match into {
        Value::Array(items) => items.iter_mut().any(|item| put(item, left, value)),
        Value::Object(members) => members.values_mut().any(|member| put(member, left, value)),
        _ => false,
    }
}
