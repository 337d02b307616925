//! How a subscription is made.

use crate::{
    Defaulted, Format, ParseError, Refusal, Subscription,
    following::cell::{FileCell, Watched},
    following::owner::Owner,
    following::rules::Rules,
};
use configbus_model::{ConfigPath, ErrorKind, PathError};
use serde::de::DeserializeOwned;
use std::{fmt, sync::Arc};

/// A subscription cannot be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The text is no path.
    #[error(transparent)]
    Path(#[from] PathError),
    /// The text is no pattern.
    #[error("{pattern:?} is not a pattern: {reason}")]
    Pattern {
        /// What was given.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing says how the file is written.
    #[error(
        "{path} has no extension that stands for a format; expected .json, .yaml, .yml or .toml, or say the format"
    )]
    UnknownFormat {
        /// The file.
        path: ConfigPath,
    },
    /// The file is there, has no good version yet, and the program gave no default.
    #[error("{path} is not usable: {refusal}")]
    Refused {
        /// The file.
        path: ConfigPath,
        /// What is wrong with it.
        refusal: Arc<Refusal>,
    },
}

impl SubscribeError {
    /// Returns what kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused { .. } => ErrorKind::Rejected,
            _ => ErrorKind::Invalid,
        }
    }
}

/// Adds a check once it is known how the file is parsed.
type AddCheck<T> = Box<dyn FnOnce(&mut Rules<T>) + Send>;

/// A subscription in the making.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use configbus_client::Format;
///
/// let memory = configbus_client::ConfigBus::in_memory();
/// let limit = memory
///     .bus()
///     .file::<u32>("services/limit")?
///     .with_format(Format::Json)
///     .with_check(|limit| if *limit > 0 { Ok(()) } else { Err("the limit must not be 0") })
///     .or(100)?;
/// assert_eq!(*limit.load(), 100);
///
/// memory.set("services/limit", "7")?;
/// memory.flip();
/// memory.set("services/limit", "0")?;
/// memory.flip();
/// assert_eq!(*limit.load(), 7);
/// assert!(limit.refusal().unwrap().to_string().contains("must not be 0"));
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is subscribed before `subscribe` or `or`"]
pub struct SubscriptionBuilder<T> {
    path: ConfigPath,
    owner: Arc<Owner>,
    /// Absent while no format is known.
    rules: Option<Rules<T>>,
    checks: Vec<AddCheck<T>>,
}

impl<T> fmt::Debug for SubscriptionBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubscriptionBuilder").field("path", &self.path).finish_non_exhaustive()
    }
}

impl<T: Send + Sync + 'static> SubscriptionBuilder<T> {
    pub(crate) fn new(owner: &Arc<Owner>, path: &str, rules: Option<Rules<T>>) -> Result<Self, SubscribeError> {
        let path = ConfigPath::parse(path)?;
        Ok(Self { path, owner: Arc::clone(owner), rules, checks: Vec::new() })
    }

    /// Parses with the program's own code, whatever the extension.
    pub fn with_decoder<E: fmt::Display>(
        mut self,
        decode: impl Fn(&[u8]) -> Result<T, E> + Send + Sync + 'static,
    ) -> Self {
        let failed = |error: E| ParseError { place: None, message: error.to_string() };
        self.rules = Some(Rules::new(move |_, content| decode(content).map_err(failed)));
        self
    }

    /// Adds a check that every new value must pass. It runs on the thread that waits for flips and should be quick.
    pub fn with_check<E: fmt::Display>(mut self, check: impl Fn(&T) -> Result<(), E> + Send + Sync + 'static) -> Self {
        self.checks.push(Box::new(move |rules| rules.add_check(check)));
        self
    }

    /// Subscribes. A file that does not exist is no error; one that is there and not usable is.
    pub fn subscribe(self) -> Result<Subscription<T>, SubscribeError> {
        let subscription = self.register(None)?;
        let refused = subscription.refusal().filter(|_| subscription.load().is_none());
        match refused {
            Some(refusal) => Err(SubscribeError::Refused { path: subscription.path().clone(), refusal }),
            None => Ok(subscription),
        }
    }

    /// Subscribes with a value to use while the file does not exist or has never been usable.
    pub fn or(self, default: T) -> Result<Defaulted<T>, SubscribeError> {
        Ok(Defaulted::new(self.register(Some(Arc::new(default)))?))
    }

    fn register(self, default: Option<Arc<T>>) -> Result<Subscription<T>, SubscribeError> {
        let Some(mut rules) = self.rules else { return Err(SubscribeError::UnknownFormat { path: self.path }) };
        self.checks.into_iter().for_each(|add| add(&mut rules));
        let cell = Arc::new(FileCell::new(self.path, rules, default));
        let watched: Arc<dyn Watched> = Arc::<FileCell<T>>::clone(&cell);
        self.owner.follower.register(&watched);
        Ok(Subscription { cell, owner: self.owner })
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> SubscriptionBuilder<T> {
    /// Parses as a format, whatever the extension.
    pub fn with_format(mut self, format: Format) -> Self {
        self.rules = Some(Rules::of_format(format));
        self
    }
}
