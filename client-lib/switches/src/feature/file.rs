//! One feature, as its authors write it and as programs ask it.

use super::{
    parameter::Parameter,
    rule::{Common, Rule},
};
use crate::{
    Context, Moment, Parsed, Reason, Resolution, TARGETING_KEY,
    logic::Scope,
    reading::{Reading, nearest, shown},
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Most prerequisites that one feature names.
const REQUIREMENTS_MAX: usize = 16;

/// Most tests of one feature.
const TESTS_MAX: usize = 200;

/// Variant of a feature of which no rule matches.
pub(super) const DEFAULT: &str = "default";

/// Where in its life a feature is; for people and lints, rules do not look at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Being written.
    Draft,
    /// For those who write it.
    Team,
    /// For the company.
    Internal,
    /// For few.
    Alpha,
    /// For many.
    Beta,
    /// For all.
    Launched,
    /// To be removed.
    Retired,
}

impl Stage {
    const NAMES: [(&'static str, Self); 7] = [
        ("draft", Self::Draft),
        ("team", Self::Team),
        ("internal", Self::Internal),
        ("alpha", Self::Alpha),
        ("beta", Self::Beta),
        ("launched", Self::Launched),
        ("retired", Self::Retired),
    ];
}

/// One feature, ready to be asked.
#[derive(Debug, Clone)]
pub struct Feature {
    key: Box<str>,
    /// Whom to ask.
    pub owner: String,
    /// Whose it is.
    pub team: Option<String>,
    /// Where in its life it is.
    pub stage: Stage,
    /// From when on it should be gone. Rules do not look at it.
    pub expires: Option<Moment>,
    parameters: BTreeMap<String, Parameter>,
    /// The key of each, in the order of their names.
    parameter_keys: Box<[Box<str>]>,
    requirements: Vec<(String, Value)>,
    pub(super) rules: Vec<Rule>,
    defaults: Value,
    metadata: Map<String, Value>,
}

impl Feature {
    /// Reads a parsed document and runs its tests. The key comes from where the file stands.
    ///
    /// ```
    /// use configbus_switches::{Context, Feature, Moment};
    ///
    /// let document = serde_json::json!({
    ///     "owner": "checkout@example.org",
    ///     "stage": "beta",
    ///     "parameters": {"enabled": {"type": "bool", "default": false}},
    ///     "rules": [{"when": {"country": ["DE", "FR"]}, "set": {"enabled": true}}],
    ///     "tests": [{"given": {"country": "DE"}, "expect": {"enabled": true}}, {"given": {}, "expect": {"enabled": false}}],
    /// });
    /// let feature = Feature::parse("checkout/new-cart", &document).flawless()?;
    /// let context = [("country", "FR".into())];
    /// let found = feature.resolve(&Context::of(&context), Moment::from_unix_ms(0));
    /// assert_eq!(found.value.unwrap()["enabled"], true);
    /// # Ok::<(), configbus_switches::Problems>(())
    /// ```
    pub fn parse(key: &str, document: &Value) -> Parsed<Self> {
        let mut reading = Reading::default();
        let feature = parse(&mut reading, key, document);
        if reading.wrong_count() == 0
            && let Some(feature) = &feature
            && let Some(tests) = document.get("tests")
        {
            reading.within("tests", |reading| run_all(reading, feature, tests));
        }
        reading.finish(feature)
    }

    /// Returns whether a document is plainly meant as one, right or not: it has two of the members that features have.
    pub fn is_meant_by(document: &Value) -> bool {
        let members = ["owner", "stage", "parameters", "rules", "tests"];
        members.into_iter().filter(|member| document.get(member).is_some()).count() >= 2
    }

    /// Returns its name.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns its parameters.
    pub fn parameters(&self) -> &BTreeMap<String, Parameter> {
        &self.parameters
    }

