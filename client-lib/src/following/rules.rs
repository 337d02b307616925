//! What content must satisfy to become a value.

use crate::{Format, ParseError, RefusalReason, format::text_of};
use configbus_model::ConfigPath;
use serde::de::DeserializeOwned;
use std::{
    cell::Cell,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
};

type Decode<T> = Box<dyn Fn(&ConfigPath, &[u8]) -> Result<T, ParseError> + Send + Sync>;
type Check<T> = Box<dyn Fn(&T) -> Result<(), String> + Send + Sync>;

thread_local! {
    /// Whether this thread runs a decoder or a check.
    static APPLYING: Cell<bool> = const { Cell::new(false) };
}

/// Returns whether this thread runs the program's decoder or check. A subscription is locked then, so nothing may be
/// waited for that may wait for it.
pub(crate) fn is_applying() -> bool {
    APPLYING.get()
}

/// A decoder and the program's checks.
pub(crate) struct Rules<T> {
    decode: Decode<T>,
    checks: Vec<Check<T>>,
}

impl<T> fmt::Debug for Rules<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rules").field("checks", &self.checks.len()).finish_non_exhaustive()
    }
}

impl<T> Rules<T> {
    pub(crate) fn new(decode: impl Fn(&ConfigPath, &[u8]) -> Result<T, ParseError> + Send + Sync + 'static) -> Self {
        Self { decode: Box::new(decode), checks: Vec::new() }
    }

    pub(crate) fn add_check<E: fmt::Display>(&mut self, check: impl Fn(&T) -> Result<(), E> + Send + Sync + 'static) {
        self.checks.push(Box::new(move |value| check(value).map_err(|error| error.to_string())));
    }

    /// Turns content into a value. The program's own code runs here: if it panics, this version is refused.
    pub(crate) fn apply(&self, path: &ConfigPath, content: &[u8]) -> Result<T, RefusalReason> {
        let outer = APPLYING.replace(true);
        let judged = catch_unwind(AssertUnwindSafe(|| {
            let value = (self.decode)(path, content).map_err(RefusalReason::Parse)?;
            self.checks.iter().try_for_each(|check| check(&value)).map_err(RefusalReason::Check)?;
            Ok(value)
        }));
        APPLYING.set(outer);
        judged.unwrap_or(Err(RefusalReason::Panicked))
    }
}

impl<T: DeserializeOwned + 'static> Rules<T> {
    pub(crate) fn of_format(format: Format) -> Self {
        Self::new(move |_, content| format.parse(content))
    }

    pub(crate) fn by_extension() -> Self {
        Self::new(|path, content| match Format::of(path) {
            Some(format) => format.parse(content),
            None => Err(ParseError { place: None, message: "its extension stands for no format".to_owned() }),
        })
    }
}

impl Rules<String> {
    pub(crate) fn text() -> Self {
        Self::new(|_, content| text_of(content).map(str::to_owned))
    }
}

impl Rules<Vec<u8>> {
    pub(crate) fn bytes() -> Self {
        Self::new(|_, content| Ok(content.to_vec()))
    }
}
