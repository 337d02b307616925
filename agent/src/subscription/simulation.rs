//! Many hosts, a few stores, several namespaces, one seed: links break, updates are altered or torn, hosts restart, stores
//! lag, namespaces are mounted and unmounted.
//!
//! Checked all the time: no host's head moves back, what a host shows is exactly revisions that were landed, each mounted
//! namespace from the position on that its mount names. Checked at the end, after the faults stop: every host shows the
//! newest of everything it may read.

use super::{Action, Answer, Beat, Event, Greeting, Subscription, UpdatePart};
use crate::{
    Moment,
    deliverer::{Order, Outcome},
    delivery::{
        Delivery, MemoryDelivery, Scope, Shown,
        fixture::{Files, delta, files},
    },
    delivery_work::Work,
};
use bytes::Bytes;
use configbus_model::{ConfigPath, Head, MOUNTS, Member, MemberRole, Mount, MountTable, Namespace};
use configbus_proto::v1::ObjectSet;
use prost::Message as _;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

const STORES: usize = 3;
const HOSTS: usize = 8;
const STEPS: usize = 2_500;

/// Namespaces besides `main` and where they are mounted when they are: one inside the other, one far down.
const MOUNTABLE: [(&str, &str); 3] = [("traffic", "traffic"), ("europe", "traffic/eu"), ("ads", "far/down/ads")];

fn url(store: usize) -> String {
    format!("http://store-{store}")
}

fn name(name: &str) -> Namespace {
    Namespace::parse(name).unwrap()
}

fn all_namespaces() -> Vec<Namespace> {
    std::iter::once(Namespace::main()).chain(MOUNTABLE.iter().map(|(namespace, _)| name(namespace))).collect()
}

/// What landed in one namespace.
#[derive(Debug, Default)]
struct History {
    files: Vec<Files>,
    heads: Vec<Head>,
}

impl History {
    fn at(&self, revision: u64) -> &Files {
        &self.files[usize::try_from(revision).unwrap() - 1]
    }

    fn head(&self, revision: u64) -> Option<&Head> {
        self.heads.get(usize::try_from(revision.checked_sub(1)?).unwrap())
    }

    fn newest(&self) -> u64 {
        self.files.len() as u64
    }

    fn land(&mut self, files: Files) {
        self.heads.push(delta(None, self.newest() + 1, &files).to);
        self.files.push(files);
    }
}

/// The revision of each namespace; 0 for none.
type Revisions = BTreeMap<Namespace, u64>;

struct World {
    random: fastrand::Rng,
    now: Moment,
    histories: BTreeMap<Namespace, History>,
    table: MountTable,
    stores: [Revisions; STORES],
    hosts: Vec<Host>,
    faulty: bool,
}

struct Host {
    machine: Subscription,
    work: Work<MemoryDelivery>,
    stream: Option<Stream>,
    /// Events that have not arrived yet.
    events: Vec<Event>,
    seen: BTreeMap<Namespace, Head>,
    denied: BTreeSet<Namespace>,
}

/// The store's side of a stream: one update of a namespace is out at a time.
#[derive(Default)]
struct Stream {
    store: usize,
    wanted: BTreeSet<Namespace>,
    holding: Revisions,
    refused: Revisions,
    outstanding: Revisions,
    messages: Vec<Event>,
    said: Option<Scope>,
}

impl Stream {
    fn greet(&mut self, greeting: Greeting) {
        self.holding = greeting.holding.into_iter().map(|(name, head)| (name, head.revision.0)).collect();
        (self.refused, self.outstanding) = (Revisions::new(), Revisions::new());
        self.wanted = greeting.wanted;
    }

    fn wants(&self, namespace: &Namespace) -> bool {
        *namespace == Namespace::main() || self.wanted.contains(namespace)
    }
}

fn host(number: usize, delivery: MemoryDelivery, seen: BTreeMap<Namespace, Head>) -> Host {
    let stores: Vec<_> = (0..STORES).map(url).collect();
    let work = Work::new(delivery);
    let machine = Subscription::new(&format!("host-{number}"), &stores, None, work.standing(), false);
    let denied = if number % 4 == 3 { [name("traffic")].into() } else { BTreeSet::new() };
    Host { machine, work, stream: None, events: vec![Event::Wake], seen, denied }
}

impl World {
    fn new(seed: u64) -> Self {
        let hosts = (0..HOSTS).map(|number| host(number, MemoryDelivery::default(), BTreeMap::new())).collect();
        let histories = all_namespaces().into_iter().map(|namespace| (namespace, History::default())).collect();
        Self {
            random: fastrand::Rng::with_seed(seed),
            now: Moment::default(),
            histories,
            table: MountTable::default(),
            stores: std::array::from_fn(|_| Revisions::new()),
            hosts,
            faulty: true,
        }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.random.u32(..100) < percent
    }

