//! Files of switches are held to what they are: read by the code that evaluates them, and their inline tests are run.

mod check;
mod circle;
mod company;
mod reading;

pub(crate) use check::SwitchCheck;
