//! One split from the request to the answer.

use super::handover::{Attempted, Done, Handover};
use super::pending::Pending;
use super::plan::{self, Plan, Planned};
use crate::audit::{AuditEvent, AuditOutcome, AuditRecord};
use crate::auth::Caller;
use crate::bus::Bus;
use crate::committer::{Change, CommitError, Hold};
use crate::failure::Failure;
use crate::namespace::LiveNamespace;
use crate::trace_context;
use configbus_gitstore::{ExtractProgress, Extraction, Person, RepositorySettings, Store};
use configbus_hooks::{PartOutcome, PartPolicy, Report};
use configbus_model::{ConfigPath, ErrorKind, Head, Located, Mount, MountTable, Namespace, Principal};
use configbus_proto::status::FindingDetail;
use configbus_runtime::BlockingPool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often `main` is held before the changes of others are too many.
const ATTEMPTS_MAX: usize = 10;

/// Pause between two: what came between may be over.
const PAUSE: Duration = Duration::from_millis(100);

/// Rounds of copying before `main` is held: each copies what landed during the one before.
const ROUNDS_MAX: usize = 5;

/// Revisions that may be left for the time in which `main` is held: looking at them takes milliseconds.
const BEHIND_MAX: u64 = 50;

/// A wish to split.
#[derive(Debug, Clone)]
pub(crate) struct SplitRequest {
    /// The directory.
    pub(crate) prefix: String,
    /// What it is to be called; the last name of the directory when empty.
    pub(crate) name: String,
    /// Whether to find out only whether it can be done.
    pub(crate) dry_run: bool,
}

/// What is being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum SplitStage {
    /// Policy is translated, every file is held to both.
    #[default]
    Checking,
    /// History is copied.
    Copying,
    /// `main` is held, or about to be.
    Moving,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SplitProgress {
    pub(crate) stage: SplitStage,
    /// Revisions copied, and to copy.
    pub(crate) copied: u64,
    pub(crate) total: u64,
}

/// Is told how far it is.
pub(crate) type LookOn = Arc<dyn Fn(SplitProgress) + Send + Sync>;

/// What came of it.
#[derive(Debug)]
pub(crate) struct SplitOutcome {
    pub(crate) namespace: Namespace,
    pub(crate) prefix: ConfigPath,
    /// Files in the directory.
    pub(crate) files: usize,
    /// The policy of the namespace.
    pub(crate) policy: PartPolicy,
    /// The heads of the namespace and of `main`, and how long `main` was held; none when it was only tried.
    pub(crate) moved: Option<Moved>,
}

/// A directory that moved.
#[derive(Debug)]
pub(crate) struct Moved {
    pub(crate) head: Head,
    pub(crate) main: Head,
    pub(crate) held: Duration,
    /// How often `main` was held.
    pub(crate) attempts: usize,
}

/// Splits a directory off, and writes down what became of it.
pub(crate) async fn split(
    bus: &Arc<Bus>,
    caller: &Caller,
    request: SplitRequest,
    look_on: LookOn,
) -> Result<SplitOutcome, Failure> {
    let main = bus.main(caller)?;
    let (namespace, prefix) = names(bus, &request)?;
    if request.dry_run {
        let (plan, _) = make_plan(bus, &main, &namespace, &prefix, &look_on).await?;
        return Ok(outcome(namespace, prefix, &plan, None));
    }
    bus.audit.ready().await?;
    let split = Split { bus, main: &main, caller, namespace: &namespace, prefix: &prefix, look_on: &look_on };
    let result = split.run().await;
    let verdict = if result.is_ok() { AuditOutcome::Accepted } else { AuditOutcome::Refused };
    let record = caller.record(AuditEvent::Namespace, verdict);
    let record = match &result {
        Ok(_) => record,
        Err(failure) => record.with_reason(&failure.message),
    };
    let (action, of) = (Some(format!("split {prefix} off into {namespace}")), Some(namespace));
    bus.audit.write(&AuditRecord { action, namespace: of, ..record }).await?;
    result
}

/// Reads what is asked for, and refuses what cannot be before anything is begun.
fn names(bus: &Bus, request: &SplitRequest) -> Result<(Namespace, ConfigPath), Failure> {
    let prefix = bus.path(request.prefix.trim_end_matches('/'))?;
    let name = if request.name.is_empty() { prefix.file_name() } else { &request.name };
    let namespace = Namespace::parse(name)
        .map_err(|error| Failure::invalid(format!("{error}; give the namespace another name with --name")))?;
    let mounts = bus.namespaces.mounts();
    let Located { namespace: holder, path } = mounts.locate(&prefix);
    if path.is_none() {
        let text = format!("{prefix} is the namespace {holder} already");
        return Err(Failure::new(ErrorKind::Conflict, text));
    }
    if holder != Namespace::main() {
        let text = format!("{prefix} belongs to the namespace {holder}; only directories of main can be split off");
        return Err(Failure::new(ErrorKind::Unsupported, text));
    }
    MountTable::clone(&mounts).with(Mount { prefix: prefix.clone(), namespace: namespace.clone(), since: None })?;
    if bus.namespaces.get(&namespace).is_some() {
        let text = format!("namespace {namespace} exists already: give another name with --name");
        return Err(Failure::new(ErrorKind::Conflict, text));
    }
    Ok((namespace, prefix))
}

