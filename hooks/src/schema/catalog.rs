//! The schemas that `schemas.yaml` names, so that they can refer to each other by the names they give themselves.

use super::{
    files::SchemaFiles,
    loaded::{Loaded, uri_of},
};
use crate::candidate::CandidateError;
use configbus_model::ObjectId;
use std::{
    cell::OnceCell,
    collections::{BTreeMap, BTreeSet},
};

/// Schemas of one tree.
pub(crate) struct Catalog<'f> {
    files: &'f dyn SchemaFiles,
    paths: BTreeSet<String>,
    named: OnceCell<BTreeMap<String, BTreeSet<String>>>,
}

impl<'f> Catalog<'f> {
    /// Names the schemas of a tree.
    pub(crate) fn new(files: &'f dyn SchemaFiles, paths: impl IntoIterator<Item = String>) -> Self {
        Self { files, paths: paths.into_iter().collect(), named: OnceCell::new() }
    }

    /// Returns the tree.
    pub(super) fn files(&self) -> &'f dyn SchemaFiles {
        self.files
    }

    /// Returns where the schemas stand.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(String::as_str)
    }

    /// Returns the files that call themselves by a URI; more than one is ambiguous.
    pub(super) fn named(&self, uri: &str) -> Result<Vec<&str>, CandidateError> {
        if self.named.get().is_none() {
            let _ = self.named.set(self.read_names()?);
        }
        let paths = self.named.get().and_then(|named| named.get(uri));
        Ok(paths.into_iter().flatten().map(String::as_str).collect())
    }

    /// Returns something that differs whenever what [`named`](Self::named) says may differ.
    pub(super) fn fingerprint(&self) -> Result<ObjectId, CandidateError> {
        let mut text = String::new();
        for path in &self.paths {
            if let Some(id) = self.files.id(path)? {
                text.push_str(&format!("{id} {path}\0"));
            }
        }
        let id = configbus_model::blob_id(text.as_bytes());
        id.map(|id| id.object_id()).map_err(|error| CandidateError::read("the ids of schemas", error))
    }

    fn read_names(&self) -> Result<BTreeMap<String, BTreeSet<String>>, CandidateError> {
        let mut named: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for path in &self.paths {
            let Some(file) = self.files.file(path)? else { continue };
            // What is no schema is told where it is compiled.
            let Ok(loaded) = Loaded::read(path, file) else { continue };
            for uri in loaded.outline(&uri_of(path)).resources.into_keys() {
                named.entry(uri).or_default().insert(path.clone());
            }
        }
        Ok(named)
    }
}
