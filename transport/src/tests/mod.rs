//! Authorities and certificates made at test time, and both ends against each other.

mod ends;
mod files;
