//! `docs/limits.md` says of every limit what the code says: nothing missing, nothing left over, no other number.

use configbus_hooks::{Rule, ValidatorSettings};
use configbus_model::Bound;
use configbus_server::Settings;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Rules that are about limits and are refused by nothing else.
const RULES: [Rule; 18] = [
    Rule::FileSize,
    Rule::ChangedFiles,
    Rule::TreeFiles,
    Rule::PushObjects,
    Rule::DirectoryWidth,
    Rule::Depth,
    Rule::PathLength,
    Rule::JsonDepth,
    Rule::YamlDepth,
    Rule::TomlDepth,
    Rule::XmlDepth,
    Rule::NumberLength,
    Rule::YamlSize,
    Rule::YamlAliases,
    Rule::PolicySize,
    Rule::SchemaSize,
    Rule::RuleLimit,
    Rule::ValidatorLimit,
];

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/limits.md");
    std::fs::read_to_string(path).unwrap()
}

/// Cells of the rows of tables that have a setting, by the setting.
fn rows(page: &str) -> BTreeMap<String, Vec<String>> {
    let cells = |line: &str| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let lines = page.lines().filter(|line| line.starts_with("| ")).map(cells);
    let rows = lines.filter(|cells| cells.len() >= 4 && cells[3].starts_with('`'));
    rows.map(|cells| (cells[3].trim_matches('`').to_owned(), cells)).collect()
}

/// Returns a value as the page writes it.
fn shown(key: &str, value: u64) -> String {
    let unit_of = |units: &[(u64, &'static str)]| {
        units.iter().find(|(size, _)| value > 0 && value.is_multiple_of(*size)).copied()
    };
    if key.contains("bytes") {
        let units = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        return match unit_of(&units) {
            Some((size, unit)) => format!("{} {unit}", grouped(value / size)),
            None if value == 1 => "1 byte".to_owned(),
            None => format!("{} bytes", grouped(value)),
        };
    }
    if key.contains("_ms") {
        return unit_of(&[(1_000, "s"), (1, "ms")]).map(|(size, unit)| format!("{} {unit}", value / size)).unwrap();
    }
    grouped(value)
}

fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap());
    groups.collect::<Vec<_>>().join(",")
}

fn bounds() -> Vec<Bound> {
    let validator = serde_json::json!({"name": "x", "command": ["/x"], "files": ["*"]});
    let validator: ValidatorSettings = serde_json::from_value(validator).unwrap();
    Settings::default().bounds().into_iter().chain(validator.bounds()).collect()
}

#[test]
fn every_limit_is_told_with_its_default_and_its_range() {
    let (page, mut rows) = (page(), BTreeMap::new());
    rows.extend(self::rows(&page));
    for Bound { key, value, min, max } in bounds() {
        let row = rows.remove(key).unwrap_or_else(|| panic!("docs/limits.md does not tell of {key}"));
        assert_eq!(row[1], shown(key, value), "default of {key}");
        assert_eq!(row[2], format!("{} – {}", shown(key, min), shown(key, max)), "range of {key}");
    }
    assert!(rows.is_empty(), "docs/limits.md tells of settings that do not exist: {:?}", rows.keys());
}

#[test]
fn the_rules_are_those_of_the_gate() {
    let rows = rows(&page());
    let told = rows.iter().filter(|(key, _)| key.starts_with("gate.") || !key.contains('.'));
    let told: BTreeSet<_> = told.filter_map(|(_, row)| row.get(4)).flat_map(|cell| cell.split(' ')).collect();
    let known: BTreeSet<_> = Rule::ALL.iter().map(|rule| format!("`{rule}`")).collect();
    let unknown: Vec<_> = told.iter().filter(|rule| !known.contains(**rule)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    for rule in RULES {
        assert!(told.contains(&*format!("`{rule}`")), "docs/limits.md does not tell of {rule}");
    }
}

#[test]
fn every_setting_is_one_that_can_be_set() {
    let settings = serde_json::to_value(Settings::default()).unwrap();
    for Bound { key, value, .. } in Settings::default().bounds() {
        let pointer = format!("/{}", key.replace('.', "/"));
        assert_eq!(settings.pointer(&pointer).and_then(serde_json::Value::as_u64), Some(value), "{key}");
    }
}
