//! From the schema library's errors to violations in words.
//!
//! Of alternatives none of which fits, only the closest is told: the one with the right type, then the one whose telling
//! members (a `kind`, a `version`) agree, then the one that fails deepest and least.

pub(super) use super::violation::Violation;
use super::violation::{brief, quoted};
use crate::{FINDINGS_LISTED_MAX, Rule};
use jsonschema::{
    JsonType, ValidationError,
    error::{TypeKind, ValidationErrorKind as Kind},
};
use serde_json::Value;

/// Members, options and the like that a message lists.
const LISTED_MAX: usize = 10;

/// Violations told of the closest of several alternatives.
const TOLD_OF_ALTERNATIVE_MAX: usize = 3;

/// Alternatives looked at within alternatives.
const NESTED_MAX: usize = 8;

/// Returns the first violations and how many more there are.
pub(super) fn all<'e>(errors: impl Iterator<Item = ValidationError<'e>>, document: &Value) -> (Vec<Violation>, usize) {
    let (mut told, mut more) = (Vec::new(), 0);
    for error in errors {
        if told.len() >= FINDINGS_LISTED_MAX {
            more += 1;
            continue;
        }
        Explainer { document, nested: 0 }.explain(&error, &mut told);
    }
    (told, more)
}

/// Returns the violations that one error means.
pub(super) fn first(error: ValidationError<'_>, document: &Value) -> Vec<Violation> {
    all(std::iter::once(error), document).0
}

#[derive(Clone, Copy)]
struct Explainer<'d> {
    document: &'d Value,
    nested: usize,
}

