//! What has to be true of a recipient, in words; compiled to the same rules as those of flags.

use crate::{
    logic::{Compiler, Expr},
    reading::{Reading, shown},
    version::{Version, VersionTest},
};
use serde_json::{Map, Value, json};

/// Tests that an attribute can be put to.
const TESTS: &[&str] = &[
    "is",
    "is_not",
    "one_of",
    "none_of",
    "contains",
    "starts_with",
    "ends_with",
    "version",
    "above",
    "at_least",
    "below",
    "at_most",
    "exists",
];

/// What has to be true of one attribute, or of several that are combined.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Clause {
    /// The attribute, `any` or `not`.
    pub name: Box<str>,
    pub test: Expr,
}

/// Reads `when`: attributes with what they have to be, all of which must hold; `any` and `not` combine.
pub(crate) fn parse(reading: &mut Reading, value: &Value) -> Option<Expr> {
    let logic = all_of(reading, value)?;
    Compiler::default().compile(reading, &logic)
}

/// Writes `when` in JSONLogic.
pub(super) fn to_logic(value: &Value) -> Option<Value> {
    all_of(&mut Reading::default(), value)
}

/// Reads `when` clause by clause, so that it can be told which of them does not hold.
pub(super) fn parse_clauses(reading: &mut Reading, value: &Value) -> Option<Box<[Clause]>> {
    let members = reading.mapping(value)?;
    let clauses: Vec<_> = members.iter().map(|(name, value)| clause(reading, name, value)).collect();
    clauses.into_iter().collect()
}

fn clause(reading: &mut Reading, name: &str, value: &Value) -> Option<Clause> {
    let logic = member(reading, name, value)?;
    let test = reading.within(name, |reading| Compiler::default().compile(reading, &logic))?;
    Some(Clause { name: name.into(), test })
}

fn all_of(reading: &mut Reading, value: &Value) -> Option<Value> {
    let members = reading.mapping(value)?;
    let tests: Vec<_> = members.iter().map(|(name, value)| member(reading, name, value)).collect();
    let tests: Vec<_> = tests.into_iter().collect::<Option<_>>()?;
    Some(if tests.is_empty() { json!(true) } else { json!({"and": tests}) })
}

fn member(reading: &mut Reading, name: &str, value: &Value) -> Option<Value> {
    reading.within(name, |reading| match name {
        "any" => reading.elements(value, all_of).map(|any| json!({"or": any})),
        "not" => all_of(reading, value).map(|logic| json!({"!": [logic]})),
        "" => {
            reading.wrong("attribute has no name");
            None
        }
        name => attribute(reading, name, value),
    })
}

fn attribute(reading: &mut Reading, name: &str, value: &Value) -> Option<Value> {
    let var = json!({"var": name});
    match value {
        Value::Object(tests) => tests_of(reading, &var, tests),
        Value::Array(_) => one_of(reading, &var, value),
        Value::Null => {
            reading.expect(value, "a value, a list of values, or a test such as {exists: false}");
            None
        }
        scalar => Some(json!({"==": [var, scalar]})),
    }
}

fn tests_of(reading: &mut Reading, var: &Value, tests: &Map<String, Value>) -> Option<Value> {
    let told = Value::Object(tests.clone());
    reading.fields(&told, TESTS)?;
    let test = |(name, value): (&String, &Value)| reading.within(name, |reading| test(reading, name, var, value));
    let tests: Vec<_> = tests.iter().filter(|(name, _)| TESTS.contains(&name.as_str())).map(test).collect();
    let tests: Vec<_> = tests.into_iter().collect::<Option<_>>()?;
    Some(json!({"and": tests}))
}

fn test(reading: &mut Reading, name: &str, var: &Value, value: &Value) -> Option<Value> {
    Some(match name {
        "is" => json!({"==": [var, scalar(reading, value)?]}),
        "is_not" => json!({"!=": [var, scalar(reading, value)?]}),
        "one_of" => one_of(reading, var, value)?,
        "none_of" => json!({"!": [one_of(reading, var, value)?]}),
        "contains" => json!({"in": [scalar(reading, value)?, var]}),
        "starts_with" | "ends_with" => json!({name: [var, reading.text(value)?]}),
        "version" => versions(reading, var, value)?,
        "exists" => {
            let there = json!({"!==": [var, null]});
            if reading.boolean(value)? { there } else { json!({"!": [there]}) }
        }
        // Of something that is not there, nothing is greater or less.
        bound => {
            let number = reading.number(value, f64::MIN, f64::MAX).map(|_| value)?;
            let order = [("above", ">"), ("at_least", ">="), ("below", "<"), ("at_most", "<=")];
            let order = order.iter().find(|(word, _)| *word == bound).map(|(_, order)| *order)?;
            json!({"and": [{"!==": [var, null]}, {order: [var, number]}]})
        }
    })
}

fn scalar<'v>(reading: &mut Reading, value: &'v Value) -> Option<&'v Value> {
    let is_scalar = !(value.is_object() || value.is_array() || value.is_null());
    if !is_scalar {
        reading.expect(value, "a text, a number or a truth value");
    }
    is_scalar.then_some(value)
}

/// Reads a list, any value of which will do. It is compared as single values are: 42 and "42" are the same user.
fn one_of(reading: &mut Reading, var: &Value, value: &Value) -> Option<Value> {
    let values = reading.elements(value, |reading, value| scalar(reading, value).cloned())?;
    // Words equal nothing but themselves, so that they can be looked up.
    let is_word = |value: &Value| value.as_str().is_some_and(|text| text.contains(char::is_alphabetic));
    let (words, numbers): (Vec<_>, Vec<_>) = values.into_iter().partition(is_word);
    let words = (!words.is_empty()).then(|| json!({"in": [var, words]}));
    let numbers = numbers.into_iter().map(|number| json!({"==": [var, number]}));
    let any: Vec<_> = words.into_iter().chain(numbers).collect();
    Some(json!({"or": any}))
}

/// Reads comparisons that must all hold: `>=2.4 <3`.
fn versions(reading: &mut Reading, var: &Value, value: &Value) -> Option<Value> {
    let text = reading.text(value)?;
    let mut tests = Vec::new();
    for part in text.split_whitespace() {
        let digits = part.find(|c: char| c.is_ascii_digit() || c == 'v').unwrap_or(part.len());
        let (test, version) = part.split_at(digits);
        let test = if test.is_empty() { "=" } else { test };
        if VersionTest::parse(test).is_none() || Version::parse(version).is_none() {
            reading
                .wrong("comparison of versions cannot be read")
                .found(shown(&json!(part)))
                .expected("such as >=2.4 <3, ^2, ~1.2 or !=2.5.1");
            return None;
        }
        tests.push(json!({"sem_ver": [var, test, version]}));
    }
    Some(json!({"and": tests}))
}
