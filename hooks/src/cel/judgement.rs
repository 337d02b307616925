//! Holding one document to expressions.

use super::{Expression, Facts, culprit, failure};
use cel::{Context, Value};
use serde::{Deserialize, Serialize};

/// What an expression says about a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// True.
    Holds,
    /// False.
    Broken(Culprit),
    /// No answer, which refuses as well; one line says why.
    Failed(String, Culprit),
}

/// Which value of the document is to blame, as far as the expression tells.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Culprit {
    /// JSON pointer of the nearest value that is there.
    pub pointer: String,
    /// That value, shortened; `None` if it is a map or a list.
    pub found: Option<String>,
}

/// A document ready to be held to any number of expressions.
pub struct Judgement<'a> {
    facts: Facts<'a>,
    context: Context<'a, 'a>,
}

impl std::fmt::Debug for Judgement<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Judgement").field("path", &self.facts.path).finish_non_exhaustive()
    }
}

impl<'a> Judgement<'a> {
    /// Prepares a document.
    pub fn of(facts: Facts<'a>) -> Self {
        Self { facts, context: facts.context() }
    }

    /// Evaluates one expression. May take any time.
    pub fn judge(&self, expression: &Expression) -> Outcome {
        let failed = |reason: String| Outcome::Failed(reason, self.culprit(expression));
        match Value::resolve(expression.root(), &self.context) {
            Ok(Value::Bool(true)) => Outcome::Holds,
            Ok(Value::Bool(false)) => Outcome::Broken(self.culprit(expression)),
            Ok(other) => failed(format!("gives {}, expected true or false", failure::kind_of(&other))),
            Err(error) => failed(failure::describe(&error)),
        }
    }

    fn culprit(&self, expression: &Expression) -> Culprit {
        culprit::find(expression.root(), self.facts.document, &self.context)
    }
}
