//! `.configbus/owners`: who owns which files, in the format of CODEOWNERS.
//!
//! Each line is a pattern and its owners: principals by name or mail, teams as `@team`. The last line that matches a path
//! counts, any one of its owners suffices, and a line without owners takes ownership away. `#` starts a comment where a
//! word could start; a backslash takes away the meaning of the next character.
//!
//! Only lines whose pattern starts with `.configbus` are about the policy itself: `*` gives away files, never the right to say
//! who owns them.

use super::{FOLDER, teams::unknown_team};
use crate::{
    PathGlob, Rule,
    check::{Document, Findings},
    glob::GlobIndex,
    policy::{Teams, is_policy},
};
use configbus_model::{PrincipalName, at_most};
use std::fmt;

/// All lines with a pattern, in the order of the file.
#[derive(Debug, Default)]
pub(crate) struct Owners {
    entries: Vec<OwnedBy>,
    index: GlobIndex,
}

/// One line.
#[derive(Debug)]
pub(crate) struct OwnedBy {
    /// Where it stands, counted from 1.
    pub line: usize,
    glob: PathGlob,
    is_about_policy: bool,
    owners: Vec<Owner>,
}

#[derive(Debug, PartialEq, Eq)]
enum Owner {
    Principal(PrincipalName),
    Team(PrincipalName),
}

impl Owners {
    /// Returns the line that says who owns a path; `None` when nobody does. An owned path has at least one owner.
    pub(crate) fn of(&self, path: &str) -> Option<&OwnedBy> {
        let is_policy = is_policy(path);
        let counts = |entry: &OwnedBy| (entry.is_about_policy || !is_policy) && entry.glob.matches(path);
        let last = self.index.last(path, |at| counts(&self.entries[at])).map(|at| &self.entries[at]);
        last.filter(|entry| !entry.owners.is_empty())
    }
}

impl OwnedBy {
    /// Returns whether one of the owners is this principal or one of these teams.
    pub(crate) fn is_owned_by(&self, principal: &PrincipalName, is_in_team: impl Fn(&PrincipalName) -> bool) -> bool {
        self.owners.iter().any(|owner| match owner {
            Owner::Principal(name) => name == principal,
            Owner::Team(team) => is_in_team(team),
        })
    }

    /// Returns the owners as people say it.
    pub(crate) fn owners_text(&self) -> String {
        let owners: Vec<_> = self.owners.iter().map(Owner::to_string).collect();
        owners.join(" or ")
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal(name) => write!(f, "{name}"),
            Self::Team(team) => write!(f, "@{team}"),
        }
    }
}

/// Parses the file, or adds what is wrong with it.
pub(super) fn parse(document: &Document<'_>, teams: &Teams, owners_max: usize, findings: &mut Findings) -> Owners {
    let Some(text) = document.unmarked_utf8(findings) else { return Owners::default() };
    let mut parser = Parser { document, teams, owners_max, findings, entries: Vec::new() };
    let mut offset = 0;
    for (at, line) in text.split('\n').enumerate() {
        parser.line(at + 1, offset, line);
        offset += line.len() + 1;
    }
    parser.finish()
}

struct Parser<'a, 'd> {
    document: &'a Document<'d>,
    teams: &'a Teams,
    owners_max: usize,
    findings: &'a mut Findings,
    entries: Vec<OwnedBy>,
}

/// A word and where it starts in the file.
pub(super) type Word<'t> = (usize, &'t str);

impl Parser<'_, '_> {
    fn line(&mut self, line: usize, offset: usize, text: &str) {
        let mut words = words(text).map(|(at, word)| (offset + at, word));
        let Some((at, pattern)) = words.next() else { return };
        let glob = match PathGlob::parse(pattern) {
            Ok(glob) => glob,
            Err(error) => return self.add(Rule::OwnersPattern, at, error.to_string(), pattern),
        };
        let owners: Vec<_> = words.filter_map(|word| self.owner(word)).collect();
        if self.entries.len() == self.owners_max {
            let (document, max) = (self.document, self.owners_max);
            self.findings.add_with(|| {
                let message = "file has too many patterns; join some of them, or take out what nobody needs";
                let finding = document.finding_at(Rule::PolicySize, at, message);
                let expected = at_most(max, "patterns", "gate.policy.owners_max");
                finding.found(format!("more than {max} patterns")).expected(expected)
            });
        }
        if !owners.is_empty() && !self.is_reachable(&owners) {
            let message = "nobody is in any of these teams, so that nobody but an admin could change what matches";
            self.add(Rule::NobodyOwns, at, message.to_owned(), text.trim());
        }
        let is_about_policy = glob.leading_name() == Some(FOLDER);
        self.entries.push(OwnedBy { line, glob, is_about_policy, owners });
    }

    fn owner(&mut self, (at, word): Word<'_>) -> Option<Owner> {
        let parsed = match word.strip_prefix('@') {
            Some(team) => PrincipalName::parse(team).map(Owner::Team),
            None => PrincipalName::parse(word).map(Owner::Principal),
        };
        match parsed {
            Ok(Owner::Team(team)) if !self.teams.contains(team.as_str()) => {
                self.add(Rule::UnknownTeam, at, unknown_team(team.as_str(), self.teams), word);
                None
            }
            Ok(owner) => Some(owner),
            Err(error) => {
                self.add(Rule::OwnersName, at, error.to_string(), word);
                None
            }
        }
    }

    fn is_reachable(&self, owners: &[Owner]) -> bool {
        owners.iter().any(|owner| match owner {
            Owner::Principal(_) => true,
            Owner::Team(team) => self.teams.is_populated(team),
        })
    }

    fn add(&mut self, rule: Rule, at: usize, message: String, found: &str) {
        let document = self.document;
        self.findings.add_with(|| document.finding_at(rule, at, message).found(found));
    }

    fn finish(self) -> Owners {
        let mut entries = self.entries;
        entries.truncate(self.owners_max);
        let index = GlobIndex::new(entries.iter().map(|entry| &entry.glob));
        Owners { entries, index }
    }
}

/// Splits a line at spaces that no backslash stands before, up to a comment.
pub(super) fn words(line: &str) -> impl Iterator<Item = Word<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &line[at..];
        at += rest.len() - rest.trim_start().len();
        let rest = &line[at..];
        if rest.is_empty() || rest.starts_with('#') {
            return None;
        }
        let mut is_escaped = false;
        let end = rest.char_indices().find(|(_, c)| {
            let ends = c.is_whitespace() && !is_escaped;
            is_escaped = *c == '\\' && !is_escaped;
            ends
        });
        let word = (at, &rest[..end.map_or(rest.len(), |(end, _)| end)]);
        at += word.1.len();
        Some(word)
    })
}

#[cfg(test)]
mod tests;
