//! An OpenFeature provider: programs written against OpenFeature's SDK for Rust read their flags from the files of this host.
//!
//! Nothing is asked over the network; a resolution is one evaluation in this process. The SDK's futures never wait. Programs that need
//! the last nanoseconds use [`Flags`] and its handles, which need no allocation per question.

use crate::{FlagValue, Flags, moment::now};
use configbus_switches::{Attribute, Context, ErrorCode, Moment, Reason, Resolution, TARGETING_KEY};
use open_feature::{
    EvaluationContext, EvaluationContextFieldValue as Field, EvaluationError, EvaluationErrorCode, EvaluationReason,
    EvaluationResult, FlagMetadata, FlagMetadataValue, StructValue, Value as FlagObject, async_trait,
    provider::{FeatureProvider, ProviderMetadata, ResolutionDetails},
};
use serde_json::{Map, Value};

/// Flags of a bus for OpenFeature's SDK.
///
/// A feature is a struct, and each of its parameters a flag behind a dot. Where no value is set, because a flag is off or has no
/// default variant, the answer is an error with the code [`EvaluationErrorCode::General`]: this SDK has no defaults, so the program
/// chooses, for example by `unwrap_or`. Dates in a context are texts such as `2026-01-31T00:00:00Z`; structs in it are
/// [`serde_json::Value`]s, all others are [`EvaluationErrorCode::InvalidContext`].
///
/// ```
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use configbus_client::{ConfigBus, FlagPlaces, openfeature::OpenFeatureProvider};
/// use open_feature::{EvaluationContext, OpenFeature};
///
/// // A program uses `ConfigBus::open("/var/lib/configbus")?`; tests have a bus of their own.
/// let memory = ConfigBus::in_memory();
/// memory.set("features/cart.yaml", "
/// owner: checkout@example.org
/// stage: beta
/// parameters: {batch: {type: int, default: 20}}
/// rules: [{when: {country: DE}, set: {batch: 40}}]
/// ")?;
/// memory.flip();
/// let bus = memory.bus();
/// let flags = bus.flags(&FlagPlaces::of(&bus)?)?;
///
/// let mut api = OpenFeature::default();
/// api.set_provider(OpenFeatureProvider::new(flags)).await;
/// let client = api.create_client();
/// let german = EvaluationContext::default().with_targeting_key("ada").with_custom_field("country", "DE");
/// let batch = client.get_int_value("cart.batch", Some(&german), None).await.unwrap_or(10);
/// assert_eq!(batch, 40);
/// # Ok(())
/// # }
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(example()).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct OpenFeatureProvider {
    flags: Flags,
    metadata: ProviderMetadata,
}

impl OpenFeatureProvider {
    /// Answers from these flags, always the newest.
    pub fn new(flags: Flags) -> Self {
        Self { flags, metadata: ProviderMetadata::new("configbus") }
    }

    fn resolve<T>(
        &self,
        key: &str,
        context: &EvaluationContext,
        read: impl FnOnce(&Resolution<'_>) -> Result<Option<T>, ErrorCode>,
    ) -> EvaluationResult<ResolutionDetails<T>> {
        let times = times_of(context);
        let attributes = attributes_of(context, &times)?;
        let switches = self.flags.load();
        let found = switches.resolve(key, &Context::of(&attributes), now());
        let value =
            read(&found).map_err(|error| failed(code_of(error), format!("flag '{key}': {}", error.as_str())))?;
        let value = value.ok_or_else(|| {
            let told =
                format!("flag '{key}' has no value here ({}), the program's default counts", found.reason.as_str());
            failed(EvaluationErrorCode::General(told.clone()), told)
        })?;
        Ok(ResolutionDetails {
            value,
            variant: found.variant.map(str::to_owned),
            reason: Some(reason_of(found.reason)),
            flag_metadata: found.metadata.map(metadata_of),
        })
    }
}

#[async_trait]
impl FeatureProvider for OpenFeatureProvider {
    fn metadata(&self) -> &ProviderMetadata {
        &self.metadata
    }

    async fn resolve_bool_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<bool>> {
        self.resolve(key, context, bool::read)
    }

    async fn resolve_int_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<i64>> {
        self.resolve(key, context, i64::read)
    }

    async fn resolve_float_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<f64>> {
        self.resolve(key, context, f64::read)
    }

    async fn resolve_string_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<String>> {
        self.resolve(key, context, String::read)
    }

