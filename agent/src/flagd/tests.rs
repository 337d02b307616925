//! flagd's protocols, asked of a whole agent as clients ask.

use crate::{
    Settings,
    agent_tests::{Running, folder, settings},
    delivery::fixture::files,
    fake_store::FakeStore,
    flag_tests::{FEATURE, FLAGS, revision, running},
};
use configbus_model::Token;
use configbus_proto::flagd::{
    Struct,
    evaluation::{v1, v2},
    sync::v1::{self as sync, flag_sync_service_client::FlagSyncServiceClient},
    to_json, to_struct,
};
use serde_json::{Value, json};
use std::time::Duration;
use tonic::{Code, IntoRequest, Request, Status, Streaming, transport::Channel};

const GRACE: Duration = Duration::from_secs(60);

type SyncClient = FlagSyncServiceClient<Channel>;
type V1 = v1::service_client::ServiceClient<Channel>;
type V2 = v2::service_client::ServiceClient<Channel>;

fn channel(agent: &Running) -> Channel {
    Channel::from_shared(format!("http://{}", agent.addr)).unwrap().connect_lazy()
}

async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(GRACE, work).await.unwrap()
}

async fn next<T>(stream: &mut Streaming<T>) -> Result<T, Status> {
    in_time(stream.message()).await.map(|message| message.expect("streams end with an error"))
}

fn object(value: &Value) -> Option<Struct> {
    value.as_object().and_then(to_struct)
}

fn selecting<T>(message: T, selector: &'static str) -> Request<T> {
    let mut request = message.into_request();
    request.metadata_mut().insert("flagd-selector", selector.parse().unwrap());
    request
}

async fn set(stream: &mut Streaming<sync::SyncFlagsResponse>) -> (Value, Value) {
    let told = next(stream).await.unwrap();
    let context = Value::Object(to_json(&told.sync_context.unwrap()));
    (serde_json::from_str(&told.flag_configuration).unwrap(), context)
}

#[tokio::test]
async fn sets_are_whole_and_come_again_only_when_flags_change() {
    let (_folder, store, agent) = running(|_| {}).await;
    let mut client = SyncClient::new(channel(&agent));
    let mut stream = client.sync_flags(sync::SyncFlagsRequest::default()).await.unwrap().into_inner();
    let (first, context) = set(&mut stream).await;
    let keys: Vec<_> = first["flags"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys, ["broken", "off", "shop/cart", "shop/cart.extra", "shop/cart.size", "text", "web/number"]);
    let written: Value = serde_json::from_str(FLAGS).unwrap();
    assert_eq!(first["flags"]["text"], written["flags"]["text"]);
    assert_eq!(context, json!({"configbus": {"revision": 1}}));

    let mut other = revision(FEATURE);
    other.extend(files([("notes/readme.md", "nothing of flags"), ("flags/readme.md", "nor this")]));
    store.land(other.clone());
    other.extend(files([("features/shop/cart.yaml", "owner: shop\nstage: beta\nparameters: 5\n")]));
    store.land(other);
    store.land(revision(&FEATURE.replace("size: 5", "size: 6")));
    let (second, context) = set(&mut stream).await;
    assert_eq!(second["flags"]["shop/cart.size"]["variants"], json!({"default": 1, "german": 6}));
    assert_eq!(context, json!({"configbus": {"revision": 4}}), "nothing came in between");

    let fetched = client.fetch_all_flags(sync::FetchAllFlagsRequest::default()).await.unwrap().into_inner();
    assert_eq!(serde_json::from_str::<Value>(&fetched.flag_configuration).unwrap(), second);
    let source = selecting(sync::FetchAllFlagsRequest::default(), "source=features/shop/cart.yaml");
    let fetched: Value =
        serde_json::from_str(&client.fetch_all_flags(source).await.unwrap().into_inner().flag_configuration).unwrap();
    assert_eq!(fetched["flags"].as_object().unwrap().len(), 3);
    let wrong = selecting(sync::FetchAllFlagsRequest::default(), "colour=red");
    assert_eq!(client.fetch_all_flags(wrong).await.unwrap_err().code(), Code::InvalidArgument);
    #[allow(deprecated, reason = "released clients ask it first")]
    let metadata = client.get_metadata(sync::GetMetadataRequest {}).await.unwrap().into_inner().metadata;
    assert_eq!(metadata, object(&context));

    agent.stop().await;
    assert_eq!(next(&mut stream).await.unwrap_err().code(), Code::Unavailable, "clients come back after an error only");
    store.stop().await;
}

