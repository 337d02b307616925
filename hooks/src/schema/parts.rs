//! The parts of a schema, as the schema library compiles them: which of them judge the same value of a document.
//!
//! The library compiles a part once for each way that leads to it through resources, because `$dynamicRef` may mean another
//! one on each, so that a small schema can become a large one. What is here takes the library's steps without building
//! anything, with its own resolver, and stops when there are too many.

use super::{
    closure::Closure,
    compiled::Resources,
    loaded::uri_of,
    reference::{Outline, without_fragment},
};
use jsonschema::{Draft, Registry, Uri, uri};
use percent_encoding::percent_decode_str;
use referencing::{List, Resolved, Resolver};
use serde_json::{Map, Value};
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

/// The parts of one schema, the outermost first.
#[derive(Debug, Default)]
pub(super) struct Parts<'r> {
    pub parts: Vec<Part<'r>>,
}

/// One part.
#[derive(Debug, Default)]
pub(super) struct Part<'r> {
    /// Parts that judge the same value.
    pub in_place: Vec<Inner>,
    /// How many of its keywords look for what no other keyword evaluated, for which the library judges again.
    pub unevaluated: u64,
    /// How many parts are written inside, itself included.
    pub written: u64,
    pub place: Place<'r>,
}

/// A part that judges the same value as the one it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Inner {
    pub part: usize,
    /// Whether a reference leads back to where it may have come from: the library follows it only if it is not on that way.
    pub is_guarded: bool,
}

/// Where a part stands.
#[derive(Debug, Clone, Default)]
pub(super) enum Place<'r> {
    #[default]
    Root,
    /// In a part, under a keyword and perhaps a name or a number.
    Inside(usize, &'r str, Option<Step<'r>>),
    /// What a reference leads to.
    Target(Arc<Uri<String>>),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'r> {
    Name(&'r str),
    Index(usize),
}

/// There are more parts than may be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooMany;

impl<'r> Parts<'r> {
    /// Goes through a schema. Nothing is returned of one that the library does not read either.
    pub(super) fn with<T>(
        closure: &Closure,
        parts_max: u64,
        then: impl FnOnce(Result<Parts<'_>, TooMany>) -> T,
    ) -> Option<T> {
        let draft = Draft::default().detect(&closure.root.value);
        let base: Uri<String> = uri::from_str(&uri_of(&closure.root.path)).ok()?;
        let registry = Registry::new().retriever(Resources(closure.resources.clone())).draft(draft);
        let registry =
            registry.add(base.as_str(), draft.create_resource_ref(&closure.root.value)).ok()?.prepare().ok()?;
        let mut walk = Walk::new(parts_max);
        let scene = walk.scene(registry.resolver(base), draft);
        let walked = walk.all(&closure.root.value, &scene);
        Some(then(walked.map(|()| Parts { parts: walk.parts })))
    }

    /// Returns the resource a part stands in and the pointer there.
    pub(super) fn place(&self, part: usize) -> (Option<String>, String) {
        let (mut steps, mut at) = (Vec::new(), part);
        let (resource, start) = loop {
            match &self.parts[at].place {
                Place::Root => break (None, String::new()),
                Place::Target(uri) => {
                    let fragment = uri.as_str().split_once('#').map_or("", |(_, fragment)| fragment);
                    let pointer = percent_decode_str(fragment).decode_utf8_lossy();
                    let pointer = if pointer.starts_with('/') { pointer.into_owned() } else { String::new() };
                    break (Some(without_fragment(uri)), pointer);
                }
                Place::Inside(outer, keyword, step) => {
                    steps.extend(step.map(|step| match step {
                        Step::Name(name) => name.replace('~', "~0").replace('/', "~1"),
                        Step::Index(index) => index.to_string(),
                    }));
                    steps.push((*keyword).to_owned());
                    at = *outer;
                }
            }
        };
        (resource, steps.into_iter().rev().fold(start, |pointer, step| pointer + "/" + &step))
    }
}

/// What a part is seen from: which resource it stands in, and which ones led there.
#[derive(Clone)]
struct Scene<'r> {
    resolver: Resolver<'r>,
    draft: Draft,
    id: usize,
}

/// A reference whose target is looked at later, as the library leaves long chains for later.
struct Later<'r> {
    schema: &'r Value,
    scene: Scene<'r>,
    alias: Arc<Uri<String>>,
    part: usize,
    /// Targets that were under way when it was left.
    under_way: HashMap<Arc<Uri<String>>, usize>,
}

/// A resource, and those that led there.
type Ways = (Arc<Uri<String>>, List<Uri<String>>);

