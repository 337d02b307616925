//! Finds, at the start, what a host can show: the view `current` names or, when that is damaged, another one.
//!
//! Needs nothing but the disk. A damaged view is the only reason to show an older revision again: readers must not
//! get wrong configuration, and the newest one is asked for at once.

use super::{
    BlobInodes, DiskError, KeptView, RootDisk, TreeIndex, ViewDamage, ViewWalk, Walked, files, root_disk, views,
};
use configbus_model::{Layout, TreeId, ViewName, ViewRecord};
use std::{collections::HashSet, path::Path, time::Duration};

/// What a root held.
#[derive(Debug, Default)]
pub(crate) struct Recovered {
    /// Complete views in the order they became visible.
    pub(crate) views: Vec<KeptView>,
    /// The view readers see.
    pub(crate) shown: Option<ViewRecord>,
    /// Its directories, and the shared ones.
    pub(crate) index: TreeIndex,
    /// Shared directories that are as their names say.
    pub(crate) shared: HashSet<TreeId>,
    /// Why everything has to be fetched again.
    pub(crate) damage: Option<String>,
}

/// Clears leftovers and reads back what is there.
pub(crate) fn recover(disk: &RootDisk, now: Duration) -> Result<Recovered, DiskError> {
    clear_leftovers(disk)?;
    let records = complete_records(disk)?;
    let mut recovery = Recovery { disk, inodes: BlobInodes::scan(disk)?, found: Recovered::default() };
    recovery.choose(&records)?;
    recovery.index_shared(&records);
    let mut found = recovery.found;
    let shown = found.shown.as_ref().map(|record| record.view.clone());
    let retired = |record: &ViewRecord| (Some(&record.view) != shown.as_ref()).then_some(now);
    found.views = records.iter().map(|record| KeptView::new(record.clone(), retired(record))).collect();
    Ok(found)
}

fn clear_leftovers(disk: &RootDisk) -> Result<(), DiskError> {
    disk.create_folders()?;
    root_disk::names_in(&disk.root.tmp())?.iter().try_for_each(|path| disk.discard(path))?;
    disk.create_folders()
}

/// Reads the records of complete views, oldest first, and discards what no record vouches for.
fn complete_records(disk: &RootDisk) -> Result<Vec<ViewRecord>, DiskError> {
    let current = views::current(&disk.root);
    let mut records = Vec::new();
    for path in root_disk::names_in(&disk.root.views())? {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let view: Option<ViewName> = name.strip_suffix(".json").unwrap_or(name).parse().ok();
        let record = view.as_ref().and_then(|view| views::read_record(&disk.root, view));
        let is_folder = |view: &ViewName| disk.root.view(view).is_dir();
        match (view, record) {
            (Some(view), Some(record)) if is_folder(&view) => {
                if path.is_dir() {
                    records.push(record);
                }
            }
            // Readers see it, so it stays until there is something better.
            (Some(view), _) if Some(&view) == current.as_ref() => {}
            _ => disk.discard(&path)?,
        }
    }
    records.sort_by(|a, b| (a.flipped_ms, &a.view).cmp(&(b.flipped_ms, &b.view)));
    Ok(records)
}

struct Recovery<'a> {
    disk: &'a RootDisk,
    inodes: BlobInodes,
    found: Recovered,
}

impl Recovery<'_> {
    /// Takes the view readers see if it is whole, else the newest one that is.
    fn choose(&mut self, records: &[ViewRecord]) -> Result<(), DiskError> {
        let current = views::current(&self.disk.root);
        let shown = records.iter().find(|record| Some(&record.view) == current.as_ref());
        match shown.map_or(Err(ViewDamage::Record), |record| self.walk(record)) {
            Ok(walked) => self.adopt(shown, walked),
            Err(damage) if self.disk.root.current().symlink_metadata().is_ok() => {
                tracing::error!(%damage, "the view that readers see is damaged");
                self.found.damage = Some(damage.to_string());
                self.fall_back(records, shown)?;
            }
            // A new host, or one whose `current` somebody removed.
            Err(_) => self.fall_back(records, None)?,
        }
        Ok(())
    }

    fn fall_back(&mut self, records: &[ViewRecord], damaged: Option<&ViewRecord>) -> Result<(), DiskError> {
        let mut others: Vec<_> = records.iter().filter(|record| Some(*record) != damaged).collect();
        others.sort_by_key(|record| views::mount_of(record).map(|mount| mount.head().position()));
        for record in others.into_iter().rev() {
            match self.walk(record) {
                Ok(walked) => {
                    tracing::warn!("readers get {} until the newest revision is here again", record.view);
                    views::flip(self.disk, &record.view)?;
                    self.adopt(Some(record), walked);
                    return Ok(());
                }
                Err(damage) => tracing::warn!(%damage, "{} is damaged as well", record.view),
            }
        }
        self.found.shown = damaged.cloned();
        Ok(())
    }

    fn adopt(&mut self, record: Option<&ViewRecord>, walked: Walked) {
        self.found.shown = record.cloned();
        self.remember(walked);
        let shown =
            record.and_then(|record| Some((views::vector_of(record)?, views::mount_of(record)?.effective_tree)));
        if let Some((vector, effective)) = shown
            && !files::take_apart(&vector, effective, &mut self.found.index)
        {
            let damage = "the trees that were announced cannot be told from what readers see".to_owned();
            self.found.damage.get_or_insert(damage);
        }
    }

    fn remember(&mut self, walked: Walked) {
        self.found.shared.extend(walked.shared);
        walked.trees.into_iter().for_each(|(id, tree)| self.found.index.insert(id, tree));
    }

    /// Learns which shared directories the other views of the layout `linked` use, so that none of them is swept.
    fn index_shared(&mut self, records: &[ViewRecord]) {
        for record in records.iter().filter(|record| record.layout == Layout::Linked) {
            if Some(record) == self.found.shown.as_ref() {
                continue;
            }
            match self.walk(record) {
                Ok(walked) => self.remember(walked),
                Err(damage) => tracing::warn!(%damage, "{} is damaged", record.view),
            }
        }
    }

    fn walk(&self, record: &ViewRecord) -> Result<Walked, ViewDamage> {
        let mount = views::mount_of(record).ok_or(ViewDamage::Record)?;
        let folder = self.disk.root.view(&record.view);
        let is_folder = |path: &Path| path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
        if !is_folder(&folder) {
            return Err(ViewDamage::Foreign { path: folder });
        }
        ViewWalk::new(self.disk, &self.inodes, &self.found.shared, record.flipped_ms)
            .verify(&folder, mount.effective_tree)
    }
}
