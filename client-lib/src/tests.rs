//! The library against views on a real disk, made by hand as an agent makes them.

mod callbacks;
mod experiments;
mod flags;
mod flips;
mod hand_made_root;
mod last_good;
mod lifetime;
#[cfg(feature = "openfeature")]
mod openfeature;
mod pins;
mod plain_directory;
mod roots;
mod status;
mod switches;

use std::time::Duration;

/// Far longer than anything takes that works.
const DEADLINE: Duration = Duration::from_secs(30);
