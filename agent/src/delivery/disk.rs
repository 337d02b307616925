//! Delivery to the disk.
//!
//! Order of a delivery: contents, directories, the view's name and record, all durable; then the one rename that
//! readers see; then its durability. Whatever fails before that rename leaves readers where they were.

use super::{
    Applied, ApplyTimings, Before, Delivery, DeliveryError, DiskError, DiskUsage, KeptView, LinkedLayout, PlainLayout,
    Retention, RootDisk, Shown, Stagings, Tidied, TreeIndex, Trees, Upkeep, Vector, ViewLayout, ViewStatus, blobs,
    files, recovery, resolve, views,
};
use crate::{Moment, Root, RootLock, RootLockError};
use bytes::Bytes;
use configbus_model::{ConfigPath, ErrorKind, Head, Layout, Namespace, TreeId, ViewRecord};
use std::{collections::HashMap, path::PathBuf, time::Instant};

/// How a root is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiskOptions {
    /// Layout of new views.
    pub layout: Layout,
    /// How long old views stay.
    pub retention: Retention,
}

/// A root cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It is taken or cannot be created.
    #[error(transparent)]
    Lock(#[from] RootLockError),
    /// It cannot be read or cleaned.
    #[error("failed to take over what is in the root")]
    Recover(#[from] DiskError),
}

impl OpenError {
    /// Returns the kind of failure.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Lock(error) => error.kind(),
            Self::Recover(error) if error.is_full() => ErrorKind::Exhausted,
            Self::Recover(_) => ErrorKind::Internal,
        }
    }
}

/// Keeps a root folder as the design's section 8 describes it.
pub struct DiskDelivery {
    pub(super) disk: RootDisk,
    pub(super) layout: Box<dyn ViewLayout>,
    pub(super) index: TreeIndex,
    pub(super) views: Vec<KeptView>,
    pub(super) shown: Option<Shown>,
    pub(super) damage: Option<String>,
    pub(super) upkeep: Upkeep,
    pub(super) retention: Retention,
    staging: Stagings,
    _lock: RootLock,
}

impl DiskDelivery {
    /// Takes over a root: alone, and with whatever an earlier agent left there, however it ended.
    pub fn open(root: Root, options: DiskOptions, now: Moment) -> Result<Self, OpenError> {
        let lock = RootLock::acquire(&root)?;
        Self::recover(RootDisk::new(root), lock, options, now)
    }

    pub(super) fn recover(
        disk: RootDisk,
        lock: RootLock,
        options: DiskOptions,
        now: Moment,
    ) -> Result<Self, OpenError> {
        let found = recovery::recover(&disk, now.elapsed)?;
        let layout: Box<dyn ViewLayout> = match options.layout {
            Layout::Plain => Box::new(PlainLayout::default()),
            Layout::Linked => Box::new(LinkedLayout::with(found.shared)),
        };
        let other_layout = found.shown.as_ref().is_some_and(|record| record.layout != options.layout);
        let mut delivery = Self {
            disk,
            layout,
            index: found.index,
            views: found.views,
            shown: found.shown.as_ref().and_then(shown_of),
            damage: found.damage,
            upkeep: Upkeep::default(),
            retention: options.retention,
            staging: Stagings::default(),
            _lock: lock,
        };
        if other_layout && delivery.damage.is_none() {
            delivery.change_layout(now);
        }
        Ok(delivery)
    }

    /// Shows the same revision in the layout that is asked for now.
    fn change_layout(&mut self, now: Moment) {
        let Some(vector) = self.shown.as_ref().map(|shown| shown.vector.clone()) else { return };
        if let Err(error) = self.show(&vector, now) {
            let cause = configbus_runtime::report::chain(&error);
            tracing::warn!(%cause, "the view keeps its layout until the next revision");
        }
    }

    fn make_visible(&mut self, vector: &Vector, now: Moment) -> Result<Applied, DeliveryError> {
        let mut clock = Stopwatch::start();
        if self.upkeep.index_is_stale {
            self.prune();
        }
        let resolution = resolve(vector.announced_trees(), &self.index, &self.staging)?;
        let composed = files::compose(vector, &self.index, &resolution)?;
        self.staging.set_made(&composed.trees);
        // The announced trees are kept as well: the next difference is relative to them.
        let roots = std::iter::once(composed.root).chain(vector.announced_trees());
        let is_announced = composed.trees.is_empty();
        let resolution = if is_announced { resolution } else { resolve(roots, &self.index, &self.staging)? };
        let verified = clock.lap();
        let written = blobs::write(&self.disk, &self.staging, &resolution.blobs)?;
        self.upkeep.count(written);
        let contents = clock.lap();
        let new: HashMap<_, _> = resolution.trees.iter().cloned().collect();
        let building = self.disk.scratch();
        let trees = Trees { held: &self.index, new: &new };
        let prepared = self.layout.prepared_roots();
        let shown = self.shown_folder();
        let before = shown.as_ref().map(|(root, folder)| Before { root: *root, folder });
        self.layout.build(&self.disk, trees, before, composed.root, &building)?;
        // A sweep under way goes by what the copy held.
        self.upkeep.index_is_stale = self.upkeep.is_sweeping() && self.layout.prepared_roots() != prepared;
        let directories = clock.lap();
        let view = views::free_name(&self.disk.root, vector);
        self.disk.rename(&building, &self.disk.root.view(&view))?;
        let flipped_ms = now.after(clock.started.elapsed()).wall_ms;
        let record = views::record_of(vector, &composed, view, self.layout.layout(), flipped_ms);
        views::write_record(&self.disk, &record)?;
        self.disk.sync_dir(&self.disk.root.views())?;
        let recorded = clock.lap();
        views::flip(&self.disk, &record.view)?;
        let flip = clock.lap();
        resolution.trees.into_iter().for_each(|(id, tree)| self.index.insert(id, tree));
        let timings = ApplyTimings { verify: verified, contents, directories, record: recorded, flip };
        Ok(Applied { shown: self.adopt(record, now), timings })
    }

