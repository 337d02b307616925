//! Evaluates rules where they can be killed: in children that are this very program under another name.
//!
//! An expression's cost has no bound, and nothing can stop a thread. A child can be stopped, its memory can be bounded,
//! and nothing of the server is in it: no environment, no descriptor but three pipes, no file. Children stay warm between
//! candidates, because starting one costs more than most rules. Lost were a budget inside the interpreter (it has none) and
//! an extra program to install.
//!
//! Read first: [`Evaluator`] (the pool), the module `child` (the other end).

mod allowance;
pub(crate) mod child;
mod confine;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod message;
mod pipe;
mod pool;
mod process;
mod settings;

pub(crate) use confine::close_inherited;
pub use message::{Breach, Occasion, RuleText, Subject};
pub use pipe::Deadline;
pub(crate) use pipe::TimedPipe;
pub(crate) use pool::THIS_PROGRAM;
pub use pool::{Evaluator, Judged};
pub use process::{EvaluatorError, Loss};
pub use settings::RulesSettings;

/// Name under which the program evaluates rules.
pub const PROGRAM_NAME: &str = "configbus-rules";
