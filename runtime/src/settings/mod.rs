//! Settings of a process: a TOML file, then `CONFIGBUS_*` variables, then flags; later ones win.
//!
//! The keys that exist are those of the serialised `T::default()`: `Serialize` is the list, so a settings struct
//! needs `#[serde(default)]` and no `skip_serializing_if`. An empty map in the default accepts any key below it.

mod keys;
mod load;

pub use load::{Flags, SettingsError, Sources, load};