    /// Returns its parameters' names with the keys they have as switches of their own.
    pub fn parameter_keys(&self) -> impl Iterator<Item = (&str, &str)> {
        self.parameters.keys().map(String::as_str).zip(self.parameter_keys.iter().map(|key| &**key))
    }

    /// Returns the switches it depends on and what they have to be. [`Switches`](crate::Switches) asks them, the feature alone
    /// does not.
    pub fn requirements(&self) -> &[(String, Value)] {
        &self.requirements
    }

    /// Returns all parameters as they are where no rule matches.
    pub(super) fn defaults(&self) -> &Value {
        &self.defaults
    }

    /// Returns owner, team, stage and expiry, as flags tell them.
    pub fn metadata(&self) -> &Map<String, Value> {
        &self.metadata
    }

    /// Returns what it is for somebody for whom a prerequisite does not hold.
    pub(crate) fn resolve_unmet(&self) -> Resolution<'_> {
        let (value, metadata) = (Some(&self.defaults), Some(&self.metadata));
        Resolution { value, variant: Some(DEFAULT), reason: Reason::Default, error: None, metadata }
    }

    /// Returns all parameters for a context, as one object; the variant is the name of the rule that matched.
    #[inline]
    pub fn resolve(&self, context: &Context<'_>, now: Moment) -> Resolution<'_> {
        let scope = Scope::new(*context, &self.key, now);
        let (value, variant, reason) = match self.rules.iter().find(|rule| rule.matches(&scope, now)) {
            Some(rule) => (&rule.value, &*rule.name, Reason::TargetingMatch),
            None if self.rules.is_empty() => (&self.defaults, DEFAULT, Reason::Static),
            None => (&self.defaults, DEFAULT, Reason::Default),
        };
        Resolution { value: Some(value), variant: Some(variant), reason, error: None, metadata: Some(&self.metadata) }
    }
}

fn parse(reading: &mut Reading, key: &str, document: &Value) -> Option<Feature> {
    let known =
        ["description", "expires", "owner", "parameters", "requires", "rules", "stage", "team", "tests", "unit"];
    let fields = reading.fields(document, &known)?;
    let text = |reading: &mut Reading, value| reading.text(value).map(str::to_owned);
    let owner = reading.required(fields, "owner", text);
    let team = reading.optional(fields, "team", text);
    let stage = reading.required(fields, "stage", |reading, value| reading.one_of(value, &Stage::NAMES));
    let expires = reading.optional(fields, "expires", Reading::moment);
    let unit = reading.optional(fields, "unit", text).unwrap_or_else(|| TARGETING_KEY.to_owned());
    let parameters = reading.required(fields, "parameters", parameters)?;
    let defaults: Map<_, _> =
        parameters.iter().map(|(name, parameter)| (name.clone(), parameter.default.clone())).collect();
    let common = Common { key, unit: &unit, parameters: &parameters, defaults: &defaults };
    let mut at = 0;
    let rules = reading.optional(fields, "rules", |reading, value| {
        reading.elements(value, |reading, rule| {
            at += 1;
            Rule::parse(reading, rule, at - 1, &common)
        })
    });
    let rules = rules.unwrap_or_default();
    let requirements = reading.optional(fields, "requires", |reading, value| requirements(reading, value, key));
    check_reach(reading, &rules);
    Some(Feature {
        key: key.into(),
        owner: owner?,
        team,
        stage: stage?,
        expires,
        parameter_keys: parameters.keys().map(|name| format!("{key}.{name}").into()).collect(),
        requirements: requirements.unwrap_or_default(),
        rules,
        defaults: Value::Object(defaults),
        metadata: metadata(fields),
        parameters,
    })
}

/// Keeps what is told of every answer.
fn metadata(fields: &Map<String, Value>) -> Map<String, Value> {
    let told = ["owner", "team", "stage", "expires"];
    told.iter().filter_map(|name| Some(((*name).to_owned(), fields.get(*name)?.clone()))).collect()
}

/// Reads prerequisites: keys of switches with the value they have to have, or of a feature the parameters that count.
fn requirements(reading: &mut Reading, value: &Value, own: &str) -> Option<Vec<(String, Value)>> {
    let members = reading.mapping(value)?;
    if members.len() > REQUIREMENTS_MAX {
        reading.wrong(format!("feature has more than {REQUIREMENTS_MAX} prerequisites"));
    }
    for (key, wanted) in members {
        reading.within(key, |reading| {
            let is_own = key.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
            if is_own {
                reading.wrong("feature is its own prerequisite");
            }
            let is_plain = |value: &Value| value.is_boolean() || value.is_number() || value.is_string();
            if !(is_plain(wanted) || wanted.as_object().is_some_and(|members| members.values().all(is_plain))) {
                reading.expect(wanted, "a value, or parameters with their values");
            }
        });
    }
    Some(members.iter().map(|(key, wanted)| (key.clone(), wanted.clone())).collect())
}

fn parameters(reading: &mut Reading, value: &Value) -> Option<BTreeMap<String, Parameter>> {
    let members = reading.mapping(value)?;
    if members.is_empty() {
        reading.wrong("feature has no parameter");
    }
    let parameter = |(name, value): (&String, &Value)| {
        Some((name.clone(), reading.within(name, |reading| Parameter::parse(reading, value))?))
    };
    Some(members.iter().filter_map(parameter).collect())
}

/// Rules after one that takes everybody do nothing.
fn check_reach(reading: &mut Reading, rules: &[Rule]) {
    let Some(last) = rules.iter().position(Rule::takes_all) else { return };
    if last + 1 < rules.len() {
        let told = format!("rule can never match: '{}' before it takes everybody", rules[last].name);
        reading.within("rules", |reading| reading.at(last + 1, |reading| reading.idle(told).pointer.len()));
    }
}

fn run_all(reading: &mut Reading, feature: &Feature, tests: &Value) {
    // Each is asked of all rules: without a bound one file could keep the gate busy for minutes.
    if tests.as_array().is_some_and(|tests| tests.len() > TESTS_MAX) {
        reading.wrong(format!("feature has more than {TESTS_MAX} tests"));
        return;
    }
    reading.elements(tests, |reading, test| run(reading, feature, test));
}

/// Runs one test, which may have a name: `given` a context, `at` a time, `expect` values of some parameters.
fn run(reading: &mut Reading, feature: &Feature, test: &Value) -> Option<()> {
    let fields = reading.fields(test, &["given", "at", "expect", "name"])?;
    let empty = Map::new();
    let given = reading.optional(fields, "given", Reading::mapping).unwrap_or(&empty);
    let at = reading.optional(fields, "at", Reading::moment);
    let name = reading.optional(fields, "name", Reading::text).map(|name| format!(" '{name}'")).unwrap_or_default();
    let expected = reading.required(fields, "expect", Reading::mapping)?;
    if at.is_none() && feature.rules.iter().any(Rule::is_dated) {
        reading.wrong("rules go by the time, so the test needs 'at'");
        return None;
    }
    let found = feature.resolve(&Context::of_json(given), at.unwrap_or(Moment::from_unix_ms(0)));
    let rule = found.variant.unwrap_or_default();
    for (parameter, expected) in expected {
        let told = |reading: &mut Reading| match found.value.and_then(|value| value.get(parameter)) {
            Some(value) if value == expected => {}
            Some(value) => {
                reading
                    .failed_test(format!("test{name} fails, by {rule}"))
                    .found(shown(value))
                    .expected(shown(expected));
            }
            None => {
                let known: Vec<_> = feature.parameters.keys().map(String::as_str).collect();
                let near = nearest(parameter, &known).map_or_else(|| known.join(", "), str::to_owned);
                reading.wrong("feature has no such parameter").found(parameter).expected(near);
            }
        };
        reading.within("expect", |reading| reading.within(parameter, told));
    }
    Some(())
}
