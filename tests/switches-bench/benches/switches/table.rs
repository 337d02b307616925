//! The figures of the run, held against each other and against the budgets.

use serde_json::Value;
use std::{collections::BTreeMap, fs, path::Path};

/// Group, figure, and how many nanoseconds it may take.
const BUDGETS: [(&str, &str, f64); 7] = [
    ("load", "configbus shared", 8.0),
    ("load", "configbus reader", 2.0),
    ("toggle", "configbus handle", 5.0),
    ("decider", "configbus handle", 20.0),
    ("decider", "configbus name", 50.0),
    ("one condition", "configbus evaluator", 40.0),
    ("500 flags", "configbus", 30_000.0),
];

/// One figure.
struct Figure {
    name: String,
    /// Of the best sample: whatever else the machine does only adds to it.
    best: f64,
    median: f64,
}

/// Prints each figure, and how many times the group's first of ours it takes.
pub fn print(figures: &Path) {
    let groups = read(figures);
    println!("\n{:<24}{:<46}{:>12}{:>12}{:>8}{:>14}", "work", "engine", "best", "median", "ratio", "budget");
    for (group, figures) in &groups {
        let ours = figures.iter().find(|figure| figure.name.starts_with("configbus")).map(|figure| figure.best);
        for Figure { name, best, median } in figures {
            let ratio = ours.map_or_else(String::new, |ours| format!("{:.2}", best / ours));
            let budget = BUDGETS.iter().find(|(of, figure, _)| of == group && figure == name);
            let told = budget.map_or_else(String::new, |(.., max)| {
                format!("{} {}", time(*max), if best <= max { "ok" } else { "OVER" })
            });
            println!("{group:<24}{name:<46}{:>12}{:>12}{ratio:>8}{told:>14}", time(*best), time(*median));
        }
    }
    println!("\nload of the machine: {}", fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
}

fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ns if ns < 1_000.0 => format!("{ns:.1} ns"),
        ns if ns < 1e6 => format!("{:.2} µs", ns / 1e3),
        ns => format!("{:.2} ms", ns / 1e6),
    }
}

/// Reads what Criterion wrote, by group.
fn read(figures: &Path) -> BTreeMap<String, Vec<Figure>> {
    let mut groups: BTreeMap<String, Vec<Figure>> = BTreeMap::new();
    let folders = |path: &Path| fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    for path in folders(figures).flat_map(|group| folders(&group).collect::<Vec<_>>()) {
        if let Some((group, figure)) = figure(&path.join("new")) {
            groups.entry(group).or_default().push(figure);
        }
    }
    let is_peer = |figure: &Figure| !figure.name.starts_with("configbus");
    groups.values_mut().for_each(|figures| {
        figures.sort_by(|a, b| (is_peer(a), &a.name).cmp(&(is_peer(b), &b.name)));
    });
    groups
}

fn figure(path: &Path) -> Option<(String, Figure)> {
    let json = |name: &str| -> Option<Value> { serde_json::from_str(&fs::read_to_string(path.join(name)).ok()?).ok() };
    let (estimates, benchmark, sample) = (json("estimates.json")?, json("benchmark.json")?, json("sample.json")?);
    let numbers = |member: &str| sample[member].as_array().into_iter().flatten().filter_map(Value::as_f64);
    let best = numbers("times").zip(numbers("iters")).map(|(time, count)| time / count).fold(f64::INFINITY, f64::min);
    let name = benchmark["function_id"].as_str()?.to_owned();
    let median = estimates["median"]["point_estimate"].as_f64()?;
    Some((benchmark["group_id"].as_str()?.to_owned(), Figure { name, best, median }))
}
