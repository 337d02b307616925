//! `.configbus/teams.yaml`: a mapping of team to members.
//!
//! A member is a principal, `"@team"` for everybody in another team, or `group:name` for everybody whose credential carries
//! that group.

use super::reader::{Node, PolicyFile};
use crate::{
    Rule,
    check::{Document, Findings},
    policy::nearest,
};
use configbus_model::{Principal, PrincipalName};
use std::collections::{BTreeMap, BTreeSet};

const GROUP_PREFIX: &str = "group:";

/// Teams by name.
#[derive(Debug, Default)]
pub(crate) struct Teams {
    members: BTreeMap<PrincipalName, Vec<Member>>,
    /// Those with a principal or a group, be it through others.
    populated: BTreeSet<PrincipalName>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Member {
    Principal(PrincipalName),
    Team(PrincipalName),
    Group(PrincipalName),
}

impl Teams {
    /// Returns whether there is a team of this name.
    pub(crate) fn contains(&self, team: &str) -> bool {
        self.members.contains_key(team)
    }

    /// Returns the names of all teams.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.members.keys().map(PrincipalName::as_str)
    }

    /// Returns the teams somebody is in, be it through others.
    pub(crate) fn of(&self, principal: &Principal) -> BTreeSet<&PrincipalName> {
        self.reaching(|member| match member {
            Member::Principal(name) => *name == principal.name,
            Member::Group(group) => principal.groups.contains(group),
            Member::Team(_) => false,
        })
    }

    /// Returns whether anybody can be in a team.
    pub(crate) fn is_populated(&self, team: &PrincipalName) -> bool {
        self.populated.contains(team)
    }

    /// Returns the teams with such a member, and those that include them.
    fn reaching(&self, is_hit: impl Fn(&Member) -> bool) -> BTreeSet<&PrincipalName> {
        let mut includers: BTreeMap<&PrincipalName, Vec<&PrincipalName>> = BTreeMap::new();
        let mut waiting = Vec::new();
        for (team, members) in &self.members {
            for member in members {
                if let Member::Team(included) = member {
                    includers.entry(included).or_default().push(team);
                }
            }
            if members.iter().any(&is_hit) {
                waiting.push(team);
            }
        }
        let mut reached = BTreeSet::new();
        while let Some(team) = waiting.pop() {
            if reached.insert(team) {
                waiting.extend(includers.get(team).into_iter().flatten());
            }
        }
        reached
    }

    fn included<'a>(&'a self, team: &PrincipalName) -> impl Iterator<Item = &'a PrincipalName> {
        let members = self.members.get(team).into_iter().flatten();
        members.filter_map(|member| if let Member::Team(team) = member { Some(team) } else { None })
    }

    /// Returns a way from a team back to itself, if there is one. Teams that include none are taken away, then those that
    /// include only what was taken; what stays leads into a circle.
    fn cycle(&self) -> Option<Vec<&PrincipalName>> {
        let mut open: BTreeMap<&PrincipalName, usize> =
            self.members.keys().map(|team| (team, self.included(team).count())).collect();
        let mut includers: BTreeMap<&PrincipalName, Vec<&PrincipalName>> = BTreeMap::new();
        for team in self.members.keys() {
            self.included(team).for_each(|included| includers.entry(included).or_default().push(team));
        }
        let mut done: Vec<&PrincipalName> =
            open.iter().filter(|(_, count)| **count == 0).map(|(team, _)| *team).collect();
        // Teams that do not exist include nobody.
        done.extend(includers.keys().filter(|team| !self.contains(team.as_str())));
        while let Some(team) = done.pop() {
            open.remove(team);
            for includer in includers.get(team).into_iter().flatten() {
                if let Some(count) = open.get_mut(includer) {
                    *count -= 1;
                    if *count == 0 {
                        done.push(includer);
                    }
                }
            }
        }
        let mut way = vec![*open.keys().next()?];
        loop {
            let next = self.included(way[way.len() - 1]).find(|team| open.contains_key(team))?;
            if let Some(start) = way.iter().position(|team| *team == next) {
                return Some(way.split_off(start));
            }
            way.push(next);
        }
    }
}

/// Parses the file, or adds what is wrong with it.
pub(super) fn parse(document: &Document<'_>, teams_max: usize, findings: &mut Findings) -> Teams {
    let Some(file) = PolicyFile::read(document, findings) else { return Teams::default() };
    let Some(root) = file.root() else { return Teams::default() };
    let mut teams = Teams::default();
    let nodes = root.members(findings);
    if root.has_too_many("teams", nodes.len(), (teams_max, "gate.policy.teams_max"), findings) {
        return teams;
    }
    for (name, node) in &nodes {
        match PrincipalName::parse(name) {
            Ok(name) => drop(teams.members.insert(name, members(node, findings))),
            Err(error) => findings.add(node.finding(Rule::OwnersName, error.to_string())),
        }
    }
    check_included(&teams, &nodes, findings);
    teams.populated = teams.reaching(|member| !matches!(member, Member::Team(_))).into_iter().cloned().collect();
    teams
}

fn members(node: &Node<'_>, findings: &mut Findings) -> Vec<Member> {
    let elements = node.elements(findings);
    let mut members = Vec::with_capacity(elements.len());
    for element in elements {
        let Some(text) = element.text(findings) else { continue };
        match member(text) {
            Ok(member) => members.push(member),
            Err(error) => findings.add(element.finding(Rule::OwnersName, error.to_string())),
        }
    }
    members
}

fn member(text: &str) -> Result<Member, configbus_model::PrincipalNameError> {
    if let Some(team) = text.strip_prefix('@') {
        return PrincipalName::parse(team).map(Member::Team);
    }
    match text.strip_prefix(GROUP_PREFIX) {
        Some(group) => PrincipalName::parse(group).map(Member::Group),
        None => PrincipalName::parse(text).map(Member::Principal),
    }
}

/// Holds teams that include others to there being such, and to an end.
fn check_included(teams: &Teams, nodes: &[(&str, Node<'_>)], findings: &mut Findings) {
    for (name, node) in nodes {
        let Ok(team) = PrincipalName::parse(name) else { continue };
        for unknown in teams.included(&team).filter(|included| !teams.contains(included.as_str())) {
            findings.add(node.finding(Rule::UnknownTeam, unknown_team(unknown.as_str(), teams)));
        }
    }
    let Some(way) = teams.cycle() else { return };
    let circle: Vec<_> = way.iter().chain(&way[..1]).map(|team| team.as_str()).collect();
    if let Some((name, node)) = nodes.iter().find(|(name, _)| *name == way[0].as_str()) {
        findings.add(node.finding(Rule::TeamCycle, format!("team {name} includes itself: {}", circle.join(" > "))));
    }
}

/// Says that there is no such team, and which may have been meant.
pub(super) fn unknown_team(team: &str, teams: &Teams) -> String {
    match nearest(team, teams.names()) {
        Some(near) => format!("there is no team {team} in .configbus/teams.yaml, the nearest is {near}"),
        None => format!(
            "there is no team {team} in .configbus/teams.yaml; add it there, or write a single principal without '@'"
        ),
    }
}

#[cfg(test)]
mod tests;
