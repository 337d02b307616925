//! `.configbus/schemas.yaml`: which files are held to which schema.
//!
//! A list of entries `{files: pattern, schema: path, compatibility: none|backward|forward|full, formats: bool}`. Every
//! entry whose pattern matches a file counts for it.

use super::reader::{Node, PolicyFile};
use crate::{
    PathGlob, Rule,
    check::{Document, Findings},
    policy::{is_policy, nearest},
};
use configbus_model::ConfigPath;

/// What a changed schema promises about documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Compatibility {
    /// Nothing.
    #[default]
    None,
    /// What the old schema accepts the new one accepts.
    Backward,
    /// What the new schema accepts the old one accepts.
    Forward,
    /// Both.
    Full,
}

impl Compatibility {
    const ALL: [(&'static str, Self); 4] =
        [("none", Self::None), ("backward", Self::Backward), ("forward", Self::Forward), ("full", Self::Full)];
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SchemaEntry {
    /// Which files.
    pub files: PathGlob,
    /// The path of the schema.
    pub schema: String,
    /// What its changes promise.
    pub compatibility: Compatibility,
    /// Whether `format` is asserted.
    pub formats: bool,
}

/// All entries, in the order of the file.
#[derive(Debug, Default)]
pub(crate) struct Schemas {
    /// The entries.
    pub entries: Vec<SchemaEntry>,
}

/// Parses the file, or adds what is wrong with it.
pub(crate) fn parse(document: &Document<'_>, findings: &mut Findings) -> Schemas {
    let Some(file) = PolicyFile::read(document, findings) else { return Schemas::default() };
    let Some(root) = file.root() else { return Schemas::default() };
    Schemas { entries: root.elements(findings).iter().filter_map(|node| entry(node, findings)).collect() }
}

fn entry(node: &Node<'_>, findings: &mut Findings) -> Option<SchemaEntry> {
    let (mut files, mut schema) = (None, None);
    let (mut compatibility, mut formats) = (Compatibility::None, false);
    let fields = node.fields(&["files", "schema", "compatibility", "formats"], findings);
    if fields.is_empty() {
        return None;
    }
    let has = |name: &str| fields.iter().any(|(key, _)| *key == name);
    for name in ["files", "schema"].into_iter().filter(|name| !has(name)) {
        findings.add(node.finding(Rule::PolicyInvalid, format!("entry has no '{name}'")));
    }
    for (key, value) in &fields {
        match *key {
            "files" => files = pattern(value, findings),
            "schema" => schema = path(value, findings),
            "compatibility" => compatibility = promise(value, findings).unwrap_or_default(),
            _ => formats = value.boolean(findings).unwrap_or_default(),
        }
    }
    Some(SchemaEntry { files: files?, schema: schema?, compatibility, formats })
}

fn pattern(node: &Node<'_>, findings: &mut Findings) -> Option<PathGlob> {
    let text = node.text(findings)?;
    let parsed = PathGlob::parse(text);
    parsed.map_err(|error| findings.add(node.finding(Rule::PolicyInvalid, error.to_string()).found(text))).ok()
}

fn path(node: &Node<'_>, findings: &mut Findings) -> Option<String> {
    let text = node.text(findings)?;
    match ConfigPath::parse(text) {
        Ok(path) if !is_policy(text) => Some(path.as_str().to_owned()),
        Ok(_) => {
            let message = "schemas stand outside the folder .configbus, which is reserved";
            findings.add(node.finding(Rule::PolicyInvalid, message).found(text));
            None
        }
        Err(error) => {
            findings.add(node.finding(Rule::PolicyInvalid, error.to_string()).found(text));
            None
        }
    }
}

fn promise(node: &Node<'_>, findings: &mut Findings) -> Option<Compatibility> {
    let text = node.text(findings)?;
    let known = Compatibility::ALL.into_iter().find(|(name, _)| *name == text);
    if known.is_none() {
        let names = Compatibility::ALL.map(|(name, _)| name);
        let expected = nearest(text, names).map_or_else(|| names.join(", "), str::to_owned);
        let finding = node.finding(Rule::PolicyInvalid, "compatibility is not known");
        findings.add(finding.found(text).expected(expected));
    }
    known.map(|(_, compatibility)| compatibility)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_parsed(text: &str) -> (Vec<SchemaEntry>, Vec<String>) {
        let document = Document::new("schemas.yaml", text.as_bytes());
        let mut findings = Findings::default();
        let schemas = parse(&document, &mut findings);
        let told = findings.into_parts().0.into_iter();
        (schemas.entries, told.map(|finding| format!("{} {}", finding.location(), finding.sentence())).collect())
    }

    #[test]
    fn entries_are_read() {
        let text = "- {files: 'ads/**', schema: schemas/ads.json}\n\
                    - {files: '*.toml', schema: s.json, compatibility: full, formats: true}\n";
        let (entries, told) = check_parsed(text);
        assert_eq!(told, [""; 0]);
        let read: Vec<_> = entries.iter().map(|e| (e.files.as_str(), &*e.schema, e.compatibility, e.formats)).collect();
        let expected = [
            ("ads/**", "schemas/ads.json", Compatibility::None, false),
            ("*.toml", "s.json", Compatibility::Full, true),
        ];
        assert_eq!(read, expected);
        assert_eq!(check_parsed("# none yet\n"), (vec![], vec![]));
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, words) in [
            ("files: a", "schemas.yaml:1:1 value is of another kind"),
            ("- files: a", "schemas.yaml:1:3 entry has no 'schema'"),
            (
                "- {files: a, shema: b}",
                "1:14 key is not known here, so it would do nothing: found shema, expected schema",
            ),
            ("- {files: '!a', schema: b}", "patterns cannot be negated"),
            ("- {files: a, schema: ../b}", "schemas.yaml:1:22"),
            ("- {files: a, schema: .configbus/b.json}", "which is reserved"),
            ("- {files: a, schema: b, compatibility: backwards}", "found backwards, expected backward"),
            ("- {files: a, schema: b, formats: 'yes'}", "expected true or false"),
        ] {
            let (_, told) = check_parsed(text);
            assert!(told.iter().any(|line| line.contains(words)), "{text}: {told:?}");
        }
    }
}
