//! Differences as text.

use crate::{
    ReadError,
    read::objects::{Objects, to_oid},
};
use configbus_model::TreeId;
use git2::{Delta, DiffFormat, DiffOptions};

/// Most bytes of text; nobody reads more, and it has to fit a message.
const TEXT_BYTES_MAX: usize = 2 * 1024 * 1024;

/// A unified diff.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patch {
    /// The diff; binary files are named only.
    pub text: String,
    /// Whether it was cut at its size limit.
    pub truncated: bool,
}

pub(crate) fn patch(objects: &Objects<'_>, from: Option<TreeId>, to: TreeId, prefix: &str) -> Result<Patch, ReadError> {
    let failed = |source| ReadError::Object { id: to.into(), source };
    let repository = objects.repository();
    let tree = |id: TreeId| (id != TreeId::EMPTY).then(|| repository.find_tree(to_oid(id))).transpose();
    let old = from.map(tree).transpose().map_err(failed)?.flatten();
    let new = tree(to).map_err(failed)?;
    let mut options = DiffOptions::new();
    options.context_lines(3).disable_pathspec_match(true).ignore_submodules(true);
    match prefix.trim_end_matches('/') {
        "" => {}
        path => drop(options.pathspec(path)),
    }
    let diff = repository.diff_tree_to_tree(old.as_ref(), new.as_ref(), Some(&mut options)).map_err(failed)?;
    let mut bytes = Vec::new();
    let printed = diff.print(DiffFormat::Patch, |delta, _, line| {
        debug_assert!(delta.status() != Delta::Unmodified, "only differences are printed");
        if matches!(line.origin(), '+' | '-' | ' ') {
            bytes.push(u8::try_from(line.origin()).unwrap_or(b' '));
        }
        bytes.extend_from_slice(line.content());
        bytes.len() <= TEXT_BYTES_MAX
    });
    let truncated = bytes.len() > TEXT_BYTES_MAX;
    if !truncated {
        printed.map_err(failed)?;
    }
    bytes.truncate(TEXT_BYTES_MAX);
    Ok(Patch { text: String::from_utf8_lossy(&bytes).into_owned(), truncated })
}
