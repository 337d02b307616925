//! One rule of a feature.

use super::{
    condition::{self, Clause},
    exposure::{Bucketing, Exposure, Share},
    parameter::Parameter,
};
use crate::{
    Context, Moment,
    logic::Scope,
    reading::{Reading, nearest},
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A rule, ready to be asked.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub name: Box<str>,
    pub clauses: Box<[Clause]>,
    pub from: Option<Moment>,
    pub until: Option<Moment>,
    pub exposure: Exposure,
    pub bucketing: Bucketing,
    /// Names of the parameters it sets.
    pub sets: Box<[Box<str>]>,
    /// All parameters, as they are where the rule matches.
    pub value: Value,
}

/// What rules of one feature have in common.
pub(super) struct Common<'f> {
    pub key: &'f str,
    pub unit: &'f str,
    pub parameters: &'f BTreeMap<String, Parameter>,
    pub defaults: &'f Map<String, Value>,
}

impl Rule {
    pub(super) fn parse(reading: &mut Reading, value: &Value, at: usize, common: &Common<'_>) -> Option<Self> {
        let known = ["name", "when", "from", "until", "percent", "schedule", "ramp", "unit", "salt", "set"];
        let fields = reading.fields(value, &known)?;
        let text = |reading: &mut Reading, value| reading.text(value).map(str::to_owned);
        let name = reading.optional(fields, "name", text).unwrap_or_else(|| format!("rule {}", at + 1));
        let clauses = match fields.get("when") {
            Some(when) => reading.within("when", |reading| condition::parse_clauses(reading, when)),
            None => Some(Box::default()),
        };
        let from = reading.optional(fields, "from", Reading::moment);
        let until = reading.optional(fields, "until", Reading::moment);
        let exposures = [
            reading.optional(fields, "percent", Exposure::percent),
            reading.optional(fields, "schedule", Exposure::schedule),
            reading.optional(fields, "ramp", Exposure::ramp),
        ];
        if exposures.iter().flatten().count() > 1 {
            reading.wrong("rule has more than one of percent, schedule and ramp, only one would count");
        }
        let exposure = exposures.into_iter().flatten().next().unwrap_or(Exposure::Steady(Share::EVERYBODY));
        let unit = reading.optional(fields, "unit", text).unwrap_or_else(|| common.unit.to_owned());
        let salt = reading.optional(fields, "salt", text).unwrap_or_else(|| common.key.to_owned());
        let set = reading.required(fields, "set", |reading, value| set(reading, value, common));
        let bucketing = Bucketing::new(&unit, &salt);
        let sets = fields.get("set").and_then(Value::as_object).into_iter().flat_map(Map::keys);
        let sets = sets.map(|name| name.as_str().into()).collect();
        let (name, value) = (name.into(), Value::Object(set?));
        Some(Self { name, clauses: clauses?, from, until, exposure, bucketing, sets, value })
    }

    /// Returns whether it takes everybody, at any time.
    pub(super) fn takes_all(&self) -> bool {
        let is_open = self.clauses.is_empty() && self.from.is_none() && self.until.is_none();
        is_open && matches!(self.exposure, Exposure::Steady(Share::EVERYBODY))
    }

    /// Returns how many it takes now, where it is not everybody.
    pub(super) fn takes_share(&self, now: Moment) -> Option<Share> {
        Some(self.exposure.share(now)).filter(|share| *share != Share::EVERYBODY)
    }

    /// Returns whether it takes everybody now and from now on.
    pub(super) fn takes_all_from(&self, now: Moment) -> bool {
        let is_open = self.clauses.is_empty() && self.until.is_none() && self.from.is_none_or(|from| from <= now);
        is_open && self.exposure.is_settled(now) && self.exposure.share(now) == Share::EVERYBODY
    }

    /// Returns whether from now on it takes all that another one takes.
    pub(super) fn covers_from(&self, now: Moment, other: &Self) -> bool {
        let is_open = self.until.is_none() && self.from.is_none_or(|from| from <= now);
        let is_asked = |clause| other.clauses.contains(clause);
        let share = self.exposure.share(now);
        let is_wider = share == Share::EVERYBODY
            || (self.bucketing == other.bucketing
                && other.exposure.is_settled(now)
                && other.exposure.share(now) <= share);
        is_open && self.clauses.iter().all(is_asked) && self.exposure.is_settled(now) && is_wider
    }

    /// Returns whether it takes nobody now and from now on.
    pub(super) fn is_over(&self, now: Moment) -> bool {
        self.until.is_some_and(|until| until <= now)
            || (self.exposure.is_settled(now) && self.exposure.share(now) == Share::NOBODY)
    }

    /// Returns whether what it says depends on the time.
    pub(super) fn is_dated(&self) -> bool {
        self.from.is_some() || self.until.is_some() || self.exposure.is_dated()
    }

    #[inline]
    pub(super) fn matches(&self, scope: &Scope<'_>, now: Moment) -> bool {
        let context: &Context<'_> = &scope.context;
        self.from.is_none_or(|from| from <= now)
            && self.until.is_none_or(|until| now < until)
            && self.clauses.iter().all(|clause| clause.test.is_true(scope))
            && self.bucketing.is_in(self.exposure.share(now), context)
    }
}

/// Reads values that differ from the defaults, and returns all.
fn set(reading: &mut Reading, value: &Value, common: &Common<'_>) -> Option<Map<String, Value>> {
    let mut all = common.defaults.clone();
    for (name, value) in reading.mapping(value)? {
        reading.within(name, |reading| match common.parameters.get(name) {
            Some(parameter) => {
                parameter.check(reading, value);
                all.insert(name.clone(), value.clone());
            }
            None => {
                let known: Vec<_> = common.parameters.keys().map(String::as_str).collect();
                let expected = nearest(name, &known).map_or_else(|| known.join(", "), str::to_owned);
                reading.wrong("feature has no such parameter").found(name).expected(expected);
            }
        });
    }
    Some(all)
}
