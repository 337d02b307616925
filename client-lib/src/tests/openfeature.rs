//! Flags as programs ask for them through OpenFeature's SDK.

use super::hand_made_root::{HandMadeRoot, LAYOUTS};
use crate::{ConfigBus, FlagPlaces, openfeature::OpenFeatureProvider};
use open_feature::{
    Client, EvaluationContext, EvaluationContextFieldValue as Field, EvaluationError, EvaluationErrorCode as Code,
    EvaluationReason, FlagMetadataValue, OpenFeature, StructValue, Value as FlagObject,
};
use serde_json::json;

const FLAGS: &str = r#"{"flags": {
    "text": {"state": "ENABLED", "variants": {"a": "one", "b": "two"}, "defaultVariant": "a", "metadata": {"owner": "web", "n": 1},
        "targeting": {"if": [{"in": ["staff", {"var": "who.roles"}]}, "b"]}},
    "web/number": {"state": "ENABLED", "variants": {"x": 1.5}, "defaultVariant": "x"},
    "since": {"state": "ENABLED", "variants": {"on": true, "off": false}, "defaultVariant": "off",
        "targeting": {"if": [{"==": [{"var": "joined"}, "1970-01-02T00:00:00Z"]}, "on"]}},
    "null": {"state": "ENABLED", "variants": {"x": {"a": null}}, "defaultVariant": "x"},
    "broken": {"state": "ENABLED", "variants": {"on": true}, "targeting": {"cat": ["no", "where"]}},
    "off": {"state": "DISABLED", "variants": {"on": true}, "defaultVariant": "on"}
}}"#;

fn feature(size: u32) -> String {
    format!(
        "owner: shop\nstage: beta\nparameters:\n  on: {{type: bool, default: false}}\n  size: {{type: int, default: 1}}\n\
         rules:\n  - name: german\n    when: {{country: DE, age: {{at_least: 18}}}}\n    set: {{on: true, size: {size}}}\n"
    )
}

async fn client_of(bus: &ConfigBus) -> (OpenFeature, Client) {
    let flags = bus.flags(&FlagPlaces::of(bus).unwrap()).unwrap();
    let mut api = OpenFeature::default();
    api.set_provider(OpenFeatureProvider::new(flags)).await;
    let client = api.create_client();
    (api, client)
}

fn german() -> EvaluationContext {
    let context = EvaluationContext::default().with_targeting_key("ada").with_custom_field("country", "DE");
    context.with_custom_field("age", 36_i64).with_custom_field("who", Field::new_struct(json!({"roles": ["staff"]})))
}

fn code<T: std::fmt::Debug>(answer: Result<T, EvaluationError>) -> Code {
    answer.unwrap_err().code
}

#[tokio::test]
async fn every_type_is_answered_with_what_led_to_it() {
    let memory = ConfigBus::in_memory();
    memory.set("flags/web.json", FLAGS).unwrap();
    memory.set("features/shop/cart.yaml", feature(5)).unwrap();
    memory.flip();
    let (api, client) = client_of(&memory.bus()).await;
    assert_eq!(api.provider_metadata().await.name, "configbus");
    let context = german();
    let german = Some(&context);
    let text = client.get_string_details("text", german, None).await.unwrap();
    assert_eq!((text.value.as_str(), text.variant.as_deref()), ("two", Some("b")));
    assert_eq!(text.reason, Some(EvaluationReason::TargetingMatch));
    assert_eq!(text.flag_metadata.values["n"], FlagMetadataValue::Int(1));
    assert_eq!(client.get_string_value("text", None, None).await.unwrap(), "one");
    assert_eq!(client.get_float_value("web/number", german, None).await, Ok(1.5));
    assert_eq!(client.get_bool_value("shop/cart.on", german, None).await, Ok(true));
    assert_eq!(client.get_int_value("shop/cart.size", german, None).await, Ok(5));
    let cart = client.get_struct_value::<StructValue>("shop/cart", german, None).await.unwrap();
    assert_eq!((&cart.fields["on"], &cart.fields["size"]), (&FlagObject::Bool(true), &FlagObject::Int(5)));

    assert_eq!(code(client.get_bool_value("missing", german, None).await), Code::FlagNotFound);
    assert_eq!(code(client.get_bool_value("text", german, None).await), Code::TypeMismatch);
    assert_eq!(code(client.get_int_value("web/number", german, None).await), Code::TypeMismatch);
    assert_eq!(code(client.get_struct_value::<StructValue>("null", german, None).await), Code::TypeMismatch);
    assert_eq!(code(client.get_bool_value("broken", german, None).await), Code::ParseError);
    let off = client.get_bool_value("off", german, None).await.unwrap_err();
    assert_eq!(off.message.as_deref(), Some("flag 'off' has no value here (DISABLED), the program's default counts"));
    let foreign = EvaluationContext::default().with_custom_field("who", Field::new_struct(5_u8));
    assert_eq!(code(client.get_string_value("text", Some(&foreign), None).await), Code::InvalidContext);
    let mut joined = EvaluationContext::default();
    let date = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(86_400);
    joined.custom_fields.insert("joined".to_owned(), Field::DateTime(date.into()));
    assert_eq!(client.get_bool_value("since", Some(&joined), None).await, Ok(true));
}

#[tokio::test]
async fn answers_follow_a_root_and_survive_a_broken_file() {
    for layout in LAYOUTS {
        let root = HandMadeRoot::new(layout);
        root.flip(&[("features/shop/cart.yaml", &feature(5))]);
        let bus = root.open();
        let (_api, client) = client_of(&bus).await;
        let context = german();
        let size = async || client.get_int_value("shop/cart.size", Some(&context), None).await;
        assert_eq!(size().await, Ok(5));
        for (content, expected) in
            [(feature(6), 6), ("owner: shop\nstage: beta\nparameters: 5\n".to_owned(), 6), (feature(7), 7)]
        {
            root.flip(&[("features/shop/cart.yaml", &content)]);
            bus.refresh();
            assert_eq!(size().await, Ok(expected), "{content}");
        }
    }
}
