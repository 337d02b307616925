//! A schema with everything it refers to, all of it from the repository.

use super::{
    SchemaSettings,
    catalog::Catalog,
    loaded::{Loaded, SCHEME, uri_of},
    reference::{Outline, Reference},
};
use crate::{Finding, Rule, candidate::CandidateError};
use configbus_model::{ObjectId, at_most};
use jsonschema::Draft;
use percent_encoding::percent_decode_str;
use std::collections::{BTreeMap, BTreeSet};

/// Everything one schema is compiled from.
#[derive(Debug)]
pub(super) struct Closure {
    /// The schema itself.
    pub root: Loaded,
    /// What it refers to, by the URI it is asked for.
    pub resources: BTreeMap<String, Loaded>,
    /// Every file it is made of, itself included.
    pub files: BTreeMap<String, ObjectId>,
    /// How long they are together.
    pub size_bytes: usize,
    /// Whether names that other schemas give themselves were asked for.
    pub is_named: bool,
    /// How many different patterns in it may become much larger than they are written.
    pub patterns_growing: usize,
}

/// Reads a schema and what it refers to, or says what is wrong.
pub(super) fn load(
    path: &str,
    catalog: &Catalog<'_>,
    settings: &SchemaSettings,
) -> Result<Result<Closure, Vec<Finding>>, CandidateError> {
    let Some(file) = catalog.files().file(path)? else {
        return Ok(Err(vec![Finding::new(
            Rule::SchemaMissing,
            path,
            "schema does not exist, and schemas.yaml names it",
        )]));
    };
    let root = match Loaded::read(path, file) {
        Ok(root) => root,
        Err(findings) => return Ok(Err(findings)),
    };
    let mut loading = Loading {
        catalog,
        settings,
        waiting: Vec::new(),
        known: BTreeSet::new(),
        patterns: BTreeSet::new(),
        references_total: 0,
        findings: Vec::new(),
        closure: Closure {
            root: root.clone(),
            resources: BTreeMap::new(),
            files: BTreeMap::new(),
            size_bytes: 0,
            is_named: false,
            patterns_growing: 0,
        },
    };
    loading.add(&root, &uri_of(path));
    loading.follow()?;
    loading.check_size();
    loading.closure.patterns_growing = loading.patterns.iter().filter(|pattern| may_grow(pattern)).count();
    Ok(if loading.findings.is_empty() { Ok(loading.closure) } else { Err(loading.findings) })
}

struct Loading<'a> {
    catalog: &'a Catalog<'a>,
    settings: &'a SchemaSettings,
    /// References whose files have not been looked for yet.
    waiting: Vec<(Loaded, Reference)>,
    /// Resources that are there.
    known: BTreeSet<String>,
    patterns: BTreeSet<String>,
    references_total: usize,
    findings: Vec<Finding>,
    closure: Closure,
}

