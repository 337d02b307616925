//! Whether a wide schema accepts every document that a narrow one accepts.
//!
//! Each keyword of the wide schema has to follow from the narrow one. What the narrow one says is a list of schemas that all
//! hold at once: itself, its `allOf`, what its references lead to; where it has alternatives (`anyOf`, `oneOf`), each of
//! them in turn has to do. Sound, not complete: an answer "included" is right, anything else is a reason.

use super::facts::{Documents, Place, Types};
use jsonschema::Draft;
use serde_json::Value;
use std::collections::HashSet;

/// Why a schema is not included, or not known to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reason {
    /// Where, in either schema.
    pub pointer: String,
    /// What.
    pub text: String,
    /// Whether it is known to be broken, rather than not known to hold.
    pub is_decided: bool,
}

/// Comparisons after which two schemas are too much.
const STEPS_MAX: usize = 200_000;

/// Schemas within schemas after which it is too deep.
const DEPTH_MAX: usize = 200;

/// Keywords that say nothing about which documents are accepted, or are followed as references.
const SILENT: [&str; 24] = [
    "$schema",
    "$id",
    "id",
    "$anchor",
    "$dynamicAnchor",
    "$recursiveAnchor",
    "$comment",
    "$defs",
    "definitions",
    "$vocabulary",
    "title",
    "description",
    "default",
    "examples",
    "deprecated",
    "readOnly",
    "writeOnly",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "$ref",
    "allOf",
    "then",
    "else",
];

/// Schemas that all hold.
#[derive(Default)]
struct Facts<'c> {
    places: Vec<Place<'c>>,
    seen: HashSet<usize>,
}

/// Compares two schemas.
pub(super) struct Inclusion<'a, 'c> {
    wide: &'a Documents<'c>,
    narrow: &'a Documents<'c>,
    formats: bool,
    /// Pairs that are being compared or were: a schema that refers to itself is included if nothing speaks against it.
    assumed: HashSet<Pair>,
    /// The same in order, to take back what was assumed for an answer that turned out to be no.
    trail: Vec<Pair>,
    steps: usize,
    depth: usize,
}

type Answer = Result<(), Reason>;

/// Addresses of a wide schema and of what holds on the other side.
type Pair = (usize, Vec<usize>);

impl<'a, 'c> Inclusion<'a, 'c> {
    pub(super) fn new(wide: &'a Documents<'c>, narrow: &'a Documents<'c>, formats: bool) -> Self {
        Self { wide, narrow, formats, assumed: HashSet::new(), trail: Vec::new(), steps: 0, depth: 0 }
    }

    /// Returns why the wide schema does not include the narrow one.
    pub(super) fn find(mut self) -> Option<Reason> {
        if self.wide.draft != self.narrow.draft {
            return Some(undecided("/$schema", "the schemas are of different drafts"));
        }
        let (wide, narrow) = (self.wide.root(), self.narrow.root());
        self.includes(&wide, &[narrow]).err()
    }

