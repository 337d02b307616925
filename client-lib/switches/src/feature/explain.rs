//! Which rule of a feature matched, and why those before it did not.

use super::{Feature, rule::Rule};
use crate::{
    Attribute, Context, Moment,
    explanation::Step,
    logic::{Fuel, Scope},
};

impl Feature {
    /// Returns each rule that was asked, in order; the last is the one that matched.
    pub fn explain(&self, context: &Context<'_>, now: Moment) -> Vec<Step> {
        let scope = Scope::new(*context, self.key(), now);
        let mut steps = Vec::new();
        for rule in &self.rules {
            let told = format!("rule '{}'", rule.name);
            match why_not(rule, &scope, now) {
                Some(why) => steps.push(Step::new(told, format!("no: {why}"))),
                None => {
                    steps.push(Step::new(told, format!("matches{}", share_of(rule, context, now))));
                    return steps;
                }
            }
        }
        steps.push(Step::new("defaults", "no rule matches"));
        steps
    }
}

fn why_not(rule: &Rule, scope: &Scope<'_>, now: Moment) -> Option<String> {
    if let Some(from) = rule.from.filter(|from| now < *from) {
        return Some(format!("it begins at {from}"));
    }
    if let Some(until) = rule.until.filter(|until| *until <= now) {
        return Some(format!("it ended at {until}"));
    }
    let clause = rule.clauses.iter().find(|clause| !clause.test.is_true(scope));
    if let Some(clause) = clause {
        return Some(match &*clause.name {
            "any" | "not" => format!("'{}' does not hold", clause.name),
            name => format!("{name} is {}", shown(scope.context.get(name))),
        });
    }
    let share = rule.exposure.share(now);
    if rule.bucketing.is_in(share, &scope.context) {
        return None;
    }
    let unit = &rule.bucketing.unit;
    Some(match rule.bucketing.bucket(&scope.context) {
        Some(bucket) => format!("{unit} stands at {bucket}, and {share} are in"),
        None => format!("there is no {unit}, and {share} are in"),
    })
}

fn share_of(rule: &Rule, context: &Context<'_>, now: Moment) -> String {
    match (rule.takes_share(now), rule.bucketing.bucket(context)) {
        (Some(share), Some(bucket)) => format!(", {} stands at {bucket} of {share}", rule.bucketing.unit),
        _ => String::new(),
    }
}

fn shown(attribute: Option<Attribute<'_>>) -> String {
    match attribute {
        None | Some(Attribute::Null) => "not known".to_owned(),
        Some(Attribute::Text(text)) => format!("{text:?}"),
        Some(Attribute::Json(value)) => value.to_string(),
        Some(other) => crate::logic::Datum::from(other).written(&Fuel::default()).into_owned(),
    }
}
