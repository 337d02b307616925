//! `flagd.evaluation.v1`: an absent value is the empty one of its type, and an absent variant the empty text.

use super::{
    Answers, Flagd,
    answer::{Answer, Question, context_of, metadata_of},
    changes::Event,
    selector::Selector,
};
use crate::flag_state::{FlagState, WHOLE_SETS};
use configbus_client::switches::Resolution;
use configbus_proto::flagd::{
    evaluation::v1::{
        AnyFlag, EventStreamRequest, EventStreamResponse, ResolveAllRequest, ResolveAllResponse, ResolveBooleanRequest,
        ResolveBooleanResponse, ResolveFloatRequest, ResolveFloatResponse, ResolveIntRequest, ResolveIntResponse,
        ResolveObjectRequest, ResolveObjectResponse, ResolveStringRequest, ResolveStringResponse, any_flag,
        service_server::Service,
    },
    to_struct,
};
use futures_util::StreamExt as _;
use serde_json::{Map, Value};
use std::sync::Arc;
use tonic::{Request, Response, Status};

#[derive(Debug, Clone)]
pub(super) struct EvaluationService(pub(super) Flagd);

fn response(event: Event) -> EventStreamResponse {
    EventStreamResponse { r#type: event.kind.to_owned(), data: event.data }
}

/// Evaluates everything that is selected. What fails is told without a value.
fn all(state: &FlagState, selector: &Selector, context: &Map<String, Value>) -> ResolveAllResponse {
    let mut answer = ResolveAllResponse::default();
    let mut add = |key: &str, found: Resolution<'_>| {
        _ = answer.flags.entry(key.to_owned()).or_insert_with(|| any_flag(&found));
    };
    if *selector == Selector::Everything {
        state.each(context, add);
        return answer;
    }
    let selects = |path: &str, metadata: &Map<String, Value>| selector.selects(path, metadata);
    for key in state.switches.marks(selects).into_keys() {
        if let Some(place) = state.switches.find_among(key, selects) {
            add(key, state.resolve_at(place, key, context));
        }
    }
    answer
}

fn any_flag(found: &Resolution<'_>) -> AnyFlag {
    let value = found.value.and_then(|value| match value {
        Value::Bool(value) => Some(any_flag::Value::BoolValue(*value)),
        Value::String(text) => Some(any_flag::Value::StringValue(text.clone())),
        Value::Number(number) => number.as_f64().map(any_flag::Value::DoubleValue),
        Value::Object(object) => to_struct(object).map(any_flag::Value::ObjectValue),
        Value::Null | Value::Array(_) => None,
    });
    let variant = found.variant.unwrap_or_default().to_owned();
    AnyFlag { reason: found.reason.as_str().to_owned(), variant, metadata: metadata_of(found), value }
}

#[tonic::async_trait]
impl Service for EvaluationService {
    type EventStreamStream = Answers<EventStreamResponse>;

    async fn event_stream(
        &self,
        request: Request<EventStreamRequest>,
    ) -> Result<Response<Self::EventStreamStream>, Status> {
        let events = self.0.events(Selector::of(request.metadata(), "")?)?;
        Ok(Response::new(events.map(|event| event.map(response)).boxed()))
    }

    async fn resolve_all(&self, request: Request<ResolveAllRequest>) -> Result<Response<ResolveAllResponse>, Status> {
        let (selector, state) = (Selector::of(request.metadata(), "")?, self.0.state()?);
        let context = context_of(request.into_inner().context)?;
        Ok(Response::new(WHOLE_SETS.run(move || all(&Arc::clone(&state), &selector, &context)).await))
    }

    async fn resolve_boolean(
        &self,
        request: Request<ResolveBooleanRequest>,
    ) -> Result<Response<ResolveBooleanResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let question = Question { metadata: &metadata, key: &asked.flag_key, context: asked.context };
        let Answer { value, variant, reason, metadata } = self.0.answer::<bool>(question)?;
        Ok(Response::new(ResolveBooleanResponse {
            value: value.unwrap_or_default(),
            variant: variant.unwrap_or_default(),
            reason,
            metadata,
        }))
    }

    async fn resolve_string(
        &self,
        request: Request<ResolveStringRequest>,
    ) -> Result<Response<ResolveStringResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let question = Question { metadata: &metadata, key: &asked.flag_key, context: asked.context };
        let Answer { value, variant, reason, metadata } = self.0.answer::<String>(question)?;
        Ok(Response::new(ResolveStringResponse {
            value: value.unwrap_or_default(),
            variant: variant.unwrap_or_default(),
            reason,
            metadata,
        }))
    }

    async fn resolve_float(
        &self,
        request: Request<ResolveFloatRequest>,
    ) -> Result<Response<ResolveFloatResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let question = Question { metadata: &metadata, key: &asked.flag_key, context: asked.context };
        let Answer { value, variant, reason, metadata } = self.0.answer::<f64>(question)?;
        Ok(Response::new(ResolveFloatResponse {
            value: value.unwrap_or_default(),
            variant: variant.unwrap_or_default(),
            reason,
            metadata,
        }))
    }

    async fn resolve_int(&self, request: Request<ResolveIntRequest>) -> Result<Response<ResolveIntResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let question = Question { metadata: &metadata, key: &asked.flag_key, context: asked.context };
        let Answer { value, variant, reason, metadata } = self.0.answer::<i64>(question)?;
        Ok(Response::new(ResolveIntResponse {
            value: value.unwrap_or_default(),
            variant: variant.unwrap_or_default(),
            reason,
            metadata,
        }))
    }

    async fn resolve_object(
        &self,
        request: Request<ResolveObjectRequest>,
    ) -> Result<Response<ResolveObjectResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let question = Question { metadata: &metadata, key: &asked.flag_key, context: asked.context };
        let Answer { value, variant, reason, metadata } = self.0.answer_object(question)?;
        Ok(Response::new(ResolveObjectResponse { value, variant: variant.unwrap_or_default(), reason, metadata }))
    }
}
