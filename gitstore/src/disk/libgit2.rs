//! libgit2's process-wide options.

use git2::{ConfigLevel, opts};
use std::sync::Once;

/// Makes libgit2 look at a repository's own configuration only, as the Git children do. A broken or strange
/// `~/.gitconfig` of whoever starts the server must not decide whether a repository opens.
#[allow(unsafe_code, reason = "libgit2 keeps its options in globals that the bindings cannot guard")]
pub(crate) fn init() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        for level in [ConfigLevel::ProgramData, ConfigLevel::System, ConfigLevel::XDG, ConfigLevel::Global] {
            // SAFETY: nothing else in the process sets search paths, and every use of libgit2 comes through here first.
            let emptied = unsafe { opts::set_search_path(level, "") };
            if let Err(error) = emptied {
                tracing::warn!(%error, ?level, "libgit2 keeps its {level:?} configuration");
            }
        }
    });
}
