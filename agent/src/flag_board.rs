//! Flags and features as readers on this host have them, for programs that ask over HTTP.
//!
//! The agent reads what it made visible through the client library, so that a program in another language gets the answer that
//! one in Rust computes itself: the same places, the same evaluation, the same last good version of a broken file.

use crate::{Root, deliverer::Stock, flag_state::FlagState};
use configbus_client::{ConfigBus, FlagPlaces, Flags, OpenOptions, switches::Switches};
use configbus_runtime::{BlockingPool, CancellationToken};
use std::{convert::Infallible, path::Path, sync::Arc, time::Duration};
use tokio::sync::watch;

/// After this long without a flip it is looked again, for what could not be read.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// How long a view is waited for; there is one, or it would not be tried.
const OPEN_DEADLINE: Duration = Duration::from_secs(1);

/// What handlers look at; nothing before the first revision was read.
#[derive(Debug, Clone)]
pub(crate) struct FlagBoard(watch::Receiver<Option<Arc<FlagState>>>);

impl FlagBoard {
    pub(crate) fn new(states: watch::Receiver<Option<Arc<FlagState>>>) -> Self {
        Self(states)
    }

    pub(crate) fn state(&self) -> Option<Arc<FlagState>> {
        self.0.borrow().clone()
    }

    pub(crate) fn states(&self) -> watch::Receiver<Option<Arc<FlagState>>> {
        self.0.clone()
    }
}

/// Takes each new revision.
pub(crate) async fn follow(
    root: Root,
    mut stock: watch::Receiver<Stock>,
    states: watch::Sender<Option<Arc<FlagState>>>,
    stop: CancellationToken,
) -> Result<(), Infallible> {
    let pool = BlockingPool::new(1);
    let mut reader = None;
    loop {
        let shown = stock.borrow_and_update().shown.clone();
        if let Some(shown) = shown {
            let (root, before) = (root.path().to_owned(), reader.take());
            reader = pool.run(move || FlagReader::look(before, &root)).await;
            let newest = reader.as_ref().map(|reader| (reader.bus.clone(), reader.flags.load()));
            let is_known = |switches: &Arc<Switches>| {
                states.borrow().as_ref().is_some_and(|state| Arc::ptr_eq(&state.switches, switches))
            };
            if let Some((bus, switches)) = newest.filter(|(_, newest)| !is_known(newest)) {
                let (id, modified_s) = (shown.effective_tree.to_string(), shown.flipped_ms / 1_000);
                let (revision, written) = (shown.head().revision, Default::default());
                states.send_replace(Some(Arc::new(FlagState { switches, bus, id, modified_s, revision, written })));
            }
        }
        tokio::select! {
            () = stop.cancelled() => break,
            changed = tokio::time::timeout(LOOK_EVERY, stock.changed()) => if let Ok(Err(_)) = changed { break },
        }
    }
    // Ends its threads, and waits for them.
    let last = states.send_replace(None);
    pool.run(move || drop((reader, last))).await;
    Ok(())
}

/// The client library on this host's root.
struct FlagReader {
    bus: ConfigBus,
    places: FlagPlaces,
    flags: Flags,
}

impl FlagReader {
    /// Takes the newest revision, and the policy's word on where flags stand.
    fn look(before: Option<Self>, root: &Path) -> Option<Self> {
        let Some(mut reader) = before else { return Self::open(root) };
        reader.bus.refresh();
        match FlagPlaces::of(&reader.bus) {
            Ok(places) if places != reader.places => match reader.bus.flags_with_documents(&places) {
                Ok(flags) => (reader.flags, reader.places) = (flags, places),
                Err(error) => tracing::warn!(%error, "flags stay at the places they were"),
            },
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "flags stay at the places they were"),
        }
        Some(reader)
    }

    fn open(root: &Path) -> Option<Self> {
        let told = |error: &dyn std::error::Error| tracing::warn!(%error, "flags cannot be read yet");
        let options = OpenOptions::new().deadline(OPEN_DEADLINE);
        let bus = ConfigBus::open_with(root, &options).map_err(|error| told(&error)).ok()?;
        let places = FlagPlaces::of(&bus).map_err(|error| told(&error)).unwrap_or_default();
        let flags = bus.flags_with_documents(&places).map_err(|error| told(&error)).ok()?;
        Some(Self { bus, places, flags })
    }
}
