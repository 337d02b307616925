//! Where schemas are read from.

use crate::candidate::CandidateError;
use bytes::Bytes;
use configbus_model::ObjectId;

/// One file of a tree.
#[derive(Debug, Clone)]
pub(crate) struct SchemaFile {
    /// Id of its content.
    pub id: ObjectId,
    /// Its content.
    pub content: Bytes,
}

/// The files of one tree: before a change or after it.
pub(crate) trait SchemaFiles {
    /// Returns the id of a file's content, or nothing if there is no such file.
    fn id(&self, path: &str) -> Result<Option<ObjectId>, CandidateError>;

    /// Returns a file.
    fn file(&self, path: &str) -> Result<Option<SchemaFile>, CandidateError>;
}

#[cfg(test)]
pub(super) mod testing {
    //! Files in memory.

    use super::*;
    use std::collections::BTreeMap;

    /// Files by path.
    #[derive(Debug, Default)]
    pub(crate) struct Memory(BTreeMap<String, Bytes>);

    impl Memory {
        #[expect(clippy::needless_pass_by_value, reason = "schemas are written where they are put")]
        pub(crate) fn with(mut self, path: &str, content: impl ToString) -> Self {
            self.0.insert(path.to_owned(), content.to_string().into());
            self
        }
    }

    impl SchemaFiles for Memory {
        fn id(&self, path: &str) -> Result<Option<ObjectId>, CandidateError> {
            Ok(self.file(path)?.map(|file| file.id))
        }

        fn file(&self, path: &str) -> Result<Option<SchemaFile>, CandidateError> {
            let file = |content: &Bytes| SchemaFile {
                id: configbus_model::blob_id(content).unwrap().object_id(),
                content: content.clone(),
            };
            Ok(self.0.get(path).map(file))
        }
    }
}
