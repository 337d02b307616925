//! `flagd.evaluation.v2`: values and variants are absent where the caller's default counts.

use super::{
    Answers, Flagd,
    answer::{Answer, Question},
    changes::Event,
    selector::Selector,
};
use configbus_proto::flagd::evaluation::v2::{
    EventStreamRequest, EventStreamResponse, ResolveBooleanRequest, ResolveBooleanResponse, ResolveFloatRequest,
    ResolveFloatResponse, ResolveIntRequest, ResolveIntResponse, ResolveObjectRequest, ResolveObjectResponse,
    ResolveStringRequest, ResolveStringResponse, service_server::Service,
};
use futures_util::StreamExt as _;
use tonic::{Request, Response, Status};

#[derive(Debug, Clone)]
pub(super) struct EvaluationService(pub(super) Flagd);

fn response(event: Event) -> EventStreamResponse {
    EventStreamResponse { r#type: event.kind.to_owned(), data: event.data }
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

    async fn resolve_boolean(
        &self,
        request: Request<ResolveBooleanRequest>,
    ) -> Result<Response<ResolveBooleanResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let question = Question { metadata: &metadata, key: &asked.flag_key, context: asked.context };
        let Answer { value, variant, reason, metadata } = self.0.answer::<bool>(question)?;
        Ok(Response::new(ResolveBooleanResponse { value, variant, reason, metadata }))
    }

    async fn resolve_string(
        &self,
        request: Request<ResolveStringRequest>,
    ) -> Result<Response<ResolveStringResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let question = Question { metadata: &metadata, key: &asked.flag_key, context: asked.context };
        let Answer { value, variant, reason, metadata } = self.0.answer::<String>(question)?;
        Ok(Response::new(ResolveStringResponse { value, variant, reason, metadata }))
    }

    async fn resolve_float(
        &self,
        request: Request<ResolveFloatRequest>,
    ) -> Result<Response<ResolveFloatResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let question = Question { metadata: &metadata, key: &asked.flag_key, context: asked.context };
        let Answer { value, variant, reason, metadata } = self.0.answer::<f64>(question)?;
        Ok(Response::new(ResolveFloatResponse { value, variant, reason, metadata }))
    }

    async fn resolve_int(&self, request: Request<ResolveIntRequest>) -> Result<Response<ResolveIntResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let question = Question { metadata: &metadata, key: &asked.flag_key, context: asked.context };
        let Answer { value, variant, reason, metadata } = self.0.answer::<i64>(question)?;
        Ok(Response::new(ResolveIntResponse { value, variant, reason, metadata }))
    }

    async fn resolve_object(
        &self,
        request: Request<ResolveObjectRequest>,
    ) -> Result<Response<ResolveObjectResponse>, Status> {
        let (metadata, _, asked) = request.into_parts();
        let question = Question { metadata: &metadata, key: &asked.flag_key, context: asked.context };
        let Answer { value, variant, reason, metadata } = self.0.answer_object(question)?;
        Ok(Response::new(ResolveObjectResponse { value, variant, reason, metadata }))
    }
}
