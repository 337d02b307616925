//! `/admin/toggles`: toggles as the files of this host have them, in the shape of twitter-server.
//!
//! What programs set for themselves is not known here, so that the components are those of the files alone, and nothing can be set.

use crate::local_http::LocalHttp;
use axum::{
    Json, Router,
    extract::{Path, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use configbus_client::{
    ConfigBus, Format,
    switches::toggle::{ToggleFile, ToggleFileKind, ToggleLayers, ToggleMap, check_name},
};
use configbus_runtime::BlockingPool;
use serde::Serialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::LazyLock};

/// Where files of toggles stand, unless the policy says otherwise.
const PLACE: &str = "**/toggles/configs/*.json";

/// The policy's file that says so.
const POLICY: &str = ".configbus/switches.yaml";

/// Each look goes through the whole tree: one after the other is enough for people.
static LOOKS: LazyLock<BlockingPool> = LazyLock::new(|| BlockingPool::new(1));

pub(crate) fn routes() -> Router<LocalHttp> {
    Router::new()
        .route("/admin/toggles", get(all))
        .route("/admin/toggles/{library}", get(of_library))
        .route("/admin/toggles/{library}/{id}", get(of_toggle))
}

async fn all(State(http): State<LocalHttp>) -> Response {
    show(http, None, None).await
}

async fn of_library(State(http): State<LocalHttp>, Path(library): Path<String>) -> Response {
    show(http, Some(library), None).await
}

async fn of_toggle(State(http): State<LocalHttp>, Path((library, id)): Path<(String, String)>) -> Response {
    show(http, Some(library), Some(id)).await
}

async fn show(http: LocalHttp, library: Option<String>, id: Option<String>) -> Response {
    let mut errors: Vec<String> =
        library.iter().chain(&id).filter_map(|name| Some(check_name(name).err()?.to_string())).collect();
    if !errors.is_empty() {
        errors.sort();
        return refuse(StatusCode::BAD_REQUEST, "Invalid request", &errors);
    }
    let Some(state) = http.flags.state() else {
        return refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "Nothing to show",
            &["no revision on this host yet".to_owned()],
        );
    };
    let environment = http.board.settings.toggle_environment.clone();
    let read = LOOKS.run(move || libraries(&state.bus, environment.as_deref())).await;
    let mut libraries = match read {
        Ok(libraries) => libraries,
        Err(error) => return refuse(StatusCode::INTERNAL_SERVER_ERROR, "Toggles cannot be read", &[error]),
    };
    libraries.retain(|known| library.as_ref().is_none_or(|library| *library == known.library_name));
    for library in &mut libraries {
        library.toggles.retain(|toggle| id.as_ref().is_none_or(|id| *id == toggle.current.id));
    }
    let is_known = library.is_none() || libraries.iter().any(|library| id.is_none() || !library.toggles.is_empty());
    if !is_known {
        return refuse(StatusCode::NOT_FOUND, "Not found", &["no file has such a toggle".to_owned()]);
    }
    Json(json!({ "libraries": libraries })).into_response()
}

fn refuse(status: StatusCode, message: &str, errors: &[String]) -> Response {
    let told = Json(json!({ "message": message, "errors": errors }));
    (status, [(header::CACHE_CONTROL, "no-store")], told).into_response()
}