    /// Whether everything that satisfies all of `narrow` satisfies `wide`.
    fn includes(&mut self, wide: &Place<'c>, narrow: &[Place<'c>]) -> Answer {
        let mut facts = Facts::default();
        for place in narrow {
            self.gather(place, &mut facts)?;
        }
        let facts = facts.places;
        let mut addresses: Vec<_> = facts.iter().map(Place::address).collect();
        addresses.sort_unstable();
        let pair = (wide.address(), addresses);
        if !self.assumed.insert(pair.clone()) {
            return Ok(());
        }
        self.trail.push(pair);
        self.steps += 1;
        if self.steps > STEPS_MAX || self.depth > DEPTH_MAX {
            return Err(undecided(&wide.pointer, "the schemas are too large to compare"));
        }
        if facts.iter().any(|fact| fact.schema == &Value::Bool(false)) {
            return Ok(());
        }
        match wide.schema {
            Value::Bool(true) => Ok(()),
            Value::Object(_) => {
                self.depth += 1;
                let answer = self.implies(wide, &facts);
                self.depth -= 1;
                answer
            }
            _ => Err(decided(&wide.pointer, "nothing is allowed here any more")),
        }
    }

    /// Adds the schemas that hold together with one. Up to draft 7 nothing counts beside a `$ref`.
    fn gather(&mut self, place: &Place<'c>, facts: &mut Facts<'c>) -> Answer {
        if !facts.seen.insert(place.address()) {
            return Ok(());
        }
        if facts.seen.len() > DEPTH_MAX {
            return Err(undecided(&place.pointer, "too many schemas hold at once"));
        }
        let reference = place.members().and_then(|members| members.get("$ref")?.as_str());
        if let Some(reference) = reference {
            let target = self.narrow.follow(place, reference);
            let target = target.ok_or_else(|| undecided(&place.pointer, "it refers to an anchor"))?;
            self.gather(&target, facts)?;
        }
        if reference.is_some() && self.is_classic() {
            return Ok(());
        }
        facts.places.push(place.clone());
        for part in place.listed("allOf") {
            self.gather(&part, facts)?;
        }
        Ok(())
    }

    fn is_classic(&self) -> bool {
        matches!(self.wide.draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7)
    }

    /// Takes back what was assumed since.
    fn undo(&mut self, since: usize) {
        for pair in self.trail.drain(since..) {
            self.assumed.remove(&pair);
        }
    }

    fn implies(&mut self, wide: &Place<'c>, facts: &[Place<'c>]) -> Answer {
        let Some(members) = wide.members() else { return Ok(()) };
        if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
            let target = self.wide.follow(wide, reference);
            let target = target.ok_or_else(|| undecided(&wide.pointer, "it refers to an anchor"))?;
            self.includes(&target, facts)?;
            if self.is_classic() {
                return Ok(());
            }
        }
        for part in wide.listed("allOf") {
            self.includes(&part, facts)?;
        }
        for keyword in members.keys().filter(|keyword| !SILENT.contains(&keyword.as_str())) {
            let since = self.trail.len();
            if let Err(reason) = self.keyword(wide, keyword, facts) {
                self.undo(since);
                self.by_alternatives(wide, keyword, facts, reason)?;
            }
        }
        Ok(())
    }

    /// Where the narrow schema has alternatives, each of them may imply what they do not imply together.
    fn by_alternatives(&mut self, wide: &Place<'c>, keyword: &str, facts: &[Place<'c>], reason: Reason) -> Answer {
        for (at, fact) in facts.iter().enumerate() {
            for alternatives in ["anyOf", "oneOf"].map(|name| fact.listed(name)) {
                if !alternatives.is_empty() && self.each_implies(wide, keyword, facts, at, &alternatives) {
                    return Ok(());
                }
            }
        }
        Err(reason)
    }

    /// Whether a keyword follows from each of these alternatives of the fact at `at` together with the other facts.
    fn each_implies(
        &mut self,
        wide: &Place<'c>,
        keyword: &str,
        facts: &[Place<'c>],
        at: usize,
        alternatives: &[Place<'c>],
    ) -> bool {
        let since = self.trail.len();
        let all = alternatives.iter().all(|alternative| {
            self.steps += 1;
            // The alternatives themselves are used up.
            let rest = facts.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, fact)| fact.clone());
            let mut with = Facts { places: rest.collect(), seen: HashSet::new() };
            self.steps <= STEPS_MAX && self.gather(alternative, &mut with).is_ok() && {
                with.places.push(facts[at].clone());
                self.keyword(wide, keyword, &with.places).is_ok()
            }
        });
        if !all {
            self.undo(since);
        }
        all
    }

    fn keyword(&mut self, wide: &Place<'c>, keyword: &str, facts: &[Place<'c>]) -> Answer {
        let Some(value) = wide.members().and_then(|members| members.get(keyword)) else { return Ok(()) };
        let types = types_of(facts);
        let pointer = format!("{}/{keyword}", wide.pointer);
        let broken = |text: String| Err(decided(&pointer, text));
        let is_implied = !types.meets(about(keyword)) || facts.iter().any(|fact| says_the_same(fact, wide, keyword));
        if is_implied || values_of(facts).is_some_and(|values| accepts_all(wide, keyword, &values)) {
            return Ok(());
        }
        let has = |is_enough: &dyn Fn(&Value) -> bool| {
            facts.iter().filter_map(|fact| fact.members()?.get(keyword)).any(is_enough)
        };
        match keyword {
            "type" if types.is_within(Types::named(value)) => Ok(()),
            "type" => broken(format!("the type {value} does not cover every type the other schema allows")),
            "enum" | "const" => broken("the other schema allows values that are not listed".to_owned()),
            "minimum" | "exclusiveMinimum" | "maximum" | "exclusiveMaximum" => match bounds_imply(facts, keyword, wide)
            {
                true => Ok(()),
                false => broken(format!("the other schema allows numbers beyond {keyword} {value}")),
            },
            "multipleOf" if has(&|other| is_multiple(other, value)) => Ok(()),
            "multipleOf" => broken(format!("the other schema allows numbers that are no multiples of {value}")),
            "minLength" | "minItems" | "minProperties" | "maxLength" | "maxItems" | "maxProperties" => {
                let is_least = keyword.starts_with("min");
                let enough = |other: &Value| match (other.as_f64(), value.as_f64()) {
                    (Some(other), Some(value)) => {
                        if is_least {
                            other >= value
                        } else {
                            other <= value
                        }
                    }
                    _ => false,
                };
                let is_vacuous = is_least && value.as_f64() == Some(0.0);
                if is_vacuous || has(&enough) {
                    Ok(())
                } else {
                    broken(format!("the other schema does not keep {keyword} {value}"))
                }
            }
            "uniqueItems" if value == &Value::Bool(false) || has(&|other| other == &Value::Bool(true)) => Ok(()),
            "uniqueItems" => broken("the other schema allows equal items".to_owned()),
            "required" => self.required(value, facts, &pointer),
            "format" if !self.formats => Ok(()),
            "items" | "additionalItems" | "prefixItems" => self.items(wide, facts),
            "properties" | "patternProperties" | "additionalProperties" => self.properties(wide, facts),
            "anyOf" => self.any_of(wide, facts),
            "propertyNames"
            | "not"
            | "if"
            | "oneOf"
            | "pattern"
            | "format"
            | "contains"
            | "dependencies"
            | "dependentRequired"
            | "dependentSchemas"
            | "minContains"
            | "maxContains"
            | "unevaluatedItems"
            | "unevaluatedProperties"
            | "$dynamicRef"
            | "$recursiveRef" => {
                Err(undecided(&pointer, format!("'{keyword}' differs, and it is compared only for being the same")))
            }
            _ => Ok(()),
        }
    }

    fn required(&mut self, value: &Value, facts: &[Place<'c>], pointer: &str) -> Answer {
        let demanded = |name: &Value| {
            facts
                .iter()
                .filter_map(|fact| fact.members()?.get("required")?.as_array())
                .any(|names| names.contains(name))
        };
        match value.as_array().into_iter().flatten().find(|name| !demanded(name)) {
            Some(name) => Err(decided(
                pointer,
                format!("the member {name} is required, and the other schema does not require it"),
            )),
            None => Ok(()),
        }
    }

    /// One of the wide alternatives has to include everything.
    fn any_of(&mut self, wide: &Place<'c>, facts: &[Place<'c>]) -> Answer {
        for alternative in wide.listed("anyOf") {
            let since = self.trail.len();
            if self.includes(&alternative, facts).is_ok() {
                return Ok(());
            }
            self.undo(since);
        }
        Err(undecided(&format!("{}/anyOf", wide.pointer), "none of the alternatives covers the other schema by itself"))
    }

    fn items(&mut self, wide: &Place<'c>, facts: &[Place<'c>]) -> Answer {
        let is_tuple = |place: &Place<'c>| {
            let members = place.members();
            members.is_some_and(|m| m.contains_key("prefixItems") || m.get("items").is_some_and(Value::is_array))
        };
        if is_tuple(wide) || facts.iter().any(is_tuple) {
            return Err(undecided(
                &wide.pointer,
                "lists with a schema for each place are compared only for being the same",
            ));
        }
        let Some(items) = wide.keyword("items") else { return Ok(()) };
        let narrow: Vec<_> = facts.iter().filter_map(|fact| fact.keyword("items")).collect();
        self.includes(&items, &narrow)
    }

    /// Every member that the narrow schema allows has to be allowed, and with every value.
    fn properties(&mut self, wide: &Place<'c>, facts: &[Place<'c>]) -> Answer {
        let patterns = wide.named("patternProperties");
        let mut names: Vec<&str> = wide.named("properties").into_keys().collect();
        names.extend(facts.iter().flat_map(|fact| fact.named("properties").into_keys()));
        names.sort_unstable();
        names.dedup();
        for name in names {
            let narrow: Vec<_> = facts.iter().flat_map(|fact| of_member(fact, name)).collect();
            for schema in of_member(wide, name) {
                self.includes(&schema, &narrow)?;
            }
        }
        for (pattern, schema) in &patterns {
            let narrow: Vec<_> =
                facts.iter().filter_map(|fact| fact.named("patternProperties").remove(pattern)).collect();
            // Members that match may come in under another pattern, or as additional ones, of which nothing is known then.
            self.includes(schema, &narrow)?;
        }
        let Some(additional) = wide.keyword("additionalProperties") else { return Ok(()) };
        let other: Vec<_> = facts.iter().flat_map(|fact| fact.named("patternProperties")).collect();
        for (pattern, schema) in other {
            if !patterns.contains_key(pattern) {
                self.includes(&additional, &[schema])?;
            }
        }
        let narrow: Vec<_> = facts.iter().filter_map(|fact| fact.keyword("additionalProperties")).collect();
        self.includes(&additional, &narrow)
    }
}

