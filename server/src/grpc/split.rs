//! A split as a stream: how far it is, and at last what came of it.

use crate::auth::Caller;
use crate::bus::Bus;
use crate::split::{SplitOutcome, SplitProgress, SplitRequest, SplitStage, split};
use configbus_model::Namespace;
use configbus_proto::convert::head_to_wire;
use configbus_proto::v1;
use configbus_proto::v1::split_namespace_response::Kind;
use configbus_proto::v1::split_progress::Stage;
use futures_util::stream::{self, Stream, StreamExt as _};
use std::pin::Pin;
use std::sync::Arc;
use tokio::sync::watch;
use tonic::Status;

/// What the client reads.
pub(super) type SplitStream = Pin<Box<dyn Stream<Item = Result<v1::SplitNamespaceResponse, Status>> + Send>>;

/// Splits while the stream is read. Only the newest progress is told: a slow reader holds nothing up.
pub(super) fn stream(bus: Arc<Bus>, caller: Caller, request: v1::SplitNamespaceRequest) -> SplitStream {
    let v1::SplitNamespaceRequest { prefix, name, dry_run } = request;
    let request = SplitRequest { prefix, name, dry_run };
    let (sender, progress) = watch::channel(SplitProgress::default());
    let look_on = Arc::new(move |at: SplitProgress| {
        sender.send_replace(at);
    });
    let work = Box::pin(async move { split(&bus, &caller, request, look_on).await });
    let told = stream::unfold(Some((work, progress)), |state| async move {
        let (mut work, mut progress) = state?;
        tokio::select! {
            biased;
            outcome = &mut work => {
                let told = outcome.map(|outcome| Kind::Result(result_to_wire(&outcome))).map_err(Status::from);
                Some((told, None))
            }
            Ok(()) = progress.changed() => {
                let at = *progress.borrow_and_update();
                Some((Ok(Kind::Progress(progress_to_wire(at))), Some((work, progress))))
            }
        }
    });
    told.map(|told| told.map(|kind| v1::SplitNamespaceResponse { kind: Some(kind) })).boxed()
}

fn progress_to_wire(at: SplitProgress) -> v1::SplitProgress {
    let stage = match at.stage {
        SplitStage::Checking => Stage::Checking,
        SplitStage::Copying => Stage::Copying,
        SplitStage::Moving => Stage::Moving,
    };
    v1::SplitProgress { stage: stage.into(), copied: at.copied, total: at.total }
}

fn result_to_wire(outcome: &SplitOutcome) -> v1::SplitResult {
    let SplitOutcome { namespace, prefix, files, policy, moved } = outcome;
    let is_copied = |path: &&String| policy.copied.contains_key(*path);
    let (copied, own): (Vec<&String>, Vec<&String>) = policy.files.keys().partition(is_copied);
    let moved = moved.as_ref();
    v1::SplitResult {
        namespace: namespace.to_string(),
        prefix: prefix.to_string(),
        files: *files as u64,
        policy_files: own.into_iter().cloned().collect(),
        copied_files: copied.into_iter().cloned().collect(),
        entries_left: policy.dropped as u64,
        head: moved.map(|moved| head_to_wire(namespace, &moved.head)),
        main_head: moved.map(|moved| head_to_wire(&Namespace::main(), &moved.main)),
        held_ms: moved.map_or(0, |moved| u64::try_from(moved.held.as_millis()).unwrap_or(u64::MAX)),
        attempts: moved.map_or(0, |moved| u32::try_from(moved.attempts).unwrap_or(u32::MAX)),
    }
}
