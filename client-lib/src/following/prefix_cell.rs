//! The current values of all files that a pattern means.

use crate::{
    Change, Refusal,
    following::call_queue::{Tell, Telling},
    following::callbacks::Callbacks,
    following::cell::{Publication, Watched},
    following::folders::Folders,
    following::follower::Held,
    following::journal::Journal,
    following::path_glob::PathGlob,
    following::rules::Rules,
    following::seen::{Look, Seen},
    prefix_subscription::PrefixFiles,
    source::view::{Origin, View},
};
use arc_swap::ArcSwap;
use configbus_model::ConfigPath;
use std::{
    collections::BTreeMap,
    fmt, io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Makes what else readers see of the files.
type Compose<T> = Box<dyn Fn(&PrefixFiles<T>, &View, &Journal) + Send + Sync>;

pub(crate) struct PrefixCell<T> {
    pub(crate) files: ArcSwap<PrefixFiles<T>>,
    pub(crate) refusals: ArcSwap<BTreeMap<ConfigPath, Refusal>>,
    pub(crate) callbacks: Callbacks<T>,
    glob: PathGlob,
    rules: Rules<T>,
    /// Called with new files on the thread that takes views: a callback that hangs must not keep a switch from being turned off.
    compose: Option<Compose<T>>,
    progress: Mutex<Progress>,
}

impl<T> fmt::Debug for PrefixCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrefixCell").field("glob", &self.glob).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Progress {
    sequence: u64,
    seen: BTreeMap<ConfigPath, Seen>,
    folders: Folders,
}

/// What one look at all files found.
struct Findings<T> {
    /// Values that are new, and files that are gone.
    changed: Vec<(ConfigPath, Option<Arc<T>>, Origin)>,
    refusals: BTreeMap<ConfigPath, Refusal>,
    refusals_changed: bool,
}

impl<T: Send + Sync + 'static> PrefixCell<T> {
    pub(crate) fn new(glob: PathGlob, rules: Rules<T>) -> Self {
        Self {
            files: ArcSwap::default(),
            refusals: ArcSwap::default(),
            callbacks: Callbacks::default(),
            glob,
            rules,
            compose: None,
            progress: Mutex::default(),
        }
    }

    /// Makes something of the files whenever one of them changes.
    pub(crate) fn composing(
        mut self,
        compose: impl Fn(&PrefixFiles<T>, &View, &Journal) + Send + Sync + 'static,
    ) -> Self {
        self.compose = Some(Box::new(compose));
        self
    }

    fn look(&self, progress: &mut Progress, view: &View, is_first: bool, journal: &Journal) -> io::Result<Findings<T>> {
        let Progress { seen, folders, .. } = progress;
        let mut round = folders.round(&self.glob, seen);
        self.glob.bases().iter().try_for_each(|base| view.files.walk(base, &mut round))?;
        let (walked, unchanged) = round.finish();
        let mut findings =
            Findings { changed: Vec::new(), refusals: (**self.refusals.load()).clone(), refusals_changed: false };
        seen.retain(|path, seen| {
            unchanged.cover(path) || self.look_at(path, seen, view, is_first, journal, &mut findings)
        });
        let is_certain = view.pinned && !findings.refusals.values().any(Refusal::may_pass);
        progress.folders = if is_certain { walked } else { Folders::default() };
        Ok(findings)
    }

    /// Returns whether the file is still there.
    fn look_at(
        &self,
        path: &ConfigPath,
        seen: &mut Seen,
        view: &View,
        is_first: bool,
        journal: &Journal,
        findings: &mut Findings<T>,
    ) -> bool {
        let on_read = || journal.counters.files_read.increment();
        let look = seen.look(view.files.as_ref(), path, &self.rules, on_read);
        if matches!(look, Look::Unchanged) {
            return !seen.is_absent();
        }
        let origin = view.origin(path);
        findings.refusals_changed |= findings.refusals.remove(path).is_some();
        match look {
            Look::Unchanged => {}
            Look::Restored => journal.applied(path, &origin),
            Look::Refused(reason) => {
                journal.refused(path, &origin, &reason);
                findings.refusals.insert(path.clone(), Refusal { revision: origin.revision, reason });
                findings.refusals_changed = true;
            }
            Look::New(value) => {
                if !is_first {
                    journal.applied(path, &origin);
                }
                findings.changed.push((path.clone(), Some(Arc::new(value)), origin));
            }
            Look::Gone => {
                findings.changed.push((path.clone(), None, origin));
                return false;
            }
        }
        true
    }

    fn publish(&self, findings: Findings<T>, view: &View, journal: &Journal) -> bool {
        if findings.refusals_changed {
            self.refusals.store(Arc::new(findings.refusals));
        }
        if findings.changed.is_empty() {
            return false;
        }
        let mut files = self.files.load().0.clone();
        let mut changes = Vec::with_capacity(findings.changed.len());
        for (path, new, Origin { namespace, revision, traceparent }) in findings.changed {
            let old = match &new {
                Some(value) => files.insert(path.clone(), Arc::clone(value)),
                None => files.remove(&path),
            };
            if old.is_some() || new.is_some() {
                changes.push(Change { path, old, new, namespace, revision, traceparent });
            }
        }
        let files = Arc::new(PrefixFiles(files));
        if let Some(compose) = &self.compose {
            compose(&files, view, journal);
        }
        self.files.store(files);
        changes.into_iter().fold(false, |wanted, change| {
            journal.counters.changes.increment();
            self.callbacks.note(change) || wanted
        })
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + Sync + 'static> Watched for PrefixCell<T> {
    fn prepare<'a>(&'a self, held: &Held, journal: &'a Journal) -> Option<Publication<'a>> {
        let mut progress = self.progress();
        if held.sequence <= progress.sequence {
            return None;
        }
        let is_first = std::mem::replace(&mut progress.sequence, held.sequence) == 0;
        match self.look(&mut progress, &held.view, is_first, journal) {
            Ok(findings) if findings.changed.is_empty() && !findings.refusals_changed => None,
            Ok(findings) => {
                let view = Arc::clone(&held.view);
                Some(Box::new(move || {
                    // Held until here, so that nobody publishes an older view in between.
                    let _progress = progress;
                    self.publish(findings, &view, journal)
                }))
            }
            Err(error) => {
                tracing::warn!(%error, bases = ?self.glob.bases(), "a directory cannot be listed; its values stay");
                None
            }
        }
    }
}

impl<T: Send + Sync + 'static> Tell for PrefixCell<T> {
    fn take(self: Arc<Self>) -> Telling {
        let changes = self.callbacks.take();
        Box::new(move |counters| self.callbacks.tell(&changes, counters))
    }
}
