//! From a document to a tree.

use super::{
    datum::number_of,
    fractional::{Fractional, Generation},
};
use crate::{
    reading::{Reading, nearest, shown},
    version::VersionTest,
};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// A rule, ready to be evaluated.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Expr {
    Constant(Value),
    List(Box<[Expr]>),
    Var(Box<[Box<str>]>, Option<Box<Expr>>),
    /// A variable whose name is told by a rule.
    VarOf(Box<Expr>, Option<Box<Expr>>),
    FlagKey,
    Timestamp,
    If(Box<[Expr]>),
    And(Box<[Expr]>),
    Or(Box<[Expr]>),
    Not(Box<Expr>),
    Truth(Box<Expr>),
    Compare(Comparison, Box<[Expr]>),
    /// Whether a value is one of some texts, which are in order.
    IsOneOf(Box<Expr>, Texts),
    In(Box<Expr>, Box<Expr>),
    Cat(Box<[Expr]>),
    Substr(Box<[Expr]>),
    Calculate(Calculation, Box<[Expr]>),
    Missing(Box<[Expr]>),
    MissingSome(Box<Expr>, Box<Expr>),
    Merge(Box<[Expr]>),
    Iterate(Iteration, Box<Expr>, Box<Expr>),
    Reduce(Box<[Expr]>),
    Affix(Affix, Box<Expr>, Box<Expr>),
    Version(Box<Expr>, Option<VersionTest>, Box<Expr>),
    Fractional(Box<Fractional>),
    /// One evaluator, used in many places.
    Shared(Arc<Expr>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Unequal,
    Same,
    Different,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Calculation {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Min,
    Max,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Iteration {
    Map,
    Filter,
    All,
    Some,
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Affix {
    Start,
    End,
}

/// Every operation, for telling the nearest.
const OPERATIONS: &[&str] = &[
    "!",
    "!!",
    "!=",
    "!==",
    "%",
    "*",
    "+",
    "-",
    "/",
    "<",
    "<=",
    "==",
    "===",
    ">",
    ">=",
    "?:",
    "all",
    "and",
    "cat",
    "ends_with",
    "filter",
    "fractional",
    "if",
    "in",
    "log",
    "map",
    "max",
    "merge",
    "min",
    "missing",
    "missing_some",
    "none",
    "or",
    "reduce",
    "sem_ver",
    "some",
    "starts_with",
    "substr",
    "var",
];

/// Texts in a list from which on looking them up beats looking at each.
const SET_MIN: usize = 8;

/// Texts that a rule asks for, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Texts(Box<[Box<str>]>);

impl Texts {
    fn new(texts: impl IntoIterator<Item = Box<str>>) -> Self {
        let mut texts: Vec<_> = texts.into_iter().collect();
        texts.sort_unstable();
        Self(texts.into())
    }

    #[inline]
    pub(super) fn contain(&self, needle: &str) -> bool {
        match &*self.0 {
            [one] => **one == *needle,
            few if few.len() < SET_MIN => few.iter().any(|text| **text == *needle),
            many => many.binary_search_by(|text| (**text).cmp(needle)).is_ok(),
        }
    }
}

/// Compiles rules of one document.
#[derive(Debug, Default)]
pub(crate) struct Compiler {
    /// What `$ref` may name.
    pub evaluators: BTreeMap<String, Option<Arc<Expr>>>,
    /// How `fractional` hashes.
    pub generation: Generation,
}

impl Compiler {
    /// Compiles a rule, or adds what is wrong with it.
    pub(crate) fn compile(&self, reading: &mut Reading, value: &Value) -> Option<Expr> {
        match value {
            Value::Array(items) => {
                let items = self.all(reading, items)?;
                let constants = items.iter().map(|item| match item {
                    Expr::Constant(value) => Some(value.clone()),
                    _ => None,
                });
                Some(
                    constants
                        .collect::<Option<Vec<_>>>()
                        .map_or(Expr::List(items), |items| Expr::Constant(items.into())),
                )
            }
            Value::Object(members) if members.len() == 1 => {
                let (name, argument) = members.iter().next()?;
                reading.within(name, |reading| self.operation(reading, name, argument))
            }
            Value::Object(members) if members.is_empty() => Some(Expr::Constant(value.clone())),
            Value::Object(members) => {
                let names: Vec<_> = members.keys().map(String::as_str).collect();
                reading.wrong("operation has several names, only one would count").found(names.join(", "));
                None
            }
            scalar => Some(Expr::Constant(scalar.clone())),
        }
    }

    fn all(&self, reading: &mut Reading, items: &[Value]) -> Option<Box<[Expr]>> {
        let items = items.iter().enumerate();
        let compiled: Vec<_> = items.map(|(at, item)| reading.at(at, |reading| self.compile(reading, item))).collect();
        compiled.into_iter().collect()
    }

    /// Arguments stand in a list; a single one may stand alone.
    fn arguments(&self, reading: &mut Reading, argument: &Value) -> Option<Box<[Expr]>> {
        match argument {
            Value::Array(items) => self.all(reading, items),
            single => Some([self.compile(reading, single)?].into()),
        }
    }

    fn operation(&self, reading: &mut Reading, name: &str, argument: &Value) -> Option<Expr> {
        match name {
            "$ref" => return self.reference(reading, argument),
            "var" => return self.variable(reading, argument),
            "fractional" => return Fractional::compile(self, reading, argument).map(|f| Expr::Fractional(Box::new(f))),
            _ => {}
        }
        if !OPERATIONS.contains(&name) {
            let expected = nearest(name, OPERATIONS)
                .map_or_else(|| "an operation of JSONLogic or flagd".to_owned(), str::to_owned);
            reading.wrong("operation is not known").found(name).expected(expected);
            return None;
        }
        let arguments = self.arguments(reading, argument)?;
        Some(self.logical(name, arguments))
    }

    /// Arguments that are left out are null, as in the reference.
    fn logical(&self, name: &str, arguments: Box<[Expr]>) -> Expr {
        use {Calculation as C, Comparison as O, Iteration as I};
        match name {
            "if" | "?:" => Expr::If(arguments),
            "and" => Expr::And(arguments),
            "or" => Expr::Or(arguments),
            "!" => Expr::Not(Box::new(first(arguments))),
            "!!" => Expr::Truth(Box::new(first(arguments))),
            // Logging is for debugging rules; its value is what counts.
            "log" => first(arguments),
            "==" => equal(O::Equal, arguments),
            "!=" => equal(O::Unequal, arguments),
            "===" => equal(O::Same, arguments),
            "!==" => equal(O::Different, arguments),
            "<" => compare(O::Less, arguments),
            "<=" => compare(O::LessOrEqual, arguments),
            ">" => compare(O::Greater, arguments),
            ">=" => compare(O::GreaterOrEqual, arguments),
            "in" => {
                let [needle, list] = take(arguments);
                match texts_of(&list) {
                    Some(texts) => Expr::IsOneOf(Box::new(needle), texts),
                    None => Expr::In(Box::new(needle), Box::new(list)),
                }
            }
            "cat" => Expr::Cat(arguments),
            "substr" => Expr::Substr(arguments),
            "+" => Expr::Calculate(C::Add, arguments),
            "-" => Expr::Calculate(C::Subtract, arguments),
            "*" => Expr::Calculate(C::Multiply, arguments),
            "/" => Expr::Calculate(C::Divide, arguments),
            "%" => Expr::Calculate(C::Remainder, arguments),
            "min" => Expr::Calculate(C::Min, arguments),
            "max" => Expr::Calculate(C::Max, arguments),
            "missing" => Expr::Missing(arguments),
            "missing_some" => {
                let [count, names] = take(arguments).map(Box::new);
                Expr::MissingSome(count, names)
            }
            "merge" => Expr::Merge(arguments),
            "map" => iterate(I::Map, arguments),
            "filter" => iterate(I::Filter, arguments),
            "all" => iterate(I::All, arguments),
            "some" => iterate(I::Some, arguments),
            "none" => iterate(I::None, arguments),
            "reduce" => Expr::Reduce(arguments),
            "starts_with" | "ends_with" if arguments.len() != 2 => null(),
            "starts_with" => affix(Affix::Start, arguments),
            "ends_with" => affix(Affix::End, arguments),
            "sem_ver" if arguments.len() == 3 => version(arguments),
            _ => null(),
        }
    }

    fn reference(&self, reading: &mut Reading, argument: &Value) -> Option<Expr> {
        let name = reading.text(argument)?;
        match self.evaluators.get(name) {
            Some(Some(evaluator)) => Some(Expr::Shared(Arc::clone(evaluator))),
            // It is told where it stands.
            Some(None) => None,
            None => {
                let known: Vec<_> = self.evaluators.keys().map(String::as_str).collect();
                let problem = reading.wrong("there is no such evaluator").found(name);
                if let Some(near) = nearest(name, &known) {
                    problem.expected(near);
                }
                None
            }
        }
    }

    fn variable(&self, reading: &mut Reading, argument: &Value) -> Option<Expr> {
        let (name, default) = match argument {
            Value::Array(items) => (items.first().unwrap_or(&Value::Null), items.get(1)),
            name => (name, None),
        };
        let default = match default {
            Some(default) => Some(Box::new(reading.at(1, |reading| self.compile(reading, default))?)),
            None => None,
        };
        let path = match name {
            Value::Null => String::new(),
            Value::String(path) => path.clone(),
            Value::Number(number) => number.to_string(),
            rule => return Some(Expr::VarOf(Box::new(self.compile(reading, rule)?), default)),
        };
        if let Some(property) = path.strip_prefix("$flagd.") {
            return match property {
                "flagKey" => Some(Expr::FlagKey),
                "timestamp" => Some(Expr::Timestamp),
                _ => {
                    reading
                        .wrong("flagd puts no such property into the context")
                        .found(path)
                        .expected("$flagd.flagKey or $flagd.timestamp");
                    None
                }
            };
        }
        Some(Expr::Var(segments(&path), default))
    }
}

pub(super) fn segments(path: &str) -> Box<[Box<str>]> {
    if path.is_empty() { Box::default() } else { path.split('.').map(Box::from).collect() }
}

pub(super) const fn null() -> Expr {
    Expr::Constant(Value::Null)
}

fn first(arguments: Box<[Expr]>) -> Expr {
    arguments.into_iter().next().unwrap_or(null())
}

fn take(arguments: Box<[Expr]>) -> [Expr; 2] {
    let mut arguments = arguments.into_iter();
    [arguments.next().unwrap_or(null()), arguments.next().unwrap_or(null())]
}

fn compare(comparison: Comparison, arguments: Box<[Expr]>) -> Expr {
    Expr::Compare(comparison, if arguments.len() < 2 { take(arguments).into() } else { arguments })
}

/// Most rules ask whether something is a certain word. Words are equal to themselves alone, however it is compared.
fn equal(comparison: Comparison, arguments: Box<[Expr]>) -> Expr {
    let is_strict = matches!(comparison, Comparison::Same | Comparison::Different);
    let word = |value: &Expr| match value {
        Expr::Constant(Value::String(text)) if is_strict || number_of(text).is_nan() => {
            Some(Texts::new([text.as_str().into()]))
        }
        _ => None,
    };
    let words = match &*arguments {
        [left, right] => [word(left), word(right)],
        _ => [None, None],
    };
    let [left, right] = match words {
        [None, None] => return compare(comparison, arguments),
        _ => take(arguments),
    };
    let found = match words {
        [_, Some(word)] => Expr::IsOneOf(Box::new(left), word),
        [Some(word), None] => Expr::IsOneOf(Box::new(right), word),
        [None, None] => Expr::Compare(comparison, [left, right].into()),
    };
    match comparison {
        Comparison::Unequal | Comparison::Different => Expr::Not(Box::new(found)),
        _ => found,
    }
}

fn iterate(iteration: Iteration, arguments: Box<[Expr]>) -> Expr {
    let [list, rule] = take(arguments).map(Box::new);
    Expr::Iterate(iteration, list, rule)
}

fn affix(affix: Affix, arguments: Box<[Expr]>) -> Expr {
    let [text, part] = take(arguments).map(Box::new);
    Expr::Affix(affix, text, part)
}

fn version(arguments: Box<[Expr]>) -> Expr {
    let mut arguments = arguments.into_iter();
    let mut next = || arguments.next().unwrap_or(null());
    let (left, test, right) = (next(), next(), next());
    let test = match &test {
        Expr::Constant(Value::String(test)) => VersionTest::parse(test),
        _ => None,
    };
    Expr::Version(Box::new(left), test, Box::new(right))
}

/// Returns the texts of a list that holds nothing else.
fn texts_of(list: &Expr) -> Option<Texts> {
    let Expr::Constant(Value::Array(items)) = list else { return None };
    let texts = items.iter().map(|item| item.as_str().map(Box::from)).collect::<Option<Vec<Box<str>>>>();
    texts.map(Texts::new)
}

/// Says what may stand as a weight, so that a rule can be told apart from a number.
pub(super) fn refuse_weight(reading: &mut Reading, value: &Value) {
    reading.wrong("weight is no whole number from 0 to 2147483647").found(shown(value));
}