impl Explainer<'_> {
    fn explain(self, error: &ValidationError<'_>, told: &mut Vec<Violation>) {
        let pointer = error.instance_path().as_str();
        match error.kind() {
            Kind::AnyOf { context } | Kind::OneOfNotValid { context } => self.alternatives(pointer, context, told),
            Kind::AdditionalProperties { unexpected } | Kind::UnevaluatedProperties { unexpected } => {
                let unexpected = unexpected.iter().take(FINDINGS_LISTED_MAX);
                told.extend(unexpected.map(|name| additional(pointer, name)));
            }
            Kind::PropertyNames { error } => told.push(self.property_name(pointer, error)),
            kind => told.push(self.simple(pointer, kind)),
        }
    }

    /// Tells what needs one violation.
    fn simple(self, pointer: &str, kind: &Kind) -> Violation {
        let value = self.document.pointer(pointer).unwrap_or(&Value::Null);
        let told = scalar(pointer, kind, value).or_else(|| collection(pointer, kind, value));
        told.unwrap_or_else(|| other(pointer, kind, value))
    }

    fn property_name(self, pointer: &str, error: &ValidationError<'_>) -> Violation {
        let name = error.instance().as_str().unwrap_or_default();
        let inner = Explainer { document: error.instance(), ..self }.simple("", error.kind());
        let message = format!("name of a member is not allowed: {}", inner.message);
        let violation = Violation::new(Rule::SchemaMembers, format!("{pointer}/{}", escaped(name)), message).at_key();
        Violation { found: Some(quoted(name)), expected: inner.expected, ..violation }
    }

    fn alternatives(self, pointer: &str, branches: &[Vec<ValidationError<'static>>], told: &mut Vec<Violation>) {
        if self.nested >= NESTED_MAX || branches.is_empty() {
            return told.push(self.none_fits(pointer));
        }
        if let Some(violation) = self.wrong_type(pointer, branches) {
            return told.push(violation);
        }
        let Some(best) = branches.iter().min_by_key(|branch| distance(pointer, branch)) else { return };
        let mut of_best = Vec::new();
        for error in best.iter().take(TOLD_OF_ALTERNATIVE_MAX) {
            Explainer { nested: self.nested + 1, ..self }.explain(error, &mut of_best);
        }
        of_best.truncate(TOLD_OF_ALTERNATIVE_MAX);
        match of_best.is_empty() {
            true => told.push(self.none_fits(pointer)),
            false if branches.len() == 1 || self.nested > 0 => told.extend(of_best),
            false => told.extend(of_best.into_iter().map(|violation| {
                let message = format!("{} (in the closest of {} forms)", violation.message, branches.len());
                Violation { message, ..violation }
            })),
        }
    }

    fn none_fits(self, pointer: &str) -> Violation {
        let value = self.document.pointer(pointer).unwrap_or(&Value::Null);
        Violation::new(Rule::SchemaNoMatch, pointer, "value fits none of the forms allowed").found(brief(value))
    }

    /// Where every alternative wants a simple value of another type or another one of a list, all of them are told together.
    fn wrong_type(self, pointer: &str, branches: &[Vec<ValidationError<'static>>]) -> Option<Violation> {
        let mut wanted: Vec<String> = Vec::new();
        let mut rule = Rule::SchemaType;
        for branch in branches {
            let about_it = branch.iter().filter(|error| error.instance_path().as_str() == pointer);
            let text = about_it.map(ValidationError::kind).find_map(|kind| match kind {
                Kind::Type { kind } => Some(types(kind)),
                Kind::Enum { options } => Some(options_text(options)),
                Kind::Constant { expected_value } => Some(short(expected_value)),
                _ => None,
            })?;
            if branch.iter().any(|error| matches!(error.kind(), Kind::Enum { .. } | Kind::Constant { .. })) {
                rule = Rule::SchemaEnum;
            }
            if !wanted.contains(&text) {
                wanted.push(text);
            }
        }
        let message =
            if rule == Rule::SchemaEnum { "value is none of those allowed" } else { "value has the wrong type" };
        let value = self.document.pointer(pointer).unwrap_or(&Value::Null);
        Some(Violation::new(rule, pointer, message).found(brief(value)).expected(joined(wanted)))
    }
}

/// Tells what is wrong with a value by itself.
fn scalar(pointer: &str, kind: &Kind, value: &Value) -> Option<Violation> {
    let told = |rule, message: &str, expected: String| {
        Some(Violation::new(rule, pointer, message).found(brief(value)).expected(expected))
    };
    match kind {
        Kind::Type { kind } => told(Rule::SchemaType, "value has the wrong type", types(kind)),
        Kind::Enum { options } => told(Rule::SchemaEnum, "value is none of those allowed", options_text(options)),
        Kind::Constant { expected_value } => {
            told(Rule::SchemaConst, "value is not the one required", short(expected_value))
        }
        Kind::Pattern { pattern } => told(Rule::SchemaPattern, "text does not match", format!("the pattern {pattern}")),
        Kind::Format { format } => {
            told(Rule::SchemaFormat, "text is not in the form required", format!("the format {format}"))
        }
        Kind::Minimum { limit } => told(Rule::SchemaRange, "number is too small", format!("at least {limit}")),
        Kind::Maximum { limit } => told(Rule::SchemaRange, "number is too large", format!("at most {limit}")),
        Kind::ExclusiveMinimum { limit } => {
            told(Rule::SchemaRange, "number is too small", format!("more than {limit}"))
        }
        Kind::ExclusiveMaximum { limit } => {
            told(Rule::SchemaRange, "number is too large", format!("less than {limit}"))
        }
        Kind::MultipleOf { multiple_of } => {
            told(Rule::SchemaRange, "number does not fit", format!("a multiple of {multiple_of}"))
        }
        Kind::MinLength { limit } => {
            told(Rule::SchemaLength, "text is too short", format!("a length of at least {limit}"))
        }
        Kind::MaxLength { limit } => {
            told(Rule::SchemaLength, "text is too long", format!("a length of at most {limit}"))
        }
        Kind::ContentEncoding { content_encoding } => {
            told(Rule::SchemaFormat, "text is not encoded as required", content_encoding.clone())
        }
        Kind::ContentMediaType { content_media_type } => {
            told(Rule::SchemaFormat, "text is not of the type required", content_media_type.clone())
        }
        _ => None,
    }
}

/// Tells what is wrong with what a list or an object holds.
fn collection(pointer: &str, kind: &Kind, value: &Value) -> Option<Violation> {
    let new = |rule, message: &str| Violation::new(rule, pointer, message);
    let items = format!("{} items", value.as_array().map_or(0, Vec::len));
    let members = format!("{} members", value.as_object().map_or(0, serde_json::Map::len));
    Some(match kind {
        Kind::Required { property } => {
            let name = property.as_str().map_or_else(|| property.to_string(), quoted);
            new(Rule::SchemaRequired, &format!("member {name} is missing")).at_key()
        }
        Kind::MinItems { limit } => {
            new(Rule::SchemaItems, "list is too short").found(items).expected(format!("at least {limit}"))
        }
        Kind::MaxItems { .. } | Kind::AdditionalItems { .. } => {
            let limit = limit_of(kind).unwrap_or_default();
            new(Rule::SchemaItems, "list is too long").found(items).expected(format!("at most {limit}"))
        }
        Kind::UniqueItems => new(Rule::SchemaItems, "list holds equal items").expected("items that differ"),
        Kind::Contains => {
            new(Rule::SchemaItems, "list does not hold as many items of the kind it must hold as it should")
        }
        Kind::UnevaluatedItems { .. } => new(Rule::SchemaItems, "list holds items that are not provided for"),
        Kind::MinProperties { limit } => new(Rule::SchemaMembers, "object has too few members")
            .found(members)
            .expected(format!("at least {limit}"))
            .at_key(),
        Kind::MaxProperties { limit } => new(Rule::SchemaMembers, "object has too many members")
            .found(members)
            .expected(format!("at most {limit}"))
            .at_key(),
        _ => return None,
    })
}

/// Tells what is wrong with a value that some schema as a whole rules out.
fn other(pointer: &str, kind: &Kind, value: &Value) -> Violation {
    let (rule, message) = match kind {
        Kind::FalseSchema => {
            return Violation::new(Rule::SchemaNoMatch, pointer, "nothing is allowed here")
                .found(brief(value))
                .at_key();
        }
        Kind::BacktrackLimitExceeded { .. } => {
            let message = "pattern was given up because it backtracks too much; write it without lookaround, back-references and \
                           nested repetition";
            return Violation::new(Rule::SchemaPatternCost, pointer, message);
        }
        Kind::Referencing(cause) => return Violation::new(Rule::SchemaReference, pointer, cause.to_string()),
        Kind::Not { .. } => (Rule::SchemaNoMatch, "value is of a kind that is ruled out".to_owned()),
        Kind::OneOfMultipleValid { .. } => {
            (Rule::SchemaNoMatch, "value fits more than one of several forms, and must fit exactly one".to_owned())
        }
        kind => (Rule::SchemaNoMatch, format!("value does not satisfy '{}'", kind.keyword())),
    };
    Violation::new(rule, pointer, message).found(brief(value))
}

/// How far from fitting an alternative is; compared in order.
type Distance = (bool, bool, std::cmp::Reverse<usize>, usize);

fn distance(pointer: &str, branch: &[ValidationError<'static>]) -> Distance {
    let is_here = |error: &ValidationError<'_>| error.instance_path().as_str() == pointer;
    let is_fixed = |error: &ValidationError<'_>| matches!(error.kind(), Kind::Enum { .. } | Kind::Constant { .. });
    let depth = |error: &ValidationError<'_>| error.instance_path().as_str().matches('/').count();
    let here = depth_of(pointer);
    let has_wrong_type = branch.iter().any(|error| {
        is_here(error) && (is_fixed(error) || matches!(error.kind(), Kind::Type { .. } | Kind::FalseSchema))
    });
    let is_of_another_kind = branch.iter().any(|error| is_fixed(error) && depth(error) == here + 1);
    let deepest = branch.iter().map(depth).max().unwrap_or(here);
    (has_wrong_type, is_of_another_kind, std::cmp::Reverse(deepest), branch.len())
}

fn depth_of(pointer: &str) -> usize {
    pointer.matches('/').count()
}

fn additional(pointer: &str, name: &str) -> Violation {
    let message = "member is not provided for";
    Violation::new(Rule::SchemaAdditional, format!("{pointer}/{}", escaped(name)), message).found(quoted(name)).at_key()
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn limit_of(kind: &Kind) -> Option<u64> {
    match kind {
        Kind::MaxItems { limit } => Some(*limit),
        Kind::AdditionalItems { limit } => Some(*limit as u64),
        _ => None,
    }
}

fn types(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(kind) => type_name(*kind).to_owned(),
        TypeKind::Multiple(kinds) => joined(kinds.iter().map(|kind| type_name(kind).to_owned()).collect()),
    }
}

fn type_name(kind: JsonType) -> &'static str {
    match kind {
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
        JsonType::Integer => "an integer",
        JsonType::Null => "null",
        JsonType::Number => "a number",
        JsonType::Object => "an object",
        JsonType::String => "a string",
    }
}

fn options_text(options: &Value) -> String {
    match options.as_array() {
        Some(options) => joined(options.iter().map(short).collect()),
        None => short(options),
    }
}

/// Returns alternatives as people say them.
fn joined(mut texts: Vec<String>) -> String {
    let left_out = texts.len().saturating_sub(LISTED_MAX);
    texts.truncate(LISTED_MAX);
    if left_out > 0 {
        return format!("{} or one of {left_out} more", texts.join(", "));
    }
    let last = texts.pop().unwrap_or_default();
    if texts.is_empty() { last } else { format!("{} or {last}", texts.join(", ")) }
}

/// Returns a value of the schema, shortened.
fn short(value: &Value) -> String {
    const CHARS_MAX: usize = 80;
    let text = value.to_string();
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