    /// Returns tree and folder of what readers see, if the next view has the same layout.
    fn shown_folder(&self) -> Option<(TreeId, PathBuf)> {
        let shown = self.shown.as_ref()?;
        let kept = self.views.iter().find(|kept| *kept.name() == shown.view)?;
        let alike = kept.record.layout == self.layout.layout();
        alike.then(|| (shown.effective_tree, self.disk.root.view(&shown.view)))
    }

    /// Notes that readers see another view now.
    fn adopt(&mut self, record: ViewRecord, now: Moment) -> Shown {
        for view in self.views.iter_mut().filter(|view| view.retired.is_none()) {
            view.retired = Some(now.elapsed);
        }
        let shown = shown_of(&record).expect("a record made from a head shows that head");
        self.views.push(KeptView::new(record, None));
        self.shown = Some(shown.clone());
        self.damage = None;
        shown
    }

    fn clear_scratch(&self) {
        self.disk.clear_scratch(&self.staging.spilled());
    }

    /// Leaves nothing of a delivery that failed.
    fn roll_back(&mut self, vector: &Vector, error: &DeliveryError) {
        self.clear_scratch();
        let known = |view: &configbus_model::ViewName| self.views.iter().any(|kept| kept.name() == view);
        for path in super::root_disk::names_in(&self.disk.root.views()).unwrap_or_default() {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let view = name.strip_suffix(".json").unwrap_or(name).parse().ok();
            if view.is_some_and(|view| !known(&view) && views::current(&self.disk.root).as_ref() != Some(&view)) {
                self.disk.remove_all(&path);
            }
        }
        if matches!(error, DeliveryError::Full(_)) {
            self.layout.give_back(&self.disk);
        }
        if matches!(error, DeliveryError::Missing { .. }) {
            // Something thought to be here is not: only what comes next is relied on.
            self.index.clear();
            self.layout.distrust(&self.disk);
            if !vector.mounted.is_empty() {
                // Of several namespaces nobody knows which one it was.
                self.damage = Some(configbus_runtime::report::chain(error));
            }
        }
        self.upkeep.index_is_stale = true;
        self.upkeep.expect_garbage();
    }
}

impl Delivery for DiskDelivery {
    fn shown(&self) -> Option<&Shown> {
        self.shown.as_ref()
    }

    fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    fn stage(&mut self, namespace: &Namespace, trees: &[Bytes], blobs: &[Bytes]) -> Result<(), DeliveryError> {
        let mut stage = || {
            self.staging.add(namespace, trees, blobs)?;
            if self.staging.is_heavy() { Ok(blobs::spill(&self.disk, &mut self.staging)?) } else { Ok(()) }
        };
        stage().inspect_err(|_| self.discard(namespace))
    }

    fn discard(&mut self, namespace: &Namespace) {
        self.staging.discard(namespace);
        self.clear_scratch();
    }

    fn check(&mut self, head: &Head) -> Result<(), DeliveryError> {
        if self.upkeep.index_is_stale {
            self.prune();
        }
        resolve([head.tree], &self.index, &self.staging).map(drop)
    }

    fn read(&self, root: TreeId, path: &ConfigPath) -> Result<Option<Bytes>, DeliveryError> {
        let Some(id) = files::find(root, path, &self.index, &self.staging)? else { return Ok(None) };
        files::content(&self.disk, &self.staging, id, path).map(Some)
    }

    fn show(&mut self, vector: &Vector, now: Moment) -> Result<Applied, DeliveryError> {
        let before = self.shown.as_ref().map(|shown| shown.vector.clone());
        let result = self.make_visible(vector, now);
        self.staging.set_made(&[]);
        match &result {
            Ok(_) => {
                let moved =
                    |namespace: &Namespace, head| before.as_ref().and_then(|v| v.head_of(namespace)) != Some(head);
                let moved =
                    vector.heads().filter(|(namespace, head)| moved(namespace, head)).map(|(namespace, _)| namespace);
                let spilled = !self.staging.spilled().is_empty();
                moved.for_each(|namespace| self.staging.discard(&namespace));
                if spilled {
                    self.clear_scratch();
                }
            }
            Err(error) => self.roll_back(vector, error),
        }
        result
    }

    fn tidy(&mut self, now: Moment) -> Result<Tidied, DiskError> {
        self.tidy_slice(now)
    }

    fn views(&self) -> Vec<ViewStatus> {
        let current = self.shown.as_ref().map(|shown| &shown.view);
        let status = |view: &KeptView| ViewStatus {
            view: view.name().clone(),
            layout: view.record.layout,
            flipped_ms: view.record.flipped_ms,
            current: Some(view.name()) == current,
        };
        self.views.iter().map(status).collect()
    }

    fn usage(&self) -> DiskUsage {
        self.upkeep.usage
    }
}

fn shown_of(record: &ViewRecord) -> Option<Shown> {
    Some(Shown {
        view: record.view.clone(),
        vector: views::vector_of(record)?,
        effective_tree: views::mount_of(record)?.effective_tree,
        flipped_ms: record.flipped_ms,
    })
}

struct Stopwatch {
    started: Instant,
    lap: Instant,
}

impl Stopwatch {
    fn start() -> Self {
        let now = Instant::now();
        Self { started: now, lap: now }
    }

    fn lap(&mut self) -> std::time::Duration {
        let now = Instant::now();
        let passed = now - self.lap;
        self.lap = now;
        passed
    }
}
