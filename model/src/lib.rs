//! The vocabulary of the bus and every pure decision about it.
//!
//! Types here mean the same in each process, on the wire and on disk. This crate knows no socket, no clock, no file
//! system and no Git library; it does know Git's *encoding* of trees and blobs, because hosts verify what they receive
//! by hash without having Git.
//!
//! Read first: [`Head`] and [`Position`] (what "newer" means), [`ConfigPath`], and [`Tree`].

mod at;
mod bound;
mod certificate_rule;
mod change;
mod composition;
mod delta;
mod error_kind;
mod freshness;
mod head;
mod member;
mod mounts;
mod namespace;
mod object_hash;
mod object_id;
mod path;
mod principal;
mod reader_report;
mod revision;
mod role;
mod token;
mod tree;
mod view;

pub use at::{At, AtError, CommitPrefix};
pub use bound::{Bound, BoundError, DELIVERABLE_BYTES_MAX, DELIVERABLE_ENTRIES_MAX, at_most};
pub use certificate_rule::{CertificateRule, NamePattern, NamePatternError};
pub use change::{Change, Entry};
pub use composition::{Composition, CompositionError, Part};
pub use delta::Delta;
pub use error_kind::ErrorKind;
pub use freshness::Freshness;
pub use head::{Head, Position, Succession};
pub use member::{Member, MemberRole};
pub use mounts::{Located, MOUNTS, MOUNTS_MAX, Mount, MountError, MountTable};
pub use namespace::{Namespace, NamespaceError};
pub use object_hash::{HashError, blob_id, tree_id};
pub use object_id::{BlobId, CommitId, IdError, ObjectId, TreeId};
pub use path::{ConfigPath, PathError, PathLimits, check_component};
pub use principal::{Principal, PrincipalName, PrincipalNameError};
pub use reader_report::{ReaderReport, ReportedState};
pub use revision::{Epoch, Revision, RevisionError};
pub use role::{ComponentRole, Grant, GrantError, Role, Roles, Scope};
pub use token::{Token, TokenError, TokenHash};
pub use tree::{EntryMode, Tree, TreeEntry, TreeError};
pub use view::{AgentState, Layout, MountRecord, RefusalRecord, UpstreamRecord, ViewName, ViewNameError, ViewRecord};
