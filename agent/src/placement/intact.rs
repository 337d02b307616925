//! Whether what is at a place is what was put there.

use super::{owner::OwnerIds, rule::Deliver, source::Source};
use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

/// Returns whether the place holds exactly these contents with these permissions. What cannot be read is not intact.
pub(super) fn is_intact(source: &Source, rule: &Deliver, owner: OwnerIds) -> bool {
    let file = |place: &Path, from: &Path, executable: bool| {
        let to = if place.as_os_str().is_empty() { rule.to.clone() } else { rule.to.join(place) };
        let Ok(metadata) = to.symlink_metadata() else { return false };
        metadata.is_file()
            && metadata.mode() & 0o7777 == rule.file_bits(executable)
            && owner.user.is_none_or(|user| user == metadata.uid())
            && owner.group.is_none_or(|group| group == metadata.gid())
            && matches!((fs::read(&to), fs::read(from)), (Ok(there), Ok(wanted)) if there == wanted)
    };
    let all_there = source.files().iter().all(|wanted| file(&wanted.place, &wanted.from, wanted.executable));
    all_there && (matches!(source, Source::File(_)) || has_nothing_else(source, &rule.to))
}

fn has_nothing_else(source: &Source, to: &Path) -> bool {
    let mut places = BTreeSet::new();
    let listed = list(to, Path::new(""), &mut places);
    listed.is_some() && places.len() == source.files().len()
}

fn list(folder: &Path, place: &Path, places: &mut BTreeSet<PathBuf>) -> Option<()> {
    for entry in fs::read_dir(folder).ok()? {
        let entry = entry.ok()?;
        let place = place.join(entry.file_name());
        if entry.file_type().ok()?.is_dir() {
            list(&entry.path(), &place, places)?;
        } else {
            places.insert(place);
        }
    }
    Some(())
}