/// Returns the schemas that one schema holds a member to.
fn of_member<'c>(place: &Place<'c>, name: &str) -> Vec<Place<'c>> {
    let mut schemas: Vec<_> = place.named("properties").remove(name).into_iter().collect();
    let matching = place.named("patternProperties").into_iter().filter(|(pattern, _)| matches(pattern, name));
    schemas.extend(matching.map(|(_, schema)| schema));
    if schemas.is_empty() {
        schemas.extend(place.keyword("additionalProperties"));
    }
    schemas
}

fn matches(pattern: &str, name: &str) -> bool {
    let schema = serde_json::json!({ "pattern": pattern });
    jsonschema::options().offline().build(&schema).is_ok_and(|validator| validator.is_valid(&Value::from(name)))
}

/// Whether a narrow schema says exactly this; references mean the same only if nothing about them can differ.
fn says_the_same(fact: &Place<'_>, wide: &Place<'_>, keyword: &str) -> bool {
    let same = |keyword: &str| {
        let of = |place: &Place<'_>| place.members().and_then(|members| members.get(keyword)).cloned();
        of(fact) == of(wide) && of(wide).is_none_or(|value| !refers(&value))
    };
    same(keyword)
        && companions(keyword).iter().all(|keyword| same(keyword))
        && keyword != "unevaluatedProperties"
        && keyword != "unevaluatedItems"
}