/// Plans off the async threads. Returns the plan and the pool it was made on.
async fn make_plan(
    bus: &Arc<Bus>,
    main: &Arc<LiveNamespace>,
    namespace: &Namespace,
    prefix: &ConfigPath,
    look_on: &LookOn,
) -> Result<(Box<Plan>, BlockingPool), Failure> {
    look_on(SplitProgress::default());
    let pool = BlockingPool::new(1);
    let (store, gate, now_ms) = (main.store.clone(), Arc::clone(&bus.gate), bus.clock.now_ms());
    let (named, at) = (namespace.clone(), prefix.clone());
    match pool.run(move || plan::plan(&store, &gate, &named, &at, now_ms)).await? {
        Planned::Possible(plan) => Ok((plan, pool)),
        Planned::Refused(outcome) => Err(refused(prefix, outcome)),
        Planned::Rejected(report) => Err(rejected(prefix, &report)),
    }
}

struct Split<'a> {
    bus: &'a Arc<Bus>,
    main: &'a Arc<LiveNamespace>,
    caller: &'a Caller,
    namespace: &'a Namespace,
    prefix: &'a ConfigPath,
    look_on: &'a LookOn,
}

impl Split<'_> {
    async fn run(&self) -> Result<SplitOutcome, Failure> {
        let busy =
            || Failure::new(ErrorKind::Conflict, "another directory is being split off, wait until that is done");
        let _turn = self.bus.namespaces.begin_split().ok_or_else(busy)?;
        // First, so that nothing is begun that cannot be finished.
        let (plan, pool) = make_plan(self.bus, self.main, self.namespace, self.prefix, self.look_on).await?;
        let (data, named, at) = (Arc::clone(self.bus.namespaces.data()), self.namespace.clone(), self.prefix.clone());
        let begun = pool.run(move || Pending::begin(&data, &named, &at)).await;
        let pending = begun.map_err(|error| Failure::internal(&error))?;
        let result = self.copy_and_move(plan, &pool, &pending).await;
        if result.is_err() {
            let leftover = pending.clone();
            if let Err(error) = pool.run(move || leftover.discard()).await {
                tracing::warn!(%error, "what a split that failed has begun is cleared at the next start");
            }
        }
        result
    }

    async fn copy_and_move(
        &self,
        mut plan: Box<Plan>,
        pool: &BlockingPool,
        pending: &Pending,
    ) -> Result<SplitOutcome, Failure> {
        let settings = RepositorySettings {
            hooks_dir: Some(self.bus.namespaces.data().hooks()),
            push_bytes_max: self.bus.limits.push_bytes_max,
        };
        let at = pending.copy();
        let made = pool.run(move || Store::create(&at, &settings)).await;
        let copy = made.map_err(|error| Failure::internal(&error))?;
        let mut why = "";
        for attempts in 1..=ATTEMPTS_MAX {
            if attempts > 1 {
                tokio::time::sleep(PAUSE).await;
                plan = make_plan(self.bus, self.main, self.namespace, self.prefix, self.look_on).await?.0;
            }
            let extraction = self.copy(&copy, pool).await?;
            (self.look_on)(SplitProgress { stage: SplitStage::Moving, copied: 0, total: 0 });
            match self.hand_over(plan.clone(), &copy, extraction, pending).await? {
                Attempted::Done(done) => return Ok(self.told(*done, &plan, attempts)),
                Attempted::Failed(failure) => return Err(failure),
                Attempted::Again(reason) => why = reason,
            }
        }
        let text = format!("{} could not be split off: {why}; try again when less is changed", self.prefix);
        Err(Failure::new(ErrorKind::Unavailable, text))
    }

    /// Copies until little is left.
    async fn copy(&self, copy: &Store, pool: &BlockingPool) -> Result<Extraction, Failure> {
        let given_up = CancellationToken::new();
        // Whoever asked may go away; a thread is not stopped by that.
        let _guard = given_up.clone().drop_guard();
        let (main, copy, prefix) = (self.main.store.clone(), copy.clone(), self.prefix.clone());
        let (look_on, stopping) = (Arc::clone(self.look_on), self.bus.stopping.clone());
        let copied = pool.run(move || {
            let mut extraction = Extraction::resume(&main, &Namespace::main(), &prefix, &copy)?;
            for _ in 0..ROUNDS_MAX {
                let Some(head) = main.head() else { break };
                extraction.copy_to(&head, &mut |ExtractProgress { copied, total }| {
                    look_on(SplitProgress { stage: SplitStage::Copying, copied, total });
                    !given_up.is_cancelled() && !stopping.is_cancelled()
                })?;
                let newest = main.head().map_or(0, |head| head.revision.0);
                if newest.saturating_sub(extraction.looked_at().0) <= BEHIND_MAX {
                    break;
                }
            }
            Ok(extraction)
        });
        copied.await.map_err(|error: configbus_gitstore::ExtractError| {
            Failure::new(error.kind(), configbus_runtime::report::chain(&error))
        })
    }

    /// Holds the committer of `main` for the last step.
    async fn hand_over(
        &self,
        plan: Box<Plan>,
        copy: &Store,
        extraction: Extraction,
        pending: &Pending,
    ) -> Result<Attempted, Failure> {
        let handover = Arc::new(Handover {
            bus: Arc::clone(self.bus),
            namespace: self.namespace.clone(),
            prefix: self.prefix.clone(),
            author: self.author(),
            by: Some(self.caller.principal.name.to_string()).filter(|name| *name != Principal::open().name.as_str()),
            pending: pending.clone(),
            plan,
            copy: copy.clone(),
            extraction: Mutex::new(extraction),
            reservation: self.bus.namespaces.reserve().await,
            outcome: Mutex::default(),
        });
        let work = Arc::clone(&handover);
        let hold = Hold {
            principal: Arc::clone(&self.caller.principal),
            traceparent: trace_context::adopt_or_create(None),
            work: Arc::new(move |main: &Store| work.run(main)),
        };
        let landed = self.main.committer.land(Change::Hold(hold)).await;
        let outcome = handover.outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
        match outcome {
            Some(outcome) => Ok(outcome),
            None => match landed {
                Err(CommitError::QueueFull { .. }) => Ok(Attempted::Again("too many changes wait for main")),
                landed => Err(landed.err().map_or_else(Failure::stopping, Failure::from)),
            },
        }
    }

    fn author(&self) -> Person {
        self.caller.person()
    }

    fn told(&self, done: Done, plan: &Plan, attempts: usize) -> SplitOutcome {
        let Done { live, main, held } = done;
        metrics::histogram!("configbus_server_split_held_seconds").record(held.as_secs_f64());
        let main = crate::namespace::head_of(self.main.epoch(), &main, None);
        let head = live.board.current().unwrap_or_else(|| main.clone());
        let held_ms = held.as_millis();
        tracing::info!(namespace = %self.namespace, prefix = %self.prefix, held_ms, "split {} off", self.prefix);
        let moved = Moved { head, main, held, attempts };
        outcome(self.namespace.clone(), self.prefix.clone(), plan, Some(moved))
    }
}

