//! What can be told of a rule without asking it, and of its branches one by one.

use super::{Datum, Expr, Scope, fractional::Fractional};
use serde_json::Value;

impl Expr {
    /// Returns whether the conditions of the outermost branches hold, up to the first that does.
    pub(crate) fn conditions<'a>(&'a self, scope: &Scope<'a>) -> Vec<bool> {
        let arguments = if let Self::If(arguments) = self { &**arguments } else { &[] };
        let mut held = Vec::new();
        for [condition, _] in arguments.as_chunks::<2>().0 {
            held.push(condition.evaluate(scope).is_truthy());
            if held.last() == Some(&true) {
                break;
            }
        }
        held
    }

    /// Returns the outermost conditions that are never what they are asked for: they are constant, or asked before, or come after
    /// one that always holds.
    pub(crate) fn idle_conditions(&self) -> Vec<String> {
        let arguments = if let Self::If(arguments) = self { &**arguments } else { &[] };
        let conditions: Vec<_> = arguments.as_chunks::<2>().0.iter().map(|[condition, _]| condition).collect();
        let mut told = Vec::new();
        for (at, condition) in conditions.iter().enumerate() {
            let number = at + 1;
            match condition {
                Self::Constant(value) if Datum::from(value).is_truthy() => {
                    told.push(format!("condition {number} always holds: nothing after it is asked"));
                    break;
                }
                Self::Constant(_) => told.push(format!("condition {number} never holds")),
                _ => {
                    let before = conditions[..at].iter().position(|before| before == condition);
                    let told_twice =
                        before.map(|before| format!("condition {number} is condition {} again", before + 1));
                    told.extend(told_twice);
                }
            }
        }
        told
    }

    /// Returns the names of variants that can come of a rule; `None` where names are made up.
    pub(crate) fn variants(&self) -> Option<Vec<&str>> {
        match self {
            Self::Constant(Value::String(name)) => Some(vec![name]),
            Self::Constant(Value::Bool(true)) => Some(vec!["true"]),
            Self::Constant(Value::Bool(false)) => Some(vec!["false"]),
            Self::Constant(Value::Null) => Some(Vec::new()),
            Self::Not(_)
            | Self::Truth(_)
            | Self::Compare(..)
            | Self::IsOneOf(..)
            | Self::In(..)
            | Self::Affix(..)
            | Self::Version(..) => Some(vec!["true", "false"]),
            // Conditions give nothing but for the last, which stands alone.
            Self::If(arguments) => {
                let given = arguments.chunks(2).filter_map(|pair| pair.last());
                all_of(given)
            }
            Self::And(arguments) | Self::Or(arguments) => all_of(arguments.iter()),
            Self::Shared(shared) => shared.variants(),
            Self::Fractional(fractional) => all_of(Fractional::variants(fractional)),
            _ => None,
        }
    }
}

fn all_of<'a>(rules: impl Iterator<Item = &'a Expr>) -> Option<Vec<&'a str>> {
    rules.map(Expr::variants).collect::<Option<Vec<_>>>().map(|names| names.concat())
}
