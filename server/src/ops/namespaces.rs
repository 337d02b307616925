//! Making, listing and deleting namespaces.
//!
//! What is mounted where is a file of `main`, so each change of it is a revision: who made it is in the history, and it
//! reaches hosts in order with everything else. The repository is there before the mount is, and the mount is gone before
//! the repository is: a kill in between leaves a namespace that is mounted nowhere, which can be mounted or deleted.

use super::write::{self, WriteRequest, Written};
use crate::audit::{AuditEvent, AuditOutcome, AuditRecord};
use crate::auth::Caller;
use crate::bus::Bus;
use crate::committer::{Edit, Expected, Mounting, Wanted};
use crate::failure::Failure;
use crate::namespace::{ChangeNamespacesError, LiveNamespace, mounts_at, mounts_path};
use configbus_gitstore::Store;
use configbus_model::{
    CommitId, ConfigPath, EntryMode, Epoch, ErrorKind, Head, Located, Mount, MountError, MountTable, Namespace,
};
use std::path::PathBuf;
use std::sync::Arc;

/// How often a change of the mounts is made anew because somebody else changed them.
const ATTEMPTS_MAX: usize = 10;

/// A namespace as it is told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Described {
    pub(crate) name: Namespace,
    /// Where it is mounted; empty for `main`.
    pub(crate) prefix: Option<String>,
    pub(crate) epoch: Epoch,
    pub(crate) head: Option<Head>,
}

/// Returns the namespaces that a caller may read, in the order of their names.
pub(crate) fn list(bus: &Bus, caller: &Caller) -> Vec<Described> {
    let (all, mounts) = (bus.namespaces.all(), bus.namespaces.mounts());
    let seen = all.values().filter(|live| caller.principal.roles.sees(&live.name));
    seen.map(|live| described(live, &mounts)).collect()
}

fn described(live: &LiveNamespace, mounts: &MountTable) -> Described {
    let prefix = match live.name == Namespace::main() {
        true => Some(String::new()),
        false => mounts.mount_of(&live.name).map(|mount| mount.prefix.to_string()),
    };
    Described { name: live.name.clone(), prefix, epoch: live.epoch(), head: live.board.current() }
}

/// Makes a namespace and mounts it; says whether it was not there before.
pub(crate) async fn create(bus: &Bus, caller: &Caller, name: &str, prefix: &str) -> Result<(Described, bool), Failure> {
    let main = bus.main(caller)?;
    let name = Namespace::parse(name).map_err(Failure::invalid)?;
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    let prefix = bus.path(if prefix.is_empty() { name.as_str() } else { prefix })?;
    let action = format!("create {name} at {prefix}");
    let outcome = make_and_mount(bus, caller, &main, &name, prefix).await;
    note(bus, caller, &name, &action, outcome.as_ref().err()).await?;
    outcome
}

async fn make_and_mount(
    bus: &Bus,
    caller: &Caller,
    main: &Arc<LiveNamespace>,
    name: &Namespace,
    prefix: ConfigPath,
) -> Result<(Described, bool), Failure> {
    bus.audit.ready().await?;
    // What cannot be mounted is not made either.
    let mount = Mount { prefix: prefix.clone(), namespace: name.clone(), since: None };
    MountTable::clone(&bus.namespaces.mounts()).with(mount)?;
    refuse_files(bus, &prefix).await?;
    let (live, created) = bus.namespaces.add(name).await?;
    let since = live.board.current().map(|head| head.position());
    let mount = Mount { prefix: prefix.clone(), namespace: name.clone(), since };
    let message = format!("Mount the namespace {name} at {prefix}");
    change_mounts(bus, caller, main, message, |table| Ok(table.with(mount.clone())?)).await?;
    Ok((described(&live, &bus.namespaces.mounts()), created))
}

/// Unmounts a namespace and sets it aside. Returns what it was and where it is kept.
pub(crate) async fn delete(bus: &Bus, caller: &Caller, name: &Namespace) -> Result<(Described, PathBuf), Failure> {
    let main = bus.main(caller)?;
    let outcome = unmount_and_set_aside(bus, caller, &main, name).await;
    note(bus, caller, name, &format!("delete {name}"), outcome.as_ref().err()).await?;
    outcome
}

async fn unmount_and_set_aside(
    bus: &Bus,
    caller: &Caller,
    main: &Arc<LiveNamespace>,
    name: &Namespace,
) -> Result<(Described, PathBuf), Failure> {
    if *name == Namespace::main() {
        return Err(ChangeNamespacesError::MainStays.into());
    }
    bus.audit.ready().await?;
    let live =
        bus.namespaces.get(name).ok_or_else(|| Failure::not_found(format!("namespace {name} does not exist")))?;
    let was = described(&live, &bus.namespaces.mounts());
    drop(live);
    if bus.namespaces.mounts().mount_of(name).is_some() {
        let message = format!("Unmount the namespace {name}");
        change_mounts(bus, caller, main, message, |table| Ok(table.without(name))).await?;
    }
    let kept_at = bus.namespaces.set_aside(name).await?;
    Ok((was, kept_at))
}

