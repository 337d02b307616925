//! Typed parameters and their bounds.

use crate::reading::{Reading, shown};
use serde_json::Value;

/// What values a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// `bool`
    Bool,
    /// `int`: a whole number of 64 bits.
    Int,
    /// `float`: any number.
    Float,
    /// `string`
    Text,
}

impl ParameterKind {
    const NAMES: [(&'static str, Self); 4] =
        [("bool", Self::Bool), ("int", Self::Int), ("float", Self::Float), ("string", Self::Text)];

    fn fits(self, value: &Value) -> bool {
        match self {
            Self::Bool => value.is_boolean(),
            Self::Int => value.is_i64(),
            Self::Float => value.is_number(),
            Self::Text => value.is_string(),
        }
    }

    fn name(self) -> &'static str {
        Self::NAMES.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

/// One parameter.
#[derive(Debug, Clone, PartialEq)]
pub struct Parameter {
    /// What values it takes.
    pub kind: ParameterKind,
    /// Its value where no rule says another.
    pub default: Value,
    /// Smallest number.
    pub min: Option<f64>,
    /// Largest number.
    pub max: Option<f64>,
    /// The only values, where they are listed.
    pub choices: Option<Vec<Value>>,
    /// What a number counts, such as `ms`; told to readers, not judged.
    pub unit: Option<String>,
    /// What it is for.
    pub description: Option<String>,
}

impl Parameter {
    pub(super) fn parse(reading: &mut Reading, value: &Value) -> Option<Self> {
        let known = ["type", "default", "min", "max", "enum", "unit", "description"];
        let fields = reading.fields(value, &known)?;
        let kind = reading.required(fields, "type", |reading, value| reading.one_of(value, &ParameterKind::NAMES));
        let bound = |reading: &mut Reading, value: &Value| reading.number(value, f64::MIN, f64::MAX);
        let (min, max) = (reading.optional(fields, "min", bound), reading.optional(fields, "max", bound));
        let choices =
            reading.optional(fields, "enum", |reading, value| reading.elements(value, |_, value| Some(value.clone())));
        let text = |reading: &mut Reading, value| reading.text(value).map(str::to_owned);
        let (unit, description) =
            (reading.optional(fields, "unit", text), reading.optional(fields, "description", text));
        if !fields.contains_key("default") {
            reading.wrong("member 'default' is missing");
        }
        let default = fields.get("default").cloned().unwrap_or_default();
        let parameter = Self { kind: kind?, default, min, max, choices, unit, description };
        for (at, choice) in parameter.choices.iter().flatten().enumerate() {
            reading.within("enum", |reading| reading.at(at, |reading| parameter.check_kind(reading, choice)));
        }
        if let Some(default) = fields.get("default") {
            reading.within("default", |reading| parameter.check(reading, default));
        }
        Some(parameter)
    }

    fn check_kind(&self, reading: &mut Reading, value: &Value) -> bool {
        let fits = self.kind.fits(value);
        if !fits {
            reading.wrong("value is of another type").found(shown(value)).expected(self.kind.name());
        }
        fits
    }

    /// Adds why a value cannot be the parameter's, if it cannot.
    pub(super) fn check(&self, reading: &mut Reading, value: &Value) {
        if !self.check_kind(reading, value) {
            return;
        }
        let number = value.as_f64();
        if let Some(min) = self.min.filter(|min| number.is_some_and(|number| number < *min)) {
            reading.wrong("value is too small").found(shown(value)).expected(format!("at least {min}"));
        }
        if let Some(max) = self.max.filter(|max| number.is_some_and(|number| number > *max)) {
            reading.wrong("value is too large").found(shown(value)).expected(format!("at most {max}"));
        }
        if let Some(choices) = self.choices.as_ref().filter(|choices| !choices.contains(value)) {
            let listed: Vec<_> = choices.iter().map(shown).collect();
            reading.wrong("value is none of those listed").found(shown(value)).expected(listed.join(", "));
        }
    }
}
