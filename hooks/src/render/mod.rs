//! A report for people and for programs.

mod json;
mod sarif;
mod style;
mod text;
mod wrap;

pub use style::{Colour, Style};
