//! Reads documents so that every mistake has a pointer.

use crate::{Moment, Parsed, Problem, Severity, problem::PROBLEMS_KEPT_MAX};
use serde_json::{Map, Value};

/// Where the reading is, and what it found so far.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    pointer: String,
    problems: Vec<Problem>,
    wrong: usize,
    /// Takes what is not kept, so that those who complete a problem need not ask.
    spare: Option<Problem>,
}

impl Reading {
    /// Reads something below the present place.
    pub(crate) fn within<T>(&mut self, step: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.pointer.len();
        self.pointer.push('/');
        if step.contains(['~', '/']) {
            self.pointer.push_str(&step.replace('~', "~0").replace('/', "~1"));
        } else {
            self.pointer.push_str(step);
        }
        let read = read(self);
        self.pointer.truncate(length);
        read
    }

    /// Reads an element below the present place.
    pub(crate) fn at<T>(&mut self, index: usize, read: impl FnOnce(&mut Self) -> T) -> T {
        self.within(&index.to_string(), read)
    }

    /// Adds a problem that makes the document unusable.
    pub(crate) fn wrong(&mut self, message: impl Into<String>) -> &mut Problem {
        self.wrong += 1;
        self.add(Severity::Wrong, message.into())
    }

    /// Adds a problem of a part that does nothing.
    pub(crate) fn idle(&mut self, message: impl Into<String>) -> &mut Problem {
        self.add(Severity::Idle, message.into())
    }

    /// Adds that an inline test fails.
    pub(crate) fn failed_test(&mut self, message: impl Into<String>) -> &mut Problem {
        self.add(Severity::Test, message.into())
    }

    fn add(&mut self, severity: Severity, message: String) -> &mut Problem {
        let problem = Problem { severity, pointer: self.pointer.clone(), message, found: None, expected: None };
        if self.problems.len() >= PROBLEMS_KEPT_MAX {
            return self.spare.insert(problem);
        }
        self.problems.push(problem);
        self.problems.last_mut().expect("one was just added")
    }

    /// Adds that another kind of value belongs here.
    pub(crate) fn expect(&mut self, value: &Value, expected: &str) {
        self.wrong("value is of another kind").found(shown(value)).expected(expected);
    }

    /// Returns how many problems made the document unusable so far.
    pub(crate) fn wrong_count(&self) -> usize {
        self.wrong
    }

    /// Ends the reading.
    pub(crate) fn finish<T>(self, value: Option<T>) -> Parsed<T> {
        Parsed { value: value.filter(|_| self.wrong == 0), problems: self.problems }
    }

