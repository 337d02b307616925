//! What must hold for any bytes at all, for the fuzzers in `fuzz/` and for the tests that replay their findings.
//!
//! A fuzzer finds panics by itself. Most mistakes of a gate are of another kind: it accepts what hosts refuse, reads another
//! value than they do, or points at a place that is not there. So each target holds what it is given against a second
//! opinion: the usual parser of the format, a matcher made of regular expressions, the schema library without its meter. Each
//! stands beside the code that it exercises; this table names them.

mod oracle;
mod told;

pub(crate) use oracle::{Usual, usual_csv, usual_xml, usual_yaml};
pub(crate) use told::check_told;

pub use crate::{
    document::fuzzing::{json, toml, yaml},
    evaluator::fuzzing::rules,
    git_candidate::fuzzing::pack,
    policy::fuzzing::{owners, teams},
    schema::fuzzing::schemas,
    syntax::fuzzing::{csv, xml},
};

/// A target's name and what it does with any bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target of this crate; `fuzz/` has a program of the same name for each.
pub const TARGETS: &[Target] = &[
    ("csv", csv),
    ("json", json),
    ("owners", owners),
    ("pack", pack),
    ("rules", rules),
    ("schemas", schemas),
    ("teams", teams),
    ("toml", toml),
    ("xml", xml),
    ("yaml", yaml),
];

/// Deepest nesting that documents may have by default.
pub(crate) const DEPTH_MAX: usize = 128;

/// Splits an input of several texts at its zero bytes; what is missing is empty.
pub(crate) fn parts<const N: usize>(data: &[u8]) -> [&[u8]; N] {
    let mut parts = data.splitn(N, |byte| *byte == 0);
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}

#[cfg(test)]
mod tests;
