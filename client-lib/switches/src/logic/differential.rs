//! Rules at random, held against another engine: datalogic-rs with flagd's operations, which is exactly pinned because its
//! majors come fast. Operations get values of the types they are for, as other engines refuse what JavaScript makes of the rest;
//! that is held to the reference by hand, in `tests`.

use super::tests::check_evaluated;
use datalogic_rs::Engine;
use serde_json::{Map, Value, json};

/// Rules that are made and asked.
const RULES: u64 = 20_000;

/// Makes rules whose operations get what they are for.
struct Maker(u64);

impl Maker {
    /// SplitMix64.
    fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % below
    }

    fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.next(of.len() as u64) as usize].clone()
    }

    fn several(&mut self, from: u64, to: u64, mut make: impl FnMut(&mut Self) -> Value) -> Value {
        let count = from + self.next(to - from + 1);
        (0..count).map(|_| make(self)).collect()
    }

    fn number(&mut self, depth: u32) -> Value {
        match self.next(if depth == 0 { 4 } else { 13 }) {
            0 | 1 => json!(self.next(41) as i64 - 20),
            2 => json!({"var": self.one(&["age", "numbers.1", "nested.deep.count"])}),
            3 => json!({"var": ["absent", self.next(9)]}),
            4 => json!({self.one(&["+", "*", "min", "max"]): self.several(1, 3, |maker| maker.number(depth - 1))}),
            5 => json!({"-": self.several(1, 2, |maker| maker.number(depth - 1))}),
            6 => json!({"/": [self.number(depth - 1), self.one(&[1, 2, 4, -5])]}),
            7 => json!({"%": [self.number(depth - 1), self.one(&[1, 2, 4, -5])]}),
            8 => self.choice(depth, Self::number),
            9 => {
                json!({"reduce": [self.numbers(depth - 1), {"+": [{"var": "current"}, {"var": "accumulator"}]}, self.number(0)]})
            }
            10 => json!({"+": [self.one(&["7", "-1.5", "0"])]}),
            _ => json!(self.next(80) as f64 / 4.0 - 10.0),
        }
    }

    fn text(&mut self, depth: u32) -> Value {
        match self.next(if depth == 0 { 4 } else { 8 }) {
            0 => json!(self.one(&["", "a", "ab", "ada@example.org", "Grüße", "1.2.3", "DE"])),
            1 | 2 => json!({"var": self.one(&["name", "country", "tags.0", "nested.text", "targetingKey"])}),
            3 => json!({"var": ["absent.too", self.one(&["x", "DE"])]}),
            4 => json!({"cat": self.several(1, 3, |maker| maker.text(depth - 1))}),
            5 => json!({"cat": [self.text(depth - 1), self.next(200)]}),
            6 => json!({"substr": [self.text(depth - 1), self.next(7) as i64 - 3, self.next(7) as i64 - 3]}),
            _ => self.choice(depth, Self::text),
        }
    }

    fn numbers(&mut self, depth: u32) -> Value {
        match self.next(if depth == 0 { 2 } else { 5 }) {
            0 => json!({"var": "numbers"}),
            1 => self.several(1, 4, |maker| maker.number(0)),
            2 => json!({"map": [self.numbers(depth - 1), {"*": [{"var": ""}, self.next(5)]}]}),
            3 => {
                json!({"filter": [self.numbers(depth - 1), {self.one(&[">", "<", "!=="]): [{"var": ""}, self.next(9)]}]})
            }
            _ => json!({"merge": [self.numbers(depth - 1), self.numbers(depth - 1)]}),
        }
    }

    fn texts(&mut self) -> Value {
        match self.next(3) {
            0 => json!({"var": "tags"}),
            1 => self.several(1, 12, |maker| json!(maker.one(&["a", "b", "ab", "DE", "FR", "x", "Grüße"]))),
            _ => {
                json!({"missing": self.several(0, 3, |maker| json!(maker.one(&["age", "absent", "nested.text", "nested.no"])))})
            }
        }
    }

    fn choice(&mut self, depth: u32, make: fn(&mut Self, u32) -> Value) -> Value {
        json!({"if": [self.truth(depth - 1), make(self, depth - 1), self.truth(depth - 1), make(self, depth - 1), make(self, depth - 1)]})
    }

    fn truth(&mut self, depth: u32) -> Value {
        let orders = ["<", "<=", ">", ">="];
        let equalities = ["==", "===", "!=", "!=="];
        match self.next(if depth == 0 { 2 } else { 16 }) {
            0 => json!(self.next(2) == 0),
            1 => json!({"var": "is_new"}),
            2 => json!({self.one(&orders): self.several(2, 3, |maker| maker.number(depth - 1))}),
            3 => json!({self.one(&orders): [self.text(depth - 1), self.text(depth - 1)]}),
            4 => json!({self.one(&equalities): [self.number(depth - 1), self.number(depth - 1)]}),
            5 => json!({self.one(&equalities): [self.text(depth - 1), self.text(depth - 1)]}),
            6 => json!({self.one(&equalities): [self.truth(depth - 1), self.truth(depth - 1)]}),
            7 => json!({"in": [self.text(depth - 1), self.texts()]}),
            8 => json!({"in": [self.text(depth - 1), self.text(depth - 1)]}),
            9 => json!({self.one(&["!", "!!"]): [self.any(depth - 1)]}),
            10 => json!({self.one(&["and", "or"]): self.several(1, 3, |maker| maker.truth(depth - 1))}),
            11 => {
                json!({self.one(&["all", "some", "none"]): [self.numbers(depth - 1), {self.one(&orders): [{"var": ""}, self.next(9)]}]})
            }
            12 => json!({self.one(&["starts_with", "ends_with"]): [self.text(depth - 1), self.text(0)]}),
            13 => self.versions(),
            14 => json!({"===": [self.any(depth - 1), null]}),
            _ => self.choice(depth, Self::truth),
        }
    }

    fn versions(&mut self) -> Value {
        let versions =
            ["1.2.3", "1.2.4", "v2.0.0", "1.3", "2", "1.2.3-beta.2", "1.2.3-beta.11", "0.9.9", "1.2.3+build"];
        let left = if self.next(2) == 0 { json!({"var": "version"}) } else { json!(self.one(&versions)) };
        json!({"sem_ver": [left, self.one(&["=", "!=", "<", "<=", ">", ">=", "^", "~"]), self.one(&versions)]})
    }

    fn fractional(&mut self) -> Value {
        let mut arguments = match self.next(3) {
            0 => Vec::new(),
            1 => vec![json!({"cat": [{"var": "$flagd.flagKey"}, {"var": "name"}]})],
            _ => vec![json!({"var": self.one(&["name", "country"])})],
        };
        for variant in ["a", "b", "c", "d"].iter().take(1 + self.next(4) as usize) {
            let weight = self.next(100);
            arguments.push(if weight < 10 { json!([variant]) } else { json!([variant, weight]) });
        }
        json!({"fractional": arguments})
    }

    fn any(&mut self, depth: u32) -> Value {
        match self.next(7) {
            0 => self.number(depth),
            1 => self.text(depth),
            2 => self.truth(depth),
            3 => self.texts(),
            4 => self.numbers(depth),
            5 => self.fractional(),
            _ => json!({self.one(&["and", "or"]): [self.text(depth), self.number(depth)]}),
        }
    }

    fn context(&mut self) -> Map<String, Value> {
        let context = json!({
            "targetingKey": format!("user-{}", self.next(1_000)),
            "age": self.next(90), "name": self.one(&["ada", "bob", "Grüße"]), "country": self.one(&["DE", "FR", "US"]),
            "tags": self.several(1, 3, |maker| json!(maker.one(&["a", "b", "x"]))),
            "numbers": self.several(2, 4, |maker| json!(maker.next(20))),
            "nested": {"deep": {"count": self.next(9)}, "text": "ab"},
            "is_new": self.next(2) == 0, "version": self.one(&["1.2.3", "2.0.0-rc.1", "v1.10.0"]),
        });
        context.as_object().cloned().unwrap_or_default()
    }
}

