//! Candidates that nobody honest would push: names, modes and nestings that no host could take, documents and policies
//! that cost more than they weigh, and history that hides something.
//!
//! Each is made with Git's plumbing in a clone and pushed by stock Git; [`packs`] holds those that not even the plumbing
//! makes.

mod bulk;
mod documents;
mod entries;
mod history;
pub mod packs;
mod policies;
mod shapes;

use crate::git::WorkingCopy;

/// What is pushed, and why it has to be refused.
#[derive(Debug, Clone)]
pub struct Hostile {
    /// Names it in messages and tables.
    pub name: String,
    /// What is pushed.
    pub commit: String,
    /// Where to.
    pub reference: &'static str,
    /// Words of which the refusal has one: a rule of the gate, or what Git's own check of received objects says. None where
    /// either verdict is right as long as it comes soon.
    pub told: Vec<&'static str>,
}

const MAIN: &str = "refs/heads/main";
/// Not distributed to hosts, but anybody can fetch it.
const OTHER: &str = "refs/heads/other";

impl Hostile {
    fn of(name: impl Into<String>, commit: String, told: &[&'static str]) -> Self {
        Self { name: name.into(), commit, reference: MAIN, told: told.to_vec() }
    }

    /// The same, pushed to a branch that is not distributed.
    fn elsewhere(&self) -> Self {
        Self { name: format!("{}, not distributed", self.name), reference: OTHER, ..self.clone() }
    }
}

/// Makes candidates on top of a commit of a clone.
pub type Make = fn(&WorkingCopy, &str) -> Vec<Hostile>;

/// All kinds of them, by name.
pub const FAMILIES: [(&str, Make); 6] = [
    ("entries", entries::make),
    ("shapes", shapes::make),
    ("documents", documents::make),
    ("policies", policies::make),
    ("history", history::make),
    ("bulk", bulk::make),
];
