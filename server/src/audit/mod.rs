//! Who did what: one line of JSON for every change, accepted or refused, for every change of tokens, and for every
//! credential that did not hold.

pub(crate) mod change;
mod file;
mod gap;
mod location;
mod log;
mod record;
mod settings;

pub(crate) use file::append_once;
pub(crate) use log::{AuditError, AuditLog, AuditWriter};
pub(crate) use record::{AuditEvent, AuditOutcome, AuditRecord};
pub use settings::AuditSettings;
