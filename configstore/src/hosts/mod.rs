//! Who is subscribed and what each host holds; the server is told of it.

mod record;
mod report;
mod roster;

pub(crate) use record::{Acknowledgement, HostIdentity};
pub(crate) use report::Reporter;
pub(crate) use roster::{Roster, Seat};