#[tokio::test]
async fn answers_are_typed_and_errors_have_their_codes() {
    let (_folder, store, agent) = running(|_| {}).await;
    let mut client = V2::new(channel(&agent));
    let context = object(&json!({"targetingKey": null, "country": "DE", "age": 36}));
    let ask = |key: &str| (key.to_owned(), context.clone());

    let (flag_key, context) = ask("text");
    let told = client.resolve_string(v2::ResolveStringRequest { flag_key, context }).await.unwrap().into_inner();
    assert_eq!((told.value.as_deref(), told.variant.as_deref()), (Some("two"), Some("b")));
    assert_eq!((told.reason.as_str(), told.metadata), ("TARGETING_MATCH", object(&json!({"owner": "web"}))));
    let (flag_key, context) = ask("web/number");
    let told = client.resolve_float(v2::ResolveFloatRequest { flag_key, context }).await.unwrap().into_inner();
    assert_eq!((told.value, told.reason.as_str()), (Some(1.5), "STATIC"));
    let (flag_key, context) = ask("shop/cart.size");
    let told = client.resolve_int(v2::ResolveIntRequest { flag_key, context }).await.unwrap().into_inner();
    assert_eq!((told.value, told.variant.as_deref()), (Some(5), Some("german")));
    let (flag_key, context) = ask("shop/cart");
    let told = client.resolve_object(v2::ResolveObjectRequest { flag_key, context }).await.unwrap().into_inner();
    assert_eq!(told.value, object(&json!({"size": 5, "extra": false})));
    let (flag_key, context) = ask("off");
    let told = client.resolve_boolean(v2::ResolveBooleanRequest { flag_key, context }).await.unwrap().into_inner();
    assert_eq!((told.value, told.variant, told.reason.as_str()), (None, None, "DISABLED"));

    let mut refused = async |key: &str, context: Value| {
        let request = v2::ResolveIntRequest { flag_key: key.to_owned(), context: object(&context) };
        client.resolve_int(request).await.unwrap_err().code()
    };
    assert_eq!(refused("missing", json!({})).await, Code::NotFound);
    assert_eq!(refused("text", json!({})).await, Code::InvalidArgument);
    assert_eq!(refused("web/number", json!({})).await, Code::InvalidArgument, "1.5 is no whole number");
    assert_eq!(refused("broken", json!({})).await, Code::DataLoss);
    assert_eq!(refused("shop/cart.size", json!({"targetingKey": 5})).await, Code::InvalidArgument);
    let elsewhere = v2::ResolveIntRequest { flag_key: "shop/cart.size".to_owned(), context: None };
    let elsewhere = client.resolve_int(selecting(elsewhere, "source=flags/web.json")).await;
    assert_eq!(elsewhere.unwrap_err().code(), Code::NotFound);
    agent.stop().await;
    store.stop().await;
}

