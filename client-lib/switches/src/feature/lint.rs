//! What of a feature does nothing any more.

use super::{Feature, Stage};
use crate::Moment;

impl Feature {
    /// Returns what should be looked at, as sentences.
    pub(crate) fn lints(&self, now: Moment) -> Vec<String> {
        let mut told = Vec::new();
        if let Some(expires) = self.expires.filter(|expires| *expires <= now) {
            told.push(format!("should be gone since {expires}"));
        }
        if self.stage == Stage::Retired {
            told.push("is retired and still there".to_owned());
        }
        let last = self.rules.iter().position(|rule| rule.takes_all_from(now));
        if let Some(last) = last {
            let name = &self.rules[last].name;
            let is_only = self.rules.iter().take(last).all(|rule| rule.is_over(now));
            if is_only {
                told.push(format!("says the same to everybody from now on, by '{name}'"));
            }
            let after = self.rules.iter().skip(last + 1);
            told.extend(after.map(|rule| format!("rule '{}' can never match: '{name}' takes everybody", rule.name)));
        }
        let before = &self.rules[..last.unwrap_or(self.rules.len())];
        for (at, rule) in before.iter().enumerate().filter(|(_, rule)| !rule.is_over(now)) {
            if let Some(wider) = before[..at].iter().find(|wider| wider.covers_from(now, rule)) {
                told.push(format!("rule '{}' can never match: '{}' takes all that it means", rule.name, wider.name));
            }
        }
        if self.stage == Stage::Draft && last.is_some() {
            told.push("is a draft, and everybody has it".to_owned());
        }
        if self.rules.is_empty() && self.stage == Stage::Launched {
            told.push("is launched and has no rules: its defaults could stand in the program".to_owned());
        }
        for rule in self.rules.iter().take(last.unwrap_or(self.rules.len())).filter(|rule| rule.is_over(now)) {
            told.push(format!("rule '{}' takes nobody from now on", rule.name));
        }
        for parameter in self.parameters().keys() {
            if !self.rules.is_empty()
                && !self.rules.iter().any(|rule| rule.sets.iter().any(|name| **name == **parameter))
            {
                told.push(format!("no rule sets '{parameter}'"));
            }
        }
        told
    }
}
