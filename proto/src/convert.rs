//! Between wire and model. The wire is not trusted: whatever is malformed becomes an error that names the field.

use crate::v1;
use configbus_model::{
    Change, ConfigPath, Entry, EntryMode, Epoch, Head, Member, MemberRole, Namespace, ObjectId, Revision, TreeId,
};
use std::collections::BTreeMap;

/// A message carries something the model has no place for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field {field} is wrong: {reason}")]
pub struct WireError {
    field: &'static str,
    reason: String,
}

impl WireError {
    /// Names a field and what is wrong with it.
    pub fn new(field: &'static str, reason: impl std::fmt::Display) -> Self {
        Self { field, reason: reason.to_string() }
    }
}

impl From<WireError> for tonic::Status {
    fn from(error: WireError) -> Self {
        crate::status::to_status(configbus_model::ErrorKind::Invalid, error.to_string(), &Default::default())
    }
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(field: &'static str, text: &str) -> Result<T, WireError> {
    text.parse().map_err(|error: T::Err| WireError::new(field, error))
}

/// Wraps a head with the namespace it belongs to.
pub fn head_to_wire(namespace: &Namespace, head: &Head) -> v1::Head {
    v1::Head {
        namespace: namespace.to_string(),
        epoch: head.epoch.0,
        revision: head.revision.0,
        commit: head.commit.to_string(),
        tree: head.tree.to_string(),
        time_ms: head.time_ms,
        traceparent: head.traceparent.clone().unwrap_or_default(),
    }
}

/// Reads a head and its namespace.
pub fn head_from_wire(head: &v1::Head) -> Result<(Namespace, Head), WireError> {
    let model = Head {
        epoch: Epoch(head.epoch),
        revision: Revision(head.revision),
        commit: parsed("head.commit", &head.commit)?,
        tree: parsed("head.tree", &head.tree)?,
        time_ms: head.time_ms,
        traceparent: Some(head.traceparent.clone()).filter(|text| !text.is_empty()),
    };
    Ok((parsed("head.namespace", &head.namespace)?, model))
}

/// Wraps the heads of several namespaces.
pub fn heads_to_wire<'a>(heads: impl IntoIterator<Item = (&'a Namespace, &'a Head)>) -> Vec<v1::Head> {
    heads.into_iter().map(|(namespace, head)| head_to_wire(namespace, head)).collect()
}

/// Reads the heads of several namespaces.
pub fn heads_from_wire(heads: &[v1::Head]) -> Result<BTreeMap<Namespace, Head>, WireError> {
    heads.iter().map(head_from_wire).collect()
}

/// Reads a tree id that may be missing.
pub fn tree_from_wire(tree: &str) -> Result<Option<TreeId>, WireError> {
    if tree.is_empty() { Ok(None) } else { parsed("tree", tree).map(Some) }
}

/// Reads a namespace; empty means `main`.
pub fn namespace_from_wire(name: &str) -> Result<Namespace, WireError> {
    if name.is_empty() { Ok(Namespace::main()) } else { parsed("namespace", name) }
}

/// Reads a path.
pub fn path_from_wire(path: &str) -> Result<ConfigPath, WireError> {
    parsed("path", path)
}

impl From<EntryMode> for v1::Mode {
    fn from(mode: EntryMode) -> Self {
        match mode {
            EntryMode::File => Self::File,
            EntryMode::Executable => Self::Executable,
            EntryMode::Directory => Self::Directory,
        }
    }
}

/// Reads a mode; `None` when unspecified.
pub fn mode_from_wire(mode: i32) -> Result<Option<EntryMode>, WireError> {
    match v1::Mode::try_from(mode) {
        Ok(v1::Mode::Unspecified) => Ok(None),
        Ok(v1::Mode::File) => Ok(Some(EntryMode::File)),
        Ok(v1::Mode::Executable) => Ok(Some(EntryMode::Executable)),
        Ok(v1::Mode::Directory) => Ok(Some(EntryMode::Directory)),
        Err(_) => Err(WireError::new("mode", format!("{mode} is unknown"))),
    }
}

impl From<&Entry> for v1::Entry {
    fn from(entry: &Entry) -> Self {
        Self {
            path: entry.path.to_string(),
            mode: v1::Mode::from(entry.mode).into(),
            id: entry.id.to_string(),
            size_bytes: entry.size_bytes,
        }
    }
}