#[tokio::test]
async fn the_older_version_says_the_same_and_tells_all() {
    let (_folder, store, agent) = running(|_| {}).await;
    let mut client = V1::new(channel(&agent));
    let context = object(&json!({"country": "DE"}));
    let request = v1::ResolveIntRequest { flag_key: "shop/cart.size".to_owned(), context: context.clone() };
    let told = client.resolve_int(request).await.unwrap().into_inner();
    assert_eq!((told.value, told.variant.as_str()), (5, "german"));
    let request = v1::ResolveBooleanRequest { flag_key: "off".to_owned(), context: context.clone() };
    let told = client.resolve_boolean(request).await.unwrap().into_inner();
    assert_eq!((told.value, told.variant.as_str(), told.reason.as_str()), (false, "", "DISABLED"));

    let all = client.resolve_all(v1::ResolveAllRequest { context: context.clone() }).await.unwrap().into_inner().flags;
    assert_eq!(all.len(), 7);
    let value = |key: &str| (all[key].reason.as_str(), all[key].value.clone());
    assert_eq!(value("text"), ("TARGETING_MATCH", Some(v1::any_flag::Value::StringValue("two".to_owned()))));
    assert_eq!(value("shop/cart.size"), ("TARGETING_MATCH", Some(v1::any_flag::Value::DoubleValue(5.0))));
    assert_eq!((value("off"), value("broken")), (("DISABLED", None), ("ERROR", None)));
    let one = selecting(v1::ResolveAllRequest { context }, "source=features/shop/cart.yaml");
    let mut one: Vec<_> = client.resolve_all(one).await.unwrap().into_inner().flags.into_keys().collect();
    one.sort();
    assert_eq!(one, ["shop/cart", "shop/cart.extra", "shop/cart.size"]);
    agent.stop().await;
    store.stop().await;
}

#[tokio::test]
async fn events_name_the_keys_that_changed() {
    let (_folder, store, agent) = running(|_| {}).await;
    let mut client = V2::new(channel(&agent));
    let mut all = client.event_stream(v2::EventStreamRequest {}).await.unwrap().into_inner();
    let chosen = selecting(v2::EventStreamRequest {}, "source=flags/web.json");
    let mut chosen = client.event_stream(chosen).await.unwrap().into_inner();
    for stream in [&mut all, &mut chosen] {
        assert_eq!(next(stream).await.unwrap().r#type, "provider_ready");
    }
    store.land(revision(&FEATURE.replace("size: 5", "size: 6")));
    let told = next(&mut all).await.unwrap();
    let update = json!({"type": "update"});
    let cart = json!({"flags": {"shop/cart": update, "shop/cart.extra": update, "shop/cart.size": update}});
    assert_eq!((told.r#type.as_str(), told.data), ("configuration_change", object(&cart)));
    let mut moved = revision(&FEATURE.replace("size: 5", "size: 6"));
    moved.extend(files([("flags/web.json", &*FLAGS.replace("\"off\"", "\"out\""))]));
    store.land(moved);
    let moved = object(&json!({"flags": {"off": {"type": "delete"}, "out": {"type": "write"}}}));
    for stream in [&mut all, &mut chosen] {
        assert_eq!(next(stream).await.unwrap().data, moved);
    }
    agent.stop().await;
    for stream in [&mut all, &mut chosen] {
        assert_eq!(next(stream).await.unwrap_err().code(), Code::Unavailable);
    }
    store.stop().await;
}

#[tokio::test]
async fn where_a_token_is_set_it_is_wanted_here_too() {
    let (place, token) = (folder(), Token::of([1; 5], [2; 32]));
    let file = place.path().join("flags.token");
    std::fs::write(&file, token.expose()).unwrap();
    let (root, store) = (folder(), FakeStore::start().await);
    store.land(revision(FEATURE));
    let agent =
        Running::start(Settings { flags_token_file: Some(file), ..settings(root.path(), &[store.url()]) }).await;
    let mut client = SyncClient::new(channel(&agent));
    let refused = client.sync_flags(sync::SyncFlagsRequest::default()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated, "{refused}");
    let mut request = sync::SyncFlagsRequest::default().into_request();
    request.metadata_mut().insert("authorization", format!("Bearer {}", token.expose()).parse().unwrap());
    let mut stream = client.sync_flags(request).await.unwrap().into_inner();
    assert!(set(&mut stream).await.0["flags"]["text"].is_object());
    agent.stop().await;
    store.stop().await;
}
