//! Files over REST, with ETags.

use configbus_tests::{bus::Bus, rest::Rest};

#[test]
fn files_are_created_changed_and_deleted_under_conditions() {
    let bus = Bus::start();
    let rest = Rest::new(bus.server());
    let path = "/v1/files/ads/limits.json";
    assert_eq!(rest.get(path, &[]).status, 404);

    let created = rest.put(path, &[("If-None-Match", "*")], "{\"max\": 1}");
    assert_eq!((created.status, created.header("configbus-revision")), (201, "r1"));
    let first = created.header("etag").to_owned();
    assert!(first.starts_with('"') && first.len() == 42, "{first}");
    assert_eq!(rest.put(path, &[("If-None-Match", "*")], "{}").status, 412);

    let read = rest.get(path, &[]);
    assert_eq!((read.status, read.header("etag"), read.body.as_str()), (200, first.as_str(), "{\"max\": 1}"));
    assert_eq!(rest.get(path, &[("If-None-Match", &first)]).status, 304);

    let same = rest.put(path, &[("If-Match", &first)], "{\"max\": 1}");
    assert_eq!((same.status, same.header("configbus-revision")), (200, "r1"), "same content makes no revision");
    let changed = rest.put(path, &[("If-Match", &first)], "{\"max\": 2}");
    assert_eq!((changed.status, changed.header("configbus-revision")), (200, "r2"));

    let conflict = rest.put(path, &[("If-Match", &first)], "{\"max\": 3}");
    assert_eq!((conflict.status, conflict.header("etag")), (412, changed.header("etag")));
    assert_eq!(conflict.header("content-type"), "application/problem+json");
    assert_eq!(rest.get(&format!("{path}?revision=r1"), &[]).body, "{\"max\": 1}");
    assert_eq!(rest.get(&format!("{path}?revision=1"), &[]).body, "{\"max\": 1}");

    assert_eq!(rest.delete(path, &[("If-Match", &first)]).status, 412);
    assert!(rest.delete(path, &[]).status < 300);
    assert_eq!(rest.delete(path, &[]).status, 404);
}

#[test]
fn what_does_not_parse_is_answered_with_its_place() {
    let bus = Bus::start();
    let refused = Rest::new(bus.server()).put("/v1/files/a.yaml", &[], "a: 1\na: 2\n");
    assert_eq!((refused.status, refused.header("content-type")), (422, "application/problem+json"));
    assert!(refused.body.contains("a.yaml") && refused.body.contains('2'), "{}", refused.body);
}

#[test]
fn several_files_change_together_or_not_at_all() {
    let bus = Bus::start();
    let rest = Rest::new(bus.server());
    assert_eq!(rest.put("/v1/files/a.json", &[], "1").status, 201);
    let json = [("Content-Type", "application/json")];
    let edits = serde_json::json!({ "message": "two at once", "edits": [
        { "path": "a.json", "expected": "any", "content": "2" },
        { "path": "b.json", "expected": "any", "content": "{" },
    ]});
    assert_eq!(rest.post("/v1/commits", &json, edits.to_string()).status, 422);
    assert_eq!(rest.get("/v1/files/a.json", &[]).body, "1");
}

#[test]
fn the_surface_describes_itself() {
    let bus = Bus::start();
    let rest = Rest::new(bus.server());
    assert_eq!(rest.put("/v1/files/a.json", &[], "1").status, 201);
    let description = rest.get("/openapi.json", &[]).json();
    assert!(description["paths"]["/v1/files/{path}"].is_object(), "{description}");
    assert_eq!(rest.get("/v1/list/", &[]).status, 200);
    assert_eq!(rest.get("/v1/fleet", &[]).status, 200);
    assert_eq!(rest.get("/v1/log", &[]).status, 200);
}