struct Walk<'r> {
    parts: Vec<Part<'r>>,
    /// Parts that are known, by their address and how they are seen.
    known: HashMap<(usize, usize), usize>,
    /// Targets of references that are known.
    targets: HashMap<(Arc<Uri<String>>, usize), usize>,
    /// Targets of references that are being looked at.
    under_way: HashMap<Arc<Uri<String>>, usize>,
    later: VecDeque<Later<'r>>,
    scenes: HashMap<Ways, usize>,
    nested: usize,
    steps_left: u64,
}

/// As many targets of references are looked at inside one another before others wait, as in the library.
const NESTED_MAX: usize = 8;

impl<'r> Walk<'r> {
    fn new(steps_max: u64) -> Self {
        Self {
            parts: Vec::new(),
            known: HashMap::new(),
            targets: HashMap::new(),
            under_way: HashMap::new(),
            later: VecDeque::new(),
            scenes: HashMap::new(),
            nested: 0,
            steps_left: steps_max,
        }
    }

    fn all(&mut self, root: &'r Value, scene: &Scene<'r>) -> Result<(), TooMany> {
        self.schema(root, scene, Place::Root)?;
        while let Some(later) = self.later.pop_front() {
            self.under_way = later.under_way;
            self.target(later.schema, &later.scene, later.alias, later.part)?;
        }
        Ok(())
    }

    fn count(&mut self, steps: usize) -> Result<(), TooMany> {
        self.steps_left = self.steps_left.checked_sub(steps as u64).ok_or(TooMany)?;
        Ok(())
    }

