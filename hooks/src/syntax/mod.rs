//! Syntax by extension. What a check accepts, the usual parser of that format accepts as well: hosts run those.

mod bounds;
mod csv;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
pub(crate) mod json;
mod keys;
mod pointer;
mod toml;
mod xml;
mod yaml;

pub use self::yaml::YamlSettings;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use self::yaml::options as yaml_options;
pub(crate) use self::{bounds::DocumentBounds, csv::Csv, json::Json, toml::Toml, xml::Xml, yaml::Yaml};

/// Returns whether a path ends in one of these extensions, in any case.
pub(crate) fn has_extension(path: &str, extensions: &[&str]) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').is_some_and(|(_, found)| extensions.iter().any(|known| found.eq_ignore_ascii_case(known)))
}

/// Describes what stands at the beginning of `rest`.
fn describe(rest: &str) -> String {
    match rest.chars().next() {
        None => "end of file".to_owned(),
        Some('\'') => "\"'\"".to_owned(),
        Some('\n' | '\r') => "end of line".to_owned(),
        Some(c) => format!("'{c}'"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_are_those_of_the_name() {
        for (path, known) in
            [("a.json", true), ("a/b.JSON", true), (".json", true), ("json", false), ("a.json/b", false), ("a.", false)]
        {
            assert_eq!(has_extension(path, &["json"]), known, "{path}");
        }
    }
}
