//! Toggles of libraries: Finagle's JSON, rules of ids, precedence, hash and checksum, bit for bit.
//!
//! A toggle is on for a fraction of the 32-bit inputs it is asked with. Raising the fraction only adds inputs, and each id has a
//! seed and an offset of its own, so that toggles are independent of each other.

mod decision;
mod file;
mod layers;
mod map;
mod name;

pub use decision::{Toggle, ToggleCut, ToggleSeed};
pub use file::{ToggleFile, ToggleFileKind, ToggleRecord};
pub use layers::{LayersError, ToggleLayers, ToggleSource, parse_overrides};
pub use map::ToggleMap;
pub use name::{ToggleNameError, check_name};
