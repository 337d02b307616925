//! How an answer came about.

use super::{SwitchFile, Switches, plan::Plan};
use crate::{Context, Moment, explanation::Step};

impl Switches {
    /// Returns every step of the decision, for people; empty for a key that leads nowhere.
    ///
    /// ```
    /// use configbus_switches::{Context, Moment, SwitchFile, Switches};
    /// use std::sync::Arc;
    ///
    /// let flags = serde_json::json!({"flags": {"f": {"state": "DISABLED", "variants": {"on": true}}}});
    /// let file = Arc::new(SwitchFile::parse("", &flags).usable()?);
    /// let switches = Switches::of([("flags/web.json".to_owned(), file)]);
    /// let steps = switches.explain("f", &Context::default(), Moment::from_unix_ms(0));
    /// assert_eq!(steps[0].found, "flags/web.json");
    /// assert_eq!(steps[1].found, "DISABLED: the caller's default counts");
    /// # Ok::<(), configbus_switches::Problems>(())
    /// ```
    pub fn explain(&self, key: &str, context: &Context<'_>, now: Moment) -> Vec<Step> {
        let Some((entry, parameter)) = self.entry(key) else { return Vec::new() };
        let Some((path, file)) = self.file(entry) else { return Vec::new() };
        let mut steps = vec![Step::new("file", path)];
        match file {
            SwitchFile::Flags(set) => {
                steps.extend(set.flag_at(entry.at).map(|flag| flag.explain(context, now)).unwrap_or_default());
            }
            SwitchFile::Feature(feature) => {
                let is_met = self.explain_plan(entry.file, context, now, &mut steps);
                if is_met {
                    steps.extend(feature.explain(context, now));
                }
            }
            SwitchFile::Deciders(deciders) => {
                steps.extend(deciders.flag_at(entry.at).map(|flag| Step::new("decider", flag.explain(context))));
            }
            SwitchFile::Other => {}
        }
        if let Some(parameter) = parameter {
            steps.push(Step::new("parameter", parameter));
        }
        steps
    }

    /// Adds what became of prerequisites, and returns whether they hold.
    fn explain_plan(&self, file: usize, context: &Context<'_>, now: Moment, told: &mut Vec<Step>) -> bool {
        let steps = match self.plan(file) {
            None => return true,
            Some(Plan::Endless) => {
                told.push(Step::new("prerequisites", "lead back to the feature, or are too many"));
                return false;
            }
            Some(Plan::Steps(steps)) => steps,
        };
        let values = self.values_of(steps, context, now);
        let Some(last) = steps.last() else { return true };
        let mut is_met = true;
        for (before, wanted) in &last.requires {
            let holds = wanted.holds(values[*before].0);
            let found = wanted.part(values[*before].0).map_or_else(|| "nothing".to_owned(), ToString::to_string);
            let verdict = if holds { "holds" } else { "does not hold" };
            told.push(Step::new(format!("prerequisite {wanted}"), format!("{verdict}: found {found}")));
            is_met &= holds;
        }
        if !is_met {
            told.push(Step::new("defaults", "a prerequisite does not hold"));
        }
        is_met
    }
}
