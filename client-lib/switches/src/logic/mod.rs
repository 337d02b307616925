//! JSONLogic with flagd's operations, compiled to a tree once and evaluated without memory of its own.
//!
//! Values are those of the reference implementation in JavaScript, on which providers in other languages agree where they
//! agree; lists that are empty are false. Operations that make a new text or list (`cat`, `map`, …) are the only ones that
//! allocate, and `cat` as the unit of `fractional`, which is how most files use it, does not. Nothing can fail or panic
//! once it is compiled: what makes no sense is null, or no number. What a rule may make and go over is bounded (`fuel`).

mod compile;
mod datum;
mod evaluate;
mod fractional;
mod fuel;
mod iterate;
mod survey;

pub(crate) use compile::{Compiler, Expr};
pub(crate) use datum::Datum;
pub(crate) use evaluate::Scope;
pub(crate) use fractional::Generation;
pub(crate) use fuel::Fuel;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod tests;
