//! Who asks, and may they? Tokens, the door in front of every route, and the table of what each route needs.
//!
//! Read first: [`Door`] and the private module `route_table`.

mod attempts;
mod caller;
mod credential;
mod door;
mod last_used;
mod needs;
mod offline;
mod refusal;
mod route_table;
#[cfg(test)]
mod route_walk;
mod token_file;
mod token_record;
mod tokens;
mod until_revoked;
mod upkeep;

pub(crate) use caller::Caller;
pub(crate) use door::{Door, Proof, admit};
pub(crate) use needs::Needs;
pub use offline::OfflineTokens;
pub use token_file::{ADMIN_TOKEN_FILE, TokenFileError};
pub use token_record::{NewToken, TokenRecord};
pub(crate) use tokens::Tokens;
pub(crate) use upkeep::{found, start_upkeep};
