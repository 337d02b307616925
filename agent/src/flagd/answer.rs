//! One answer, before it is of a version of the protocol.

use super::{Flagd, selector::Selector};
use crate::flag_state::{FlagState, details_of};
use configbus_client::{
    FlagValue,
    switches::{ErrorCode, Resolution, TARGETING_KEY},
};
use configbus_proto::flagd::{Struct, to_json, to_struct};
use serde_json::{Map, Value};
use tonic::{Status, metadata::MetadataMap};

/// A value of the type that was asked for.
#[derive(Debug)]
pub(super) struct Answer<T> {
    /// Absent where the caller's default counts.
    pub(super) value: Option<T>,
    pub(super) variant: Option<String>,
    pub(super) reason: String,
    pub(super) metadata: Option<Struct>,
}

/// A question about one flag.
#[derive(Debug)]
pub(super) struct Question<'q> {
    pub(super) metadata: &'q MetadataMap,
    pub(super) key: &'q str,
    pub(super) context: Option<Struct>,
}

impl Flagd {
    /// Answers with a plain value.
    pub(super) fn answer<T: FlagValue>(&self, question: Question<'_>) -> Result<Answer<T>, Status> {
        self.answer_by(question, T::read)
    }

    /// Answers with an object.
    pub(super) fn answer_object(&self, question: Question<'_>) -> Result<Answer<Struct>, Status> {
        self.answer_by(question, |found| match Value::read(found)? {
            None => Ok(None),
            Some(Value::Object(object)) => to_struct(&object).ok_or(ErrorCode::TypeMismatch).map(Some),
            Some(_) => Err(ErrorCode::TypeMismatch),
        })
    }

    fn answer_by<T>(
        &self,
        question: Question<'_>,
        read: impl FnOnce(&Resolution<'_>) -> Result<Option<T>, ErrorCode>,
    ) -> Result<Answer<T>, Status> {
        let Question { metadata, key, context } = question;
        let (selector, context) = (Selector::of(metadata, "")?, context_of(context)?);
        let state = self.state()?;
        let found = resolve(&state, &selector, key, &context);
        let value = read(&found).map_err(|error| status_of(error, key))?;
        Ok(Answer {
            value,
            variant: found.variant.map(str::to_owned),
            reason: found.reason.as_str().to_owned(),
            metadata: metadata_of(&found),
        })
    }
}

fn resolve<'s>(state: &'s FlagState, selector: &Selector, key: &str, context: &Map<String, Value>) -> Resolution<'s> {
    if *selector == Selector::Everything {
        return state.resolve(key, context);
    }
    match state.switches.find_among(key, |path, metadata| selector.selects(path, metadata)) {
        Some(place) => state.resolve_at(place, key, context),
        None => Resolution::failed(ErrorCode::FlagNotFound, None),
    }
}

/// Reads for whom it is asked. A targeting key that is null, as some clients send it, is none.
pub(super) fn context_of(context: Option<Struct>) -> Result<Map<String, Value>, Status> {
    let mut context = context.map(|context| to_json(&context)).unwrap_or_default();
    match context.get(TARGETING_KEY) {
        Some(Value::Null) => _ = context.remove(TARGETING_KEY),
        Some(Value::String(_)) | None => {}
        Some(_) => return Err(Status::invalid_argument("targetingKey is no text")),
    }
    Ok(context)
}

/// Returns what a switch says about itself, if the protocol can carry it.
pub(super) fn metadata_of(found: &Resolution<'_>) -> Option<Struct> {
    found.metadata.filter(|metadata| !metadata.is_empty()).and_then(to_struct)
}

/// Returns the status that stands for an error, as clients read it.
fn status_of(error: ErrorCode, key: &str) -> Status {
    let told = details_of(error, key);
    match error {
        ErrorCode::FlagNotFound => Status::not_found(told),
        ErrorCode::TypeMismatch => Status::invalid_argument(told),
        ErrorCode::ParseError => Status::data_loss(told),
        ErrorCode::General => Status::unknown(told),
    }
}
