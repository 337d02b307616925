//! Starts the parts of a store, each as a task with a name.

use crate::{
    board::Board,
    door::{Door, Verdicts},
    hosts::{Reporter, Roster},
    membership::Membership,
    mirror::{Driver, MirrorReader, Opened, Repository, Sources, Tools},
    mirroring::{Mirroring, Presence},
    mirrors::Mirrors,
    pulse::Pulse,
    serve::{self, DistributionService, PackSource},
    settings::Auth,
    store::{NOT_READY, Registry, Store},
    subscription::Feed,
    upkeep::Upkeep,
    upstream::{Inquirer, ServerClient, Word},
};
use configbus_coordination::{HeadRegistry, Heads, RegistryError};
use configbus_model::{Member, Namespace};
use configbus_proto::v1;
use configbus_runtime::{Backoff, BlockingPool, Readiness, Tasks, look_again, raise_open_files_limit};
use configbus_transport::LOOK_EVERY;
use std::{
    convert::Infallible,
    future::Future,
    sync::{Arc, Weak},
    time::Duration,
};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Threads that read one mirror for subscribers.
const READS_AT_ONCE: usize = 2;

/// Reports of damage; one is enough to start a repair.
const DAMAGE_MAX: usize = 1;

/// Shortest and longest pause before hosts are reported again to a server that went away.
const REPORT_AGAIN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Time between two looks for hosts that left long ago.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// What every mirror hears from, and where it is seen.
pub(crate) struct Hearing {
    pub(crate) announced: watch::Receiver<Heads>,
    pub(crate) word: watch::Receiver<Word>,
    pub(crate) bell: Arc<Notify>,
    client: ServerClient,
    board: Arc<Board>,
    mirrors: Arc<Mirrors>,
    delta_bytes_max: usize,
}

/// A mirror that follows.
pub(crate) struct Follower {
    stop: CancellationToken,
    repository: Arc<Repository>,
}

impl Follower {
    /// Stops it and shows it no more; returns what tells when nobody reads it any longer.
    pub(crate) fn end(self, hearing: &Hearing, namespace: &Namespace) -> Weak<Repository> {
        self.stop.cancel();
        hearing.mirrors.remove(namespace);
        hearing.board.remove(namespace);
        Arc::downgrade(&self.repository)
    }
}

impl Store {
    /// Starts everything; it ends with `tasks`.
    pub fn run(self, tasks: &Tasks) {
        raise_open_files_limit();
        if self.certificates.is_needed() {
            let certificates = self.certificates.clone();
            look_again(tasks, "certificates", LOOK_EVERY, move || certificates.look());
        }
        if let Registry::Own(registry) = &self.registry {
            registry.clone().start(tasks);
        }
        let (id, url) = (self.settings.id(), self.url());
        let (registry, board, limits) = (self.registry.get(), self.board, self.settings.limits);
        let hold = Duration::from_secs(self.settings.verdicts_hold_s);
        let verdicts = (self.settings.auth == Some(Auth::Tokens))
            .then(|| Arc::new(Verdicts::new(self.client.clone(), self.clock.clone(), hold)));
        let door = Door {
            verdicts,
            certificates: self.settings.certificates.clone(),
            requires_certificate: self.settings.tls.require_client_certificate,
        };
        if !door.is_needed() {
            tracing::warn!("no authentication: every agent that reaches {} is served", self.addr);
        }
        let roster = Roster::new(self.clock, limits.subscribers_max);
        let inquirer = Inquirer::new(self.client.clone());
        let membership = Membership::new(id.clone(), url, &board, roster.subscribers());
        let hearing = Hearing {
            announced: registry.heads(),
            word: inquirer.word(),
            bell: inquirer.bell(),
            client: self.client.clone(),
            board: board.clone(),
            mirrors: Arc::default(),
            delta_bytes_max: limits.delta_cache_bytes_max,
        };
        let (heartbeat, beats) = watch::channel(v1::Heartbeat::default());
        let pulse = Pulse::new(&board, membership.member(), registry.members(), inquirer.word());

        start(tasks, "readiness", become_ready(self.readiness.clone(), board.heads(), inquirer.word()));
        let opened = self.mirrors.into_iter();
        let followers = opened.map(|(namespace, opened)| (namespace.clone(), hearing.start(tasks, &namespace, opened)));
        let followers = followers.collect();
        let feed = Feed {
            heads: board.heads(),
            pulse: beats,
            word: inquirer.word(),
            mirrors: hearing.mirrors.clone(),
            roster: roster.clone(),
        };
        let (place, presence) = (self.place, Presence::default());
        let mirroring = Mirroring { place, hearing, tasks: tasks.clone(), followers, presence };
        start(tasks, "mirroring", mirroring.run());
        start_registration(tasks, registry.clone(), membership.member());
        start(tasks, "membership", membership.run());
        start(tasks, "inquirer", inquirer.run());
        start(tasks, "pulse", pulse.run(heartbeat));
        start(tasks, "roster", forget_gone(roster.clone()));
        let backoff = Backoff::new(REPORT_AGAIN.0, REPORT_AGAIN.1);
        start(tasks, "reporter", Reporter { store: id, client: self.client, roster, backoff }.run());

        let packs = PackSource::new(BlockingPool::new(limits.packs_max), tasks.clone());
        let distribution = DistributionService::new(Arc::new(feed), packs, limits.subscribers_max, tasks.clone());
        let shutdown = tasks.shutdown_token();
        let served = serve::serve(self.listener, distribution, door, self.readiness, shutdown);
        tasks.spawn("serve", served);
        tracing::info!(addr = %self.addr, "store is listening on {}", self.addr);
    }
}

