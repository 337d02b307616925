//! Holding files to the rules of `.configbus/rules.yaml`.

mod check;
mod finding;

pub(crate) use check::RuleCheck;
