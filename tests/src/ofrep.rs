//! An agent's flags, as programs in other languages ask for them.

use serde_json::{Value, json};
use std::{
    fmt,
    io::{BufRead as _, BufReader, Read},
};

/// Path of all flags.
pub const BULK: &str = "/ofrep/v1/evaluate/flags";

/// Header of every question.
pub const JSON: (&str, &str) = ("Content-Type", "application/json");

/// Returns the body of a question about one user.
pub fn question(user: &str) -> String {
    json!({ "context": { "targetingKey": user, "country": "DE" } }).to_string()
}

/// Events that tell when to ask again.
pub struct Events(BufReader<Box<dyn Read + Send>>);

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}

impl Events {
    /// Listens to an agent; what changes from now on is told.
    ///
    /// # Panics
    /// Panics when the agent has no events.
    pub fn open(agent: &str) -> Self {
        let answer = ureq::get(format!("{agent}/ofrep/v1/events")).call().expect("the agent has events");
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self(BufReader::new(Box::new(answer.into_body().into_reader())))
    }

    /// Waits for the next event and returns its data; `None` when the stream has ended.
    pub fn next_data(&mut self) -> Option<Value> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(data) = line.strip_prefix("data:") {
                return serde_json::from_str(data).ok();
            }
        }
    }
}