/// Lands another table of mounts. Somebody else's change in between is taken into account.
async fn change_mounts(
    bus: &Bus,
    caller: &Caller,
    main: &Arc<LiveNamespace>,
    message: String,
    change: impl Fn(MountTable) -> Result<MountTable, Failure>,
) -> Result<Written, Failure> {
    for attempt in 1.. {
        let commit = main.board.current().map(|head| head.commit);
        let (before, expected) = main.read(move |store| table_and_id(store, commit)).await?;
        let after = change(before)?;
        let mut content = serde_json::to_string_pretty(&after).map_err(|error| Failure::internal(&error))?;
        content.push('\n');
        let wanted = Wanted::File { content: content.into(), mode: None };
        let request = WriteRequest {
            edits: vec![Edit { path: mounts_path(), expected, wanted }],
            message: message.clone(),
            validate_only: false,
            traceparent: None,
            request_id: None,
            mounting: Mounting::Changes,
        };
        match write::write(bus, main, caller, request, None).await {
            Err(failure) if failure.kind == ErrorKind::Conflict && attempt < ATTEMPTS_MAX => {}
            outcome => return outcome,
        }
    }
    unreachable!("the last attempt returns")
}

fn table_and_id(main: &Store, commit: Option<CommitId>) -> Result<(MountTable, Expected), Failure> {
    let Some(commit) = commit else { return Ok((MountTable::default(), Expected::Absent)) };
    let entry = main.entry(commit, &mounts_path())?;
    let expected = entry.map_or(Expected::Absent, |entry| Expected::Blob(entry.id.into()));
    Ok((mounts_at(main, commit)?, expected))
}

/// Refuses to mount where files are: nobody would see them any more.
async fn refuse_files(bus: &Bus, prefix: &ConfigPath) -> Result<(), Failure> {
    let Located { namespace, path: Some(path) } = bus.namespaces.mounts().locate(prefix) else { return Ok(()) };
    let Some(outer) = bus.namespaces.get(&namespace) else { return Ok(()) };
    let Some(head) = outer.board.current() else { return Ok(()) };
    let in_the_way = outer.read(move |store| in_the_way(store, &head, &path)).await?;
    match in_the_way {
        None => Ok(()),
        Some((_, EntryMode::Directory)) => {
            let text = format!(
                "there are files below {prefix}: `configbus namespace split {prefix}` moves them to a namespace with \
                 their history; or choose another directory with --mount"
            );
            Err(Failure::new(ErrorKind::Conflict, text))
        }
        Some((path, _)) => {
            let text = format!("{path} is a file of {namespace}: choose another directory with --mount, or delete it");
            Err(Failure::new(ErrorKind::Conflict, text))
        }
    }
}

/// Returns what is at a path, or the file that one of its directories is.
fn in_the_way(
    store: &Store,
    head: &Head,
    path: &ConfigPath,
) -> Result<Option<(ConfigPath, EntryMode)>, configbus_gitstore::ReadError> {
    if let Some((mode, _)) = store.find(head.tree, path)? {
        return Ok(Some((path.clone(), mode)));
    }
    for (end, _) in path.as_str().match_indices('/') {
        let above = ConfigPath::parse(&path.as_str()[..end]).expect("a directory of a path is a path");
        if let Some((mode, _)) = store.find(head.tree, &above)?
            && mode != EntryMode::Directory
        {
            return Ok(Some((above, mode)));
        }
    }
    Ok(None)
}

async fn note(
    bus: &Bus,
    caller: &Caller,
    name: &Namespace,
    action: &str,
    failure: Option<&Failure>,
) -> Result<(), Failure> {
    let outcome = if failure.is_none() { AuditOutcome::Accepted } else { AuditOutcome::Refused };
    let record = caller.record(AuditEvent::Namespace, outcome);
    let record = failure.map_or(record.clone(), |failure| record.with_reason(&failure.message));
    let (action, namespace) = (Some(action.to_owned()), Some(name.clone()));
    Ok(bus.audit.write(&AuditRecord { action, namespace, ..record }).await?)
}

impl From<MountError> for Failure {
    fn from(error: MountError) -> Self {
        let kind = match error {
            MountError::PrefixTaken { .. } | MountError::MountedTwice { .. } => ErrorKind::Conflict,
            MountError::TooMany { .. } => ErrorKind::Exhausted,
            _ => ErrorKind::Invalid,
        };
        Self::new(kind, error.to_string())
    }
}

impl From<ChangeNamespacesError> for Failure {
    fn from(error: ChangeNamespacesError) -> Self {
        match &error {
            ChangeNamespacesError::Open(_) | ChangeNamespacesError::Data(_) => Self::internal(&error),
            ChangeNamespacesError::TooMany { .. } => Self::new(ErrorKind::Exhausted, error.to_string()),
            ChangeNamespacesError::MainStays => Self::invalid(&error),
            ChangeNamespacesError::NotRunning => Self::new(ErrorKind::Unavailable, error.to_string()),
        }
    }
}
