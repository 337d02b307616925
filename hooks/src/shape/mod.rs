//! Shapes: what a tree may look like, whatever its files say.
//!
//! Symlinks, submodules, names and sizes are checked on every object a candidate brings, because Git hands out any
//! object it has; depth, length, twins and width are checked on the landing tree, because only there do two changes
//! meet.

mod directory;
mod entries;
mod path;
mod size;

pub(crate) use directory::check_directory;
pub(crate) use entries::check_entries;
pub use path::path_refusal;
pub(crate) use path::{check_path, path_finding, path_of};
pub(crate) use size::check_size;

/// Returns the path of `name` in `directory`; the root is empty.
pub(crate) fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}
