//! The files that are measured on: small, alike at each size, a hundred to a directory.

use std::iter;

/// Files of one directory, and directories of one directory.
pub(crate) const WIDTH: usize = 100;

/// Returns the path of a file.
pub(crate) fn path_of(number: usize) -> String {
    let directory = number / WIDTH;
    format!("{}/{}/{}", directory_name(directory / WIDTH), directory_name(directory % WIDTH), file_name(number % WIDTH))
}

/// Returns the name of the n-th file in its directory.
pub(crate) fn file_name(number: usize) -> String {
    format!("f{number:02}.json")
}

/// Returns the name of the n-th directory in its directory.
pub(crate) fn directory_name(number: usize) -> String {
    format!("d{number:02}")
}

/// Returns what a file holds in one of its versions.
pub(crate) fn content_of(number: usize, version: usize) -> String {
    let team = number % 17;
    format!("{{\"number\": {number}, \"version\": {version}, \"enabled\": true, \"owner\": \"team-{team}\"}}\n")
}

/// Returns an endless series of changes, as number of the file and its new version, visiting directories all over the
/// tree: a prime step does not come back to the same ones soon.
pub(crate) fn changes(files: usize) -> impl Iterator<Item = (usize, usize)> {
    iter::successors(Some(1_usize), |version| Some(version + 1)).map(move |version| (version * 7_919 % files, version))
}