impl TryFrom<&v1::Entry> for Entry {
    type Error = WireError;

    fn try_from(entry: &v1::Entry) -> Result<Self, WireError> {
        Ok(Self {
            path: path_from_wire(&entry.path)?,
            mode: mode_from_wire(entry.mode)?.ok_or_else(|| WireError::new("mode", "it is missing"))?,
            id: parsed::<ObjectId>("entry.id", &entry.id)?,
            size_bytes: entry.size_bytes,
        })
    }
}

impl From<&Change> for v1::Change {
    fn from(change: &Change) -> Self {
        let kind = match change {
            Change::Added(_) => v1::change::Kind::Added,
            Change::Modified { .. } => v1::change::Kind::Modified,
            Change::Deleted(_) => v1::change::Kind::Deleted,
        };
        Self {
            kind: kind.into(),
            path: change.path().to_string(),
            old: change.old().map(Into::into),
            new: change.new_entry().map(Into::into),
        }
    }
}

impl TryFrom<&v1::Change> for Change {
    type Error = WireError;

    fn try_from(change: &v1::Change) -> Result<Self, WireError> {
        let old = change.old.as_ref().map(Entry::try_from).transpose()?;
        let new = change.new.as_ref().map(Entry::try_from).transpose()?;
        match (old, new) {
            (None, Some(new)) => Ok(Self::Added(new)),
            (Some(old), Some(new)) => Ok(Self::Modified { old, new }),
            (Some(old), None) => Ok(Self::Deleted(old)),
            (None, None) => Err(WireError::new("change", "it has neither an old nor a new entry")),
        }
    }
}

/// Wraps a member.
pub fn member_to_wire(member: &Member) -> v1::Member {
    let role = match member.role {
        MemberRole::Server => v1::member::Role::Server,
        MemberRole::Store => v1::member::Role::Store,
    };
    v1::Member {
        role: role.into(),
        id: member.id.clone(),
        incarnation: member.incarnation.clone(),
        url: member.url.clone(),
        heads: heads_to_wire(&member.heads),
        subscribers: member.subscribers,
    }
}

/// Reads a member.
pub fn member_from_wire(member: &v1::Member) -> Result<Member, WireError> {
    let role = match v1::member::Role::try_from(member.role) {
        Ok(v1::member::Role::Server) => MemberRole::Server,
        Ok(v1::member::Role::Store) => MemberRole::Store,
        _ => return Err(WireError::new("member.role", format!("{} is unknown", member.role))),
    };
    Ok(Member {
        role,
        id: member.id.clone(),
        incarnation: member.incarnation.clone(),
        url: member.url.clone(),
        heads: heads_from_wire(&member.heads)?,
        subscribers: member.subscribers,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head() -> Head {
        Head {
            epoch: Epoch(2),
            revision: Revision(42),
            commit: "ce013625030ba8dba906f756967f9e9ca394464a".parse().unwrap(),
            tree: TreeId::EMPTY,
            time_ms: 7,
            traceparent: None,
        }
    }

    #[test]
    fn heads_and_members_round_trip() {
        let heads = BTreeMap::from([(Namespace::main(), head())]);
        let member = Member {
            role: MemberRole::Store,
            id: "store-1".into(),
            incarnation: "7f".into(),
            url: "http://127.0.0.1:7421".into(),
            heads,
            subscribers: 3,
        };
        assert_eq!(member_from_wire(&member_to_wire(&member)), Ok(member));
    }

    #[test]
    fn malformed_fields_are_named() {
        let mut wire = head_to_wire(&Namespace::main(), &head());
        wire.commit = "HEAD".into();
        let error = head_from_wire(&wire).unwrap_err();
        assert_eq!(
            error.to_string(),
            "field head.commit is wrong: \"HEAD\" is not an object id, expected 40 hex digits"
        );
    }

    #[test]
    fn changes_round_trip() {
        let path = ConfigPath::parse("a/b.json").unwrap();
        let entry = Entry { path, mode: EntryMode::File, id: TreeId::EMPTY.object_id(), size_bytes: 3 };
        for change in [
            Change::Added(entry.clone()),
            Change::Modified { old: entry.clone(), new: entry.clone() },
            Change::Deleted(entry),
        ] {
            assert_eq!(Change::try_from(&v1::Change::from(&change)), Ok(change));
        }
    }
}
