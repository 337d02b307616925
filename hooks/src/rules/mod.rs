//! Holding files to the rules of `.configbus/rules.yaml`.

mod check;
mod finding;

pub(crate) use check::RuleCheck;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use finding::not_an_expression;
