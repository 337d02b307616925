//! A feature in the words of flagd, where flagd has words for it.
//!
//! Whoever evaluates what comes out gets what [`Feature::resolve`] gives: value, variant and reason. What flagd cannot say (shares
//! of a unit are hashed otherwise there, flags know nothing of each other) is not said at all: no flag beats a wrong one.

use super::{
    condition,
    exposure::{Exposure, Share},
    file::{DEFAULT, Feature},
    rule::Rule,
};
use serde_json::{Map, Value, json};

/// Largest whole number that every language tells from its neighbours.
const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

impl Feature {
    /// Writes the feature and each of its parameters as flags, by key; or why that cannot be.
    pub(crate) fn to_flagd(&self, document: &Value) -> Result<Vec<(&str, Value)>, String> {
        if !self.requirements().is_empty() {
            return Err("it has prerequisites".to_owned());
        }
        let targeting = self.targeting(document)?;
        let whole = (self.key(), self.flag(targeting.as_ref(), Some)?);
        let parameters = self.parameter_keys().map(|(name, key)| {
            let flag = self.flag(targeting.as_ref(), |value| value.get(name))?;
            Ok((key, flag))
        });
        std::iter::once(Ok(whole)).chain(parameters).collect()
    }

    fn flag<'f>(
        &'f self,
        targeting: Option<&Value>,
        part: impl Fn(&'f Value) -> Option<&'f Value>,
    ) -> Result<Value, String> {
        let rules = self.rules.iter().map(|rule| (&*rule.name, &rule.value));
        let mut variants = Map::new();
        for (name, value) in rules.chain([(DEFAULT, self.defaults())]) {
            let value = part(value).filter(|value| is_safe(value));
            let value = value.ok_or("it has a number that not every language tells from its neighbours")?;
            if variants.insert(name.to_owned(), value.clone()).is_some() {
                return Err(format!("it has several rules '{name}'"));
            }
        }
        let mut flag = json!({"state": "ENABLED", "variants": variants, "defaultVariant": DEFAULT});
        if let Some(targeting) = targeting {
            flag["targeting"] = targeting.clone();
        }
        flag["metadata"] = Value::Object(self.metadata().clone());
        Ok(flag)
    }

    /// Writes the rules as one chain: the first that matches names the variant.
    fn targeting(&self, document: &Value) -> Result<Option<Value>, String> {
        let written = document.get("rules").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        if self.rules.is_empty() {
            return Ok(None);
        }
        let mut chain = Vec::new();
        for (rule, written) in self.rules.iter().zip(written) {
            chain.extend([rule.to_logic(written)?, json!(&*rule.name)]);
        }
        chain.push(Value::Null);
        Ok(Some(json!({"if": chain})))
    }
}

impl Rule {
    /// Writes when it matches.
    fn to_logic(&self, written: &Value) -> Result<Value, String> {
        match &self.exposure {
            Exposure::Steady(Share::EVERYBODY) => {}
            Exposure::Steady(Share::NOBODY) => return Ok(json!(false)),
            _ => return Err(format!("rule '{}' takes a share", self.name)),
        }
        let time = json!({"var": "$flagd.timestamp"});
        let seconds = |ms: i64| ms.div_euclid(1_000) + i64::from(ms.rem_euclid(1_000) > 0);
        let from = self.from.map(|from| json!({">=": [time, seconds(from.unix_ms())]}));
        let until = self.until.map(|until| json!({"<": [time, seconds(until.unix_ms())]}));
        let when = written.get("when").map(|when| condition::to_logic(when).ok_or("its rules cannot be read"));
        let tests: Vec<_> = from.into_iter().chain(until).chain(when.transpose()?).collect();
        Ok(if tests.is_empty() { json!(true) } else { json!({"and": tests}) })
    }
}

fn is_safe(value: &Value) -> bool {
    match value {
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => whole.unsigned_abs() <= SAFE_INTEGER_MAX,
            (None, whole) => whole.is_none(),
        },
        Value::Object(members) => members.values().all(is_safe),
        _ => true,
    }
}