impl Hearing {
    /// Starts to follow one namespace, with tasks and threads of its own, and shows its mirror to subscribers.
    pub(crate) fn start(&self, tasks: &Tasks, namespace: &Namespace, opened: Opened) -> Follower {
        let stop = tasks.shutdown_token().child_token();
        let Opened { repository, held, repair } = opened;
        let repository = Arc::new(repository);
        let (damage, damaged) = mpsc::channel(DAMAGE_MAX);
        let tools = Tools {
            namespace: namespace.clone(),
            repository: repository.clone(),
            client: self.client.clone(),
            pool: BlockingPool::new(1),
            board: self.board.clone(),
        };
        let (announced, word, bell) = (self.announced.clone(), self.word.clone(), self.bell.clone());
        let driver = Driver::new(tools, Sources { announced, word, bell, damage: damaged }, held, repair);
        start_until(tasks, &stop, &format!("mirror-{namespace}"), driver.run());
        let heads = self.board.heads();
        let upkeep = Upkeep { namespace: namespace.clone(), repository: repository.clone(), heads, damage };
        let damage = upkeep.damage.clone();
        start_until(tasks, &stop, &format!("upkeep-{namespace}"), upkeep.run());
        let pool = BlockingPool::new(READS_AT_ONCE);
        let reader = MirrorReader::new(repository.clone(), pool, self.delta_bytes_max, damage);
        self.mirrors.insert(namespace.clone(), Arc::new(reader));
        Follower { stop, repository }
    }
}

/// Starts a loop that has no end of its own. What it awaits may be dropped at any point.
fn start(tasks: &Tasks, name: &str, work: impl Future<Output = ()> + Send + 'static) {
    start_until(tasks, &tasks.shutdown_token(), name, work);
}

/// Starts a loop that ends with `stop`.
fn start_until(tasks: &Tasks, stop: &CancellationToken, name: &str, work: impl Future<Output = ()> + Send + 'static) {
    let stop = stop.clone();
    tasks.spawn(name, async move {
        stop.run_until_cancelled(work).await;
        Ok::<_, Infallible>(())
    });
}

/// Keeps this store listed while it runs.
fn start_registration(tasks: &Tasks, registry: Arc<dyn HeadRegistry>, member: watch::Receiver<Member>) {
    let shutdown = tasks.shutdown_token();
    tasks.spawn("registration", async move {
        let registration = registry.register(member).await?;
        shutdown.cancelled().await;
        drop(registration);
        Ok::<_, RegistryError>(())
    });
}

/// A store is ready when it has something to serve, or knows that there is nothing.
async fn become_ready(readiness: Readiness, mut heads: watch::Receiver<Heads>, mut word: watch::Receiver<Word>) {
    let main = Namespace::main();
    let served = heads.wait_for(|heads| heads.contains_key(&main));
    let empty = word.wait_for(|word| word.heads.as_ref().is_some_and(|heads| !heads.contains_key(&main)));
    tokio::select! {
        _ = served => {}
        _ = empty => {}
    }
    readiness.met(NOT_READY);
}

async fn forget_gone(roster: Arc<Roster>) {
    loop {
        tokio::time::sleep(FORGET_EVERY).await;
        roster.forget_gone();
    }
}
