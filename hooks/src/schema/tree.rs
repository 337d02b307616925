//! The two trees of a candidate, as schemas are read from them.

use super::files::{SchemaFile, SchemaFiles};
use crate::candidate::{Candidate, CandidateError, FoundFile};
use configbus_model::ObjectId;
use std::{cell::RefCell, collections::HashMap};

/// The tree that would land. Ids are asked for once.
pub(crate) struct LandingTree<'a> {
    candidate: &'a dyn Candidate,
    ids: RefCell<HashMap<String, Option<ObjectId>>>,
}

/// The tree that is there.
pub(crate) struct BaseTree<'a>(pub(super) &'a dyn Candidate);

impl<'a> LandingTree<'a> {
    pub(crate) fn new(candidate: &'a dyn Candidate) -> Self {
        Self { candidate, ids: RefCell::default() }
    }
}

impl SchemaFiles for LandingTree<'_> {
    fn id(&self, path: &str) -> Result<Option<ObjectId>, CandidateError> {
        if let Some(known) = self.ids.borrow().get(path) {
            return Ok(*known);
        }
        let id = self.candidate.landing_id(path)?;
        self.ids.borrow_mut().insert(path.to_owned(), id);
        Ok(id)
    }

    fn file(&self, path: &str) -> Result<Option<SchemaFile>, CandidateError> {
        Ok(self.candidate.landing_file(path)?.map(schema_file))
    }
}

impl SchemaFiles for BaseTree<'_> {
    fn id(&self, path: &str) -> Result<Option<ObjectId>, CandidateError> {
        Ok(self.0.base_file(path)?.map(|file| file.id))
    }

    fn file(&self, path: &str) -> Result<Option<SchemaFile>, CandidateError> {
        Ok(self.0.base_file(path)?.map(schema_file))
    }
}

fn schema_file(file: FoundFile) -> SchemaFile {
    SchemaFile { id: file.id, content: file.content }
}