fn outcome(namespace: Namespace, prefix: ConfigPath, plan: &Plan, moved: Option<Moved>) -> SplitOutcome {
    SplitOutcome { namespace, prefix, files: plan.files, policy: plan.policy.clone(), moved }
}

/// Says everything that stands in the way.
fn refused(prefix: &ConfigPath, outcome: PartOutcome) -> Failure {
    let (message, findings): (String, Vec<FindingDetail>) = match outcome {
        PartOutcome::Untranslatable(list) => {
            let message = format!(
                "{} of the policy cannot be written for {prefix} alone",
                counted(list.len(), "entry", "entries")
            );
            let place = |file: &str, line: Option<usize>| line.map_or(file.to_owned(), |line| format!("{file}:{line}"));
            let detail =
                list.into_iter().map(|it| FindingDetail { place: place(&it.file, it.line), message: it.reason });
            (message, detail.collect())
        }
        PartOutcome::Differs(list, total) => {
            let message =
                format!("{} would be judged otherwise in a namespace of its own", counted(total, "file", "files"));
            let detail = |it: configbus_hooks::VerdictDifference| FindingDetail {
                place: it.path,
                message: format!("{}: {} now, {} there", it.what, it.before, it.after),
            };
            (message, list.into_iter().map(detail).collect())
        }
        PartOutcome::Translated(_) => (String::new(), Vec::new()),
    };
    told(message, findings)
}

fn rejected(prefix: &ConfigPath, report: &Report) -> Failure {
    let detail = |it: &configbus_hooks::Finding| FindingDetail { place: it.location(), message: it.sentence() };
    let message = format!("files of {prefix} do not pass the policy that is in force for them: {}", report.summary());
    told(message, report.findings.iter().map(detail).collect())
}

fn told(message: String, findings: Vec<FindingDetail>) -> Failure {
    let mut failure = Failure::new(ErrorKind::Rejected, message);
    failure.details.findings = findings;
    failure
}

fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
