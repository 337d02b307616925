//! Brings deliveries up to date after each flip: the loop around the steps.

use super::{
    command::{Job, quoted, run},
    decision::Occasion,
    error::PlaceError,
    report::{CommandReport, DeliveryReport, DeliveryState},
    rule::{Deliver, NEW},
    shelf::{Prepared, Shelf},
    staged::Staged,
};
use crate::{Root, deliverer::Stock, delivery::Shown, metrics::AgentMetrics};
use configbus_model::Revision;
use configbus_runtime::{BlockingPool, CancellationToken, Clock, Tasks, report::chain};
use rustix::fs::{FlockOperation, flock};
use std::{collections::BTreeMap, convert::Infallible, fs::File, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::{mpsc, watch};

/// Time until what could not be placed is tried again, if no flip comes before.
const AGAIN_AFTER: Duration = Duration::from_secs(30);

/// What a placer works with.
pub(crate) struct PlacerParts {
    pub(crate) rules: Vec<Deliver>,
    pub(crate) root: Root,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) stock: watch::Receiver<Stock>,
    /// Failures for the store, which tells the fleet; one that finds no room is in the reports.
    pub(crate) refusals: mpsc::Sender<String>,
    pub(crate) reports: watch::Sender<Vec<DeliveryReport>>,
    pub(crate) metrics: AgentMetrics,
}

impl PlacerParts {
    /// Starts the task when there is anything to place.
    pub(crate) fn start(self, tasks: &Tasks) {
        if !self.rules.is_empty() {
            tasks.spawn("places", Placer::new(self).run(tasks.shutdown_token()));
        }
    }
}

/// See the module.
pub(crate) struct Placer {
    parts: PlacerParts,
    rules: Arc<[Deliver]>,
    pool: BlockingPool,
    shelf: Option<Shelf>,
    reports: BTreeMap<usize, DeliveryReport>,
}

/// Deliveries with one command that waits for all of them, by index and content.
type Owed = BTreeMap<String, Vec<(usize, String)>>;

impl Placer {
    pub(crate) fn new(mut parts: PlacerParts) -> Self {
        let rules = std::mem::take(&mut parts.rules).into();
        Self { parts, rules, pool: BlockingPool::new(1), shelf: None, reports: BTreeMap::new() }
    }

    /// Works until it is told to stop. A command that runs then is killed and owed.
    pub(crate) async fn run(mut self, stop: CancellationToken) -> Result<(), Infallible> {
        stop.run_until_cancelled(self.follow()).await;
        Ok(())
    }

    async fn follow(&mut self) {
        let (mut occasion, mut done) = (Occasion::Start, None);
        loop {
            let shown = self.parts.stock.borrow_and_update().shown.clone();
            let view = shown.as_ref().map(|shown| shown.view.clone());
            let mut again = false;
            if let Some(shown) = shown.filter(|_| view != done) {
                again = !self.pass(&shown, occasion).await;
                occasion = Occasion::Flip;
                done = view.filter(|_| !again);
            }
            let pause = if again { AGAIN_AFTER } else { Duration::MAX };
            let changed = tokio::time::timeout(pause, self.parts.stock.changed()).await;
            if matches!(changed, Ok(Err(_))) {
                return;
            }
        }
    }

    /// Brings everything to one view; returns whether nothing has to be tried again.
    async fn pass(&mut self, shown: &Shown, occasion: Occasion) -> bool {
        // A view that is gone has been followed by another one, which this task hears of.
        let Some((folder, _pin)) = pin(&self.parts.root, shown) else { return true };
        let (mut well, mut owed) = (true, Owed::new());
        for (index, rule) in Arc::clone(&self.rules).iter().enumerate() {
            match self.bring(index, rule, &folder, shown.head().revision, occasion).await {
                Ok(Some(digest)) => {
                    let command = rule.on_change.clone().unwrap_or_default();
                    owed.entry(command).or_default().push((index, digest));
                }
                Ok(None) => {}
                Err(error) => {
                    well = false;
                    self.say(index, DeliveryState::Failed, shown.head().revision, Some(chain(&error)), None);
                }
            }
        }
        for (command, deliveries) in owed {
            well &= self.tell(command, &deliveries, shown.head().revision).await;
        }
        well
    }

    /// Brings one delivery to its place; returns its content when a command is owed for it.
    async fn bring(
        &mut self,
        index: usize,
        rule: &Deliver,
        folder: &std::path::Path,
        revision: Revision,
        occasion: Occasion,
    ) -> Result<Option<String>, PlaceError> {
        let (view, wanted) = (folder.to_owned(), rule.clone());
        let (digest, staged) = match self.on_disk(move |shelf| shelf.prepare(&wanted, &view, occasion)).await? {
            Prepared::Absent => {
                let reason = format!("{revision} has no {}", rule.path);
                self.say_once(index, DeliveryState::Absent, revision, Some(reason));
                return Ok(None);
            }
            Prepared::Rest { failure } => {
                let state = if failure.is_some() { DeliveryState::CommandFailed } else { DeliveryState::Placed };
                self.say_once(index, state, revision, failure);
                return Ok(None);
            }
            Prepared::StayRefused => return Ok(None),
            Prepared::Tell { digest } => return Ok(Some(digest)),
            Prepared::Staged { digest, staged } => (digest, staged),
        };
        let checked = match rule.check {
            Some(ref check) => Some(run(check_job(rule, check, &staged, revision)).await),
            None => None,
        };
        let wanted = rule.clone();
        if let Some(report) = checked.as_ref().filter(|report| !report.ok) {
            self.on_disk(move |shelf| shelf.refuse(&wanted, &digest)).await?;
            let reason = format!("check ended with {}", ending(report));
            self.say(index, DeliveryState::Refused, revision, Some(reason), checked);
            return Ok(None);
        }
        let content = digest.clone();
        self.on_disk(move |shelf| shelf.place(&wanted, &content, staged)).await?;
        if rule.on_change.is_some() {
            return Ok(Some(digest));
        }
        self.say(index, DeliveryState::Placed, revision, None, checked);
        Ok(None)
    }