    async fn resolve_struct_value(
        &self,
        key: &str,
        context: &EvaluationContext,
    ) -> EvaluationResult<ResolutionDetails<StructValue>> {
        self.resolve(key, context, |found| match Value::read(found)? {
            None => Ok(None),
            Some(Value::Object(members)) => object(&members).ok_or(ErrorCode::TypeMismatch).map(Some),
            Some(_) => Err(ErrorCode::TypeMismatch),
        })
    }
}

/// Writes the dates of a context.
fn times_of(context: &EvaluationContext) -> Vec<(&str, String)> {
    let times = context.custom_fields.iter().filter_map(|(name, field)| {
        let moment =
            Moment::from_unix_ms(i64::try_from(field.as_date_time()?.unix_timestamp_nanos() / 1_000_000).ok()?);
        let text = moment.to_string();
        Some((name.as_str(), if text.contains('T') { text } else { format!("{text}T00:00:00Z") }))
    });
    times.collect()
}

/// Borrows what is known of the recipient.
fn attributes_of<'c>(
    context: &'c EvaluationContext,
    times: &'c [(&'c str, String)],
) -> EvaluationResult<Vec<(&'c str, Attribute<'c>)>> {
    let whom = context.targeting_key.as_deref().map(|key| (TARGETING_KEY, key.into()));
    let mut attributes: Vec<_> = whom.into_iter().collect();
    attributes.extend(times.iter().map(|(name, time)| (*name, Attribute::Text(time))));
    for (name, field) in &context.custom_fields {
        let attribute = match field {
            Field::Bool(value) => Attribute::Bool(*value),
            Field::Int(value) => Attribute::Int(*value),
            Field::Float(value) => Attribute::Float(*value),
            Field::String(text) => Attribute::Text(text),
            Field::DateTime(_) => continue,
            Field::Struct(value) => match value.downcast_ref::<Value>() {
                Some(value) => Attribute::Json(value),
                None => {
                    let told = format!("struct '{name}' of the context is no serde_json::Value");
                    return Err(failed(EvaluationErrorCode::InvalidContext, told));
                }
            },
        };
        attributes.push((name, attribute));
    }
    Ok(attributes)
}

fn failed(code: EvaluationErrorCode, message: String) -> EvaluationError {
    EvaluationError { code, message: Some(message) }
}

fn code_of(error: ErrorCode) -> EvaluationErrorCode {
    match error {
        ErrorCode::FlagNotFound => EvaluationErrorCode::FlagNotFound,
        ErrorCode::ParseError => EvaluationErrorCode::ParseError,
        ErrorCode::TypeMismatch => EvaluationErrorCode::TypeMismatch,
        ErrorCode::General => EvaluationErrorCode::General(error.as_str().to_owned()),
    }
}

fn reason_of(reason: Reason) -> EvaluationReason {
    match reason {
        Reason::Static => EvaluationReason::Static,
        Reason::TargetingMatch => EvaluationReason::TargetingMatch,
        Reason::Default => EvaluationReason::Default,
        Reason::Disabled => EvaluationReason::Disabled,
        Reason::Error => EvaluationReason::Error,
    }
}

fn metadata_of(metadata: &Map<String, Value>) -> FlagMetadata {
    let told = metadata.iter().filter_map(|(name, value)| {
        let value: FlagMetadataValue = match value {
            Value::Bool(value) => (*value).into(),
            Value::String(text) => text.as_str().into(),
            Value::Number(number) => match number.as_i64() {
                Some(whole) => whole.into(),
                None => number.as_f64()?.into(),
            },
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        Some((name.clone(), value))
    });
    FlagMetadata { values: told.collect() }
}

/// Converts an object; `None` where the SDK has no type for something in it, such as null.
fn object(members: &Map<String, Value>) -> Option<StructValue> {
    let fields = members.iter().map(|(name, value)| Some((name.clone(), part(value)?)));
    Some(StructValue { fields: fields.collect::<Option<_>>()? })
}

fn part(value: &Value) -> Option<FlagObject> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => FlagObject::Bool(*value),
        Value::String(text) => FlagObject::String(text.clone()),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => FlagObject::Int(whole),
            None if number.is_u64() => return None,
            None => FlagObject::Float(number.as_f64()?),
        },
        Value::Array(items) => FlagObject::Array(items.iter().map(part).collect::<Option<_>>()?),
        Value::Object(members) => FlagObject::Struct(object(members)?),
    })
}
