//! A schema, ready to check documents.

use super::{
    SchemaSettings,
    closure::Closure,
    expansion,
    explain::{self, Violation},
    loaded::{Loaded, uri_of},
    meter::{self, Bounds},
    metered::{Metered, MeteredNode},
};
use crate::{Finding, Rule};
use configbus_model::at_most;
use jsonschema::{Draft, PatternOptions, Retrieve, Uri, ValidationError, Validator, error::ValidationErrorKind};
use serde_json::{Value, json};
use std::{collections::BTreeMap, sync::OnceLock, time::Duration};

/// A compiled schema. Cheap to share between threads.
#[derive(Debug)]
pub(crate) struct Compiled {
    validator: Validator<Metered>,
    /// Whether some pattern needs an engine that may backtrack.
    backtracks: bool,
}

/// The least and most size of one compiled pattern, in bytes.
const PATTERN_BYTES: (usize, usize) = (64 << 10, 4 << 20);

/// What compiling may use: the size of a schema bounds it already.
const UNBOUNDED: Bounds =
    Bounds { steps_max: u64::MAX, time_max: Duration::from_secs(3_600), text_bytes_max: usize::MAX };

impl Compiled {
    /// Compiles a schema, or says what is wrong with it.
    pub(super) fn new(closure: &Closure, formats: bool, settings: &SchemaSettings) -> Result<Self, Vec<Finding>> {
        let draft = Draft::default().detect(&closure.root.value);
        for loaded in std::iter::once(&closure.root).chain(closure.resources.values()) {
            check_meta(loaded, draft, settings)?;
        }
        expansion::check(closure, settings)?;
        let linear = build(closure, formats, linear_engine(pattern_bytes(closure.patterns_growing, settings)));
        let (built, backtracks) = match linear {
            Ok(validator) => (Ok(validator), false),
            Err(_) => (
                build(
                    closure,
                    formats,
                    backtracking_engine(pattern_bytes(closure.patterns_growing, settings), settings),
                ),
                true,
            ),
        };
        match built {
            Ok(validator) => Ok(Self { validator, backtracks }),
            Err(failure) => Err(vec![failure.into_finding(closure, settings)]),
        }
    }

    /// Returns what a document violates and how many more violations there are.
    pub(crate) fn check(&self, document: &Value, settings: &SchemaSettings) -> (Vec<Violation>, usize) {
        let bounds = settings.evaluation(self.backtracks);
        match meter::run(bounds, || self.validator.is_valid(MeteredNode::new(document))) {
            Ok(true) => (Vec::new(), 0),
            Ok(false) => {
                let (violations, more) = self.explain(document, bounds, settings);
                (violations.into_iter().map(|violation| violation.with_limit(settings)).collect(), more)
            }
            Err(stop) => (vec![Violation::stopped(stop, settings)], 0),
        }
    }

    /// Says all that is wrong, or the first if all is too much, or only that something is.
    fn explain(&self, document: &Value, bounds: Bounds, settings: &SchemaSettings) -> (Vec<Violation>, usize) {
        let bounds = Bounds { steps_max: bounds.steps_max.min(EXPLAINED_STEPS_MAX), ..bounds };
        let node = if self.backtracks { MeteredNode::shown(document) } else { MeteredNode::new(document) };
        let all = meter::run(bounds, || explain::all(self.validator.iter_errors(node), document));
        let explained = all.or_else(|_| {
            let first =
                meter::run(bounds, || self.validator.validate(node).map_err(|error| explain::first(error, document)));
            first.map(|first| (first.err().into_iter().flatten().collect(), 0))
        });
        match explained {
            Ok((violations, more)) if !violations.is_empty() => (violations, more),
            Ok(_) => (vec![Violation::unexplained()], 0),
            Err(stop) => (vec![Violation::stopped(stop, settings)], 0),
        }
    }
}

/// Explaining keeps something of each step, so steps bound its memory.
const EXPLAINED_STEPS_MAX: u64 = 20_000_000;

fn linear_engine(bytes_max: usize) -> PatternOptions<jsonschema::Regex> {
    PatternOptions::regex().size_limit(bytes_max).dfa_size_limit(PATTERN_BYTES.1)
}

fn backtracking_engine(bytes_max: usize, settings: &SchemaSettings) -> PatternOptions<jsonschema::FancyRegex> {
    let engine = PatternOptions::fancy_regex().backtrack_limit(settings.pattern_steps_max);
    engine.size_limit(bytes_max).dfa_size_limit(PATTERN_BYTES.1)
}

fn pattern_bytes(patterns: usize, settings: &SchemaSettings) -> usize {
    (settings.patterns_compiled_bytes_max / patterns.max(1)).clamp(PATTERN_BYTES.0, PATTERN_BYTES.1)
}