    /// Runs a command for all deliveries that wait for it; returns whether its end is noted.
    async fn tell(&mut self, command: String, deliveries: &[(usize, String)], revision: Revision) -> bool {
        let rules = Arc::clone(&self.rules);
        let places: Vec<_> = deliveries.iter().map(|(index, _)| rules[*index].to.display().to_string()).collect();
        let time_max = deliveries.iter().map(|(index, _)| rules[*index].timeout_s).max().unwrap_or_default();
        let environment = vec![("CONFIGBUS_REVISION", revision.0.to_string()), ("CONFIGBUS_TO", places.join("\n"))];
        let report = run(Job { command, environment, time_max: Duration::from_secs(time_max) }).await;
        let failure = (!report.ok).then(|| format!("on_change ended with {}", ending(&report)));
        let mut well = true;
        for (index, digest) in deliveries {
            let (rule, digest, noted) = (rules[*index].clone(), digest.clone(), failure.clone());
            let settled = self.on_disk(move |shelf| shelf.settle(&rule, &digest, noted)).await;
            if let Err(error) = settled {
                well = false;
                tracing::warn!("what was delivered is not noted, its command will run again: {}", chain(&error));
            }
            let state = if report.ok { DeliveryState::Placed } else { DeliveryState::CommandFailed };
            self.say(*index, state, revision, failure.clone(), Some(report.clone()));
        }
        well
    }

    /// Runs a step off the async threads.
    async fn on_disk<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Shelf) -> Result<T, PlaceError> + Send + 'static,
    ) -> Result<T, PlaceError> {
        let (shelf, rules, folder) = (self.shelf.take(), Arc::clone(&self.rules), self.parts.root.deliver());
        let done = self.pool.run(move || {
            let mut shelf = match shelf {
                Some(shelf) => shelf,
                None => Shelf::open(&folder, &rules)?,
            };
            let result = work(&mut shelf);
            Ok::<_, PlaceError>((shelf, result))
        });
        let (shelf, result) = done.await?;
        self.shelf = Some(shelf);
        result
    }

    /// Says where a delivery stands if that was not said before.
    fn say_once(&mut self, index: usize, state: DeliveryState, revision: Revision, reason: Option<String>) {
        if self.reports.get(&index).is_none_or(|report| report.state != state) {
            self.say(index, state, revision, reason, None);
        }
    }

    fn say(
        &mut self,
        index: usize,
        state: DeliveryState,
        revision: Revision,
        reason: Option<String>,
        command: Option<CommandReport>,
    ) {
        let rule = &self.rules[index];
        let (path, to) = (rule.path.clone(), rule.to.clone());
        match &reason {
            None => tracing::info!(%path, %revision, "{} is {path} of {revision}", to.display()),
            Some(reason) => {
                let news = format!("{path} of {revision} for {}: {reason}", to.display());
                tracing::warn!("{news}");
                if !matches!(state, DeliveryState::Absent) {
                    let _full_is_fine = self.parts.refusals.try_send(news);
                }
            }
        }
        self.parts.metrics.delivered(state);
        let time_ms = self.parts.clock.now_ms();
        self.reports.insert(index, DeliveryReport { path, to, state, revision, time_ms, reason, command });
        self.parts.reports.send_replace(self.reports.values().cloned().collect());
    }
}

fn check_job(rule: &Deliver, check: &str, staged: &Staged, revision: Revision) -> Job {
    let new = staged.path().display().to_string();
    let environment = vec![
        ("CONFIGBUS_REVISION", revision.0.to_string()),
        ("CONFIGBUS_TO", rule.to.display().to_string()),
        ("CONFIGBUS_NEW", new.clone()),
    ];
    Job { command: check.replace(NEW, &quoted(&new)), environment, time_max: Duration::from_secs(rule.timeout_s) }
}

/// Says how a command ended, with the last line that it wrote.
fn ending(report: &CommandReport) -> String {
    match report.output.lines().last() {
        Some(line) => format!("{}: {line}", report.end),
        None => report.end.clone(),
    }
}

/// Holds a view, so that it stays while it is copied.
fn pin(root: &Root, shown: &Shown) -> Option<(PathBuf, File)> {
    let folder = root.view(&shown.view);
    let held = File::open(&folder).ok()?;
    flock(&held, FlockOperation::LockShared).ok()?;
    // It may have been taken away between the two.
    folder.is_dir().then_some((folder, held))
}
