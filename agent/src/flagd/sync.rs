//! `flagd.sync.v1`: the whole set, and again when it changes.

use super::{Answers, Flagd, selector::Selector};
use crate::flag_state::{FlagState, WHOLE_SETS};
use configbus_client::switches::LeftOut;
use configbus_proto::flagd::{
    Struct,
    sync::v1::{
        FetchAllFlagsRequest, FetchAllFlagsResponse, GetMetadataRequest, GetMetadataResponse, SyncFlagsRequest,
        SyncFlagsResponse, flag_sync_service_server::FlagSyncService,
    },
    to_struct,
};
use futures_util::{StreamExt as _, future};
use serde_json::json;
use std::sync::{Arc, Mutex, PoisonError};
use tonic::{Request, Response, Status};

#[derive(Debug, Clone)]
pub(super) struct SyncService {
    flagd: Flagd,
    /// What it was last told that sets lack.
    lacking: Arc<Mutex<Vec<LeftOut>>>,
}

impl SyncService {
    pub(super) fn new(flagd: Flagd) -> Self {
        Self { flagd, lacking: Arc::default() }
    }

    /// Writes a set off the async threads.
    async fn written(&self, state: &Arc<FlagState>, selector: &Selector) -> Arc<str> {
        let (state, selector) = (Arc::clone(state), selector.clone());
        let is_whole = selector == Selector::Everything;
        let writing = move || state.to_flagd(&selector.to_string(), |path, metadata| selector.selects(path, metadata));
        let (written, left_out) = WHOLE_SETS.run(writing).await;
        if is_whole && !left_out.is_empty() {
            self.tell(left_out);
        }
        written
    }

    /// Says once what programs that evaluate by themselves do not get.
    fn tell(&self, left_out: Vec<LeftOut>) {
        let mut lacking = self.lacking.lock().unwrap_or_else(PoisonError::into_inner);
        if *lacking != left_out {
            let first = &left_out[0];
            let (count, key, reason) = (left_out.len(), &first.key, &first.reason);
            tracing::info!(count, "flagd.sync.v1 leaves out {count} switches; the first is {key}: {reason}");
            *lacking = left_out;
        }
    }
}

/// Returns what programs may use in their rules beside what they know themselves.
fn context_of(state: &FlagState) -> Option<Struct> {
    json!({"configbus": {"revision": state.revision.0}}).as_object().and_then(to_struct)
}

#[tonic::async_trait]
impl FlagSyncService for SyncService {
    type SyncFlagsStream = Answers<SyncFlagsResponse>;

    async fn sync_flags(&self, request: Request<SyncFlagsRequest>) -> Result<Response<Self::SyncFlagsStream>, Status> {
        #[allow(deprecated, reason = "older clients say it there")]
        let selector = Selector::of(request.metadata(), &request.get_ref().selector)?;
        let service = self.clone();
        let written = self.flagd.states()?.then(move |state| {
            let (service, selector) = (service.clone(), selector.clone());
            async move {
                let state = state?;
                let written = service.written(&state, &selector).await;
                Ok((state, written))
            }
        });
        let changed = written.scan(None::<Arc<str>>, |last, set| {
            let answer = set.map(|(state, written)| {
                let is_known = last.as_ref() == Some(&written);
                *last = Some(Arc::clone(&written));
                (!is_known).then(|| SyncFlagsResponse {
                    flag_configuration: written.to_string(),
                    sync_context: context_of(&state),
                })
            });
            future::ready(Some(answer.transpose()))
        });
        Ok(Response::new(changed.filter_map(future::ready).boxed()))
    }

    async fn fetch_all_flags(
        &self,
        request: Request<FetchAllFlagsRequest>,
    ) -> Result<Response<FetchAllFlagsResponse>, Status> {
        #[allow(deprecated, reason = "older clients say it there")]
        let selector = Selector::of(request.metadata(), &request.get_ref().selector)?;
        let written = self.written(&self.flagd.state()?, &selector).await;
        Ok(Response::new(FetchAllFlagsResponse { flag_configuration: written.to_string() }))
    }

    /// Released clients ask it first and do not start without an object in the answer.
    async fn get_metadata(&self, _: Request<GetMetadataRequest>) -> Result<Response<GetMetadataResponse>, Status> {
        let context = self.flagd.flags.state().and_then(|state| context_of(&state));
        Ok(Response::new(GetMetadataResponse { metadata: Some(context.unwrap_or_default()) }))
    }
}