/// Why the library refuses a schema.
enum Failure {
    Schema(Box<ValidationError<'static>>),
    Panic,
}

fn build<E>(closure: &Closure, formats: bool, engine: PatternOptions<E>) -> Result<Validator<Metered>, Failure> {
    let options = jsonschema::options_for::<Metered>()
        .with_base_uri(uri_of(&closure.root.path))
        .with_retriever(Resources(closure.resources.clone()))
        .should_validate_formats(formats)
        .with_pattern_options(engine);
    match meter::run(UNBOUNDED, || options.build(&closure.root.value)) {
        Ok(built) => built.map_err(|error| Failure::Schema(Box::new(error))),
        Err(_) => Err(Failure::Panic),
    }
}

impl Failure {
    fn into_finding(self, closure: &Closure, settings: &SchemaSettings) -> Finding {
        let root = &closure.root;
        let Self::Schema(error) = self else {
            let message = "schema cannot be compiled; please report it as a defect";
            return Finding::new(Rule::SchemaInvalid, &root.path, message);
        };
        let uri = error.absolute_keyword_location().and_then(|uri| uri.as_str().split('#').next());
        let loaded = uri.and_then(|uri| closure.resources.get(uri)).unwrap_or(root);
        let pointer = error.instance_path().as_str();
        let (patterns, bytes_max) = (closure.patterns_growing, pattern_bytes(closure.patterns_growing, settings));
        match error.kind() {
            ValidationErrorKind::Referencing(cause) => {
                Finding::new(Rule::SchemaReference, &root.path, cause.to_string())
            }
            ValidationErrorKind::Format { format } if format == "regex" && grows(error.instance(), bytes_max) => {
                let message =
                    "pattern grows too large when it is compiled, beside the others of the schema; repeat less in it";
                let finding = loaded.finding_at(Rule::SchemaPatternSize, pointer, message);
                let finding = finding.found(format!("more than {bytes_max} bytes for one of {patterns}"));
                let (max, key) = (settings.patterns_compiled_bytes_max, "gate.schemas.patterns_compiled_bytes_max");
                finding.expected(at_most(max, "bytes for all", key))
            }
            ValidationErrorKind::Format { format } if format == "regex" => {
                let message = "pattern is no regular expression";
                loaded.finding_at(Rule::SchemaInvalid, pointer, message).found(error.instance().to_string())
            }
            _ => loaded.finding_at(Rule::SchemaInvalid, pointer, error.to_string()),
        }
    }
}

/// Returns whether a pattern is only too large. One with lookaround is none to the engine that tells, and its parts are not
/// looked at.
fn grows(pattern: &Value, bytes_max: usize) -> bool {
    let built = pattern.as_str().map(|pattern| regex::RegexBuilder::new(pattern).size_limit(bytes_max).build());
    matches!(built, Some(Err(regex::Error::CompiledTooBig(_))))
}

/// The files that were loaded, which is all there is.
pub(super) struct Resources(pub(super) BTreeMap<String, Loaded>);

impl Retrieve for Resources {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        let found = self.0.get(uri.as_str().trim_end_matches('#'));
        found.map(|loaded| (*loaded.value).clone()).ok_or_else(|| "it is not in the repository".into())
    }
}

/// Checks a schema against that of its draft.
fn check_meta(loaded: &Loaded, draft: Draft, settings: &SchemaSettings) -> Result<(), Vec<Finding>> {
    let draft = draft.detect(&loaded.value);
    if draft == Draft::Unknown {
        let message = "$schema names no draft that is known here";
        let expected = "draft 4, 6, 7, 2019-09 or 2020-12, as http://json-schema.org/draft-07/schema#";
        return Err(vec![loaded.finding_at(Rule::SchemaInvalid, "/$schema", message).expected(expected)]);
    }
    let Some(meta) = meta_schema(draft) else { return Ok(()) };
    // A schema may be larger than documents are, and it is checked once.
    let settings = SchemaSettings { time_ms_max: settings.time_ms_max.saturating_mul(10), ..settings.clone() };
    let (violations, _) = meta.check(&loaded.value, &settings);
    let findings = violations.into_iter().map(|violation| {
        let message = format!("is no valid schema: {}", violation.message);
        violation.describe(loaded.finding_at(Rule::SchemaInvalid, &violation.pointer, message))
    });
    let findings: Vec<_> = findings.collect();
    if findings.is_empty() { Ok(()) } else { Err(findings) }
}

/// Returns the compiled schema of schemas.
fn meta_schema(draft: Draft) -> Option<&'static Compiled> {
    static COMPILED: [OnceLock<Option<Compiled>>; 5] = [const { OnceLock::new() }; 5];
    let (at, uri) = match draft {
        Draft::Draft4 => (0, "http://json-schema.org/draft-04/schema"),
        Draft::Draft6 => (1, "http://json-schema.org/draft-06/schema"),
        Draft::Draft7 => (2, "http://json-schema.org/draft-07/schema"),
        Draft::Draft201909 => (3, "https://json-schema.org/draft/2019-09/schema"),
        _ => (4, "https://json-schema.org/draft/2020-12/schema"),
    };
    let compile = || {
        let options = jsonschema::options_for::<Metered>().offline().should_validate_formats(false);
        let validator = options.build(&json!({ "$schema": uri, "$ref": uri })).ok()?;
        Some(Compiled { validator, backtracks: false })
    };
    COMPILED[at].get_or_init(compile).as_ref()
}
