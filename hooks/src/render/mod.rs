//! A report for people and for programs.

mod json;
mod sarif;
mod text;

pub use text::Colour;
