//! Deciders for programs in other languages: each key of a file as a switch that is asked like a flag.
//!
//! A gate is a truth value for the user that the targeting key names, or the guest that the attribute `guest` names, and for
//! nobody in particular it is on when everybody is in. It says what a program in Rust computes from the same file without overlays,
//! since who asks over the network has no place by which to choose them.

use super::{AVAILABILITY_MAX, DeciderFile, DeciderKind, DeciderSalts, Recipient};
use crate::{Attribute, Context, Parsed, Reason, Resolution, TARGETING_KEY, hash::xxh64};
use serde_json::{Map, Value};

/// Name of files of deciders, without the extension.
const NAME: &str = "decider";

/// Attribute that names a guest, where there is no targeting key.
const GUEST: &str = "guest";

static ON: Value = Value::Bool(true);
static OFF: Value = Value::Bool(false);

/// The keys of a file of deciders, in order.
#[derive(Debug, Clone)]
pub struct DeciderFlags {
    flags: Vec<DeciderFlag>,
}

/// One key.
#[derive(Debug, Clone)]
pub struct DeciderFlag {
    key: Box<str>,
    kind: DeciderKind,
    value: i64,
    number: Value,
    salts: DeciderSalts,
    metadata: Map<String, Value>,
}

impl DeciderFlags {
    /// Returns whether a document is plainly one of deciders: it has their name and their members.
    pub fn is_meant_by(key: &str, document: &Value) -> bool {
        let is_named = key.rsplit('/').next() == Some(NAME);
        let has = |record: &Value| record.get("default_availability").is_some();
        is_named && document.as_object().is_some_and(|records| !records.is_empty() && records.values().any(has))
    }

    /// Reads a parsed document; its keys are behind a dot.
    pub fn parse(key: &str, document: &Value) -> Parsed<Self> {
        let Parsed { value, problems } = DeciderFile::parse(document);
        let flag = |(name, record): (&String, &super::DeciderRecord)| {
            let said = [("owner", record.owner.clone()), ("expires", record.expires.map(|moment| moment.to_string()))];
            let said = said.into_iter().filter_map(|(name, text)| Some((name.to_owned(), Value::String(text?))));
            DeciderFlag {
                key: format!("{key}.{name}").into(),
                kind: record.kind.unwrap_or_default(),
                value: record.value,
                number: record.value.into(),
                salts: DeciderSalts::of(name),
                metadata: said.collect(),
            }
        };
        Parsed { value: value.map(|file| Self { flags: file.records.iter().map(flag).collect() }), problems }
    }

    /// Returns all keys.
    pub fn iter(&self) -> impl Iterator<Item = &DeciderFlag> {
        self.flags.iter()
    }

    /// Returns a key by its place.
    pub fn flag_at(&self, at: usize) -> Option<&DeciderFlag> {
        self.flags.get(at)
    }
}

impl DeciderFlag {
    /// Returns the file's key and its own, with a dot between.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns what its file says about it.
    pub fn metadata(&self) -> &Map<String, Value> {
        &self.metadata
    }

    /// Returns a mark that is another one when it may answer otherwise.
    pub(crate) fn mark(&self) -> u64 {
        let said = self.metadata.iter().map(|(name, value)| format!("{name}={value}\n")).collect::<String>();
        xxh64(self.value.cast_unsigned() ^ u64::from(self.kind == DeciderKind::Int), said.as_bytes())
    }

    /// Returns what it is for a context.
    #[inline]
    pub fn resolve(&self, context: &Context<'_>) -> Resolution<'_> {
        let answer = |value, variant, reason| Resolution {
            value: Some(value),
            variant,
            reason,
            error: None,
            metadata: Some(&self.metadata),
        };
        let gate = |is_in: bool| if is_in { (&ON, Some("on")) } else { (&OFF, Some("off")) };
        if self.kind == DeciderKind::Int {
            return answer(&self.number, None, Reason::Static);
        }
        let recipient = recipient(context).filter(|_| (1..AVAILABILITY_MAX).contains(&self.value));
        let (is_in, reason) = match recipient {
            Some(recipient) => (self.salts.is_available(self.value, recipient), Reason::TargetingMatch),
            None => (self.value >= AVAILABILITY_MAX, Reason::Static),
        };
        let (value, variant) = gate(is_in);
        answer(value, variant, reason)
    }

    /// Returns what led to the answer, for people.
    pub(crate) fn explain(&self, context: &Context<'_>) -> String {
        match recipient(context) {
            _ if self.kind == DeciderKind::Int => format!("the number {}", self.value),
            Some(recipient) => format!("bucket {} of {} that are in", self.salts.bucket(recipient), self.value),
            None => format!("{} of {AVAILABILITY_MAX} are in, and the context names nobody", self.value),
        }
    }
}

fn recipient<'a>(context: &Context<'a>) -> Option<Recipient<'a>> {
    let id = |name| context.get(name).and_then(Attribute::id);
    id(TARGETING_KEY).map(Recipient::User).or_else(|| id(GUEST).map(Recipient::Guest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decider::Decider;
    use serde_json::json;

    #[test]
    fn a_key_says_what_the_decider_says() {
        let document = json!({
            "new_db": {"default_availability": 2_500, "owner": "storage"},
            "all": {"default_availability": 10_000},
            "warm_up": {"default_availability": 86_400, "kind": "int"},
        });
        assert!(DeciderFlags::is_meant_by("web/decider", &document));
        assert!(!DeciderFlags::is_meant_by("web/other", &document));
        let flags = DeciderFlags::parse("web/decider", &document).flawless().unwrap();
        let file = DeciderFile::parse(&document).flawless().unwrap();
        let decider = Decider::of_layers([&file]);
        let new_db = flags.iter().find(|flag| flag.key() == "web/decider.new_db").unwrap();
        let mut inside = 0;
        for user in 0..1_000_i64 {
            for (name, recipient) in [(TARGETING_KEY, Recipient::user(user)), (GUEST, Recipient::guest(user))] {
                let attributes = [(name, user.into())];
                let found = new_db.resolve(&Context::of(&attributes));
                let expected = decider.is_available_for("new_db", recipient).unwrap();
                assert_eq!((found.bool_or(!expected), found.reason), (Ok(expected), Reason::TargetingMatch));
                inside += u32::from(expected);
            }
        }
        assert!((400..600).contains(&inside), "{inside}");
        assert_eq!(new_db.resolve(&Context::default()).bool_or(true), Ok(false));
        assert_eq!(new_db.resolve(&Context::default()).metadata.unwrap()["owner"], "storage");
        let by_key = |key: &str| flags.iter().find(|flag| flag.key() == key).unwrap().resolve(&Context::default());
        assert_eq!(by_key("web/decider.all").bool_or(false), Ok(true));
        assert_eq!(by_key("web/decider.warm_up").int_or(0), Ok(86_400));
    }
}