    /// Returns a mapping with any keys.
    pub(crate) fn mapping<'v>(&mut self, value: &'v Value) -> Option<&'v Map<String, Value>> {
        let mapping = value.as_object();
        if mapping.is_none() {
            self.expect(value, "a mapping");
        }
        mapping
    }

    /// Returns a mapping; keys that are not known are told with the nearest that is.
    pub(crate) fn fields<'v>(&mut self, value: &'v Value, known: &[&str]) -> Option<&'v Map<String, Value>> {
        let mapping = self.mapping(value)?;
        for key in mapping.keys().filter(|key| !known.contains(&key.as_str())) {
            let expected = nearest(key, known).map_or_else(|| known.join(", "), str::to_owned);
            let told = |reading: &mut Self| {
                reading.idle("key is not known here, so it would do nothing").found(key).expected(expected);
            };
            self.within(key, told);
        }
        Some(mapping)
    }

    /// Reads a member that may be left out.
    pub(crate) fn optional<'v, T>(
        &mut self,
        fields: &'v Map<String, Value>,
        name: &str,
        read: impl FnOnce(&mut Self, &'v Value) -> Option<T>,
    ) -> Option<T> {
        let value = fields.get(name)?;
        self.within(name, |reading| read(reading, value))
    }

    /// Reads a member that has to be there.
    pub(crate) fn required<'v, T>(
        &mut self,
        fields: &'v Map<String, Value>,
        name: &str,
        read: impl FnOnce(&mut Self, &'v Value) -> Option<T>,
    ) -> Option<T> {
        if !fields.contains_key(name) {
            self.wrong(format!("member '{name}' is missing"));
        }
        self.optional(fields, name, read)
    }

    /// Reads the elements of a list, as many as can be read.
    pub(crate) fn elements<'v, T>(
        &mut self,
        value: &'v Value,
        mut read: impl FnMut(&mut Self, &'v Value) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Some(elements) = value.as_array() else {
            self.expect(value, "a list");
            return None;
        };
        let elements = elements.iter().enumerate();
        Some(elements.filter_map(|(at, value)| self.at(at, |reading| read(reading, value))).collect())
    }

    /// Returns text that says something.
    pub(crate) fn text<'v>(&mut self, value: &'v Value) -> Option<&'v str> {
        match value.as_str() {
            Some(text) if !text.trim().is_empty() => Some(text),
            Some(_) => {
                self.wrong("text is empty");
                None
            }
            None => {
                self.expect(value, "text; put it in quotes");
                None
            }
        }
    }

    /// Returns a truth value.
    pub(crate) fn boolean(&mut self, value: &Value) -> Option<bool> {
        let boolean = value.as_bool();
        if boolean.is_none() {
            self.expect(value, "true or false");
        }
        boolean
    }

    /// Returns a number between bounds.
    pub(crate) fn number(&mut self, value: &Value, min: f64, max: f64) -> Option<f64> {
        match value.as_f64() {
            Some(number) if (min..=max).contains(&number) => Some(number),
            Some(_) => {
                self.wrong("number is out of range").found(shown(value)).expected(format!("{min} to {max}"));
                None
            }
            None => {
                self.expect(value, &format!("a number from {min} to {max}"));
                None
            }
        }
    }

    /// Returns a point in time.
    pub(crate) fn moment(&mut self, value: &Value) -> Option<Moment> {
        let text = self.text(value)?;
        match Moment::parse(text) {
            Ok(moment) => Some(moment),
            Err(error) => {
                self.wrong(error.to_string());
                None
            }
        }
    }

    /// Returns which of several words stands here.
    pub(crate) fn one_of<T: Copy>(&mut self, value: &Value, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(value)?;
        let known = words.iter().find(|(word, _)| *word == text);
        if known.is_none() {
            let names: Vec<_> = words.iter().map(|(word, _)| *word).collect();
            let expected = nearest(text, &names).map_or_else(|| names.join(", "), str::to_owned);
            self.wrong("word is not known here").found(text).expected(expected);
        }
        known.map(|(_, value)| *value)
    }
}

/// Returns a value as it is quoted in a message.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "a mapping".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        scalar => scalar.to_string(),
    }
}

/// Returns the known word that was probably meant: one that is one or two edits away.
pub(crate) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    let edits_max = if word.chars().count() > 4 { 2 } else { 1 };
    let near = known.iter().map(|known| (edits(word, known), *known)).min()?;
    (near.0 <= edits_max).then_some(near.1)
}

/// Levenshtein's distance, over words short enough that the square does not matter.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(64).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn mistakes_carry_their_pointer_and_the_likely_word() {
        let mut reading = Reading::default();
        let value = json!({"a/b": {"ownr": "x"}});
        let inner = &value["a/b"];
        reading.within("a/b", |reading| reading.fields(inner, &["owner", "expires"]).map(|_| ()));
        reading.within("n", |reading| reading.number(&json!(2), 0.0, 1.0));
        let parsed = reading.finish(Some(()));
        let told: Vec<_> = parsed.problems.iter().map(ToString::to_string).collect();
        let expected = [
            "/a~1b/ownr: key is not known here, so it would do nothing: found ownr, expected owner",
            "/n: number is out of range: found 2, expected 0 to 1",
        ];
        assert_eq!(told, expected);
        assert_eq!(parsed.value, None);
    }

    #[test]
    fn only_the_first_problems_are_kept() {
        let mut reading = Reading::default();
        for at in 0..PROBLEMS_KEPT_MAX + 9 {
            reading.at(at, |reading| reading.wrong("bad").found("x").expected("y").pointer.len());
        }
        let parsed = reading.finish(Some(()));
        assert_eq!((parsed.problems.len(), parsed.value), (PROBLEMS_KEPT_MAX, None));
    }
}
