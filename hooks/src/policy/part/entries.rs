//! Schemas, rules and what looks like a secret: lists of entries that name files by patterns.

use super::{LISTS, Translation};
use crate::{
    PathGlob,
    candidate::CandidateError,
    check::{Document, Findings},
    policy::{
        RULES, SCHEMAS,
        reader::{Node, PolicyFile},
    },
};
use serde_json::{Map, Value};

/// The variable of rules that says where a file stands.
const PATH: &str = "path";

/// Writes the entries that concern the directory for the new root. One line each, in the JSON that YAML contains.
pub(super) fn translate(translation: &mut Translation<'_>) -> Result<(), CandidateError> {
    for path in LISTS {
        let Some(file) = (translation.part.read)(path)? else { continue };
        let document = Document::new(path, &file.content);
        let Some(read) = PolicyFile::read(&document, &mut Findings::default()) else { continue };
        let Some(root) = read.root() else { continue };
        let mut lines = Vec::new();
        for node in root.elements(&mut Findings::default()) {
            for entry in entry(translation, path, &node) {
                lines.push(format!("- {}\n", Value::Object(entry)));
            }
        }
        if !lines.is_empty() {
            translation.policy.files.insert(path.to_owned(), lines.concat().into());
        }
    }
    Ok(())
}

/// Returns what an entry becomes; several where one pattern does.
fn entry(translation: &mut Translation<'_>, path: &str, node: &Node<'_>) -> Vec<Map<String, Value>> {
    let (Some(members), line) = (node.value().as_object(), node.line()) else { return Vec::new() };
    let files = match members.get("files") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => return Vec::new(),
    };
    let mut globs: Vec<String> = Vec::new();
    for text in files {
        match PathGlob::parse(text).and_then(|glob| glob.below(translation.part.prefix)) {
            Ok(below) => globs.extend(below.iter().map(|glob| glob.as_str().to_owned())),
            Err(error) => translation.refuse(path, line, format!("{text}: {error}")),
        }
    }
    globs.dedup();
    if globs.is_empty() {
        translation.policy.dropped += 1;
        return Vec::new();
    }
    let mut members = members.clone();
    if path == SCHEMAS {
        move_schema(translation, &mut members);
    }
    if path == RULES {
        if members.get("rule").and_then(Value::as_str).is_some_and(asks_for_path) {
            let reason = "the rule asks for `path`, which is another one below the new root; rewrite it without";
            translation.refuse(path, line, reason);
        }
        members.insert("files".into(), globs.into());
        return vec![members];
    }
    let with = |glob: String| {
        let mut members = members.clone();
        members.insert("files".into(), glob.into());
        members
    };
    globs.into_iter().map(with).collect()
}

/// A schema in the directory moves with it; others are copied to the same place.
fn move_schema(translation: &Translation<'_>, members: &mut Map<String, Value>) {
    let Some(schema) = members.get("schema").and_then(Value::as_str) else { return };
    let prefix = format!("{}/", translation.part.prefix);
    if let Some(below) = schema.strip_prefix(&prefix) {
        members.insert("schema".into(), below.to_owned().into());
    }
}

/// Returns whether an expression may ask where the file stands. A text that says `path` counts as well: rules are only read
/// for what they mean where they can be killed.
fn asks_for_path(expression: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    expression.match_indices(PATH).any(|(at, _)| {
        let before = expression[..at].chars().next_back();
        let after = expression[at + PATH.len()..].chars().next();
        !before.is_some_and(|c| is_word(c) || c == '.') && !after.is_some_and(is_word)
    })
}