    fn any_namespace(&mut self) -> Namespace {
        let all = all_namespaces();
        all[self.random.usize(..all.len())].clone()
    }

    fn step(&mut self) {
        self.now = self.now.after(Duration::from_millis(self.random.u64(..200)));
        if self.faulty && self.chance(10) {
            let namespace = self.any_namespace();
            self.land(&namespace);
        }
        if self.faulty && self.chance(2) {
            self.remount();
        }
        if self.chance(40) {
            let (store, namespace) = (self.random.usize(..STORES), self.any_namespace());
            let newest = self.histories[&namespace].newest();
            self.stores[store].insert(namespace, newest);
        }
        let number = self.random.usize(..HOSTS);
        self.feed(number);
        if self.faulty {
            self.disturb(number);
        }
        self.run(number);
    }

    fn land(&mut self, namespace: &Namespace) {
        let mut next = self.histories[namespace].files.last().cloned().unwrap_or_default();
        for _ in 0..=self.random.usize(..3) {
            let path = format!("d{}/e{}/f{}", self.random.u8(..3), self.random.u8(..3), self.random.u8(..4));
            let content = self.random.u16(..).to_string();
            next.extend(files([(path.as_str(), content.as_str())]));
        }
        if self.chance(20)
            && let Some(path) = next.keys().find(|path| *path != MOUNTS).cloned()
        {
            next.remove(&path);
        }
        self.histories.get_mut(namespace).unwrap().land(next);
    }

    /// Mounts what is not mounted, or the other way round.
    fn remount(&mut self) {
        let (namespace, prefix) = MOUNTABLE[self.random.usize(..MOUNTABLE.len())];
        let namespace = name(namespace);
        let table = std::mem::take(&mut self.table);
        self.table = if table.mount_of(&namespace).is_some() {
            table.without(&namespace)
        } else {
            let history = &self.histories[&namespace];
            let since = history.head(history.newest()).map(Head::position);
            table.with(Mount { prefix: ConfigPath::parse(prefix).unwrap(), namespace, since }).unwrap()
        };
        let main = self.histories.get_mut(&Namespace::main()).unwrap();
        let mut next = main.files.last().cloned().unwrap_or_default();
        let json = serde_json::to_string(&self.table).unwrap();
        next.extend(files([(MOUNTS, json.as_str())]));
        main.land(next);
    }

    /// Lets the store of a host say something.
    fn feed(&mut self, number: usize) {
        let beat = self.beat(number);
        let Host { stream: Some(stream), denied, .. } = &mut self.hosts[number] else { return };
        let scope = Scope {
            denied: stream.wanted.intersection(denied).cloned().collect(),
            empty: stream.wanted.iter().filter(|name| self.histories[*name].newest() == 0).cloned().collect(),
        };
        if !stream.wanted.is_empty() && stream.said.as_ref() != Some(&scope) {
            stream.said = Some(scope.clone());
            stream.messages.push(Event::Scope(scope));
        }
        let at = |revisions: &Revisions, namespace: &Namespace| revisions.get(namespace).copied().unwrap_or(0);
        let due = self.stores[stream.store].iter().find(|(namespace, revision)| {
            let held = at(&stream.holding, namespace).max(at(&stream.refused, namespace));
            let sends = stream.wants(namespace) && !denied.contains(namespace);
            sends && !stream.outstanding.contains_key(namespace) && **revision > held
        });
        let Some((namespace, revision)) = due.map(|(namespace, revision)| (namespace.clone(), *revision)) else {
            stream.messages.extend(beat);
            return;
        };
        stream.outstanding.insert(namespace.clone(), revision);
        let holding = at(&stream.holding, &namespace);
        let parts = self.update(&namespace, holding, revision);
        if let Some(stream) = &mut self.hosts[number].stream {
            stream.messages.extend(parts);
        }
    }

    fn beat(&self, number: usize) -> Option<Event> {
        let store = self.hosts[number].stream.as_ref()?.store;
        let heads = |revisions: &Revisions| -> BTreeMap<_, _> {
            let head = |(name, revision): (&Namespace, &u64)| {
                Some((name.clone(), self.histories[name].head(*revision)?.clone()))
            };
            revisions.iter().filter_map(head).collect()
        };
        let member = |(store, revisions): (usize, &Revisions)| Member {
            role: MemberRole::Store,
            id: url(store),
            incarnation: String::new(),
            url: url(store),
            heads: heads(revisions),
            subscribers: 0,
        };
        let newest: Revisions = self.histories.iter().map(|(name, history)| (name.clone(), history.newest())).collect();
        Some(Event::Beat(Beat {
            heads: heads(&self.stores[store]),
            upstream_heads: heads(&newest),
            members: self.stores.iter().enumerate().map(member).collect(),
            upstream_connected: true,
        }))
    }

