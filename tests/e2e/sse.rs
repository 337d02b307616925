//! `GET /v1/watch` as browsers and `curl -N` read it.

use configbus_tests::{bus::Bus, rest::Rest};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read};

/// One server-sent event.
struct Event {
    kind: String,
    id: u64,
    data: Value,
}

/// A stream of them.
struct Events(BufReader<Box<dyn Read>>);

impl Events {
    fn open(bus: &Bus, query: &str, last: Option<u64>) -> Self {
        let mut request = ureq::get(format!("{}/v1/watch{query}", bus.server()));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last.to_string());
        }
        let response = request.call().unwrap();
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self(BufReader::new(Box::new(response.into_body().into_reader())))
    }

    fn next(&mut self) -> Event {
        let mut event = Event { kind: String::new(), id: 0, data: Value::Null };
        loop {
            let mut line = String::new();
            assert_ne!(self.0.read_line(&mut line).unwrap(), 0, "the stream ended");
            match line.trim_end().split_once(": ") {
                Some(("event", kind)) => event.kind = kind.to_owned(),
                Some(("id", id)) => event.id = id.parse().unwrap(),
                Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
                _ => return event,
            }
        }
    }

    fn next_change(&mut self) -> Event {
        std::iter::repeat_with(|| self.next()).find(|event| event.kind == "change").unwrap()
    }
}

fn paths(event: &Event) -> Vec<&str> {
    event.data["changes"].as_array().unwrap().iter().map(|change| change["path"].as_str().unwrap()).collect()
}

#[test]
fn events_resume_by_their_id_from_an_empty_namespace_on() {
    let bus = Bus::start();
    let rest = Rest::new(bus.server());
    let greeting = Events::open(&bus, "?path=dir/", None).next();
    assert_eq!((greeting.kind.as_str(), greeting.id), ("heartbeat", 0));
    for path in ["dir/a.json", "other.json", "dir/b.json"] {
        assert_eq!(rest.put(&format!("/v1/files/{path}"), &[], "1").status, 201);
    }
    let mut again = Events::open(&bus, "?path=dir/", Some(0));
    assert_eq!(again.next().id, 0);
    let first = again.next_change();
    assert_eq!((first.id, first.data["from_revision"].as_u64(), paths(&first)), (1, Some(0), vec!["dir/a.json"]));
    drop(again);
    // Landings elsewhere are no events, and count: whoever resumes later is told of nothing twice.
    let mut again = Events::open(&bus, "?path=dir/&from_revision=3", Some(1));
    assert_eq!(again.next().id, 1);
    let second = again.next_change();
    assert_eq!((second.id, second.data["from_revision"].as_u64(), paths(&second)), (3, Some(2), vec!["dir/b.json"]));
    assert_eq!(rest.get("/v1/watch?from_revision=r9", &[]).status, 404);
    assert_eq!(rest.get("/v1/watch?from_revision=0&path=../x", &[]).status, 400);
}

#[test]
fn who_reads_late_is_told_everything_once_and_in_order() {
    const LANDINGS: u64 = 40;
    const FILES: usize = 400;
    let bus = Bus::start();
    let rest = Rest::new(bus.server());
    let mut events = Events::open(&bus, "", None);
    let mut told = events.next().id;
    // More than the sockets between hold.
    for round in 0..LANDINGS {
        let name = |n: usize| format!("{}/{}/{n}.txt", "x".repeat(60), (n as u64 + round) % 7);
        let edits = (0..FILES).map(|n| json!({ "path": name(n), "expected": "any", "content": round.to_string() }));
        let body = json!({ "edits": edits.collect::<Vec<_>>() }).to_string();
        let landed = rest.post("/v1/commits", &[("Content-Type", "application/json")], body);
        assert_eq!(landed.status, 201, "{}", landed.body);
    }
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    while told < LANDINGS {
        let event = events.next_change();
        assert_eq!(event.data["from_revision"].as_u64(), Some(told), "a gap or a duplicate before r{}", event.id);
        for change in event.data["changes"].as_array().unwrap() {
            let id = |side: &str| change[side]["id"].as_str().map(str::to_owned);
            let path = change["path"].as_str().unwrap();
            assert_eq!(files.get(path).cloned(), id("old"), "{path} in r{}", event.id);
            files.insert(path.to_owned(), id("new").unwrap());
        }
        told = event.id;
    }
    let listed = rest.get("/v1/list/?recursive=true&page_size=10000", &[]).json();
    let listed = listed["entries"].as_array().unwrap().iter();
    let field = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
    assert_eq!(files, listed.map(|entry| (field(entry, "path"), field(entry, "id"))).collect());
}