fn refers(value: &Value) -> bool {
    match value {
        Value::Object(members) => {
            members.iter().any(|(key, value)| key.ends_with("Ref") || key == "$ref" || refers(value))
        }
        Value::Array(items) => items.iter().any(refers),
        _ => false,
    }
}

/// Returns the types that all of these leave.
fn types_of(facts: &[Place<'_>]) -> Types {
    let of = |fact: &Place<'_>| {
        let named = fact.members().and_then(|members| members.get("type")).map_or(Types::ALL, Types::named);
        let listed =
            listed(fact).map(|values| values.iter().map(|value| Types::of(value)).fold(Types::NONE, Types::or));
        listed.map_or(named, |listed| named.and(listed))
    };
    facts.iter().map(of).fold(Types::ALL, Types::and)
}

fn listed<'c>(fact: &Place<'c>) -> Option<Vec<&'c Value>> {
    let members = fact.members()?;
    let one = members.get("const").map(|value| vec![value]);
    one.or_else(|| members.get("enum")?.as_array().map(|values| values.iter().collect()))
}

fn values_of<'c>(facts: &[Place<'c>]) -> Option<Vec<&'c Value>> {
    facts.iter().find_map(listed)
}

/// Whether a keyword by itself accepts each of a few values.
fn accepts_all(wide: &Place<'_>, keyword: &str, values: &[&Value]) -> bool {
    let Some(value) = wide.members().and_then(|members| members.get(keyword)).filter(|value| !refers(value)) else {
        return false;
    };
    if companions(keyword).iter().any(|name| wide.members().is_some_and(|members| members.contains_key(*name))) {
        return false;
    }
    let schema = serde_json::json!({ keyword: value });
    let built = jsonschema::options().offline().build(&schema);
    built.is_ok_and(|validator| values.iter().all(|value| validator.is_valid(value)))
}