impl Loading<'_> {
    fn add(&mut self, loaded: &Loaded, uri: &str) {
        let Outline { resources, references, references_total, patterns } = loaded.outline(uri);
        self.references_total += references_total;
        self.closure.size_bytes += loaded.content.len();
        self.known.extend(resources.into_keys());
        self.patterns.extend(patterns);
        self.closure.files.insert(loaded.path.clone(), loaded.id);
        self.waiting.extend(references.into_iter().map(|reference| (loaded.clone(), reference)));
    }

    fn follow(&mut self) -> Result<(), CandidateError> {
        while let Some((from, reference)) = self.waiting.pop() {
            if self.is_too_large() {
                break;
            }
            let Some(resource) = reference.resource.clone() else {
                self.refuse(&from, &reference, "reference is no URI");
                continue;
            };
            if self.known.contains(&resource) || is_meta_schema(&resource) {
                continue;
            }
            self.resolve(&from, &reference, &resource)?;
        }
        Ok(())
    }

    fn is_too_large(&self) -> bool {
        let settings = self.settings;
        self.closure.size_bytes > settings.size_bytes_max
            || self.closure.files.len() > settings.files_max
            || self.references_total > settings.references_max
            || self.patterns.len() > settings.patterns_max
    }

    fn resolve(&mut self, from: &Loaded, reference: &Reference, resource: &str) -> Result<(), CandidateError> {
        self.closure.is_named = true;
        let named = self.catalog.named(resource)?;
        let path = match named[..] {
            [] => path_of(from, reference, resource),
            [path] => Some(path.to_owned()),
            [..] => {
                let message = format!("several schemas call themselves so: {}", named.join(", "));
                self.refuse(from, reference, &message);
                return Ok(());
            }
        };
        let file = path.as_deref().map(|path| self.catalog.files().file(path)).transpose()?.flatten();
        match path.zip(file).map(|(path, file)| Loaded::read(&path, file)) {
            None => {
                let is_remote = reference.written.contains("://");
                let message = if is_remote { REMOTE } else { "reference leads to no file of the repository" };
                self.refuse(from, reference, message);
            }
            Some(Err(findings)) => self.findings.extend(findings),
            Some(Ok(loaded)) => {
                self.known.insert(resource.to_owned());
                self.closure.resources.insert(resource.to_owned(), loaded.clone());
                self.add(&loaded, resource);
            }
        }
        Ok(())
    }

    /// Only where a schema must stand it is sure that the reference counts.
    fn refuse(&mut self, from: &Loaded, reference: &Reference, message: &str) {
        if reference.is_certain {
            let finding = from.finding_at(Rule::SchemaReference, &reference.pointer, message);
            self.findings.push(finding.found(&reference.written));
        }
    }

    fn check_size(&mut self) {
        let settings = self.settings;
        let sizes = [
            ("bytes", "size_bytes_max", self.closure.size_bytes, settings.size_bytes_max),
            ("files", "files_max", self.closure.files.len(), settings.files_max),
            ("references", "references_max", self.references_total, settings.references_max),
            ("different patterns", "patterns_max", self.patterns.len(), settings.patterns_max),
        ];
        let root = &self.closure.root.path;
        let too_large = sizes.into_iter().filter(|(_, _, size, max)| size > max);
        self.findings.extend(too_large.map(|(what, key, size, max)| {
            let message = "schema is too large, counted together with what it references; split it";
            Finding::new(Rule::SchemaSize, root, message).found(format!("{size} {what}")).expected(at_most(
                max,
                what,
                &format!("gate.schemas.{key}"),
            ))
        }));
    }
}

const REMOTE: &str = "reference leads out of the repository, and nothing is fetched from a network; put the schema into the \
                      repository and name it in schemas.yaml";

/// Repetitions that are counted are written out when a pattern is compiled, and classes of Unicode are large.
fn may_grow(pattern: &str) -> bool {
    let mut after_braces = pattern.split('{').skip(1);
    pattern.contains("\\p")
        || pattern.contains("\\P")
        || after_braces.any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Returns whether a URI is that of a draft, all of which are built in.
fn is_meta_schema(uri: &str) -> bool {
    Draft::from_schema_uri(uri) != Draft::Unknown || uri.starts_with("https://json-schema.org/draft/20")
}

/// Returns the file a reference leads to: seen from the schema's URI if that is a file of the repository, else from its
/// path.
fn path_of(from: &Loaded, reference: &Reference, resource: &str) -> Option<String> {
    if let Some(path) = resource.strip_prefix(SCHEME) {
        return Some(percent_decode_str(path).decode_utf8().ok()?.into_owned());
    }
    let written = reference.written.split('#').next().unwrap_or_default();
    let is_relative = !written.is_empty() && !written.contains(':') && !written.starts_with("//");
    if !is_relative {
        return None;
    }
    let written = percent_decode_str(written).decode_utf8().ok()?;
    let folder = from.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut steps: Vec<&str> = if written.starts_with('/') { Vec::new() } else { folder.split('/').collect() };
    for step in written.split('/') {
        match step {
            "" | "." => {}
            ".." => drop(steps.pop()?),
            step => steps.push(step),
        }
    }
    Some(steps.into_iter().filter(|step| !step.is_empty()).collect::<Vec<_>>().join("/"))
}
