//! REST as `curl` speaks it.

use ureq::{Agent, http::Response};

/// An answer, whatever its status.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    headers: Vec<(String, String)>,
    /// Body as text.
    pub body: String,
}

impl Answer {
    fn of(response: Response<ureq::Body>) -> Self {
        Self::whole(response).expect("the body is text, and all of it comes")
    }

    /// Reads the body; `None` when it breaks off.
    fn whole(mut response: Response<ureq::Body>) -> Option<Self> {
        let headers = response.headers().iter();
        let headers =
            headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap_or("").to_owned())).collect();
        let status = response.status().as_u16();
        let body = response.body_mut().with_config().limit(64 << 20).read_to_string().ok()?;
        Some(Self { status, headers, body })
    }

    /// Returns a header; empty when it is missing.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value)
    }

    /// Reads the body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }
}

/// A client of one base URL.
#[derive(Debug)]
pub struct Rest {
    base: String,
    agent: Agent,
}

impl Rest {
    /// Talks to a server, a store or an agent.
    pub fn new(base: &str) -> Self {
        let agent = Agent::config_builder().http_status_as_error(false).build().into();
        Self { base: base.to_owned(), agent }
    }

    /// Reads.
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.try_get(path, headers).expect("the server answers")
    }

    /// Reads from a server that may die meanwhile; then there is no answer.
    pub fn try_get(&self, path: &str, headers: &[(&str, &str)]) -> Option<Answer> {
        let request = self.agent.get(format!("{}{path}", self.base));
        with(request, headers).call().ok().and_then(Answer::whole)
    }

    /// Writes.
    pub fn put(&self, path: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Answer {
        self.try_put(path, headers, body).expect("the server answers")
    }

    /// Writes to a server that may die meanwhile; then there is no answer.
    pub fn try_put(&self, path: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Option<Answer> {
        let request = self.agent.put(format!("{}{path}", self.base));
        with(request, headers).send(body.as_ref()).ok().and_then(Answer::whole)
    }

    /// Sends to a collection.
    pub fn post(&self, path: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Answer {
        let request = self.agent.post(format!("{}{path}", self.base));
        Answer::of(with(request, headers).send(body.as_ref()).expect("the server answers"))
    }

    /// Deletes.
    pub fn delete(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.try_delete(path, headers).expect("the server answers")
    }

    /// Deletes on a server that may die meanwhile; then there is no answer.
    pub fn try_delete(&self, path: &str, headers: &[(&str, &str)]) -> Option<Answer> {
        let request = self.agent.delete(format!("{}{path}", self.base));
        with(request, headers).call().ok().and_then(Answer::whole)
    }

    /// Returns whether anything answers at a path with 200.
    pub fn is_ok(&self, path: &str) -> bool {
        let answer = self.agent.get(format!("{}{path}", self.base)).call();
        answer.is_ok_and(|response| response.status().is_success())
    }
}

fn with<B>(request: ureq::RequestBuilder<B>, headers: &[(&str, &str)]) -> ureq::RequestBuilder<B> {
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
}
