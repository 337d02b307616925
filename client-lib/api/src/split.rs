//! Splitting a directory off into a namespace of its own.

use crate::{ApiError, Client, NamespaceHead, attempt::Attempt};
use configbus_model::{ConfigPath, Namespace};
use configbus_proto::{
    convert::WireError,
    v1::{self, split_namespace_response::Kind},
};
use std::time::Duration;
use tonic::Request;

const OPERATION: &str = "split-namespace";

/// What to split off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitWish {
    /// The directory.
    pub prefix: ConfigPath,
    /// What to call the namespace; the last name of the directory when absent.
    pub name: Option<Namespace>,
}

/// What the server is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SplitStage {
    /// The policy is translated, and every file is held to both.
    Checking,
    /// History is copied.
    Copying,
    /// `main` takes no changes, or is about to: for less than a second.
    Moving,
}

/// How far the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SplitProgress {
    /// What it does.
    pub stage: SplitStage,
    /// Revisions that were copied.
    pub copied: u64,
    /// Revisions to copy.
    pub total: u64,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitReport {
    /// The namespace.
    pub namespace: Namespace,
    /// The directory at which it is, or would be.
    pub prefix: ConfigPath,
    /// Files of the directory, each of which is judged as before.
    pub files: u64,
    /// Files of policy that the namespace begins with.
    pub policy_files: Vec<String>,
    /// Copies of files from elsewhere that they need.
    pub copied_files: Vec<String>,
    /// Entries of the policy of `main` that are about other files only.
    pub entries_left: u64,
    /// What happened; absent when it was only planned.
    pub moved: Option<SplitMoved>,
}

/// A directory that moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SplitMoved {
    /// The namespace as it began.
    pub head: NamespaceHead,
    /// The revision of `main` from which on it is mounted.
    pub main: NamespaceHead,
    /// How long `main` took no changes.
    pub held: Duration,
    /// How often it was tried.
    pub attempts: u32,
}

impl Client {
    /// Splits a directory off, and tells how far it is.
    pub async fn split(
        &self,
        wish: &SplitWish,
        look_on: impl FnMut(SplitProgress) + Send,
    ) -> Result<SplitReport, ApiError> {
        self.ask_to_split(wish, false, look_on).await
    }

    /// Finds out whether a directory can be split off, and what its policy would be.
    pub async fn plan_split(&self, wish: &SplitWish) -> Result<SplitReport, ApiError> {
        self.ask_to_split(wish, true, |_| {}).await
    }

    async fn ask_to_split(
        &self,
        wish: &SplitWish,
        dry_run: bool,
        mut look_on: impl FnMut(SplitProgress) + Send,
    ) -> Result<SplitReport, ApiError> {
        let message = v1::SplitNamespaceRequest {
            prefix: wish.prefix.to_string(),
            name: wish.name.as_ref().map(ToString::to_string).unwrap_or_default(),
            dry_run,
        };
        // No deadline travels to the server: how long it takes depends on the history.
        let send = |attempt: Attempt| {
            let request = Request::new(message.clone());
            async move { attempt.admin().split_namespace(request).await }
        };
        let call = if dry_run { self.calls.read(OPERATION) } else { self.calls.change_once(OPERATION) };
        let mut answers = self.calls.make(call, send).await?;
        let malformed = ApiError::malformed(OPERATION);
        loop {
            match answers.message().await.map_err(|status| ApiError::answered(OPERATION, &status))? {
                Some(v1::SplitNamespaceResponse { kind: Some(Kind::Progress(at)) }) => look_on(at.into()),
                Some(v1::SplitNamespaceResponse { kind: Some(Kind::Result(result)) }) => {
                    return SplitReport::from_wire(result).map_err(malformed);
                }
                Some(v1::SplitNamespaceResponse { kind: None }) => {}
                None => return Err(malformed(WireError::new("kind", "the stream ended without a result"))),
            }
        }
    }
}

impl From<v1::SplitProgress> for SplitProgress {
    fn from(wire: v1::SplitProgress) -> Self {
        let stage = match wire.stage() {
            v1::split_progress::Stage::Copying => SplitStage::Copying,
            v1::split_progress::Stage::Moving => SplitStage::Moving,
            v1::split_progress::Stage::Unspecified | v1::split_progress::Stage::Checking => SplitStage::Checking,
        };
        Self { stage, copied: wire.copied, total: wire.total }
    }
}

impl SplitReport {
    fn from_wire(wire: v1::SplitResult) -> Result<Self, WireError> {
        let moved = match wire.head {
            None => None,
            Some(_) => Some(SplitMoved {
                head: NamespaceHead::from_wire(wire.head.as_ref())?,
                main: NamespaceHead::from_wire(wire.main_head.as_ref())?,
                held: Duration::from_millis(wire.held_ms),
                attempts: wire.attempts,
            }),
        };
        Ok(Self {
            namespace: wire.namespace.parse().map_err(|error| WireError::new("namespace", error))?,
            prefix: wire.prefix.parse().map_err(|error| WireError::new("prefix", error))?,
            files: wire.files,
            policy_files: wire.policy_files,
            copied_files: wire.copied_files,
            entries_left: wire.entries_left,
            moved,
        })
    }
}
