//! What a rule may look at.

use super::{functions, value::to_cel};
use cel::{
    Context,
    common::{
        types::{CelInt, CelList, CelString},
        value::Val,
    },
};
use serde_json::Value;
use std::sync::Arc;

/// One document and what is known about its change.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The new document, `self`; null if the file is deleted.
    pub document: &'a Value,
    /// The one before, `old`; null if there was none.
    pub previous: &'a Value,
    /// Where the file stands, `path`.
    pub path: &'a str,
    /// Name of who proposes the change, `author`.
    pub author: &'a str,
    /// Groups of who proposes the change, `groups`.
    pub groups: &'a [String],
    /// Teams that person is in, `teams`.
    pub teams: &'a [String],
    /// Milliseconds since the epoch, `now`.
    pub now_ms: i64,
}

impl<'a> Facts<'a> {
    /// Returns the variables and functions of rules.
    pub(super) fn context(&self) -> Context<'a, 'a> {
        let mut context = Context::with_env(Arc::clone(&functions::ENVIRONMENT));
        functions::add_to(&mut context);
        context.add_variable_as_val("self", to_cel(self.document));
        context.add_variable_as_val("old", to_cel(self.previous));
        context.add_variable_as_val("path", text(self.path));
        context.add_variable_as_val("author", text(self.author));
        context.add_variable_as_val("groups", list(self.groups));
        context.add_variable_as_val("teams", list(self.teams));
        context.add_variable_as_val("now", Box::new(CelInt::from(self.now_ms)));
        context
    }
}

fn list(texts: &[String]) -> Box<dyn Val + '_> {
    Box::new(CelList::from(texts.iter().map(|item| text(item)).collect::<Vec<_>>()))
}

fn text(text: &str) -> Box<dyn Val + '_> {
    Box::new(CelString::from(text))
}
