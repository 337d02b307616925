//! Rules in CEL, the Common Expression Language: one expression, one document, true or false.
//!
//! Pure, and unbounded in cost: an expression over a large list may run for hours. Whoever evaluates what others wrote does
//! it in a child that can be killed. Times are milliseconds since the epoch, as everywhere on the bus, so the
//! library's own timestamps (and the two calendar libraries they need) stay out: `timestamp("…")` and `duration("…")`
//! read the same text and give int.
//!
//! Read first: [`Expression`], [`Facts`], [`Judgement`].

mod calendar;
mod culprit;
mod expression;
mod facts;
mod failure;
mod functions;
mod judgement;
mod names;
mod value;

pub use expression::{CompileError, EXPRESSION_BYTES_MAX, Expression};
pub use facts::Facts;
pub use judgement::{Culprit, Judgement, Outcome};

/// Stack of a thread that compiles or evaluates: both recurse with the nesting of the expression.
pub const STACK_BYTES: usize = 64 << 20;

#[cfg(test)]
mod tests;