/// Numbers are equal to the last digits, as both add and multiply in whole numbers where they can.
fn is_alike(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Number(ours), Value::Number(theirs)) => {
            let (ours, theirs) = (ours.as_f64().unwrap(), theirs.as_f64().unwrap());
            (ours - theirs).abs() <= 1e-12 * ours.abs().max(1.0)
        }
        (Value::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| is_alike(ours, theirs))
        }
        (ours, theirs) => ours == theirs,
    }
}

#[test]
fn rules_are_what_another_engine_makes_of_them() {
    let engine = Engine::new();
    let (mut maker, mut different) = (Maker(2026), Vec::new());
    for _ in 0..RULES {
        let (rule, mut context) = (maker.any(4), maker.context());
        let ours = check_evaluated(&rule, &Value::Object(context.clone()));
        context.insert("$flagd".to_owned(), json!({"flagKey": "flag", "timestamp": 7}));
        let context = Value::Object(context).to_string();
        let theirs = engine.eval_str(rule.to_string().as_str(), context.as_str()).map_err(|error| error.to_string());
        if theirs.as_ref().map(|theirs| is_alike(&ours, &serde_json::from_str(theirs).unwrap())) != Ok(true) {
            different.push(format!("{rule}\n  of {context}\n  is {ours}, there {theirs:?}"));
        }
    }
    different.sort_by_key(String::len);
    assert!(
        different.is_empty(),
        "{} differ, such as\n{}",
        different.len(),
        different[..different.len().min(5)].join("\n")
    );
}