/// Returns the values that a keyword is about; it says nothing of others.
fn about(keyword: &str) -> Types {
    match keyword {
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => Types::NUMBERS,
        "minLength" | "maxLength" | "pattern" | "format" => Types::STRING,
        "items" | "additionalItems" | "prefixItems" | "minItems" | "maxItems" | "uniqueItems" | "contains"
        | "minContains" | "maxContains" | "unevaluatedItems" => Types::ARRAY,
        "properties"
        | "patternProperties"
        | "additionalProperties"
        | "required"
        | "minProperties"
        | "maxProperties"
        | "propertyNames"
        | "dependencies"
        | "dependentRequired"
        | "dependentSchemas"
        | "unevaluatedProperties" => Types::OBJECT,
        _ => Types::ALL,
    }
}

/// Returns the keywords that change what a keyword means.
fn companions(keyword: &str) -> &'static [&'static str] {
    match keyword {
        "if" => &["then", "else"],
        "contains" => &["minContains", "maxContains"],
        "additionalProperties" | "unevaluatedProperties" => &["properties", "patternProperties"],
        "additionalItems" | "items" | "unevaluatedItems" => &["items", "prefixItems", "additionalItems"],
        "minimum" => &["exclusiveMinimum"],
        "maximum" => &["exclusiveMaximum"],
        "minContains" | "maxContains" => &["contains"],
        _ => &[],
    }
}

/// Whether the narrow bounds lie within a wide one. Draft 4 writes exclusive bounds as `true` beside the bound.
fn bounds_imply(facts: &[Place<'_>], keyword: &str, wide: &Place<'_>) -> bool {
    let is_lower = keyword.ends_with("inimum");
    let Some((bound, is_open)) = bound(wide, is_lower, keyword) else { return true };
    facts.iter().any(|fact| {
        ["minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"].into_iter().any(|name| {
            if name.ends_with("inimum") != is_lower {
                return false;
            }
            let Some((other, other_is_open)) = self::bound(fact, is_lower, name) else { return false };
            let is_tighter = if is_lower { other > bound } else { other < bound };
            is_tighter || (other == bound && (other_is_open || !is_open))
        })
    })
}

fn bound(place: &Place<'_>, is_lower: bool, keyword: &str) -> Option<(f64, bool)> {
    let members = place.members()?;
    let value = members.get(keyword)?;
    let exclusive = if is_lower { "exclusiveMinimum" } else { "exclusiveMaximum" };
    match value {
        Value::Bool(_) => None,
        number if keyword == exclusive => Some((number.as_f64()?, true)),
        number => Some((number.as_f64()?, members.get(exclusive) == Some(&Value::Bool(true)))),
    }
}

fn is_multiple(of: &Value, unit: &Value) -> bool {
    match (of.as_u64(), unit.as_u64()) {
        (Some(of), Some(unit)) => unit != 0 && of % unit == 0,
        _ => of == unit,
    }
}

fn decided(pointer: &str, text: impl Into<String>) -> Reason {
    Reason { pointer: pointer.to_owned(), text: text.into(), is_decided: true }
}

fn undecided(pointer: &str, text: impl Into<String>) -> Reason {
    Reason { is_decided: false, ..decided(pointer, text) }
}
