//! What must hold for any schema: it says of a document what the library says without our meter, violations have a place, and
//! what is called compatible is.

use super::{
    Catalog, Compiled, LandingTree, SchemaSettings,
    closure::{self, Closure},
    compatibility,
};
use crate::{
    Rule,
    check::{Check as _, Document, Findings},
    document::{Content, Format},
    fuzzing::{DEPTH_MAX, check_told, parts},
    policy::{self, Compatibility, SCHEMAS},
    syntax,
    testing::MemoryCandidate,
};

/// Where the two schemas of an input stand; each may refer to the other.
const PATHS: [&str; 2] = ["s/a.json", "s/b.json"];

/// Rules that tell that an evaluation was stopped.
const STOPPED: [Rule; 3] = [Rule::SchemaCost, Rule::SchemaPatternCost, Rule::CheckFailed];

/// Reads two schemas, documents that are held to both, and a file of entries.
pub fn schemas(data: &[u8]) {
    let [first, second, documents, entries] = parts(data);
    let mut findings = Findings::default();
    policy::parse_schemas(&Document::new(SCHEMAS, entries), &mut findings);
    check_told(entries, &findings.into_parts().0);
    let settings = SchemaSettings { time_ms_max: 200, ..SchemaSettings::default() };
    let candidate = MemoryCandidate::on([]).put(PATHS[0], first.to_vec()).put(PATHS[1], second.to_vec());
    let tree = LandingTree::new(&candidate);
    let catalog = Catalog::new(&tree, PATHS.map(str::to_owned));
    let formats = documents.len() % 2 == 1;
    let contents = [first, second];
    let schemas: Vec<_> = PATHS.map(|path| read(path, &catalog, formats, &settings, &contents)).into();
    let content = documents_of(documents);
    let verdicts: Vec<Option<Vec<bool>>> = schemas
        .iter()
        .map(|schema| schema.as_ref().map(|schema| verdicts(schema, formats, documents, content.as_ref(), &settings)))
        .collect();
    if let [Some(old), Some(new)] = &schemas[..] {
        let is_promised =
            |old: &Closure, new: &Closure| compatibility::broken(old, new, Compatibility::Backward, formats).is_empty();
        check_promise(is_promised(&old.0, &new.0), &verdicts[0], &verdicts[1]);
        check_promise(is_promised(&new.0, &old.0), &verdicts[1], &verdicts[0]);
    }
}

type Schema = (Closure, Compiled);

fn read(
    path: &str,
    catalog: &Catalog<'_>,
    formats: bool,
    settings: &SchemaSettings,
    contents: &[&[u8]; 2],
) -> Option<Schema> {
    let loaded = closure::load(path, catalog, settings).expect("memory is readable");
    let compiled = loaded.and_then(|closure| Ok((Compiled::new(&closure, formats, settings)?, closure)));
    match compiled {
        Ok((compiled, closure)) => Some((closure, compiled)),
        Err(findings) => {
            assert!(!findings.is_empty(), "a schema is refused without a reason");
            for finding in findings {
                let at = PATHS.iter().position(|path| *path == finding.path).expect("it is about one of the schemas");
                check_told(contents[at], &[finding]);
            }
            None
        }
    }
}

fn documents_of(text: &[u8]) -> Option<Content<'_>> {
    let mut findings = Findings::default();
    syntax::Yaml { bounds: crate::syntax::DocumentBounds::with_depth(DEPTH_MAX) }
        .check(&Document::new("a.yaml", text), &mut findings);
    let text = std::str::from_utf8(text).ok().filter(|_| findings.is_empty());
    text.and_then(|text| Content::read(Format::Yaml, text))
}

/// Returns whether each document satisfies the schema; nothing is returned of those whose check was stopped.
fn verdicts(
    (closure, schema): &Schema,
    formats: bool,
    text: &[u8],
    content: Option<&Content<'_>>,
    settings: &SchemaSettings,
) -> Vec<bool> {
    let Some(content) = content else { return Vec::new() };
    let document = Document::new("a.yaml", text);
    let usual = usual(closure, formats);
    let mut verdicts = Vec::new();
    for (index, value) in content.values().iter().enumerate() {
        let (violations, more) = schema.check(value, settings);
        assert!(more == 0 || !violations.is_empty());
        let is_stopped = violations.iter().any(|violation| STOPPED.contains(&violation.rule));
        assert!(violations.iter().all(|violation| violation.rule != Rule::CheckFailed), "{violations:?}");
        let is_valid = violations.is_empty();
        if is_stopped {
            return Vec::new();
        }
        if let Some(usual) = &usual {
            assert_eq!(is_valid, usual.is_valid(value), "{violations:?}");
        }
        verdicts.push(is_valid);
        for violation in violations {
            assert!(value.pointer(&violation.pointer).is_some() || !violation.pointer.is_empty(), "{violation:?}");
            check_told(text, &[violation.into_finding(&document, content, index)]);
        }
    }
    verdicts
}

/// Returns the library's own validator, for schemas of one file.
fn usual(closure: &Closure, formats: bool) -> Option<jsonschema::Validator> {
    let options = jsonschema::options().offline().should_validate_formats(formats);
    let is_alone = closure.resources.is_empty();
    is_alone.then(|| options.with_base_uri("configbus:///s/a.json").build(&closure.root.value).ok()).flatten()
}

/// Every document that satisfies the old schema has to satisfy the new one, if that is what is promised.
fn check_promise(is_promised: bool, old: &Option<Vec<bool>>, new: &Option<Vec<bool>>) {
    let (Some(old), Some(new)) = (old, new) else { return };
    if is_promised && old.len() == new.len() {
        let broken = old.iter().zip(new).position(|(old, new)| *old && !new);
        assert_eq!(broken, None, "a document that satisfied the old schema does not satisfy the new one");
    }
}