/// Toggles of one library.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Library {
    library_name: String,
    /// Where its files stand; a library may be in several services.
    folder: String,
    toggles: Vec<Shown>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Shown {
    current: Current,
    /// In the order in which they are asked.
    components: Vec<Component>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Current {
    id: String,
    fraction: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Component {
    source: &'static str,
    fraction: f64,
}

/// Which of a library's files one is, in the order in which they are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    ServiceOfEnvironment,
    Service,
    LibraryOfEnvironment,
    Library,
}

fn libraries(bus: &ConfigBus, environment: Option<&str>) -> Result<Vec<Library>, String> {
    let mut found: BTreeMap<(String, String), BTreeMap<Part, ToggleFile>> = BTreeMap::new();
    for pattern in places(bus) {
        let files = bus.subscribe_prefix_text(&pattern).map_err(|error| error.to_string())?;
        for (path, text) in files.load().iter() {
            let (folder, name) = path.as_str().rsplit_once('/').unwrap_or(("", path.as_str()));
            let document = Format::Json.parse::<Value>(text.as_bytes()).ok();
            let file =
                document.and_then(|document| ToggleFile::parse(&document, ToggleFileKind::of_file_name(name)).value);
            if let Some(file) = file {
                let (library, part) = part_of(name, environment);
                found.entry((library.to_owned(), folder.to_owned())).or_default().insert(part, file);
            }
        }
    }
    Ok(found.into_iter().map(|((library, folder), parts)| shown(library, folder, &parts)).collect())
}

fn places(bus: &ConfigBus) -> Vec<String> {
    let policy = bus.snapshot().ok().and_then(|snapshot| snapshot.parse::<Value>(POLICY).ok());
    match policy.as_ref().and_then(|policy| policy.get("toggles")) {
        Some(Value::String(pattern)) => vec![pattern.clone()],
        Some(Value::Array(patterns)) => patterns.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => vec![PLACE.to_owned()],
    }
}

/// Takes the name of a file apart: `LIB.json`, `LIB-ENV.json`, `LIB-service.json`, `LIB-service-ENV.json`. Files of other
/// environments than the host's are libraries of their own here, as nobody on it reads them otherwise.
fn part_of<'n>(name: &'n str, environment: Option<&str>) -> (&'n str, Part) {
    let stem = name.strip_suffix(".json").unwrap_or(name);
    let special = environment.and_then(|environment| stem.strip_suffix(environment)?.strip_suffix('-'));
    let plain = special.unwrap_or(stem);
    match (plain.strip_suffix("-service"), special.is_some()) {
        (Some(library), true) => (library, Part::ServiceOfEnvironment),
        (Some(library), false) => (library, Part::Service),
        (None, true) => (plain, Part::LibraryOfEnvironment),
        (None, false) => (plain, Part::Library),
    }
}

fn shown(library_name: String, folder: String, parts: &BTreeMap<Part, ToggleFile>) -> Library {
    let map = |part: Part| parts.get(&part).map_or_else(ToggleMap::default, ToggleMap::of_file);
    let service = [map(Part::ServiceOfEnvironment), map(Part::Service)];
    let owner = [map(Part::LibraryOfEnvironment), map(Part::Library)];
    let layers = ToggleLayers::new(&library_name, ToggleMap::default(), service, Vec::new(), owner).unwrap_or_default();
    let description = |id: &str| {
        let mut records = parts.values().flat_map(|file| &file.records).filter(|record| record.id == id);
        records.find_map(|record| record.description.clone())
    };
    let effective = layers.effective();
    let mut toggles: Vec<_> = effective
        .iter()
        .map(|(id, toggle)| {
            let components = layers.components(id).into_iter();
            let components =
                components.map(|(source, fraction)| Component { source: source.as_str(), fraction }).collect();
            let current = Current { id: id.to_owned(), fraction: toggle.fraction(), description: description(id) };
            Shown { current, components }
        })
        .collect();
    toggles.sort_by(|a, b| a.current.id.cmp(&b.current.id));
    Library { library_name, folder, toggles }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(fraction: f64) -> String {
        json!({"toggles": [{"id": "com.a.b", "fraction": fraction, "description": "tries it"}]}).to_string()
    }

    #[test]
    fn names_say_what_a_file_is() {
        let environment = Some("prod");
        for (name, expected) in [
            ("com.a.json", ("com.a", Part::Library)),
            ("com.a-prod.json", ("com.a", Part::LibraryOfEnvironment)),
            ("com.a-service.json", ("com.a", Part::Service)),
            ("com.a-service-prod.json", ("com.a", Part::ServiceOfEnvironment)),
            ("com.a-test.json", ("com.a-test", Part::Library)),
        ] {
            assert_eq!(part_of(name, environment), expected);
        }
        assert_eq!(part_of("com.a-prod.json", None), ("com.a-prod", Part::Library));
    }

    #[test]
    fn layers_of_files_are_told_in_the_order_in_which_they_win() {
        let memory = ConfigBus::in_memory();
        for (path, fraction) in [
            ("web/toggles/configs/com.a.json", 0.1),
            ("web/toggles/configs/com.a-service.json", 0.2),
            ("web/toggles/configs/com.a-prod.json", 0.3),
        ] {
            memory.set(path, file(fraction)).unwrap();
        }
        memory.set("web/toggles/configs/com.b.json", "{}").unwrap();
        memory.flip();
        let told = serde_json::to_value(libraries(&memory.bus(), Some("prod")).unwrap()).unwrap();
        let expected = json!([{"libraryName": "com.a", "folder": "web/toggles/configs", "toggles": [{
            "current": {"id": "com.a.b", "fraction": 0.2, "description": "tries it"},
            "components": [{"source": "ServiceOwner", "fraction": 0.2}, {"source": "LibraryOwner", "fraction": 0.3}],
        }]}]);
        assert_eq!(told, expected);
        memory.set(".configbus/switches.yaml", "toggles: []").unwrap();
        memory.flip();
        assert_eq!(libraries(&memory.bus(), None).unwrap(), []);
    }
}
