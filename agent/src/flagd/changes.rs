//! Events that tell which flags changed.

use super::{Answers, Flagd, selector::Selector};
use crate::flag_state::WHOLE_SETS;
use configbus_client::switches::Switches;
use configbus_proto::flagd::{Struct, to_struct};
use futures_util::{StreamExt as _, future, stream};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tonic::Status;

/// How often something is sent, so that both ends see that the other is gone.
const BEAT: Duration = Duration::from_secs(20);

/// One event.
#[derive(Debug, PartialEq)]
pub(super) struct Event {
    pub(super) kind: &'static str,
    pub(super) data: Option<Struct>,
}

impl Event {
    fn bare(kind: &'static str) -> Self {
        Self { kind, data: None }
    }
}

type Marks = BTreeMap<String, u64>;

impl Flagd {
    /// Tells that flags are there, and then what of them changes.
    pub(super) fn events(&self, selector: Selector) -> Result<Answers<Event>, Status> {
        let marked = self.states()?.then(move |state| {
            let selector = selector.clone();
            async move {
                let switches = Arc::clone(&state?.switches);
                Ok(WHOLE_SETS.run(move || marks_of(&switches, &selector)).await)
            }
        });
        let events = marked.scan(None::<Marks>, |before, marks| {
            let event = marks.map(|after: Marks| {
                let event = match before {
                    None => Some(Event::bare("provider_ready")),
                    Some(before) => change(before, &after),
                };
                *before = Some(after);
                event
            });
            future::ready(Some(event.transpose()))
        });
        let events = events.filter_map(future::ready).boxed();
        let beating = stream::unfold(events, |mut events| async move {
            let event = tokio::time::timeout(BEAT, events.next()).await;
            Some((event.unwrap_or(Some(Ok(Event::bare("keep_alive"))))?, events))
        });
        Ok(beating.boxed())
    }
}

fn marks_of(switches: &Switches, selector: &Selector) -> Marks {
    let marks = switches.marks(|path, metadata| selector.selects(path, metadata));
    marks.into_iter().map(|(key, mark)| (key.to_owned(), mark)).collect()
}

/// Tells what happened to which key, in the words of flagd; nothing where nothing did.
fn change(before: &Marks, after: &Marks) -> Option<Event> {
    let told = |key: &String, what: &str| (key.clone(), json!({"type": what}));
    let gone = before.keys().filter(|key| !after.contains_key(*key)).map(|key| told(key, "delete"));
    let there = after.iter().filter_map(|(key, mark)| match before.get(key) {
        None => Some(told(key, "write")),
        Some(before) if before != mark => Some(told(key, "update")),
        Some(_) => None,
    });
    let flags: Map<String, Value> = gone.chain(there).collect();
    if flags.is_empty() {
        return None;
    }
    Some(Event { kind: "configuration_change", data: json!({"flags": flags}).as_object().and_then(to_struct) })
}
