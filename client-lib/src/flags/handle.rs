//! One key, typed.

use super::Flags;
use crate::{current::Current, moment::now};
use configbus_switches::{Context, ErrorCode, Place, Reason, Resolution, Switches};
use serde_json::Value;
use std::sync::Arc;

/// Where a key leads in the newest set.
pub(super) type Slot = Current<Located>;

#[derive(Debug)]
pub(super) struct Located {
    switches: Arc<Switches>,
    place: Option<Place>,
}

impl Located {
    pub(super) fn new(switches: &Arc<Switches>, key: &str) -> Self {
        Self { switches: Arc::clone(switches), place: switches.find(key) }
    }

    #[inline]
    fn resolve(&self, key: &str, context: &Context<'_>) -> Resolution<'_> {
        match self.place {
            Some(place) => self.switches.resolve_at(place, key, context, now()),
            None => Resolution::failed(ErrorCode::FlagNotFound, None),
        }
    }
}

/// What a flag can be in a program.
pub trait FlagValue: Clone {
    /// Reads an answer; `None` where the program's default counts.
    fn read(resolution: &Resolution<'_>) -> Result<Option<Self>, ErrorCode>;
}

/// Reads through one of the resolution's typed accessors, which know what fits.
fn read_by<'a, T, U>(
    resolution: &Resolution<'a>,
    read: impl FnOnce() -> Result<T, ErrorCode>,
    keep: impl FnOnce(T) -> U,
) -> Result<Option<U>, ErrorCode> {
    let found = read()?;
    Ok(resolution.value.map(|_| keep(found)))
}

impl FlagValue for bool {
    #[inline]
    fn read(resolution: &Resolution<'_>) -> Result<Option<Self>, ErrorCode> {
        read_by(resolution, || resolution.bool_or(false), |found| found)
    }
}

impl FlagValue for i64 {
    #[inline]
    fn read(resolution: &Resolution<'_>) -> Result<Option<Self>, ErrorCode> {
        read_by(resolution, || resolution.int_or(0), |found| found)
    }
}

impl FlagValue for f64 {
    #[inline]
    fn read(resolution: &Resolution<'_>) -> Result<Option<Self>, ErrorCode> {
        read_by(resolution, || resolution.float_or(0.0), |found| found)
    }
}

impl FlagValue for String {
    #[inline]
    fn read(resolution: &Resolution<'_>) -> Result<Option<Self>, ErrorCode> {
        read_by(resolution, || resolution.text_or(""), str::to_owned)
    }
}

impl FlagValue for Value {
    #[inline]
    fn read(resolution: &Resolution<'_>) -> Result<Option<Self>, ErrorCode> {
        resolution.error.map_or_else(|| Ok(resolution.value.cloned()), Err)
    }
}

/// An answer with what led to it.
#[derive(Debug, Clone, PartialEq)]
pub struct FlagDetails<T> {
    /// The value, or the program's default.
    pub value: T,
    /// Which variant, or of a feature which rule.
    pub variant: Option<String>,
    /// Why.
    pub reason: Reason,
    /// What went wrong; then the value is the default.
    pub error: Option<ErrorCode>,
}

/// One key with a type and the program's default. Asking takes no lock, and memory only for text and objects. Clones are cheap.
#[derive(Debug, Clone)]
pub struct FlagHandle<T> {
    key: Arc<str>,
    default: T,
    slot: Arc<Slot>,
    /// Keeps it current.
    flags: Flags,
}

impl<T: FlagValue> FlagHandle<T> {
    pub(super) fn new(key: &str, default: T, slot: Arc<Slot>, flags: Flags) -> Self {
        Self { key: key.into(), default, slot, flags }
    }

    /// Returns the value for a context; the default where there is none, or one of another type.
    #[inline]
    pub fn get(&self, context: &Context<'_>) -> T {
        let located = self.slot.load();
        let found = located.as_ref().and_then(|located| T::read(&located.resolve(&self.key, context)).ok().flatten());
        found.unwrap_or_else(|| self.default.clone())
    }

    /// Returns the value and what led to it.
    pub fn details(&self, context: &Context<'_>) -> FlagDetails<T> {
        let located = self.slot.load();
        let unknown = Resolution::failed(ErrorCode::FlagNotFound, None);
        let resolution = located.as_ref().map_or(unknown, |located| located.resolve(&self.key, context));
        let (value, error) = match T::read(&resolution) {
            Ok(value) => (value.unwrap_or_else(|| self.default.clone()), None),
            Err(error) => (self.default.clone(), Some(error)),
        };
        let reason = if error.is_some() { Reason::Error } else { resolution.reason };
        FlagDetails { value, variant: resolution.variant.map(str::to_owned), reason, error }
    }

    /// Returns the key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the flags it is one of.
    pub fn flags(&self) -> &Flags {
        &self.flags
    }
}
