//! `manifest.json`: what a validator is told beside the files.

use crate::{Context, candidate::FileChange, candidate::FileState};
use configbus_model::{EntryMode, ObjectId};
use serde::Serialize;

/// The whole of it. The form is documented: fields are only ever added.
#[derive(Debug, Serialize)]
pub(super) struct Manifest<'a> {
    version: u32,
    validator: &'a str,
    namespace: String,
    author: String,
    groups: Vec<String>,
    now_ms: u64,
    changes: Vec<ManifestChange<'a>>,
}

#[derive(Debug, Serialize)]
struct ManifestChange<'a> {
    path: &'a str,
    change: &'static str,
    old: Option<ObjectId>,
    new: Option<ObjectId>,
    executable: bool,
}

impl<'a> Manifest<'a> {
    pub(super) fn new(validator: &'a str, context: &Context<'_>, changes: &[&'a FileChange]) -> Self {
        Self {
            version: 1,
            validator,
            namespace: context.namespace.to_string(),
            author: context.principal.name.to_string(),
            groups: context.principal.groups.iter().map(ToString::to_string).collect(),
            now_ms: context.now_ms,
            changes: changes.iter().map(|change| ManifestChange::of(change)).collect(),
        }
    }
}

impl<'a> ManifestChange<'a> {
    fn of(change: &'a FileChange) -> Self {
        let id = |state: &Option<FileState>| state.map(|state| state.id);
        Self {
            path: &change.path,
            change: match (change.before, change.after) {
                (None, _) => "created",
                (_, None) => "deleted",
                _ => "changed",
            },
            old: id(&change.before),
            new: id(&change.after),
            executable: change.after.is_some_and(|state| state.mode == EntryMode::Executable),
        }
    }
}