    fn update(&mut self, namespace: &Namespace, from: u64, to: u64) -> Vec<Event> {
        let history = &self.histories[namespace];
        let delta = delta((from > 0).then(|| (from, history.at(from))), to, history.at(to));
        let total_bytes = delta.trees.iter().chain(&delta.blobs).map(|object| object.len() as u64).sum();
        let mut sets = vec![
            ObjectSet { trees: delta.trees.clone(), blobs: vec![] },
            ObjectSet { trees: vec![], blobs: delta.blobs.clone() },
        ];
        if self.faulty && self.random.u32(..100) < 10 {
            let all = sets.iter_mut().flat_map(|set| set.trees.iter_mut().chain(&mut set.blobs));
            if let Some(object) = all.into_iter().next() {
                let mut altered = object.to_vec();
                altered.last_mut().into_iter().for_each(|byte| *byte ^= 1);
                *object = altered.into();
            }
        }
        let part = |(part, set): (usize, ObjectSet)| {
            Event::Update(UpdatePart {
                namespace: namespace.clone(),
                to: delta.to.clone(),
                from: delta.from.clone(),
                part: u32::try_from(part).unwrap(),
                last: part == 1,
                total_bytes,
                objects: Bytes::from(zstd::bulk::compress(&set.encode_to_vec(), 1).unwrap()),
            })
        };
        let mut parts: Vec<_> = sets.into_iter().enumerate().map(part).collect();
        if self.faulty && self.random.u32(..100) < 3 {
            parts.remove(0);
        }
        parts
    }

    fn disturb(&mut self, number: usize) {
        if self.chance(3) {
            let host = &mut self.hosts[number];
            if host.stream.take().is_some() {
                host.events.push(Event::Closed("the link broke".into()));
            }
        }
        if self.chance(1) {
            let before = &mut self.hosts[number];
            // Whatever was not visible is gone with the process.
            let mut delivery = std::mem::take(&mut before.work.delivery);
            all_namespaces().iter().for_each(|namespace| delivery.discard(namespace));
            let seen = std::mem::take(&mut before.seen);
            self.hosts[number] = host(number, delivery, seen);
        }
    }

    /// Lets a host work through what has arrived.
    fn run(&mut self, number: usize) {
        let now = self.now;
        let host = &mut self.hosts[number];
        if let Some(stream) = &mut host.stream {
            host.events.append(&mut stream.messages);
        }
        if host.machine.wake_at().is_some_and(|wake| wake <= now.elapsed) {
            host.events.push(Event::Wake);
        }
        while !host.events.is_empty() {
            let event = host.events.remove(0);
            for action in host.machine.step(now, event) {
                perform(host, action, now, &mut self.random);
            }
        }
        self.check(number);
    }

    fn check(&mut self, number: usize) {
        let host = &mut self.hosts[number];
        let Some(shown) = host.work.delivery.shown() else {
            assert!(host.seen.is_empty());
            return;
        };
        let heads: BTreeMap<_, _> = shown.vector.heads().map(|(name, head)| (name, head.clone())).collect();
        for (namespace, head) in &heads {
            let before = host.seen.get(namespace).map(Head::position);
            assert!(Some(head.position()) >= before, "the head of {namespace} moved back on host {number}");
        }
        let is_news = heads.iter().any(|(namespace, head)| host.seen.get(namespace) != Some(head));
        if is_news {
            assert_eq!(host.work.delivery.files(), expected(&self.histories, shown, &host.denied), "host {number}");
        }
        host.seen.extend(heads);
    }

    /// Returns what every host that may read everything comes to show.
    fn newest(&self) -> Revisions {
        let mounted = self.table.iter().map(|mount| mount.namespace.clone());
        let all = std::iter::once(Namespace::main()).chain(mounted);
        all.map(|name| (self.histories[&name].newest(), name))
            .filter(|(n, _)| *n > 0)
            .map(|(n, name)| (name, n))
            .collect()
    }
}

