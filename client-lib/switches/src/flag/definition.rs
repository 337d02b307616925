//! One flag.

use crate::{
    Context, ErrorCode, Moment, Reason, Resolution,
    explanation::Step,
    logic::{Compiler, Datum, Expr, Scope},
    reading::{Reading, nearest, shown},
};
use serde_json::{Map, Value};

/// Largest whole number that every language tells from its neighbours.
const SAFE_INTEGER_MAX: f64 = 9_007_199_254_740_991.0;

/// Values by name, in the order of their names.
type Variants = Box<[(Box<str>, Value)]>;

/// One flag, ready to be asked.
#[derive(Debug, Clone)]
pub struct Flag {
    key: Box<str>,
    is_enabled: bool,
    variants: Variants,
    default: Option<usize>,
    targeting: Option<Expr>,
    metadata: Map<String, Value>,
}

impl Flag {
    pub(super) fn parse(
        reading: &mut Reading,
        key: &str,
        value: &Value,
        compiler: &Compiler,
        set_metadata: &Map<String, Value>,
    ) -> Option<Self> {
        let known = ["state", "variants", "defaultVariant", "targeting", "metadata", "key", "$comment"];
        let fields = reading.fields(value, &known)?;
        let states = [("ENABLED", true), ("DISABLED", false)];
        let is_enabled = reading.required(fields, "state", |reading, value| reading.one_of(value, &states));
        let variants = reading.required(fields, "variants", variants);
        let names: Vec<&str> = variants.iter().flatten().map(|(name, _)| &**name).collect();
        let default = match fields.get("defaultVariant") {
            None | Some(Value::Null) => Some(None),
            Some(value) => reading.within("defaultVariant", |reading| default(reading, value, &names)).map(Some),
        };
        let targeting = fields.get("targeting").filter(|rule| !rule.is_null() && !is_empty(rule));
        let targeting = match targeting {
            None => Some(None),
            Some(rule) => reading.within("targeting", |reading| compiler.compile(reading, rule)).map(Some),
        };
        let mut metadata = set_metadata.clone();
        if let Some(own) = reading.optional(fields, "metadata", read_metadata) {
            metadata.extend(own);
        }
        Some(Self {
            key: key.into(),
            is_enabled: is_enabled?,
            variants: variants?,
            default: default?,
            targeting: targeting?,
            metadata,
        })
    }

    /// Returns its name.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns its variants in the order of their names.
    pub fn variants(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.variants.iter().map(|(name, value)| (&**name, value))
    }

    /// Returns what it and its set say about themselves.
    pub fn metadata(&self) -> &Map<String, Value> {
        &self.metadata
    }

    /// Returns whether it is on at all.
    pub fn is_enabled(&self) -> bool {
        self.is_enabled
    }

