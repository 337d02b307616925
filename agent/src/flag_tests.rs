//! Flags over HTTP, from a whole agent.

use crate::{
    Settings,
    agent_tests::{Running, folder, settings},
    delivery::fixture::{Files, files},
    fake_store::FakeStore,
};
use configbus_model::Token;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpStream, UnixStream},
};

const GRACE: Duration = Duration::from_secs(60);

pub(crate) const FLAGS: &str = r#"{"flags": {
    "text": {"state": "ENABLED", "variants": {"a": "one", "b": "two"}, "defaultVariant": "a",
        "targeting": {"if": [{"==": [{"var": "country"}, "DE"]}, "b", null]}, "metadata": {"owner": "web"}},
    "web/number": {"state": "ENABLED", "variants": {"x": 1.5}, "defaultVariant": "x"},
    "off": {"state": "DISABLED", "variants": {"on": true}, "defaultVariant": "on"},
    "broken": {"state": "ENABLED", "variants": {"on": true}, "defaultVariant": "on", "targeting": {"cat": ["no", "thing"]}}
}}"#;

pub(crate) const FEATURE: &str = "owner: shop\nstage: beta\nparameters:\n  size: {type: int, default: 1}\n  extra: {type: bool, default: false}\n\
                       rules:\n  - name: german\n    when: {country: DE}\n    set: {size: 5}\n";

pub(crate) fn revision(feature: &str) -> Files {
    files([("flags/web.json", FLAGS), ("features/shop/cart.yaml", feature)])
}

struct Answer {
    status: u16,
    head: String,
    body: Value,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

async fn ask(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    request: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Answer {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let request = format!(
        "{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: serde_json::from_str(body).unwrap_or_default() }
}

const JSON: (&str, &str) = ("Content-Type", "application/json");

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr).await.unwrap()
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        ask(self.connect().await, &format!("POST /ofrep/v1/evaluate/flags{path}"), headers, body).await
    }

    async fn one(&self, key: &str, context: Value) -> (u16, Value) {
        let answer = self.post(&format!("/{key}"), &[JSON], &json!({ "context": context }).to_string()).await;
        (answer.status, answer.body)
    }

    /// Asks until an answer is as wanted.
    async fn one_where(&self, key: &str, accept: impl Fn(&(u16, Value)) -> bool) {
        let asking = async { while !accept(&self.one(key, json!({ "country": "DE" })).await) {} };
        tokio::time::timeout(GRACE, asking).await.unwrap();
    }
}

pub(crate) async fn running(change: impl Fn(&mut Settings)) -> (tempfile::TempDir, FakeStore, Running) {
    let (folder, store) = (folder(), FakeStore::start().await);
    store.land(revision(FEATURE));
    let mut settings = settings(folder.path(), &[store.url()]);
    change(&mut settings);
    let agent = Running::start(settings).await;
    agent.one_where("text", |(status, _)| *status == 200).await;
    (folder, store, agent)
}

#[tokio::test]
async fn one_flag_is_told_with_all_there_is_to_tell() {
    let (folder, store, agent) = running(|_| {}).await;
    let told = json!({"key": "text", "reason": "TARGETING_MATCH", "value": "two", "variant": "b", "metadata": {"owner": "web"}});
    assert_eq!(agent.one("text", json!({"targetingKey": "ada", "country": "DE"})).await, (200, told));
    assert_eq!(agent.one("text", json!({})).await.1["value"], "one");
    for key in ["web/number", "web%2Fnumber"] {
        let told = json!({"key": "web/number", "reason": "STATIC", "value": 1.5, "variant": "x"});
        assert_eq!(agent.one(key, json!({})).await, (200, told));
    }
    assert_eq!(agent.one("off", json!({})).await, (200, json!({"key": "off", "reason": "DISABLED"})));
    let (status, told) = agent.one("shop/cart", json!({"country": "DE"})).await;
    assert_eq!(
        (status, &told["value"], &told["variant"]),
        (200, &json!({"size": 5, "extra": false}), &json!("german"))
    );
    assert_eq!(told["metadata"], json!({"owner": "shop", "stage": "beta"}));
    assert_eq!(agent.one("shop/cart.size", json!({"country": "DE"})).await.1["value"], 5);
    let no_body = agent.post("/text", &[], "").await;
    assert_eq!((no_body.status, &no_body.body["value"]), (200, &json!("one")));

    let missing =
        json!({"key": "no/such", "errorCode": "FLAG_NOT_FOUND", "errorDetails": "flag 'no/such' was not found"});
    assert_eq!(agent.one("no/such", json!({})).await, (404, missing));
    let code = |told: (u16, Value)| (told.0, told.1["errorCode"].as_str().unwrap_or_default().to_owned());
    assert_eq!(code(agent.one("broken", json!({})).await), (400, "PARSE_ERROR".to_owned()));
    assert_eq!(code(agent.one("text", json!(5)).await), (400, "INVALID_CONTEXT".to_owned()));
    assert_eq!(code(agent.one("text", json!({"targetingKey": 5})).await), (400, "INVALID_CONTEXT".to_owned()));
    let bad = agent.post("/text", &[JSON], "{").await;
    assert_eq!((bad.status, &bad.body["errorCode"], &bad.body["key"]), (400, &json!("PARSE_ERROR"), &json!("text")));
    assert_eq!(agent.post("/text", &[("Content-Type", "text/plain")], "{}").await.status, 415);
    assert_eq!(agent.post("/text", &[JSON], &" ".repeat(2 << 20)).await.status, 413);
    let socket = UnixStream::connect(folder.path().join("http.sock")).await.unwrap();
    assert_eq!(ask(socket, "POST /ofrep/v1/evaluate/flags/text", &[JSON], "{}").await.status, 200);
    agent.stop().await;
    store.stop().await;
}

