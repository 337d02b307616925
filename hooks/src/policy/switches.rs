//! `.configbus/switches.yaml`: which files are switches, and of which kind.
//!
//! A mapping of kinds to a pattern or a list of them. What a kind names must be what it says; a kind that is not named keeps its
//! default place, where a document that is plainly something else is left alone. An empty list means that there are none.

use super::reader::{Node, PolicyFile};
use crate::{
    PathGlob, Rule,
    check::{Document, Findings},
    policy::is_policy,
};
use configbus_switches::key_below;

/// What a file of switches is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SwitchKind {
    /// flagd's flag definitions.
    Flags,
    /// Features, one file each.
    Features,
    /// Deciders.
    Deciders,
    /// Overlays of deciders.
    Overlays,
    /// Toggles of libraries.
    Toggles,
    /// Experiments, one file each, and their layers.
    Experiments,
}

impl SwitchKind {
    /// Every kind with its key and its default place.
    const ALL: [(Self, &'static str, &'static str); 6] = [
        (Self::Flags, "flags", "flags/**"),
        (Self::Features, "features", "features/**"),
        (Self::Deciders, "deciders", "**/decider.yml"),
        (Self::Overlays, "overlays", "overlays/**/decider_overlay.yml"),
        (Self::Toggles, "toggles", "**/toggles/configs/*.json"),
        (Self::Experiments, "experiments", "experiments/**"),
    ];

    /// Returns what the kind is called in the policy.
    pub(crate) fn key(self) -> &'static str {
        Self::ALL.into_iter().find(|(kind, ..)| *kind == self).map_or("", |(_, key, _)| key)
    }
}

/// The files of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SwitchEntry {
    /// What they are.
    pub kind: SwitchKind,
    /// Where they are; one pattern that matches is enough.
    pub files: Vec<PathGlob>,
    /// Whether the policy names them, so that each of them must be one.
    pub is_named: bool,
}

/// All kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Switches {
    /// One entry for each kind.
    pub entries: Vec<SwitchEntry>,
}

impl Default for Switches {
    fn default() -> Self {
        let entry = |(kind, _, place)| SwitchEntry {
            kind,
            files: vec![PathGlob::parse(place).expect("default places are patterns")],
            is_named: false,
        };
        Self { entries: SwitchKind::ALL.into_iter().map(entry).collect() }
    }
}

impl Switches {
    /// Returns what a file is. What the policy names goes before default places.
    pub(crate) fn entry(&self, path: &str) -> Option<&SwitchEntry> {
        let mut matching = self.entries.iter().filter(|entry| entry.files.iter().any(|glob| glob.matches(path)));
        let first = matching.next().filter(|_| !is_policy(path))?;
        Some(if first.is_named { first } else { matching.find(|entry| entry.is_named).unwrap_or(first) })
    }
}

impl Switches {
    /// Returns the pattern of the files that a file is judged together with.
    pub(crate) fn company(&self, path: &str) -> Option<&PathGlob> {
        self.entry(path)?.company(path)
    }
}

impl SwitchEntry {
    /// Returns how the switch in a file is called: its path below what is literal in the pattern, without the extension.
    pub(crate) fn key<'p>(&self, path: &'p str) -> &'p str {
        let glob = self.files.iter().find(|glob| glob.matches(path));
        key_below(glob.map_or("", PathGlob::as_str), path)
    }

    /// Returns the pattern of the files that a file is judged together with; `None` for kinds whose files stand alone.
    pub(crate) fn company(&self, path: &str) -> Option<&PathGlob> {
        self.files.iter().find(|glob| self.kind == SwitchKind::Experiments && glob.matches(path))
    }
}

/// Parses the file, or adds what is wrong with it.
pub(super) fn parse(document: &Document<'_>, findings: &mut Findings) -> Switches {
    let mut switches = Switches::default();
    let Some(file) = PolicyFile::read(document, findings) else { return switches };
    let Some(root) = file.root() else { return switches };
    for (key, value) in root.fields(&SwitchKind::ALL.map(|(_, key, _)| key), findings) {
        let kind = SwitchKind::ALL.into_iter().find(|(_, known, _)| *known == key).map(|(kind, ..)| kind);
        let files = patterns(&value, findings);
        if let Some(entry) = switches.entries.iter_mut().find(|entry| Some(entry.kind) == kind) {
            (entry.files, entry.is_named) = (files, true);
        }
    }
    switches
}

fn patterns(node: &Node<'_>, findings: &mut Findings) -> Vec<PathGlob> {
    let nodes = if node.is_list() { node.elements(findings) } else { vec![node.clone()] };
    let pattern = |node: &Node<'_>| {
        let text = node.text(findings)?;
        let parsed = PathGlob::parse(text);
        parsed.map_err(|error| findings.add(node.finding(Rule::PolicyInvalid, error.to_string()).found(text))).ok()
    };
    nodes.iter().filter_map(pattern).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_parsed(text: &str) -> (Switches, Vec<String>) {
        let document = Document::new("switches.yaml", text.as_bytes());
        let mut findings = Findings::default();
        let switches = parse(&document, &mut findings);
        let told = findings.into_parts().0.into_iter();
        (switches, told.map(|finding| format!("{} {}", finding.location(), finding.sentence())).collect())
    }

    #[test]
    fn kinds_that_are_not_named_keep_their_place() {
        let (switches, told) = check_parsed("flags: [web/flags.yaml, '*.flagd.json']\ntoggles: []\n");
        assert_eq!(told, [""; 0]);
        let kind = |path| switches.entry(path).map(|entry| (entry.kind, entry.is_named));
        assert_eq!(kind("web/flags.yaml"), Some((SwitchKind::Flags, true)));
        assert_eq!(kind("a/b/c.flagd.json"), Some((SwitchKind::Flags, true)));
        assert_eq!(kind("flags/x.json"), None);
        assert_eq!(kind("web/decider.yml"), Some((SwitchKind::Deciders, false)));
        assert_eq!(kind("overlays/a/b/decider_overlay.yml"), Some((SwitchKind::Overlays, false)));
        assert_eq!(kind("lib/toggles/configs/a.json"), None);
        assert_eq!(kind(".configbus/decider.yml"), None);
    }

    #[test]
    fn features_are_called_by_where_they_stand() {
        let (switches, _) = check_parsed("features: ['services/*/features/**', web/cart.yaml, shop/switches]\n");
        let key = |path| switches.entry(path).map(|entry| entry.key(path));
        assert_eq!(key("services/web/features/new.cart.yaml"), Some("web/features/new.cart"));
        assert_eq!(key("web/cart.yaml"), Some("cart"));
        assert_eq!(key("shop/switches/new/cart.json"), Some("new/cart"));
        let default = Switches::default();
        assert_eq!(
            default.entry("features/checkout/cart.yml").map(|e| e.key("features/checkout/cart.yml")),
            Some("checkout/cart")
        );
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        for (text, words) in [
            ("- flags\n", "switches.yaml:1:1 value is of another kind"),
            (
                "flag: x\n",
                "switches.yaml:1:1 key is not known here, so it would do nothing: found flag, expected flags",
            ),
            ("flags: '!a'\n", "patterns cannot be negated"),
            ("flags: 5\n", "expected text"),
        ] {
            let (_, told) = check_parsed(text);
            assert!(told.iter().any(|line| line.contains(words)), "{text}: {told:?}");
        }
    }
}