    /// Returns what it is for a context.
    #[inline]
    pub fn resolve(&self, context: &Context<'_>, now: Moment) -> Resolution<'_> {
        let metadata = Some(&self.metadata);
        if !self.is_enabled {
            return Resolution { value: None, variant: None, reason: Reason::Disabled, error: None, metadata };
        }
        let Some(rule) = &self.targeting else {
            let reason = if self.default.is_some() { Reason::Static } else { Reason::Default };
            return self.resolved(self.default, reason);
        };
        let scope = Scope::new(*context, &self.key, now);
        let told = rule.evaluate(&scope);
        let variant = match &told {
            // Never half an answer.
            _ if scope.fuel.is_spent() => return Resolution::failed(ErrorCode::General, metadata),
            Datum::Null => return self.resolved(self.default, Reason::Default),
            Datum::Bool(true) => self.variant("true"),
            Datum::Bool(false) => self.variant("false"),
            other => self.variant(&other.written(&scope.fuel)),
        };
        match variant {
            Some(at) => self.resolved(Some(at), Reason::TargetingMatch),
            None => Resolution::failed(ErrorCode::ParseError, metadata),
        }
    }

    /// Returns each step of the decision.
    pub(crate) fn explain(&self, context: &Context<'_>, now: Moment) -> Vec<Step> {
        if !self.is_enabled {
            return vec![Step::new("state", "DISABLED: the caller's default counts")];
        }
        let mut steps = vec![Step::new("state", "ENABLED")];
        if let Some(rule) = &self.targeting {
            let scope = Scope::new(*context, &self.key, now);
            steps.extend(rule.conditions(&scope).into_iter().enumerate().map(|(at, holds)| {
                Step::new(format!("condition {}", at + 1), if holds { "holds" } else { "does not hold" })
            }));
            let told = rule.evaluate(&scope);
            let told = if matches!(told, Datum::Null) { "null".into() } else { told.written(&scope.fuel) };
            steps.push(Step::new("targeting", format!("gives {told}")));
        }
        let found = self.resolve(context, now);
        let found = match (found.variant, found.error) {
            (_, Some(error)) => error.as_str().to_owned(),
            (Some(variant), None) => format!("{variant} ({})", found.reason.as_str()),
            (None, None) => "none: the caller's default counts".to_owned(),
        };
        steps.push(Step::new("variant", found));
        steps
    }

    /// Returns variants that neither the default nor the rule names. A rule that makes up names may lead to any.
    pub(crate) fn idle_conditions(&self) -> Vec<String> {
        self.targeting.as_ref().map_or_else(Vec::new, Expr::idle_conditions)
    }

    pub(crate) fn unused_variants(&self) -> Vec<&str> {
        let Some(named) = self.targeting.as_ref().map_or_else(|| Some(Vec::new()), Expr::variants) else {
            return Vec::new();
        };
        let is_used = |at: usize, name: &str| self.default == Some(at) || named.contains(&name);
        let variants = self.variants.iter().enumerate();
        variants.filter(|(at, (name, _))| !is_used(*at, name)).map(|(_, (name, _))| &**name).collect()
    }

    fn resolved(&self, at: Option<usize>, reason: Reason) -> Resolution<'_> {
        let variant = at.and_then(|at| self.variants.get(at));
        let (value, variant) = (variant.map(|(_, value)| value), variant.map(|(name, _)| &**name));
        Resolution { value, variant, reason, error: None, metadata: Some(&self.metadata) }
    }

    fn variant(&self, name: &str) -> Option<usize> {
        self.variants.binary_search_by(|(known, _)| (**known).cmp(name)).ok()
    }
}

fn is_empty(rule: &Value) -> bool {
    rule.as_object().is_some_and(Map::is_empty)
}

fn variants(reading: &mut Reading, value: &Value) -> Option<Variants> {
    let members = reading.mapping(value)?;
    if members.is_empty() {
        reading.wrong("flag has no variant");
    }
    let kind = members.values().next().map(kind_of);
    for (name, value) in members {
        reading.within(name, |reading| check_variant(reading, value, kind.unwrap_or_default()));
    }
    Some(members.iter().map(|(name, value)| (name.as_str().into(), value.clone())).collect())
}

fn check_variant(reading: &mut Reading, value: &Value, kind: &str) {
    match kind_of(value) {
        "" => reading.expect(value, "a truth value, a text, a number or a mapping"),
        other if other != kind => {
            reading.wrong("variants of one flag are of one type").found(other).expected(kind);
        }
        _ => {}
    }
    if value.as_f64().is_some_and(|number| number.fract() == 0.0 && number.abs() > SAFE_INTEGER_MAX) {
        reading.wrong("number is larger than every language can tell from its neighbours").found(shown(value));
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "a truth value",
        Value::String(_) => "a text",
        Value::Number(_) => "a number",
        Value::Object(_) => "a mapping",
        Value::Null | Value::Array(_) => "",
    }
}

fn default(reading: &mut Reading, value: &Value, names: &[&str]) -> Option<usize> {
    let name = value.as_str().or_else(|| {
        reading.expect(value, "the name of a variant, or null");
        None
    })?;
    let at = names.iter().position(|known| *known == name);
    if at.is_none() {
        let problem = reading.wrong("default is none of the variants").found(name);
        problem.expected(nearest(name, names).map_or_else(|| names.join(", "), str::to_owned));
    }
    at
}

/// Reads what a set or a flag says about itself: texts, numbers and truth values.
pub(super) fn read_metadata(reading: &mut Reading, value: &Value) -> Option<Map<String, Value>> {
    let members = reading.mapping(value)?;
    for (name, value) in
        members.iter().filter(|(_, value)| !(value.is_string() || value.is_number() || value.is_boolean()))
    {
        reading.within(name, |reading| reading.expect(value, "a text, a number or a truth value"));
    }
    Some(members.clone())
}