#[tokio::test]
async fn all_flags_have_a_validator() {
    let (_folder, store, agent) = running(|_| {}).await;
    let german = r#"{"context": {"country": "DE"}}"#;
    let first = agent.post("", &[JSON], german).await;
    let keys: Vec<_> =
        first.body["flags"].as_array().unwrap().iter().map(|flag| flag["key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["shop/cart", "shop/cart.extra", "shop/cart.size", "broken", "off", "text", "web/number"]);
    assert_eq!(first.body["flags"][3]["errorCode"], "PARSE_ERROR");
    let stream = json!([{"type": "sse", "endpoint": {"requestUri": "/ofrep/v1/events"}, "inactivityDelaySec": 120}]);
    assert_eq!(first.body["eventStreams"], stream);
    let etag = first.header("etag").unwrap();
    for known in [etag.to_owned(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".to_owned()] {
        let again = agent.post("", &[JSON, ("If-None-Match", &known)], german).await;
        assert_eq!((again.status, again.header("etag")), (304, Some(etag)), "{known}");
    }
    let query = format!("?flagConfigEtag={}", etag.trim_matches('"'));
    assert_eq!(agent.post(&query, &[JSON], german).await.status, 200, "the query is no validator");
    let other = agent.post("", &[JSON, ("If-None-Match", etag)], r#"{"context": {"country": "FR"}}"#).await;
    assert_eq!(other.status, 200);
    store.land(revision(&FEATURE.replace("size: 5", "size: 6")));
    agent.one_where("shop/cart.size", |(_, told)| told["value"] == 6).await;
    assert_eq!(agent.post("", &[JSON, ("If-None-Match", etag)], german).await.status, 200);
    agent.stop().await;
    store.stop().await;
}

#[tokio::test]
async fn a_broken_file_changes_nothing_and_policies_move_places() {
    let (_folder, store, agent) = running(|_| {}).await;
    let mut broken = revision("owner: shop\nstage: beta\nparameters: 5\n");
    broken.extend(files([("flags/more.json", &*FLAGS.replace("text", "more"))]));
    store.land(broken);
    agent.one_where("more", |(status, _)| *status == 200).await;
    assert_eq!(agent.one("shop/cart.size", json!({"country": "DE"})).await.1["value"], 5);
    let mut moved = revision(FEATURE);
    moved.extend(files([(".configbus/switches.yaml", "features: other/**\n"), ("other/cart.yaml", FEATURE)]));
    store.land(moved);
    agent.one_where("cart.size", |(status, _)| *status == 200).await;
    assert_eq!(agent.one("shop/cart.size", json!({})).await.0, 404);
    agent.stop().await;
    store.stop().await;
}

#[tokio::test]
async fn events_tell_when_to_ask_again() {
    let (_folder, store, agent) = running(|_| {}).await;
    let mut stream = agent.connect().await;
    stream.write_all(b"GET /ofrep/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut lines = BufReader::new(stream).lines();
    while !lines.next_line().await.unwrap().unwrap().is_empty() {}
    let named = async { while !lines.next_line().await.unwrap().unwrap().starts_with("id: ") {} };
    tokio::time::timeout(GRACE, named).await.expect("it is told where it begins, to say so when it comes back");
    store.land(revision(&FEATURE.replace("size: 5", "size: 6")));
    let id = heard(&mut lines).await;
    assert_eq!(
        agent.one("shop/cart.size", json!({"country": "DE"})).await.1["value"],
        6,
        "answers are new before it is told"
    );

    let mut stream = agent.connect().await;
    let request = "GET /ofrep/v1/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: before\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(heard(&mut BufReader::new(stream).lines()).await, id, "what was missed is told at once");
    agent.stop().await;
    store.stop().await;
}

/// Returns the id of the next event.
async fn heard(lines: &mut tokio::io::Lines<BufReader<TcpStream>>) -> String {
    let reading = async {
        let (mut id, mut is_told) = (String::new(), false);
        loop {
            let line = lines.next_line().await.unwrap().unwrap();
            if let Some(told) = line.strip_prefix("id: ") {
                id = told.to_owned();
            }
            if let Some(told) = line.strip_prefix("data: ") {
                let told: Value = serde_json::from_str(told).unwrap();
                assert_eq!((&told["type"], &told["etag"]), (&json!("refetchEvaluation"), &json!(id)));
                assert!(told["lastModified"].as_u64().unwrap() > 1_700_000_000);
                is_told = true;
            }
            if line.is_empty() && is_told {
                return id;
            }
        }
    };
    tokio::time::timeout(GRACE, reading).await.unwrap()
}

#[tokio::test]
async fn pages_ask_only_from_origins_that_are_allowed() {
    let (_folder, store, agent) =
        running(|settings| settings.allowed_origins = vec!["https://shop.example".into()]).await;
    let allowed = ("Origin", "https://shop.example");
    let answer = agent.post("", &[JSON, allowed], "{}").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (200, Some("https://shop.example")));
    assert_eq!(agent.post("", &[JSON, ("Origin", "https://evil.example")], "{}").await.status, 403);
    assert_eq!(
        agent.post("", &[JSON, ("Origin", "http://localhost")], "{}").await.status,
        200,
        "its own pages may ask"
    );
    let question = "OPTIONS /ofrep/v1/evaluate/flags";
    let answer = ask(agent.connect().await, question, &[allowed, ("Access-Control-Request-Method", "POST")], "").await;
    assert_eq!((answer.status, answer.header("access-control-allow-methods")), (204, Some("GET, POST")));
    let refused = ask(agent.connect().await, question, &[("Origin", "null")], "").await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (403, None));
    agent.stop().await;
    store.stop().await;
}

#[tokio::test]
async fn where_a_token_is_set_nobody_asks_without() {
    let (place, token) = (folder(), Token::of([1; 5], [2; 32]));
    let (other, file) = (Token::of([1; 5], [3; 32]), place.path().join("flags.token"));
    std::fs::write(&file, token.expose()).unwrap();
    let (folder, store) = (folder(), FakeStore::start().await);
    store.land(revision(FEATURE));
    let mut settings = settings(folder.path(), &[store.url()]);
    settings.flags_token_file = Some(file);
    settings.allowed_origins = vec!["*".into()];
    let agent = Running::start(settings).await;
    let key = ("X-API-Key", token.expose());
    let asking = async { while agent.post("/text", &[JSON, key], "{}").await.status != 200 {} };
    tokio::time::timeout(GRACE, asking).await.unwrap();
    let bearer = format!("Bearer {}", token.expose());
    assert_eq!(agent.post("", &[JSON, ("Authorization", &bearer)], "{}").await.status, 200);
    for wrong in [("X-API-Key", other.expose()), ("X-API-Key", "x"), ("Authorization", "Basic x"), ("Accept", "*/*")] {
        let answer = agent.post("/text", &[JSON, wrong], "{}").await;
        assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer")), "{wrong:?}");
    }
    assert_eq!(agent.get("/admin/toggles").await.0, 401);
    assert_eq!(agent.get("/readyz").await.0, 200);
    let page = [("Origin", "https://any.example"), ("Access-Control-Request-Method", "POST")];
    assert_eq!(ask(agent.connect().await, "OPTIONS /ofrep/v1/evaluate/flags", &page, "").await.status, 204);
    agent.stop().await;
    store.stop().await;
}

#[tokio::test]
async fn toggles_are_shown_as_the_files_say() {
    let (_folder, store, agent) = running(|settings| settings.toggle_environment = Some("prod".into())).await;
    let toggle = r#"{"toggles": [{"id": "com.a.b", "fraction": 0.25, "description": "tries it"}]}"#;
    let special = toggle.replace("0.25", "1.0");
    let mut more = revision(FEATURE);
    more.extend(files([("toggles/configs/com.a.json", toggle), ("toggles/configs/com.a-prod.json", special.as_str())]));
    store.land(more);
    let asking = async { while agent.get("/admin/toggles/com.a/com.a.b").await.0 != 200 {} };
    tokio::time::timeout(GRACE, asking).await.unwrap();
    let told: Value = serde_json::from_str(&agent.get("/admin/toggles").await.1).unwrap();
    let toggle = &told["libraries"][0]["toggles"][0];
    assert_eq!((&told["libraries"][0]["libraryName"], &toggle["current"]["fraction"]), (&json!("com.a"), &json!(1.0)));
    assert_eq!(toggle["components"], json!([{"source": "LibraryOwner", "fraction": 1.0}]));
    assert_eq!(agent.get("/admin/toggles/com.b").await.0, 404);
    assert_eq!(agent.get("/admin/toggles/x").await.0, 400);
    let answer = ask(agent.connect().await, "PUT /admin/toggles/com.a/com.a.b?fraction=1", &[], "").await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET,HEAD")));
    agent.stop().await;
    store.stop().await;
}
