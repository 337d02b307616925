//! Which files a schema is made of, for whoever moves it.

use super::{SchemaSettings, catalog::Catalog, closure, files::SchemaFiles};
use crate::candidate::CandidateError;
use std::collections::BTreeSet;

/// Returns the files of a schema, itself included, or why it cannot be read. `all` are those that may be meant by the names
/// they give themselves.
pub(crate) fn files_of(
    path: &str,
    files: &dyn SchemaFiles,
    all: &[String],
    settings: &SchemaSettings,
) -> Result<Result<BTreeSet<String>, String>, CandidateError> {
    let catalog = Catalog::new(files, all.iter().cloned());
    let told = |findings: Vec<crate::Finding>| {
        findings.first().map_or_else(|| "schema cannot be read".to_owned(), crate::Finding::sentence)
    };
    Ok(closure::load(path, &catalog, settings)?.map(|closure| closure.files.into_keys().collect()).map_err(told))
}
