//! For whom, where and when a candidate is checked.

use crate::{Finding, Rule, candidate::FileChange};
use configbus_model::{MountTable, Namespace, Principal, Role};

/// What a check knows beside the candidate.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Who proposes it, as authenticated.
    pub principal: &'a Principal,
    /// Where it would land.
    pub namespace: &'a Namespace,
    /// Milliseconds since 1970, for rules that ask what time it is.
    pub now_ms: u64,
    /// Where other namespaces are.
    pub mounts: Mounts<'a>,
}

/// What is known of mounts beside the candidate.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mounts<'a> {
    /// What is mounted where. Not asked about `main`: its tree says it.
    pub table: Option<&'a MountTable>,
    /// Whether this is the bus itself that changes what is mounted where.
    pub are_changed: bool,
}

impl Context<'_> {
    /// Returns why the principal may change nothing at all, if something changes.
    pub(crate) fn refusal(&self, changes: &[FileChange]) -> Option<Finding> {
        let first = changes.first()?;
        if self.principal.is_at_least(Role::Writer, self.namespace) {
            return None;
        }
        let role = self.principal.role_in(self.namespace).map_or("no role", Role::as_str);
        let message = format!(
            "{} may not change files of {}; ask an admin for the role writer",
            self.principal.name, self.namespace
        );
        Some(Finding::new(Rule::NotWriter, &first.path, message).found(role).expected("writer or admin"))
    }
}
