//! Dependencies between crates go one way. A new edge is a design change: it gets its own commit with the reason,
//! and a line here and in `ARCHITECTURE.md`.

use crate::workspace::{array, members, text};
use std::collections::{BTreeMap, BTreeSet};

/// Crate → the crates of the workspace it may use outside its tests.
const EDGES: [(&str, &[&str]); 14] = [
    ("model", &[]),
    ("runtime", &["model"]),
    ("proto", &["model"]),
    ("transport", &["model"]),
    ("coordination", &["proto", "runtime", "transport", "model"]),
    ("gitstore", &["model"]),
    ("hooks", &["gitstore", "switches", "coordination", "proto", "model"]),
    ("server", &["hooks", "gitstore", "coordination", "proto", "runtime", "transport", "model"]),
    ("configstore", &["gitstore", "coordination", "proto", "runtime", "transport", "model"]),
    ("agent", &["client", "switches", "proto", "runtime", "transport", "model"]),
    ("client", &["switches", "model"]),
    ("switches", &["model"]),
    ("api", &["proto", "transport", "model"]),
    (
        "",
        &[
            "agent",
            "api",
            "client",
            "configstore",
            "coordination",
            "gitstore",
            "hooks",
            "model",
            "proto",
            "runtime",
            "server",
            "switches",
            "transport",
        ],
    ),
];

/// Dependency → the only crates that may know it.
const FENCES: [(&str, &[&str]); 14] = [
    ("git2", &["gitstore"]),
    ("libgit2-sys", &["gitstore"]),
    ("zookeeper-client", &["coordination"]),
    ("prost", &["proto", "configstore", "agent"]),
    ("tonic", &["proto", "transport", "coordination", "server", "configstore", "agent", "api", ""]),
    ("axum", &["server", "configstore", "agent"]),
    ("clap", &[""]),
    ("anyhow", &["", "tests"]),
    ("open-feature", &["client"]),
    ("metrics-exporter-prometheus", &["runtime"]),
    ("tracing-subscriber", &["runtime"]),
    ("rustls", &["transport"]),
    ("tokio-rustls", &["transport"]),
    ("x509-cert", &["transport"]),
];

fn short(name: &str) -> &str {
    name.strip_prefix("configbus").unwrap_or(name).trim_start_matches('-')
}

fn dependencies(package: &'static serde_json::Value) -> impl Iterator<Item = &'static str> {
    array(&package["dependencies"]).filter(|dependency| dependency["kind"].is_null()).map(|d| text(d, "name"))
}

#[test]
fn crates_know_only_what_the_map_allows() {
    let allowed: BTreeMap<_, _> = EDGES.into_iter().collect();
    for package in members().filter(|package| text(package, "name") != "configbus-tests") {
        let name = short(text(package, "name"));
        let known: BTreeSet<_> = dependencies(package).filter(|d| d.starts_with("configbus")).map(short).collect();
        let may = allowed.get(name).unwrap_or_else(|| panic!("crate {name:?} is not on the map"));
        let extra: Vec<_> = known.iter().filter(|d| !may.contains(d)).collect();
        assert!(extra.is_empty(), "crate {name:?} must not depend on {extra:?}");
    }
}

#[test]
fn outside_libraries_stay_behind_their_fence() {
    for (library, may) in FENCES {
        let users: Vec<_> = members()
            .filter(|package| dependencies(package).any(|d| d == library))
            .map(|package| short(text(package, "name")))
            .filter(|name| *name != "tests" && !may.contains(name))
            .collect();
        assert!(users.is_empty(), "{library} is used by {users:?}, allowed are {may:?}");
    }
}

#[test]
fn applications_embed_neither_a_runtime_nor_git() {
    let heavy = ["tokio", "tonic", "git2", "axum", "prost", "clap"];
    for name in ["configbus-client", "configbus-switches"] {
        let client = members().find(|package| text(package, "name") == name).expect("the crate exists");
        let found: Vec<_> = dependencies(client).filter(|d| heavy.contains(d)).collect();
        assert!(found.is_empty(), "{name} would drag {found:?} into applications");
    }
}