    fn scene(&mut self, resolver: Resolver<'r>, draft: Draft) -> Scene<'r> {
        let next = self.scenes.len();
        let id = *self.scenes.entry((resolver.base_uri(), resolver.dynamic_scope())).or_insert(next);
        Scene { resolver, draft, id }
    }

    /// Looks at a schema inside another.
    fn schema(&mut self, schema: &'r Value, scene: &Scene<'r>, place: Place<'r>) -> Result<usize, TooMany> {
        let draft = scene.draft.detect(schema);
        let resource = draft.create_resource_ref(schema);
        let scene = match resource.id().map(|_| scene.resolver.in_subresource(resource)) {
            Some(Ok(resolver)) => self.scene(resolver, draft),
            _ => Scene { draft, ..scene.clone() },
        };
        self.part(schema, &scene, place)
    }

    fn part(&mut self, schema: &'r Value, scene: &Scene<'r>, place: Place<'r>) -> Result<usize, TooMany> {
        let key = (std::ptr::from_ref(schema) as usize, scene.id);
        if let Some(known) = self.known.get(&key) {
            return Ok(*known);
        }
        let part = self.push(place)?;
        if let Value::Object(members) = schema {
            self.members(members, scene, part)?;
        }
        self.known.insert(key, part);
        Ok(part)
    }

    fn push(&mut self, place: Place<'r>) -> Result<usize, TooMany> {
        self.count(1)?;
        self.parts.push(Part { written: 1, place, ..Part::default() });
        Ok(self.parts.len() - 1)
    }

    fn members(&mut self, members: &'r Map<String, Value>, scene: &Scene<'r>, part: usize) -> Result<(), TooMany> {
        let ignores_siblings = matches!(scene.draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7);
        if let Some(reference) = members.get("$ref").filter(|_| ignores_siblings) {
            return self.reference(members, reference, scene, part);
        }
        for (keyword, value) in members {
            match keyword.as_str() {
                "$ref" => self.reference(members, value, scene, part)?,
                "$dynamicRef" if scene.draft != Draft::Draft201909 => self.reference(members, value, scene, part)?,
                "$recursiveRef" if scene.draft == Draft::Draft201909 => self.recursive(value, scene, part)?,
                _ => self.keyword(keyword, value, scene, part)?,
            }
        }
        Ok(())
    }

    fn keyword(&mut self, keyword: &'r str, value: &'r Value, scene: &Scene<'r>, part: usize) -> Result<(), TooMany> {
        let is_in_place = match keyword {
            "allOf" | "anyOf" | "oneOf" | "not" | "if" | "then" | "else" | "dependentSchemas" | "dependencies" => true,
            "unevaluatedProperties" | "unevaluatedItems" => {
                self.parts[part].unevaluated += 1;
                false
            }
            "properties"
            | "patternProperties"
            | "additionalProperties"
            | "propertyNames"
            | "items"
            | "prefixItems"
            | "additionalItems"
            | "contains" => false,
            _ => return Ok(()),
        };
        let is_named = matches!(keyword, "properties" | "patternProperties" | "dependentSchemas" | "dependencies");
        let inside: Vec<(Option<Step<'r>>, &'r Value)> = match value {
            Value::Object(named) if is_named => {
                named.iter().map(|(name, schema)| (Some(Step::Name(name)), schema)).collect()
            }
            Value::Array(items) => {
                items.iter().enumerate().map(|(at, schema)| (Some(Step::Index(at)), schema)).collect()
            }
            schema => vec![(None, schema)],
        };
        for (step, schema) in inside.into_iter().filter(|(_, schema)| schema.is_object() || schema.is_boolean()) {
            let inner = self.schema(schema, scene, Place::Inside(part, keyword, step))?;
            self.parts[part].written = self.parts[part].written.saturating_add(self.parts[inner].written);
            if is_in_place {
                self.parts[part].in_place.push(Inner { part: inner, is_guarded: false });
            }
        }
        Ok(())
    }

    /// Follows a reference. One that leads nowhere is told by the library, if it counts; one to itself is not followed.
    fn reference(
        &mut self,
        members: &'r Map<String, Value>,
        reference: &'r Value,
        scene: &Scene<'r>,
        part: usize,
    ) -> Result<(), TooMany> {
        let Some(reference) = reference.as_str().filter(|reference| !reference.is_empty()) else { return Ok(()) };
        let Ok(resolved) = scene.resolver.lookup(reference) else { return Ok(()) };
        let is_itself = resolved.contents().as_object().is_some_and(|target| std::ptr::eq(target, members));
        if is_itself { Ok(()) } else { self.follow(reference, resolved, scene, part) }
    }

    fn recursive(&mut self, reference: &'r Value, scene: &Scene<'r>, part: usize) -> Result<(), TooMany> {
        match (reference.as_str(), scene.resolver.lookup_recursive_ref()) {
            (Some(reference), Ok(resolved)) => self.follow(reference, resolved, scene, part),
            _ => Ok(()),
        }
    }

    fn follow(
        &mut self,
        reference: &str,
        resolved: Resolved<'r>,
        scene: &Scene<'r>,
        part: usize,
    ) -> Result<(), TooMany> {
        let base = scene.resolver.base_uri();
        let Ok(alias) = scene.resolver.resolve_uri(&base.borrow(), reference) else { return Ok(()) };
        let (schema, resolver, draft) = resolved.into_inner();
        self.count((&resolver.dynamic_scope()).into_iter().count() / STEPS_PER_RESOURCE)?;
        let scene = self.scene(resolver, draft);
        let target = self.target_of(schema, &scene, alias)?;
        self.parts[part].in_place.push(target);
        Ok(())
    }

    fn target_of(&mut self, schema: &'r Value, scene: &Scene<'r>, alias: Arc<Uri<String>>) -> Result<Inner, TooMany> {
        if let Some(part) = self.targets.get(&(Arc::clone(&alias), scene.id)) {
            return Ok(Inner { part: *part, is_guarded: false });
        }
        if let Some(part) = self.under_way.get(&alias) {
            return Ok(Inner { part: *part, is_guarded: true });
        }
        let part = self.push(Place::Target(Arc::clone(&alias)))?;
        if self.nested >= NESTED_MAX {
            self.targets.insert((Arc::clone(&alias), scene.id), part);
            self.count(self.under_way.len() / STEPS_PER_RESOURCE)?;
            let under_way = self.under_way.clone();
            self.later.push_back(Later { schema, scene: scene.clone(), alias, part, under_way });
        } else {
            self.nested += 1;
            self.target(schema, scene, alias, part)?;
            self.nested -= 1;
        }
        Ok(Inner { part, is_guarded: false })
    }

    fn target(
        &mut self,
        schema: &'r Value,
        scene: &Scene<'r>,
        alias: Arc<Uri<String>>,
        part: usize,
    ) -> Result<(), TooMany> {
        self.under_way.insert(Arc::clone(&alias), part);
        let place = Place::Target(Arc::clone(&alias));
        let compiled = self.part(schema, scene, place)?;
        self.parts[part].in_place.push(Inner { part: compiled, is_guarded: false });
        self.under_way.remove(&alias);
        self.targets.insert((alias, scene.id), part);
        Ok(())
    }
}

/// As many resources on the way to a part cost as much as a part.
const STEPS_PER_RESOURCE: usize = 8;

/// Returns the pointer in a file, seen from a URI, of the resource that has another.
pub(super) fn pointer_of(file: &Outline, resource: &str) -> Option<String> {
    file.resources.get(resource).cloned()
}