/// Returns the files that revisions show together, and checks that they may be shown together.
fn expected(histories: &BTreeMap<Namespace, History>, shown: &Shown, denied: &BTreeSet<Namespace>) -> Files {
    let main = histories[&Namespace::main()].at(shown.head().revision.0);
    let table =
        main.get(MOUNTS).map(|(_, json)| serde_json::from_slice::<MountTable>(json).unwrap()).unwrap_or_default();
    let mut all = main.clone();
    for mount in table.iter() {
        let Some(head) = shown.vector.head_of(&mount.namespace) else {
            assert!(denied.contains(&mount.namespace) || mount.since.is_none(), "{mount:?} is left out");
            continue;
        };
        assert!(!denied.contains(&mount.namespace), "{mount:?} is shown");
        assert!(mount.since.is_none_or(|since| head.position() >= since), "{mount:?} is shown at {head}");
        let files = histories[&mount.namespace].at(head.revision.0);
        all.extend(files.iter().map(|(path, file)| (format!("{}/{path}", mount.prefix), file.clone())));
    }
    assert!(shown.vector.mounted.keys().all(|namespace| table.mount_of(namespace).is_some()));
    all
}

fn perform(host: &mut Host, action: Action, now: Moment, random: &mut fastrand::Rng) {
    match action {
        Action::Discover(_) => unreachable!("no server is set"),
        Action::Open { store, greeting } => {
            let store = (0..STORES).find(|number| url(*number) == store).unwrap();
            let mut stream = Stream { store, ..Stream::default() };
            stream.greet(greeting);
            host.stream = Some(stream);
            if random.u32(..100) < 20 {
                host.stream = None;
                host.events.push(Event::Closed("no answer".into()));
            } else {
                host.events.push(Event::Opened);
            }
        }
        Action::Close => host.stream = None,
        Action::Greet(greeting) => {
            if let Some(stream) = &mut host.stream {
                stream.greet(greeting);
            }
        }
        Action::Want(wanted) => {
            if let Some(stream) = &mut host.stream {
                for revisions in [&mut stream.holding, &mut stream.refused, &mut stream.outstanding] {
                    revisions.retain(|namespace, _| *namespace == Namespace::main() || wanted.contains(namespace));
                }
                stream.wanted = wanted;
            }
        }
        Action::Answer(namespace, head, answer) => answered(host.stream.as_mut(), namespace, &head, &answer),
        Action::Deliver(part) => deliver(host, Order::Part(Box::new(part)), now),
        Action::Abandon(namespace) => deliver(host, Order::Abandon(namespace), now),
        Action::Limit(scope) => deliver(host, Order::Limit(scope), now),
        Action::Expire => deliver(host, Order::Expire, now),
    }
}

fn answered(stream: Option<&mut Stream>, namespace: Namespace, head: &Head, answer: &Answer) {
    let Some(stream) = stream.filter(|_| *answer != Answer::Observed) else { return };
    if stream.outstanding.get(&namespace) == Some(&head.revision.0) {
        stream.outstanding.remove(&namespace);
    }
    match answer {
        Answer::Refused(_) => drop(stream.refused.insert(namespace, head.revision.0)),
        _ => {
            let held = stream.holding.entry(namespace).or_default();
            *held = head.revision.0.max(*held);
        }
    }
}

fn deliver(host: &mut Host, order: Order, now: Moment) {
    for outcome in host.work.perform(Some(order), now).outcomes {
        host.events.push(match outcome {
            Outcome::Taken => Event::Taken,
            Outcome::Delivered { namespace, to, result } => Event::Delivered { namespace, to, result },
            Outcome::Changed(standing) => Event::Changed(standing),
            Outcome::Damaged(reason) => Event::Damaged(reason),
        });
    }
}

fn simulate(seed: u64) {
    fastrand::seed(seed);
    let mut world = World::new(seed);
    world.land(&Namespace::main());
    for _ in 0..STEPS {
        world.step();
    }
    world.faulty = false;
    let newest: Revisions = world.histories.iter().map(|(name, history)| (name.clone(), history.newest())).collect();
    world.stores = std::array::from_fn(|_| newest.clone());
    for _ in 0..STEPS {
        world.step();
    }
    for (number, host) in world.hosts.iter().enumerate() {
        let shown = host.work.delivery.shown().expect("every host shows something");
        let seen: Revisions = shown.vector.heads().map(|(name, head)| (name, head.revision.0)).collect();
        let mut expected = world.newest();
        expected.retain(|namespace, _| !host.denied.contains(namespace));
        assert_eq!(seen, expected, "host {number}: {:#?}", host.machine.status());
    }
}

#[test]
fn when_faults_stop_all_hosts_converge() {
    for seed in 0..6 {
        println!("seed {seed}");
        simulate(seed);
    }
}
